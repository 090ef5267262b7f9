//! Later changes: whole, in order, or not at all.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use etcd_config::{EtcdConfig, Live, MemoryStore};
use etcd_config_tests::{soon, until_async, until_live};
use tokio::time::advance;

use crate::service::{SOON, Service, runtime, store, until, watch};

#[test]
fn arrive_and_go_back_to_the_default_when_the_key_is_deleted() {
    let store = store();
    let settings = watch(&store);
    store.put("/service/level", "trace");
    settings.wait_until(|s| s.level == "trace", SOON).unwrap();
    let revision = store.delete("/service/level");
    settings.wait_until(|s| s.level == "info", SOON).unwrap();
    assert_eq!(settings.load().revision(), revision);
}

#[test]
fn of_one_transaction_become_one_snapshot() {
    let store = store();
    let settings = watch(&store);
    let seen = Arc::new(Mutex::new(Vec::new()));
    settings.on_change({
        let seen = Arc::clone(&seen);
        move |change| {
            let new = change.after();
            seen.lock().unwrap().push((change.keys().len(), new.level.clone(), new.workers));
        }
    });
    let revision = store
        .transaction()
        .put("/service/level", "warn")
        .put("/service/workers", "3")
        .put("/service/features/beta", "true")
        .commit();
    settings.wait_for_revision(revision, SOON).unwrap();
    assert_eq!((settings.load().workers, settings.load().features["beta"]), (3, true));
    settings.wait_for_callbacks(revision, SOON).unwrap();
    assert_eq!(*seen.lock().unwrap(), [(3, "warn".to_owned(), 3)]);
}

#[test]
fn that_change_no_value_make_no_snapshot_but_move_the_revision() {
    let store = store();
    let settings = watch(&store);
    let before = settings.snapshot();
    let revision = store.put("/service/database/url", "pg://db");
    settings.wait_for_revision(revision, SOON).unwrap();
    assert!(Arc::ptr_eq(&before, &settings.snapshot()));
    let status = settings.status();
    assert_eq!((status.revision, status.snapshot_revision), (revision, before.revision()));
}

#[test]
fn elsewhere_in_the_store_can_be_waited_for_without_waiting_for_the_next_sign_of_life() {
    let store = store();
    let settings = Service::options().progress_interval(10 * SOON).watch(&store).unwrap();
    settings.wait_for_revision(store.put("/elsewhere", "1"), SOON).unwrap();
}

#[test]
fn that_are_wrong_are_refused_whole_until_they_are_corrected() {
    let store = store();
    let settings = watch(&store);
    let (heard, rejections) = channel();
    settings.on_rejected(move |rejection| heard.send(rejection.to_string()).unwrap());
    let kept = settings.load().revision();
    let wrong = store.transaction().put("/service/level", "debug").put("/service/workers", "few").commit();
    let error = settings.wait_for_revision(wrong, SOON).unwrap_err();
    assert_eq!(error.problems()[0].key(), "/service/workers");
    assert_eq!((settings.load().level.as_str(), settings.load().revision()), ("info", kept));

    // Another key, good by itself, waits with the bad one.
    let waiting = store.put("/service/features/beta", "true");
    assert!(settings.wait_for_revision(waiting, SOON).unwrap_err().is_invalid());
    assert!(settings.load().features.is_empty());

    let corrected = store.put("/service/workers", "4");
    settings.wait_for_revision(corrected, SOON).unwrap();
    let now = settings.load();
    assert_eq!((now.level.as_str(), now.workers, now.features["beta"]), ("debug", 4, true));
    assert_eq!(settings.status().counters.rejections, 2);
    let first = rejections.recv_timeout(SOON).unwrap();
    assert!(first.contains("1 problem in Service from /service at revision 3"), "{first}");
    assert!(first.contains("revision 2 stays in force"), "{first}");
}

#[test]
fn that_are_taken_back_leave_no_trace() {
    let store = store();
    let settings = watch(&store);
    let before = settings.load().revision();
    let mut changes = settings.changes();
    let wrong = store.put("/service/workers", "few");
    assert!(settings.wait_for_revision(wrong, SOON).is_err());
    let same = store.put("/service/features/beta", "true");
    assert!(settings.wait_for_revision(same, SOON).is_err());
    store.delete("/service/features/beta");
    settings.wait_for_revision(store.delete("/service/workers"), SOON).unwrap();
    assert_eq!((settings.load().workers, settings.load().revision()), (8, before));
    let status = settings.status();
    assert!(status.is_current(), "{status}");
    assert_eq!((status.counters.snapshots, status.counters.rejections), (1, 3));

    // The next one says nothing of it, and is not spoilt by it.
    store.put("/service/level", "debug");
    let change = runtime().block_on(soon(changes.next())).unwrap();
    assert_eq!(change.keys().iter().map(|key| &**key).collect::<Vec<_>>(), ["/service/level"]);
    assert_eq!((change.after().workers, change.after().features.len()), (8, 0));
}

