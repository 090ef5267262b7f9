//! Fields with several names, and several fields of one name.

use etcd_config::{Document, EtcdConfig, Format};

use crate::settings::{Settings, store, text};

#[test]
fn an_old_name_stays_in_use_and_the_export_has_the_present_one() {
    let store = store(&[("old/retries", "5"), ("storage/url", "a"), ("storage/weight", "7")]);
    let document = Settings::export(&store).unwrap();
    let json = "{\n  \"retries\": 5,\n  \"database\": {\n    \"url\": \"a\",\n    \"weight\": 7\n  }\n}\n";
    assert_eq!(document.to_json(), json);
    for format in Format::ALL {
        let text = document.render(format).unwrap();
        let document = Document::parse(&text, format).unwrap();
        let edit = Settings::edit(&store).unwrap().apply(&document).unwrap();
        assert!(edit.plan().unwrap().is_empty(), "{format}: {text}");
    }
    let changed = Document::from_yaml("retries: 6\ndatabase: {url: b}\n").unwrap();
    assert!(
        Settings::edit(&store).unwrap().fill(&changed).unwrap().plan().unwrap().is_empty(),
        "both are there"
    );
    Settings::edit(&store).unwrap().apply(&changed).unwrap().plan().unwrap().commit().unwrap();
    assert_eq!(text(&store, "old/retries").as_deref(), Some("6"));
    assert_eq!(text(&store, "storage/url").as_deref(), Some("b"));
    assert_eq!((text(&store, "retries"), text(&store, "database/url")), (None, None));
}

#[test]
fn an_old_name_means_the_field_that_has_it() {
    let store = store(&[("retries", "5")]);
    let document = Document::from_yaml("old: {retries: 6}\nstorage: {url: b}\n").unwrap();
    Settings::edit(&store).unwrap().apply(&document).unwrap().plan().unwrap().commit().unwrap();
    assert_eq!(text(&store, "retries").as_deref(), Some("6"));
    assert_eq!(text(&store, "database/url").as_deref(), Some("b"));
    assert_eq!(text(&store, "old/retries"), None);
    let both = Document::from_yaml("retries: 1\nold/retries: 2\n").unwrap();
    let error = Settings::edit(&store).unwrap().apply(&both).unwrap_err();
    assert_eq!(error.problems()[0].what(), "the document names it twice, first in line 1 (line 2, column 1)");
    assert!(!error.to_string().contains("allow_unknown"), "that is no way out: {error}");
}

#[test]
fn deleting_a_field_deletes_its_old_name_too() {
    let both = [("retries", "5"), ("old/retries", "9")];
    let by_null = Document::from_yaml("retries:\n").unwrap();
    let without = Document::from_yaml("{}").unwrap();
    let (first, second) = (store(&both), store(&both));
    Settings::edit(&first).unwrap().apply(&by_null).unwrap().plan().unwrap().commit().unwrap();
    Settings::edit(&second).unwrap().replace_with(&without).unwrap().plan().unwrap().commit().unwrap();
    for store in [first, second] {
        assert_eq!(Settings::load_once(&store).unwrap().retries, 1, "the default");
    }
}

/// A type that goes on for ever, by two ways.
#[derive(EtcdConfig)]
#[etcd(prefix = "/app")]
#[allow(dead_code)]
struct Outer {
    #[etcd(default = 0)]
    own: u8,
    #[etcd(nested)]
    a: Option<Box<First>>,
}

#[derive(EtcdConfig)]
#[allow(dead_code)]
struct First {
    #[etcd(default = 0)]
    one: u8,
    #[etcd(nested)]
    b: Option<Box<Second>>,
    #[etcd(nested)]
    outer: Option<Box<Outer>>,
}

#[derive(EtcdConfig)]
#[allow(dead_code)]
struct Second {
    #[etcd(default = 0)]
    second: u8,
    #[etcd(nested)]
    a: Option<Box<First>>,
}

#[test]
fn types_that_contain_each_other() {
    let keys = [
        "own",
        "a/one",
        "a/b/second",
        "a/b/a/one",
        "a/b/a/outer/own",
        "a/outer/a/one",
        "a/b/a/b/a/outer/a/b/second",
    ];
    let store = etcd_config::MemoryStore::new();
    for key in keys {
        store.put(format!("/app/{key}"), "1");
    }
    let document = Outer::export(&store).unwrap();
    let commands = document.to_etcdctl().unwrap();
    for key in keys {
        assert!(commands.contains(&format!("put /app/{key} 1\n")), "{key}: {commands}");
    }
    for format in Format::ALL {
        let document = Document::parse(&document.render(format).unwrap(), format).unwrap();
        let edit = Outer::edit(&store).unwrap().apply(&document).unwrap();
        assert!(edit.plan().unwrap().is_empty(), "{format}");
    }
}
