//! Back to what the prefix was at an earlier revision.

use std::collections::BTreeMap;

use etcd_config::client::{self, Kind};
use etcd_config::{Edit, EtcdConfig, MemoryStore, ProblemKind, field};

use crate::history::App;

fn edit(store: &MemoryStore) -> Edit<App> {
    App::edit(store).unwrap()
}

fn keys(store: &MemoryStore) -> BTreeMap<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let listing = runtime.block_on(client::Store::list(store, &client::Prefix::new("")));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    listing.unwrap().entries.iter().map(|entry| (text(&entry.key), text(&entry.value))).collect()
}

#[test]
fn everything_below_the_prefix_is_as_it_was() {
    let store =
        MemoryStore::from([("/app/workers", "1"), ("/app/name", "a"), ("/app/unknown", "x"), ("/else", "1")]);
    store.put("/app/binary", b"\xff binary \0");
    let (then, before) = (store.revision(), keys(&store));
    store.put("/app/workers", "2");
    store.transaction().delete("/app/name").delete("/app/binary").put("/app/features/dark", "true").commit();
    store.delete("/app/unknown");
    let plan = edit(&store).restore(then).unwrap().plan().unwrap();
    let changed: Vec<_> = plan.changes().iter().map(|change| (change.key(), change.is_deletion())).collect();
    let expected = [
        ("/app/binary", false),
        ("/app/features/dark", true),
        ("/app/name", false),
        ("/app/unknown", false),
        ("/app/workers", false),
    ];
    assert_eq!(changed, expected);
    assert_eq!(plan.warnings()[1].key(), "/app/unknown");
    let written = plan.commit().unwrap();
    assert_eq!((keys(&store), store.get("/app/binary").as_deref()), (before, Some(&b"\xff binary \0"[..])));
    // It is a step as any other, and can be undone.
    let undone = edit(&store).restore(written.revision() - 1).unwrap();
    undone.plan().unwrap().commit().unwrap();
    assert_eq!(store.get("/app/workers").as_deref(), Some(&b"2"[..]));
    assert_eq!(store.get("/app/name"), None);
}

#[test]
fn what_is_set_before_gives_way_and_what_is_set_afterwards_counts() {
    let store = MemoryStore::from([("/app/workers", "1"), ("/app/name", "a")]);
    let then = store.revision();
    store.put("/app/workers", "2");
    let edit = edit(&store).set_text("name", "lost").set(field!(App.workers), &9).unwrap();
    let edit = edit.restore(then).unwrap().set_text("features/dark", "true");
    edit.plan().unwrap().commit().unwrap();
    let expected = [("/app/features/dark", "true"), ("/app/name", "a"), ("/app/workers", "1")];
    let expected: BTreeMap<_, _> = expected.map(|(key, text)| (key.to_owned(), text.to_owned())).into();
    assert_eq!(keys(&store), expected);
}