/// Runs a test with a debounce window on a clock that only the test moves: whatever is written while it moves it by
/// less than the window is within it, however busy the machine is.
fn in_a_window(window: Duration, test: impl AsyncFnOnce(&MemoryStore, &Live<Service>)) {
    runtime().block_on(async {
        let store = store();
        let settings = Service::options().debounce(window).watch_async(&store).await.unwrap();
        until_async("watching", || settings.status().state.is_watching()).await;
        tokio::time::pause();
        test(&store, &settings).await;
    });
}

/// Moves the clock until something holds. What runs on other threads gets time to do so.
async fn advance_until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < SOON, "not within {SOON:?}: {what}");
        std::thread::sleep(Duration::from_micros(200));
        advance(Duration::from_millis(1)).await;
    }
}

#[test]
fn that_come_and_go_within_the_debounce_window_are_none() {
    let window = Duration::from_millis(200);
    in_a_window(window, async |store, settings| {
        let mut changes = settings.changes();
        for workers in ["4", "8", "5"] {
            store.put("/service/workers", workers);
            advance(window / 10).await;
        }
        store.put("/service/level", "debug");
        let last = store.delete("/service/workers");
        advance_until("published", || settings.load().level == "debug").await;
        tokio::time::resume();
        settings.wait_for_revision_async(last, SOON).await.unwrap();
        let change = soon(changes.next()).await.unwrap();
        assert_eq!(change.keys().iter().map(|key| &**key).collect::<Vec<_>>(), ["/service/level"]);
        assert_eq!((change.before().workers, change.after().workers), (8, 8));
    });
}

#[test]
fn within_the_debounce_window_become_one() {
    let window = Duration::from_millis(100);
    in_a_window(window, async |store, settings| {
        let mut last = 0;
        for n in 1..=20 {
            last = store.put("/service/workers", n.to_string());
            advance(window / 40).await;
        }
        assert_eq!(settings.load().workers, 8, "half of the window is still to come");
        advance_until("published", || settings.load().workers != 8).await;
        assert_eq!((settings.load().workers, settings.load().revision()), (20, last));
        advance_until("recorded", || settings.status().snapshot_revision == last).await;
        advance(window * 2).await;
        assert_eq!(settings.status().counters.snapshots, 2);
    });
}

#[test]
fn of_a_busy_store_are_not_held_back_for_ever_by_the_debounce_window() {
    let store = store();
    let settings = Service::options().debounce(Duration::from_millis(50)).watch(&store).unwrap();
    let begin = Instant::now();
    for n in 1.. {
        store.put("/service/workers", n.to_string());
        std::thread::sleep(Duration::from_millis(5));
        if settings.load().workers != 8 {
            break;
        }
        assert!(begin.elapsed() < SOON, "nothing was published while there were changes");
    }
}

#[test]
fn that_were_missed_while_the_store_was_away_arrive_together() {
    let store = store();
    let settings = watch(&store);
    store.refuse(true);
    store.cut();
    store.put("/service/level", "debug");
    store.put("/service/workers", "2");
    store.put("/service/workers", "3");
    store.compact(store.revision());
    store.refuse(false);
    settings.wait_until(|s| s.workers == 3 && s.level == "debug", SOON).unwrap();
    assert_eq!(settings.load().revision(), store.revision());
}

#[test]
fn of_a_rewound_store_go_back_to_what_it_holds() {
    let store = store();
    let settings = watch(&store);
    let base = store.revision();
    settings.wait_for_revision(store.put("/service/workers", "2"), SOON).unwrap();
    store.rewind(base);
    settings.wait_until(|s| s.workers == 8, SOON).unwrap();
    assert_eq!(settings.load().revision(), base);
    until_live(&settings, SOON, "at its revision", |live| live.status().revision == base);
    assert_eq!(settings.status().counters.rewinds, 1);
}

#[test]
fn wait_for_the_commit_key_where_there_is_one() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/edited", commit_key = "version")]
    struct Edited {
        #[etcd(default = 0)]
        one: u32,
        #[etcd(default = 0)]
        two: u32,
        #[etcd(default = 0, key = "version")]
        _version: u32,
    }
    let store = MemoryStore::new();
    let settings = Edited::watch(&store).unwrap();
    let one = store.put("/edited/one", "1");
    assert!(settings.wait_for_revision(one, Duration::from_millis(50)).unwrap_err().is_timeout());
    store.put("/edited/two", "x");
    let refused = store.put("/edited/version", "1");
    assert!(settings.wait_for_revision(refused, SOON).unwrap_err().is_invalid());
    // The correction waits for the key to move as well.
    let two = store.put("/edited/two", "2");
    assert!(settings.wait_for_revision(two, Duration::from_millis(50)).is_err());
    assert_eq!((settings.load().one, settings.load().two), (0, 0));
    settings.wait_for_revision(store.put("/edited/version", "2"), SOON).unwrap();
    assert_eq!((settings.load().one, settings.load().two), (1, 2));
}

