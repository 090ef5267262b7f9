//! Documents by mistake or by malice, and what they may cost or give away.

use std::time::{Duration, Instant};

use etcd_config::{Document, EtcdConfig, MemoryStore, Secret};

#[derive(EtcdConfig)]
#[etcd(prefix = "/payments")]
struct Settings {
    #[etcd(default = 10)]
    #[allow(dead_code)]
    workers: u32,
    #[allow(dead_code)]
    api_token: Option<Secret<String>>,
}

#[test]
fn a_value_that_begins_with_a_dash_is_not_repeated() {
    for command in
        ["etcdctl put /payments/api_token -hunter2", "etcdctl put -- -hunter2 a b", "put /a '--hunter2'"]
    {
        let error = Document::from_etcdctl(command).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn what_a_shell_would_expand_is_refused() {
    for word in ["*", "a?", "~/x", "[ab]*"] {
        let error = Document::from_etcdctl(&format!("etcdctl put /payments/x {word}"));
        assert!(error.is_err_and(|error| error.to_string().contains("quotation marks")), "{word}");
        assert!(Document::from_etcdctl(&format!("etcdctl put /payments/x '{word}'")).is_ok());
    }
}

#[test]
fn names_that_are_long_and_names_that_are_many_cost_no_minutes() {
    let start = Instant::now();
    let slashes = format!("{{\"{}\": 1}}", "a/".repeat(200_000) + "a");
    let document = Document::from_json(&slashes).unwrap();
    assert!(Settings::edit(MemoryStore::new()).unwrap().apply(&document).is_err());
    println!("{:?}", start.elapsed());
    let many: Vec<String> = (0..300_000).map(|number| format!("\"workerz{number}\": 1")).collect();
    let document = Document::from_json(&format!("{{{}}}", many.join(","))).unwrap();
    assert!(Settings::edit(MemoryStore::new()).unwrap().apply(&document).is_err());
    println!("{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_number_by_its_tag_is_one() {
    for text in ["!!int x", "!!float 1.2.3", "!!bool maybe", "!!int '1,2'"] {
        assert!(Document::from_yaml(&format!("a: [{text}]")).is_err(), "{text}");
    }
    for text in ["!!int '5'", "!!float 5", "!!bool true", "!!float .inf"] {
        assert!(Document::from_yaml(&format!("a: [{text}]")).is_ok(), "{text}");
    }
}

#[test]
fn an_unknown_key_of_a_document_is_not_shown() {
    let store = MemoryStore::new();
    let document = Document::from_json(r#"{"api_tokn": "hunter2"}"#).unwrap().allow_unknown();
    let plan = Settings::edit(&store).unwrap().apply(&document).unwrap().plan().unwrap();
    assert!(!format!("{plan} {plan:?}").contains("hunter2"), "{plan}");
}
