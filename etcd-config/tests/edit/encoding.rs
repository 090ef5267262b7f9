//! Values as texts: whatever is written is read as the same value.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::time::Duration;

use etcd_config::{EtcdConfig, MemoryStore, ToText, field};
use serde::de::DeserializeOwned;

use crate::readme::get;

#[derive(EtcdConfig)]
#[etcd(prefix = "/leaf")]
struct Leaf<T> {
    value: T,
}

/// Writes a value over another text; what is stored then.
fn stored<T: DeserializeOwned + ToText + PartialEq + Debug + Send + Sync + 'static>(
    before: &str,
    value: &T,
) -> String {
    let store = MemoryStore::from([("/leaf/value", before)]);
    let edit = Leaf::<T>::edit(&store).unwrap().set(field!(Leaf::<T>.value), value).unwrap();
    edit.plan().unwrap().commit().unwrap();
    assert_eq!(Leaf::<T>::load_once(&store).unwrap().value, *value);
    get(&store, "/leaf/value").unwrap_or_else(|| "(absent)".to_owned())
}

#[derive(serde::Deserialize, serde::Serialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    RoundRobin,
    Weighted(u8),
    Pair(u8, u8),
    Named { name: String },
}

#[derive(serde::Deserialize, serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
enum Loose {
    Number(u32),
    Text(String),
}

#[derive(serde::Deserialize, serde::Serialize, Clone, Debug, PartialEq)]
struct Shape {
    sides: BTreeMap<u8, f64>,
    note: Option<String>,
    label: (String, char),
}

#[test]
fn what_is_plain_is_stored_as_it_is() {
    assert_eq!(stored("", &true), "true");
    assert_eq!(stored("", &-5_i8), "-5");
    assert_eq!(stored("", &u128::MAX), u128::MAX.to_string());
    assert_eq!(stored("", &0.1_f32), "0.1");
    assert_eq!(stored("", &1e300_f64), "1e+300");
    assert_eq!(stored("", &'ß'), "ß");
    assert_eq!(stored("", &" a \"quoted\" line\n".to_owned()), " a \"quoted\" line\n");
    assert_eq!(stored("", &Some(5)), "5");
    assert_eq!(stored("7", &None::<u8>), "(absent)");
    assert_eq!(stored("", &Kind::RoundRobin), "round_robin");
    assert_eq!(stored("", &std::net::SocketAddr::from(([127, 0, 0, 1], 80))), "127.0.0.1:80");
    let url = url::Url::parse("http://example.org").unwrap();
    assert_eq!(stored("", &url), "http://example.org/");
    assert_eq!(stored("", &uuid::Uuid::nil()), "00000000-0000-0000-0000-000000000000");
}

#[test]
fn the_rest_is_json() {
    assert_eq!(stored("", &vec![1, 2]), "[1,2]");
    assert_eq!(stored("", &(1, "a".to_owned())), r#"[1,"a"]"#);
    assert_eq!(stored("", &Kind::Weighted(3)), r#"{"weighted":3}"#);
    assert_eq!(stored("", &Kind::Pair(3, 4)), r#"{"pair":[3,4]}"#);
    assert_eq!(stored("", &Kind::Named { name: "x\"".into() }), r#"{"named":{"name":"x\""}}"#);
    let shape = Shape { sides: [(1, 2.5)].into(), note: None, label: ("l".into(), 'c') };
    assert_eq!(stored("", &shape), r#"{"sides":{"1":2.5},"note":null,"label":["l","c"]}"#);
    assert_eq!(stored("", &Duration::from_millis(1_500)), r#"{"secs":1,"nanos":500000000}"#);
    let many: HashMap<String, HashSet<u32>> = [("a".to_owned(), (0..100).collect())].into();
    stored("", &many);
}

#[test]
fn a_string_stays_one_where_anything_is_read() {
    assert_eq!(stored("", &Loose::Number(5)), "5");
    assert_eq!(stored("", &Loose::Text("5".into())), "\"5\"");
    assert_eq!(stored("", &Loose::Text("five".into())), "five");
    let json = serde_json::json!({ "a": ["1", 1, null, 1.5] });
    assert_eq!(stored("", &json), r#"{"a":["1",1,null,1.5]}"#);
    for text in ["5", "true", "null", "{}", "1e999", " x ", "", "\"", "plain", "0x5"] {
        stored("x", &serde_json::Value::from(text));
    }
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/with")]
struct With {
    #[etcd(with = humantime_serde, default = "2s")]
    timeout: Duration,
    #[etcd(decode_with = minutes, default = "1")]
    pause: u32,
    #[etcd(secret, decode_with = minutes, default = "1")]
    hidden: u32,
}

/// Reads another number than serde writes.
fn minutes(text: &str) -> Result<u32, std::num::ParseIntError> {
    text.parse::<u32>().map(|minutes| 60 * minutes)
}

#[test]
fn a_value_that_would_be_read_as_another_one_is_refused() {
    let store = MemoryStore::new();
    let edit = || With::edit(&store).unwrap();
    let error = edit().set(field!(With.timeout), &Duration::from_secs(3)).unwrap().plan().unwrap_err();
    assert!(error.is_invalid() && error.problems()[0].field() == "timeout", "{error}");
    let edit = edit().set(field!(With.pause), &120).unwrap().set(field!(With.hidden), &240).unwrap();
    let error = edit.plan().unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(etcd_config::Problem::field).collect();
    assert_eq!(fields, ["pause", "hidden"]);
    assert!(!error.to_string().contains("240"), "{error}");
    assert_eq!(store.revision(), MemoryStore::new().revision());
}

#[test]
fn a_module_of_serde_writes_what_it_reads() {
    let store = MemoryStore::new();
    let timeout = Duration::from_secs(90);
    let edit = With::edit(&store).unwrap();
    edit.set_with(field!(With.timeout), &timeout, humantime_serde::serialize)
        .unwrap()
        .plan()
        .unwrap()
        .commit()
        .unwrap();
    assert_eq!(get(&store, "/with/timeout").as_deref(), Some("1m 30s"));
}

#[test]
fn what_has_no_text_is_an_error_of_its_field() {
    let store = MemoryStore::from([("/leaf/value", "1")]);
    let error = Leaf::<f64>::edit(&store).unwrap().set(field!(Leaf::<f64>.value), &f64::NAN).unwrap_err();
    assert_eq!(error.to_string(), "value cannot be set: NaN is no number that can be stored");
}