/// What is edited key by key; nothing counts until `version` is written.
#[derive(EtcdConfig)]
#[etcd(prefix = "/service", commit_key = "version")]
struct Committed {
    host: String,
    #[etcd(default = 1)]
    port: u16,
}

#[test]
fn are_committed_by_a_key_that_is_written_with_the_value_that_it_has() {
    let store = MemoryStore::from([("/service/host", "a"), ("/service/version", "1")]);
    let settings = Committed::watch(&store).unwrap();
    let mut changes = settings.changes();
    store.put("/service/host", "b");
    settings.wait_for_revision(store.put("/service/version", "1"), SOON).unwrap();
    assert_eq!(settings.load().host, "b");
    // With nothing to commit it is no change.
    settings.wait_for_revision(store.put("/service/version", "1"), SOON).unwrap();
    assert_eq!(settings.status().counters.snapshots, 2, "{}", settings.status());
    let change = runtime().block_on(soon(changes.next())).unwrap();
    assert_eq!((change.before().host.as_str(), change.after().host.as_str()), ("a", "b"));
}

#[test]
fn are_committed_by_such_a_key_in_one_transaction_too() {
    let store = MemoryStore::from([("/service/host", "a"), ("/service/version", "1")]);
    let settings = Committed::watch(&store).unwrap();
    let both = store.transaction().put("/service/host", "b").put("/service/version", "1").commit();
    settings.wait_for_revision(both, SOON).unwrap();
    assert_eq!(settings.load().host, "b");
}

#[test]
fn are_not_mixed_with_what_was_not_committed_in_a_short_outage() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/service", commit_key = "version")]
    struct Many {
        #[etcd(map)]
        limits: BTreeMap<String, u32>,
    }
    let key = |n: u32| format!("/service/limits/{n:03}");
    let store: MemoryStore = (0..100).map(|n| (key(n), "0")).collect();
    let settings = Many::watch(&store).unwrap();
    until("watching", || settings.status().state.is_watching());
    store.refuse(true);
    store.cut();
    until("cut", || !settings.status().state.is_watching());
    for n in 0..100 {
        store.put(key(n), "1");
    }
    store.put("/service/version", "1");
    let newest = (0..50).map(|n| store.put(key(n), "2")).max();
    store.refuse(false);
    until("resumed", || Some(settings.status().revision) == newest);
    assert!(settings.load().limits.values().all(|limit| *limit == 1), "{:?}", settings.load().limits);
}

#[test]
fn are_committed_by_such_a_key_during_an_outage() {
    for compacted in [false, true] {
        let store = MemoryStore::from([("/service/host", "a"), ("/service/version", "1")]);
        let settings = Committed::watch(&store).unwrap();
        until("watching", || settings.status().state.is_watching());
        store.refuse(true);
        store.cut();
        until("cut", || !settings.status().state.is_watching());
        store.put("/service/host", "b");
        let committed = store.put("/service/version", "1");
        if compacted {
            store.compact(committed);
        }
        store.refuse(false);
        settings.wait_for_revision(committed, SOON).unwrap();
        assert_eq!(settings.load().host, "b", "listed: {compacted}");
    }
}

#[test]
fn are_tried_again_when_such_a_key_is_written_again() {
    let store = MemoryStore::from([("/service/host", "a"), ("/service/version", "1")]);
    let settings = Committed::watch(&store).unwrap();
    store.put("/service/port", "x");
    let refused = store.put("/service/version", "1");
    assert!(settings.wait_for_revision(refused, SOON).unwrap_err().is_invalid());
    store.put("/service/port", "2");
    settings.wait_for_revision(store.put("/service/version", "1"), SOON).unwrap();
    assert_eq!(settings.load().port, 2);
}

#[test]
fn that_correct_a_refused_one_are_waited_for_through_the_debounce_window() {
    let store = store();
    let settings = Service::options().debounce(Duration::from_millis(400)).watch(&store).unwrap();
    let wrong = store.put("/service/workers", "few");
    assert!(settings.wait_for_revision(wrong, SOON).unwrap_err().is_invalid());
    settings.wait_for_revision(store.put("/service/workers", "4"), SOON).unwrap();
    assert_eq!(settings.load().workers, 4);
}

