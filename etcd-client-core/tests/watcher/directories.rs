//! A prefix of several directories: what is reported is the state of all of them at one revision, whatever the stream of one
//! of them does.

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::watcher::{Cause, Event, Options, State, Watcher};
use etcd_client_core::{
    Committed, Error, GuardedWrites, HistoryMark, Kind, Known, MemoryStore, Prefix, Store, Write,
};
use tokio::time::Instant;

use crate::{Follower, changes};

const BASE: &str = "/p";
const OVER: &str = "/p@eu";

fn both() -> Prefix {
    // Which one is the first makes no difference to a store.
    Prefix::new(OVER).and(&Prefix::new(BASE)).unwrap()
}

/// A value in each, and one beside them.
fn store() -> MemoryStore {
    MemoryStore::from([("/p/a", "0"), ("/p@eu/a", "0"), ("/p@eu-2/a", "0"), ("/p/b", "0")])
}

impl Follower {
    fn of_both(store: MemoryStore) -> Self {
        fastrand::seed(7);
        let watcher = Watcher::new(Arc::new(store.clone()), both(), Options::default());
        Self { store, watcher }
    }
}

fn write_both(store: &MemoryStore, value: &str) -> u64 {
    store.transaction().put("/p/a", value).put("/p@eu/a", value).put("/p@eu-2/a", value).commit()
}

fn in_both(value: &str) -> Vec<String> {
    vec![format!("/p/a={value}"), format!("/p@eu/a={value}")]
}

#[tokio::test(start_paused = true)]
async fn they_are_listed_together_in_the_order_of_their_keys() {
    let mut follower = Follower::of_both(store());
    let listing =
        follower.until(|event| if let Event::Listed(listing) = event { Some(listing) } else { None }).await;
    let keys: Vec<_> = listing.entries.iter().map(|entry| entry.key.clone()).collect();
    assert_eq!(keys, ["/p/a", "/p/b", "/p@eu/a"]);
    assert_eq!(listing.revision, follower.store.revision());
}

#[tokio::test(start_paused = true)]
async fn a_transaction_over_them_is_one_report_and_so_is_a_change_of_one() {
    let mut follower = Follower::of_both(store());
    follower.watching().await;
    let before = Instant::now();
    let revision = write_both(&follower.store, "1");
    assert_eq!(follower.changed().await, (Cause::Watch, revision, in_both("1")));
    let revision = follower.store.put("/p@eu/a", "2");
    assert_eq!(follower.changed().await, (Cause::Watch, revision, vec!["/p@eu/a=2".to_owned()]));
    let revision = follower.store.delete("/p/b");
    assert_eq!(follower.changed().await, (Cause::Watch, revision, vec!["/p/b-".to_owned()]));
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(follower.watcher.counters().losses, 0);
}

