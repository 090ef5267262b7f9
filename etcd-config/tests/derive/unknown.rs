//! Keys that no field reads.

use std::collections::{BTreeMap, HashMap};

use etcd_client_core::{Batch, Change, Entry, Prefix};
use etcd_config::__private::{self, Context, KeyTree};
use etcd_config::EtcdConfig;

use crate::keys::{Keys, lines, problems};

#[derive(EtcdConfig, Debug, PartialEq)]
struct Settings {
    #[etcd(default = "x")]
    listen: String,
    #[etcd(key = "log/level", default = "info")]
    log_level: String,
    #[etcd(nested)]
    database: Database,
    #[etcd(map)]
    features: HashMap<String, bool>,
    #[etcd(nested)]
    upstreams: BTreeMap<String, Database>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Database {
    #[etcd(default = "x")]
    url: String,
    #[etcd(default = 1)]
    pool_size: u32,
}

#[track_caller]
fn warning(key: &str, expected: &str) {
    let key = format!("/app/{key}");
    let keys = Keys::of::<Settings>("/app", &[(&key, "true")]);
    keys.decode::<Settings>().expect("a warning is no problem");
    assert_eq!(lines(&keys.warnings()), [format!("{key}: {expected}")]);
}

#[test]
fn a_slip_of_the_pen() {
    warning("listn", "unknown key; did you mean listen?");
    warning("Listen", "unknown key; did you mean listen?");
    warning("database/pool_sze", "unknown key; did you mean pool_size (database.pool_size)?");
    warning("database/pool-size", "unknown key; did you mean pool_size (database.pool_size)?");
    warning("database/poolSize", "unknown key; did you mean pool_size (database.pool_size)?");
    warning("log/levle", "unknown key; did you mean level (log_level)?");
}

#[test]
fn a_slip_in_a_directory() {
    warning("databse/url", "unknown key; did you mean database/url (database.url)?");
    warning("databse/pool_sze", "unknown key; did you mean database/pool_size (database.pool_size)?");
    warning("loging/level", "unknown key; did you mean log/level (log_level)?");
    warning("feature/dark", "unknown key; did you mean features/dark (features.dark)?");
    warning("upstream/a/url", "unknown key; did you mean upstreams/a/url (upstreams.a.url)?");
    warning("upstreams/a/ulr", "unknown key; did you mean url (upstreams.a.url)?");
}

#[test]
fn the_right_name_in_the_wrong_place() {
    warning("level", "unknown key; did you mean log/level (log_level)?");
    warning("database/listen", "unknown key; did you mean listen?");
}

#[test]
fn what_is_there_already_was_not_meant() {
    let warned = |there: &str, key: &str| {
        let (there, key) = (format!("/app/{there}"), format!("/app/{key}"));
        let keys = Keys::of::<Settings>("/app", &[(&there, "1"), (&key, "1")]);
        lines(&keys.warnings()).concat()
    };
    // A spare copy, and a name that other directories may have as well.
    assert_eq!(warned("listen", "listen2"), "/app/listen2: unknown key; it is like listen, which is there");
    let expected = "/app/database/ulr: unknown key; it is like url, which is there";
    assert_eq!(warned("database/url", "database/ulr"), expected);
    assert_eq!(warned("log/level", "other/level"), "/app/other/level: unknown key; no field reads it");
    assert!(warned("listen", "other/level").ends_with("did you mean log/level (log_level)?"));
}

#[test]
fn another_separator_for_a_slash() {
    warning("log_level", "unknown key; did you mean log/level (log_level)?");
    warning("log-Level", "unknown key; did you mean log/level (log_level)?");
    warning("database.pool-size", "unknown key; did you mean database/pool_size (database.pool_size)?");
    warning("databasePoolSize", "unknown key; did you mean database/pool_size (database.pool_size)?");
    warning("pool/size", "unknown key; no field reads it");
    warning("-", "unknown key; no field reads it");
}

#[test]
fn absolute_keys_are_recognized_below_the_prefix() {
    #[derive(EtcdConfig, Debug)]
    struct Absolute {
        #[etcd(nested)]
        inner: Inner,
    }
    #[derive(EtcdConfig, Debug)]
    struct Inner {
        #[etcd(key = "/app/shared/name", default = "x")]
        name: String,
    }
    for (key, value, expected) in [
        ("shared/nmae", "x", "unknown key; did you mean name (inner.name)?"),
        ("other/name", "x", "unknown key; did you mean shared/name (inner.name)?"),
        ("shared_name", "x", "unknown key; did you mean shared/name (inner.name)?"),
        (
            "shared/name/x",
            "x",
            "below a key: shared/name is the value of inner.name: String, not a directory",
        ),
        ("shared", "x", "a key where a directory is expected: its keys are below it, such as shared/name"),
    ] {
        let key = format!("/app/{key}");
        let keys = Keys::of::<Absolute>("/app", &[(&key, value)]);
        assert_eq!(lines(&keys.warnings()), [format!("{key}: {expected}")]);
        assert_eq!(keys.decode::<Absolute>().unwrap().inner.name, "x");
    }
    let odd = Keys::of::<Absolute>("/app", &[("/app/shared/name", "x\n")]).warnings();
    assert_eq!((odd[0].field(), odd[0].expected()), ("inner.name", "String"));
}

#[test]
fn denied_keys_are_counted_as_what_they_are() {
    let names: Vec<String> = (0..150).map(|number| format!("/app/strict/zzz/{number:04}")).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let found = problems::<Lenient>("/app", &pairs);
    assert_eq!((found.len(), &*found[100]), (101, "/app: further keys that no field reads: 50"));
}

#[test]
fn nothing_like_it() {
    warning("wholly/different", "unknown key; no field reads it");
    warning("features/", "unknown key; no field reads a key with an empty name in it");
    warning("upstreams//url", "unknown key; no field reads a key with an empty name in it");
}

#[test]
fn a_key_for_a_directory_and_the_reverse() {
    let directory = "a key where a directory is expected: its keys are below it, such as ";
    warning("database", &format!("{directory}database/url"));
    warning("upstreams/a", &format!("{directory}upstreams/a/url"));
    warning("features", &format!("{directory}features/<name>"));
    warning("log", &format!("{directory}log/level"));
    warning("listen/port", "below a key: listen is the value of listen: String, not a directory");
    warning("features/a/b", "below a key: features/a is the value of features.a: bool, not a directory");
}

#[test]
fn a_directory_where_a_key_is_required() {
    #[derive(EtcdConfig, Debug)]
    struct Required {
        _listen: String,
    }
    let expected =
        "/app/_listen _listen: String: required, but there is no such key, only a directory of that name";
    assert_eq!(problems::<Required>("/app", &[("/app/_listen/port", "1")]), [expected]);
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Lenient {
    #[etcd(nested)]
    strict: Strict,
}

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(deny_unknown_keys)]
struct Strict {
    #[etcd(default = 1)]
    size: u32,
    #[etcd(nested)]
    database: Database,
}

#[test]
fn deny_holds_for_a_struct_and_all_below_it() {
    let lenient = Keys::of::<Lenient>("/app", &[("/app/other", "1")]);
    assert!(lenient.decode::<Lenient>().is_ok());
    let found = problems::<Lenient>(
        "/app",
        &[("/app/strict/sise", "1"), ("/app/strict/database/ulr", "1"), ("/app/x", "1")],
    );
    let expected = [
        "/app/strict/database/ulr: unknown key; did you mean url (strict.database.url)?",
        "/app/strict/sise: unknown key; did you mean size (strict.size)?",
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_update_with_an_unknown_key_is_refused_where_they_are_denied() {
    let mut keys = Keys::of::<Lenient>("/app", &[]);
    let mut value = keys.decode::<Lenient>().unwrap();
    keys.update(&mut value, &[("/app/other", Some("1"))]).unwrap();
    let found = keys.update(&mut value, &[("/app/strict/sise", Some("1")), ("/app/strict/size", Some("2"))]);
    assert_eq!(
        lines(&found.unwrap_err()),
        ["/app/strict/sise: unknown key; it is like size, which is there"]
    );
    keys.update(&mut value, &[("/app/strict/sise", None)]).unwrap();
}

#[test]
fn many_unknown_keys_are_counted() {
    let names: Vec<String> = (0..1000).map(|number| format!("/app/zzz/{number:04}")).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let warnings = Keys::of::<Settings>("/app", &pairs).warnings();
    assert_eq!(warnings.len(), 101);
    assert_eq!(warnings[100].to_string(), "/app: further odd keys, which are not described one by one: 900");
}

#[test]
fn bytes_that_are_no_text_are_unknown_keys_and_bad_values() {
    let prefix = Prefix::new("/app");
    let context = Context::with_environment::<Settings>(prefix.clone(), |_| None);
    let mut tree = KeyTree::new(prefix);
    let put = |key: &'static [u8], value: &'static [u8]| {
        Change::Put(Entry { key: key.into(), value: value.into(), revision: 5 })
    };
    let changes =
        vec![put(b"/app/\xff\xfe", b"1"), put(b"/app/listen", b"ok\xff"), put(b"/app/features/a", b"\xff")];
    let touched = tree.apply(&Batch { revision: 5, changes });
    assert_eq!(touched.len(), 3);
    let found = __private::decode::<Settings>(&tree, &context).unwrap_err();
    let expected = [
        "/app/listen listen: String: \"ok\u{fffd}\" is not text: not UTF-8 from byte 2 on (set at revision 5)",
        "/app/features/a features.a: bool: \"\u{fffd}\" is not text: not UTF-8 from byte 0 on (set at revision 5)",
    ];
    assert_eq!(lines(&found), expected);
    let warnings = __private::warnings(context.schema(), &tree, Some(&touched.touched()));
    assert_eq!(
        lines(&warnings),
        ["/app/\u{fffd}\u{fffd}: unknown key; its name is not UTF-8, which no field's is: \\xff\\xfe"]
    );
    let touched = tree.apply(&Batch { revision: 6, changes: vec![Change::DeleteBelow("/app/".into())] });
    assert_eq!((touched.len(), tree.is_empty()), (3, true));
}