#[test]
fn a_revision_that_is_not_to_be_had_is_said_with_the_way_out() {
    let store = MemoryStore::new();
    for workers in 1..=20 {
        store.put("/app/workers", workers.to_string());
    }
    store.compact(15);
    let error = edit(&store).restore(9).unwrap_err();
    assert_eq!(error.store().map(client::Error::kind), Some(Kind::Compacted));
    assert!(error.to_string().contains("take a later revision, from 15 on"), "{error}");
    let error = edit(&store).restore(22).unwrap_err();
    assert!(error.is_invalid_option(), "{error}");
    assert_eq!(
        error.to_string(),
        "App below /app cannot be what it was at revision 22: this edit has read revision 21, and that one is later; \
         take an earlier one"
    );
    for zero in [edit(&store).restore(0).unwrap_err(), App::options().check_stored_at(&store, 0).unwrap_err()]
    {
        assert!(zero.to_string().contains("revision 0"), "{zero}");
    }
    let error = App::options().check_stored_at(&store, 99).unwrap_err();
    assert!(error.to_string().contains("take an earlier revision"), "{error}");
    assert!(edit(&store).restore(21).unwrap().plan().unwrap().is_empty());
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/app", deny_unknown_keys, commit_key = "committed")]
struct Strict {
    #[etcd(default = 1)]
    #[allow(dead_code)]
    least: u32,
}

/// What a later struct refuses is a problem of the plan, and nothing is written.
#[test]
fn todays_struct_decides() {
    let store = MemoryStore::from([("/app/least", "few"), ("/app/gone", "hunter2")]);
    let then = store.revision();
    store.transaction().put("/app/least", "3").delete("/app/gone").put("/app/committed", "v2").commit();
    let before = store.revision();
    let error = Strict::edit(&store).unwrap().restore(then).unwrap().plan().unwrap_err();
    let kinds: Vec<_> = error.problems().iter().map(|problem| (problem.kind(), problem.key())).collect();
    assert_eq!(
        kinds,
        [(ProblemKind::Undecodable, "/app/least"), (ProblemKind::Unknown, "/app/gone")],
        "{error}"
    );
    let shown = format!("{error} {:?}", error.problems());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(store.revision(), before);
}

#[test]
fn a_commit_key_has_the_value_that_it_had_and_is_never_deleted() {
    let store = MemoryStore::from([("/app/least", "2")]);
    let without = store.revision();
    store.put("/app/committed", "v1");
    let first = store.revision();
    store.transaction().put("/app/least", "3").put("/app/committed", "v2").commit();
    let restored = |revision| {
        let edit = Strict::edit(&store).unwrap().restore(revision).unwrap();
        edit.plan().unwrap().commit().unwrap();
        (store.get("/app/least").unwrap(), store.get("/app/committed").unwrap())
    };
    assert_eq!(restored(first), ("2".into(), "v1".into()));
    store.transaction().put("/app/least", "3").put("/app/committed", "v2").commit();
    assert_eq!(restored(without), ("2".into(), "v2".into()));
}

#[test]
fn a_stranger_who_writes_meanwhile_is_a_conflict() {
    let store = MemoryStore::from([("/app/workers", "1")]);
    let then = store.revision();
    store.put("/app/workers", "2");
    let plan = edit(&store).restore(then).unwrap().plan().unwrap();
    store.put("/app/workers", "3");
    assert!(plan.commit().unwrap_err().is_conflict());
}

/// The text of a key that no field reads may be a secret of another version: it is written, and not shown.
#[test]
fn what_no_field_reads_comes_back_unseen() {
    let store = MemoryStore::from([("/app/password", "hunter2"), ("/app/pass", "hunter2")]);
    let then = store.revision();
    store.transaction().delete("/app/password").put("/app/pass", "hunter3").commit();
    let plan = edit(&store).restore(then).unwrap().plan().unwrap();
    let shown = format!("{plan}\n{plan:?}");
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("(no field)  /app/password  absent -> •••  at once"), "{shown}");
    plan.commit().unwrap();
    assert_eq!(store.get("/app/password").as_deref(), Some(&b"hunter2"[..]));
    // What a person has given is shown, and what it takes the place of is not.
    let plan = edit(&store).set_text("pass", "given").plan().unwrap();
    assert!(plan.to_string().contains("••• -> given"), "{plan}");
}

#[test]
fn the_key_that_is_the_directory_itself_comes_back_too() {
    let store = MemoryStore::from([("/app/", "odd"), ("/app/a//b", "odd")]);
    let then = store.revision();
    store.transaction().delete("/app/").delete("/app/a//b").commit();
    edit(&store).restore(then).unwrap().plan().unwrap().commit().unwrap();
    assert_eq!(store.get("/app/").as_deref(), Some(&b"odd"[..]));
    assert_eq!(store.get("/app/a//b").as_deref(), Some(&b"odd"[..]));
}

/// 127 operations are one transaction, and 128 are refused before anything is sent.
#[test]
fn as_many_keys_as_etcd_takes_at_once() {
    for (count, is_taken) in [(127, true), (128, false)] {
        let store = MemoryStore::from([("/app/name", "a")]);
        let then = store.revision();
        let mut transaction = store.transaction();
        for number in 0..count {
            transaction = transaction.put(format!("/app/features/{number}"), "true");
        }
        transaction.commit();
        let plan = edit(&store).restore(then).unwrap().plan();
        assert_eq!(plan.is_ok(), is_taken);
        if let Ok(plan) = plan {
            plan.commit().unwrap();
            assert_eq!(keys(&store).len(), 1);
        }
    }
}