#[tokio::test(start_paused = true)]
async fn half_of_a_revision_waits_for_the_other_half() {
    let mut follower = Follower::of_both(store());
    follower.watching().await;
    follower.store.slow_in(&Prefix::new(OVER), Duration::from_millis(300));
    for value in ["1", "2", "3"] {
        let before = Instant::now();
        let revision = write_both(&follower.store, value);
        assert_eq!(follower.changed().await, (Cause::Watch, revision, in_both(value)));
        assert_eq!(before.elapsed().as_millis(), 300);
    }
    // Of the other one there is nothing to wait for, which it says.
    let before = Instant::now();
    follower.store.put("/p/a", "4");
    assert_eq!(follower.changed().await.2, ["/p/a=4"]);
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_a_silent_stream_holds_up_is_read_from_the_store() {
    let mut follower = Follower::of_both(store());
    follower.watching().await;
    follower.store.silence_in(&Prefix::new(OVER), true);
    let before = Instant::now();
    let revision = write_both(&follower.store, "1");
    assert_eq!(follower.changed().await, (Cause::Resync, revision, in_both("1")));
    let took = before.elapsed();
    assert!((500..700).contains(&took.as_millis()), "{took:?}");
    // And so on, as long as it is silent, more slowly.
    for value in 2..30 {
        let revision = write_both(&follower.store, &value.to_string());
        assert_eq!(follower.changed().await, (Cause::Resync, revision, in_both(&value.to_string())));
        follower.within(Duration::from_secs(1)).await;
    }
    assert!(before.elapsed() < Duration::from_secs(29 * 4), "{:?}", before.elapsed());
    follower.store.silence_in(&Prefix::new(OVER), false);
    follower.within(Duration::from_secs(10)).await;
    let revision = write_both(&follower.store, "x");
    assert_eq!(follower.changed().await, (Cause::Watch, revision, in_both("x")));
}

/// Of two edits, the second of which has just begun.
#[tokio::test(start_paused = true)]
async fn a_commit_is_reported_without_what_was_written_after_it() {
    // Small ones are listed; of larger ones what was written is read.
    for (length, is_delta) in [(1, false), (2_000, true)] {
        let filling = ("/p/filling".to_owned(), "x".repeat(length));
        let store: MemoryStore = [("/p/a", "0"), ("/p@eu/version", "0")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .chain([filling])
            .collect();
        let mut options = Options::default();
        options.commit_keys = vec!["/p/version".into(), "/p@eu/version".into()];
        let mut follower = Follower::of_both(store.clone());
        follower.watcher = Watcher::new(Arc::new(store), both(), options);
        follower.watching().await;
        let store = follower.store.clone();
        store.silence_in(&Prefix::new(OVER), true);
        store.put("/p/a", "1");
        store.put("/p/once", "1");
        store.put("/p/b", "1");
        let committed = store.put("/p@eu/version", "1");
        store.put("/p/a", "2");
        let newest = if is_delta { store.put("/p@eu/c", "2") } else { store.delete("/p/once") };
        let (cause, revision, keys) = follower.changed().await;
        assert_eq!((cause, revision), (Cause::Resync, committed));
        assert_eq!(keys, ["/p/a=1", "/p/b=1", "/p/once=1", "/p@eu/version=1"]);
        let (cause, revision, keys) = follower.changed().await;
        assert_eq!((cause, revision), (Cause::Resync, newest));
        let expected = if is_delta { ["/p/a=2", "/p@eu/c=2"] } else { ["/p/a=2", "/p/once-"] };
        assert_eq!(keys, expected);
        // Where the past is not there any more, it is one report.
        store.put("/p@eu/version", "2");
        let newest = store.put("/p/a", "3");
        store.compact(newest);
        let (_, revision, keys) = follower.changed().await;
        assert_eq!((revision, keys), (newest, vec!["/p/a=3".to_owned(), "/p@eu/version=2".to_owned()]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_talks_does_not_hide_that_the_other_one_is_dead() {
    for silent in [BASE, OVER] {
        let mut follower = Follower::of_both(store());
        follower.watching().await;
        follower.within(Duration::from_secs(20)).await;
        follower.store.silence_in(&Prefix::new(silent), true);
        let before = Instant::now();
        let revision = follower.store.put(format!("{silent}/a"), "1");
        let changed = follower.until(|event| match event {
            Event::Current { revision: at } => panic!("it is called current at {at}"),
            Event::Changed { batch, .. } => Some(batch.revision),
            _ => None,
        });
        assert_eq!(changed.await, revision);
        // As with one stream that is silent: it is asked for a sign of life, and so is the store; no audit is needed.
        assert!(before.elapsed() < Duration::from_secs(25), "{:?}", before.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn streams_that_prove_nothing_are_not_believed() {
    let mut follower = Follower::of_both(store());
    follower.store.early_progress(true);
    follower.watching().await;
    follower.store.slow_in(&Prefix::new(OVER), Duration::from_millis(400));
    for value in 1..20 {
        let before = Instant::now();
        let revision = write_both(&follower.store, &value.to_string());
        let (_, at, keys) = follower.changed().await;
        assert_eq!((at, keys), (revision, in_both(&value.to_string())));
        assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
    }
    assert_eq!(changes(&follower.within(Duration::from_secs(60)).await), 0);
    assert_eq!(follower.watcher.counters().losses, 0);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_one_is_proven_current_by_the_heartbeats_of_all() {
    let mut follower = Follower::of_both(store());
    follower.watching().await;
    let revision = follower.store.put("/q/other", "x");
    let events = follower.within(Duration::from_secs(60)).await;
    let proofs =
        events.iter().filter(|event| matches!(event, Event::Current { revision: at } if *at == revision));
    assert!(proofs.count() >= 8, "{events:?}");
    assert_eq!(follower.watcher.counters().losses, 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_cut_and_a_compaction_what_differs_in_all_of_them_is_one_report() {
    let mut follower = Follower::of_both(
        (0..50).flat_map(|n| [BASE, OVER].map(|dir| (format!("{dir}/{n:02}"), "old"))).collect(),
    );
    follower.watching().await;
    follower.store.refuse(true);
    follower.store.cut();
    follower.within(Duration::from_secs(1)).await;
    let store = &follower.store;
    store.put("/p/01", "new");
    store.delete("/p@eu/02");
    let head = store.put("/p@eu/03", "new");
    store.compact(head);
    store.refuse(false);
    let (cause, revision, keys) = follower.changed().await;
    assert_eq!((cause, revision), (Cause::Resync, head));
    assert_eq!(keys, ["/p/01=new", "/p@eu/02-", "/p@eu/03=new"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_one_of_them_names_it() {
    let store = store();
    let refused = |store: &MemoryStore, on: bool| {
        store.refuse_with(on.then(|| Error::new(Kind::PermissionDenied, "permission denied")));
    };
    refused(&store, true);
    let error = store.watch(&both(), Some(2)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "permission denied, for /p: grant the user a role that may read all of /p/"
    );
    refused(&store, false);
    let mut watcher = Watcher::new(Arc::new(store), both(), Options::default());
    while !matches!(watcher.next().await, Event::State(State::Watching { .. })) {}
}

#[tokio::test(start_paused = true)]
async fn what_a_store_says_of_them_is_of_all_at_one_revision() {
    let store = store();
    let prefix = both();
    let listing = store.list(&prefix).await.unwrap();
    let (revision, cluster) = (listing.revision, listing.cluster);
    let known = Known { revision, cluster, count: 3 };
    assert_eq!(store.unchanged(&prefix, known).await.unwrap(), Some(revision));
    let newest = vec![listing.entries[1].clone()];
    let mark = HistoryMark { revision, count: 3, newest };
    store.put("/p@eu-2/a", "1");
    let later = store.revision();
    assert_eq!(store.unchanged(&prefix, known).await.unwrap(), Some(later), "beside them");
    store.put("/p@eu/a", "1");
    assert_eq!(store.unchanged(&prefix, known).await.unwrap(), None);
    let delta = store.written_since(&prefix, later).await.unwrap();
    assert_eq!((delta.count, delta.entries.len()), (3, 1));
    assert!(store.has_history(&prefix, mark.clone()).await.unwrap());
    assert!(!store.has_history(&prefix, HistoryMark { count: 2, ..mark }).await.unwrap());
    assert_eq!(store.list_at(&prefix, revision).await.unwrap(), listing);
}

#[tokio::test(start_paused = true)]
async fn writes_are_guarded_by_all_of_them() {
    let store = store();
    let prefix = both();
    let write = |key: &str| Write { key: key.to_owned().into(), value: Some("1".into()), read_at: None };
    let listing = store.list(&prefix).await.unwrap();
    let new_in_each =
        GuardedWrites::after(&prefix, &listing, vec![write("/p/new"), write("/p@eu/new"), write("/q/x")]);
    assert_eq!(new_in_each.count_after(), 5);
    store.put("/p@eu-2/a", "beside");
    let written = store.commit(new_in_each.clone()).await.unwrap();
    assert_eq!(written, Committed::At { revision: store.revision(), proven: true });
    for key in ["/p/a", "/p@eu/a"] {
        let listing = store.list(&prefix).await.unwrap();
        store.put(key, "meanwhile");
        let writes = GuardedWrites::after(&prefix, &listing, vec![write("/p/z")]);
        assert_eq!(store.commit(writes).await.unwrap(), Committed::Conflict, "{key}");
    }
    // Each directory takes a place in the transaction.
    let listing = store.list(&prefix).await.unwrap();
    let many = |number| (0..number).map(|n| write(&format!("/p/n{n}"))).collect();
    assert_eq!(store.writes_at_once(), 127);
    let error = store.commit(GuardedWrites::after(&prefix, &listing, many(127))).await.unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidRequest);
    let written = store.commit(GuardedWrites::after(&prefix, &listing, many(126))).await.unwrap();
    assert!(matches!(written, Committed::At { proven: true, .. }));
}
