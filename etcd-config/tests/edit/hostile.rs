//! Odd keys, odd prefixes, odd types, and a store whose history is rewound: what is written, and what is said.

use std::collections::BTreeMap;

use etcd_config::client::{self, Kind};
use etcd_config::{EtcdConfig, MemoryStore, Secret, field};
use serde::{Deserialize, Serialize, Serializer, ser};

#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/app", validate = Bounds::check)]
struct Bounds {
    #[etcd(default = 1)]
    least: u32,
    #[etcd(default = 9)]
    most: u32,
}

impl Bounds {
    fn check(&self) -> Result<(), &'static str> {
        if self.least <= self.most { Ok(()) } else { Err("least is more than most") }
    }
}

/// A restored backup has the same cluster id, and nothing in it is newer than what was read.
#[test]
fn what_was_checked_on_a_history_that_is_gone_is_not_simply_written() {
    let store = MemoryStore::from([("/app/least", "8"), ("/app/most", "9")]);
    let old = store.revision();
    store.put("/app/least", "1");
    store.put("/app/most", "10");
    let plan = Bounds::edit(&store).unwrap().set(field!(Bounds.most), &6).unwrap().plan().unwrap();
    store.rewind(old);
    let error = plan.commit().unwrap_err();
    assert!(error.is_conflict() || error.is_invalid() && error.written().is_some(), "{error}");
}

#[derive(EtcdConfig)]
struct Anywhere {
    #[etcd(default = 1)]
    #[allow(dead_code)]
    workers: u32,
    #[etcd(map)]
    #[allow(dead_code)]
    names: BTreeMap<String, String>,
}

fn anywhere(prefix: &str) -> etcd_config::Options<Anywhere> {
    Anywhere::options().prefix(prefix)
}

#[test]
fn a_whole_key_is_one_whatever_the_prefix_begins_with() {
    for (prefix, key) in
        [("app", "app/workers"), ("/app", "/app/workers"), ("/", "/workers"), ("", "workers")]
    {
        let store = MemoryStore::new();
        anywhere(prefix).edit(&store).unwrap().set_text(key, "3").plan().unwrap().commit().unwrap();
        assert_eq!(store.get(key).as_deref(), Some(&b"3"[..]), "{prefix:?}");
        anywhere(prefix).edit(&store).unwrap().unset_key(key).plan().unwrap().commit().unwrap();
        assert_eq!(store.get(key), None, "{prefix:?}");
        let edit = anywhere(prefix).edit(&store).unwrap();
        edit.set(field!(Anywhere.workers), &4).unwrap().plan().unwrap().commit().unwrap();
        assert_eq!(store.get(key).as_deref(), Some(&b"4"[..]), "{prefix:?}");
    }
}

#[test]
fn keys_that_cannot_be_set_can_be_deleted() {
    let odd = ["/app/", "/app//", "/app/names//x", "/app/workers/"];
    let store = MemoryStore::from(odd.map(|key| (key, "x")));
    for key in odd {
        let error = anywhere("/app").edit(&store).unwrap().set_text(key, "y").plan().unwrap_err();
        assert!(error.is_invalid_option(), "{key}: {error}");
        anywhere("/app").edit(&store).unwrap().unset_key(key).plan().unwrap().commit().unwrap();
        assert_eq!(store.get(key), None, "{key}");
    }
    let error = anywhere("/app").edit(&store).unwrap().unset_key("/apps/x").plan().unwrap_err();
    assert!(error.to_string().contains("it is not below /app"), "{error}");
}

#[test]
fn what_is_to_be_granted_is_a_directory() {
    for (prefix, granted) in [("/app", "read /app/ and"), ("/", "read / and"), ("", "read / and")] {
        let store = MemoryStore::new();
        let plan = anywhere(prefix).edit(&store).unwrap().set_text("workers", "3").plan().unwrap();
        store.refuse_with(Some(client::Error::new(Kind::PermissionDenied, "permission denied")));
        let error = plan.commit().unwrap_err();
        assert!(error.to_string().contains(granted), "{error}");
    }
}

#[test]
fn too_much_for_the_store_is_said_with_the_way_out() {
    let store = MemoryStore::new();
    let plan = anywhere("/app").edit(&store).unwrap().set_text("names/a", "x").plan().unwrap();
    store.refuse_with(Some(client::Error::new(Kind::TooLarge, "etcdserver: request is too large")));
    let error = plan.commit().unwrap_err();
    assert!(error.to_string().contains("write less at once"), "{error}");
}

/// Says what is in it where it fails, in a way of its own.
#[derive(Deserialize, Debug)]
struct Talkative(#[allow(dead_code)] String);

impl Serialize for Talkative {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom("\u{1b}[2J hunter2 cannot be written\n".repeat(1_000)))
    }
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/app")]
struct Talk {
    #[allow(dead_code)]
    plain: Option<Talkative>,
    #[etcd(secret)]
    #[allow(dead_code)]
    hidden: Option<Talkative>,
    #[etcd(map, secret)]
    #[allow(dead_code)]
    marked: BTreeMap<String, Talkative>,
    #[etcd(map)]
    #[allow(dead_code)]
    wrapped: BTreeMap<String, Secret<Talkative>>,
}

#[test]
fn what_a_type_says_is_bounded_escaped_and_nothing_where_it_is_secret() {
    let store = MemoryStore::new();
    let edit = || Talk::edit(&store).unwrap();
    let talkative = || Talkative("hunter2".to_owned());
    let plain = edit().set(field!(Talk.plain), &Some(talkative())).err().unwrap().to_string();
    assert!(!plain.contains('\u{1b}') && plain.len() < 1_000, "{} bytes", plain.len());
    assert!(plain.contains("plain cannot be set"), "{plain:?}");
    let hidden = [
        edit().set(field!(Talk.hidden), &Some(talkative())).err().unwrap(),
        edit().set(field!(Talk.marked["a"]), &talkative()).err().unwrap(),
        edit().set(field!(Talk.wrapped["a"]), &Secret::new(talkative())).err().unwrap(),
    ];
    for error in hidden {
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    let name = "a\u{1b}[2J/b";
    let error = edit().set(field!(Talk.marked[name]), &talkative()).err().unwrap().to_string();
    assert!(!error.contains('\u{1b}'), "{error:?}");
}

/// Many odd keys are no page of warnings, in a check as in a plan.
#[test]
fn warnings_are_bounded() {
    let store = MemoryStore::new();
    let mut transaction = store.transaction();
    for number in 0..5_000 {
        transaction = transaction.put(format!("/app/odd-{number}\u{1b}[2J"), "x");
    }
    transaction.commit();
    let check = anywhere("/app").check_stored(&store).unwrap();
    assert!(check.warnings().len() <= 101 && check.to_string().lines().count() <= 102);
    assert!(!check.to_string().contains('\u{1b}'));
}