#[test]
fn of_a_rewound_store_are_not_in_force_where_they_are_refused() {
    let store = store();
    let settings = watch(&store);
    let wrong = store.put("/service/workers", "few");
    for workers in ["2", "3", "4"] {
        settings.wait_for_revision(store.put("/service/workers", workers), SOON).unwrap();
    }
    store.rewind(wrong);
    until_live(&settings, SOON, "refused", |live| {
        let status = live.status();
        status.counters.rejections >= 1 && status.revision == wrong
    });
    assert!(settings.wait_for_revision(wrong, SOON).unwrap_err().is_invalid(), "{}", settings.status());
    assert_eq!(settings.load().workers, 4);
}

#[test]
fn may_be_waited_for_as_long_as_it_takes() {
    let store = store();
    let settings = Service::options().debounce(Duration::MAX).watch(&store).unwrap();
    let revision = store.put("/service/workers", "4");
    assert!(settings.wait_for_revision(revision, Duration::from_millis(50)).unwrap_err().is_timeout());
    until("watching", || settings.status().state.is_watching());
    let settings = watch(&store);
    settings.wait_until(|service| service.workers == 4, Duration::MAX).unwrap();
}

#[test]
fn that_are_not_committed_wait_though_a_commit_is_collected_meanwhile() {
    let store = MemoryStore::from([("/service/host", "a"), ("/service/version", "1")]);
    let settings = Committed::options().debounce(Duration::from_millis(300)).watch(&store).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let changes = Arc::clone(&seen);
    settings.on_change(move |change| {
        changes.lock().unwrap().push((change.after().host.clone(), change.after().port));
    });
    store.put("/service/host", "b");
    let first = store.put("/service/version", "2");
    let half = store.put("/service/host", "c");
    settings.wait_for_revision(first, SOON).unwrap();
    assert_eq!((settings.load().host.as_str(), settings.load().port), ("b", 1), "half of the next edit");
    until("known", || settings.status().revision == half);
    assert!(settings.wait_for_revision(half, Duration::from_millis(50)).unwrap_err().is_timeout());
    store.put("/service/port", "2");
    store.put("/service/version", "3");
    store.put("/service/host", "d");
    store.put("/service/port", "3");
    let last = store.put("/service/version", "4");
    store.put("/service/host", "e");
    settings.wait_for_callbacks(last, SOON).unwrap();
    // What is committed within the window is one update; a machine that stalls may make two of it.
    let seen = seen.lock().unwrap();
    let one = [("b".to_owned(), 1), ("d".to_owned(), 3)];
    let two = [("b".to_owned(), 1), ("c".to_owned(), 2), ("d".to_owned(), 3)];
    assert!(*seen == one || *seen == two, "{seen:?}");
}

#[test]
fn that_are_not_committed_are_known_when_the_store_is_rewound_meanwhile() {
    let store = MemoryStore::from([("/service/host", "a"), ("/service/version", "1")]);
    let base = store.revision();
    let settings = Committed::options().debounce(Duration::from_millis(300)).watch(&store).unwrap();
    store.put("/service/host", "b");
    store.put("/service/version", "2");
    store.put("/service/host", "c");
    std::thread::sleep(Duration::from_millis(100));
    store.rewind(base);
    until("rewound", || settings.status().counters.rewinds == 1 && settings.status().revision == base);
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(settings.load().host, "a");
    assert!(settings.wait_for_revision(base, SOON).is_ok());
    store.put("/service/host", "d");
    settings.wait_for_revision(store.put("/service/version", "2"), SOON).unwrap();
    assert_eq!(settings.load().host, "d");
}

#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/renamed")]
struct Renamed {
    #[etcd(alias = "old")]
    new: u32,
    #[etcd(nested, alias = "before")]
    after: Host,
}

#[derive(EtcdConfig, Debug)]
struct Host {
    host: String,
}

#[test]
fn by_an_old_name_arrive_although_something_else_is_at_the_new_one() {
    let store = MemoryStore::from([("/renamed/old", "1"), ("/renamed/before/host", "a")]);
    let settings = Renamed::watch(&store).unwrap();
    store.put("/renamed/new/note", "x");
    store.put("/renamed/after", "");
    store.transaction().put("/renamed/old", "2").put("/renamed/before/host", "b").commit();
    settings.wait_until(|s| s.new == 2 && s.after.host == "b", SOON).unwrap();
    assert_eq!(Renamed::load_once(&store).unwrap().new, 2);
    assert!(settings.explain().to_string().contains("/renamed/old"));
}

/// A start would refuse it as well.
#[test]
fn that_make_a_directory_hide_its_old_name_are_tried() {
    let store = MemoryStore::from([("/renamed/old", "1"), ("/renamed/before/host", "a")]);
    let settings = Renamed::watch(&store).unwrap();
    let wrong = store.put("/renamed/after/note", "x");
    assert!(settings.wait_for_revision(wrong, SOON).unwrap_err().is_invalid());
    assert!(Renamed::load_once(&store).unwrap_err().is_invalid());
    settings.wait_for_revision(store.delete("/renamed/after/note"), SOON).unwrap();
}
