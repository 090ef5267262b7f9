//! What the watcher promises, one test for each promise, on a store in memory and paused time.

mod audits;
mod compactions;
mod directories;
mod flapping;
mod freshness;
mod leases;
mod rewinds;
mod signs_of_life;
mod starts;

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::watcher::{Cause, Event, Options, State, Watcher};
use etcd_client_core::{Change, Error, Kind, MemoryStore, Prefix};
use tokio::time::{Instant, timeout};

/// A watcher and the store that it follows.
struct Follower {
    store: MemoryStore,
    watcher: Watcher,
}

impl Follower {
    fn new(store: MemoryStore) -> Self {
        Self::with(store, Options::default())
    }

    fn with(store: MemoryStore, options: Options) -> Self {
        fastrand::seed(7);
        let watcher = Watcher::new(Arc::new(store.clone()), Prefix::new("/p"), options);
        Self { store, watcher }
    }

    /// Reports until one is wanted; what came before is dropped.
    async fn until<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = wanted(self.watcher.next().await) {
                    return found;
                }
            }
        };
        timeout(Duration::from_secs(600), search).await.expect("the report never came")
    }

    async fn watching(&mut self) {
        self.until(|event| matches!(event, Event::State(State::Watching { .. })).then_some(())).await;
    }

    /// The next change: its cause, revision, and keys with `=` for put and `-` for deleted.
    async fn changed(&mut self) -> (Cause, u64, Vec<String>) {
        self.until(|event| match event {
            Event::Changed { batch, cause } => {
                Some((cause, batch.revision, batch.changes.iter().map(describe).collect()))
            }
            _ => None,
        })
        .await
    }

    /// Everything that is reported within a time.
    async fn within(&mut self, time: Duration) -> Vec<Event> {
        let until = Instant::now() + time;
        let mut events = Vec::new();
        while let Ok(event) = tokio::time::timeout_at(until, self.watcher.next()).await {
            events.push(event);
        }
        events
    }
}

fn describe(change: &Change) -> String {
    match change {
        Change::Put(entry) => {
            format!("{}={}", String::from_utf8_lossy(&entry.key), String::from_utf8_lossy(&entry.value))
        }
        Change::Delete(key) => format!("{}-", String::from_utf8_lossy(key)),
        Change::DeleteBelow(key) => panic!("a directory in a report: {key:?}"),
    }
}

fn changes(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Changed { .. })).count()
}

#[tokio::test(start_paused = true)]
async fn one_that_begins_again_reports_what_differs_from_what_it_is_given() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1"), ("/p/b", "1")]));
    let held =
        follower.until(|event| if let Event::Listed(listing) = event { Some(listing) } else { None }).await;
    follower.store.put("/p/a", "2");
    follower.until(|event| matches!(event, Event::Changed { .. }).then_some(())).await;
    let newest = follower.store.delete("/p/b");
    follower.watcher.restart(held);
    let changed =
        |event| if let Event::Changed { batch, cause } = event { Some((batch, cause)) } else { None };
    let (batch, cause) = follower.until(changed).await;
    assert_eq!((batch.revision, batch.changes.len(), cause), (newest, 2, Cause::Resync));
    let next = follower.store.put("/p/c", "1");
    assert_eq!(follower.until(changed).await.0.revision, next);
    assert_eq!(follower.watcher.counters().lists, 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_between_the_listing_and_the_watch() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.store.delay(Duration::from_secs(1));
    follower.until(|event| matches!(event, Event::Listed(_)).then_some(())).await;
    follower.store.put("/p/b", "2");
    follower.store.delete("/p/a");
    assert_eq!(follower.changed().await.2, ["/p/b=2"]);
    assert_eq!(follower.changed().await.2, ["/p/a-"]);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_one_report() {
    let mut follower = Follower::new(MemoryStore::new());
    follower.watching().await;
    let revision = follower.store.transaction().put("/p/a", "1").put("/q/x", "no").put("/p/b", "2").commit();
    assert_eq!(follower.changed().await, (Cause::Watch, revision, vec!["/p/a=1".into(), "/p/b=2".into()]));
}

#[tokio::test(start_paused = true)]
async fn a_cut_connection_is_resumed_at_once_and_without_a_listing() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    let before = Instant::now();
    follower.store.cut();
    follower.store.put("/p/a", "2");
    assert_eq!(follower.changed().await.2, ["/p/a=2"]);
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!((follower.watcher.counters().lists, follower.watcher.counters().resumes), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn after_a_compaction_only_what_differs_is_reported() {
    let store: MemoryStore = (0..100).map(|n| (format!("/p/{n:02}"), "old")).collect();
    let mut follower = Follower::new(store);
    follower.watching().await;
    follower.store.refuse(true);
    follower.store.cut();
    follower.within(Duration::from_secs(1)).await;
    for key in ["/p/01", "/p/02", "/p/03"] {
        follower.store.put(key, "new");
    }
    follower.store.delete("/p/04");
    let head = follower.store.delete("/p/05");
    follower.store.compact(head);
    follower.store.refuse(false);
    let (cause, revision, keys) = follower.changed().await;
    assert_eq!((cause, revision), (Cause::Resync, head));
    assert_eq!(keys, ["/p/01=new", "/p/02=new", "/p/03=new", "/p/04-", "/p/05-"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_reported_where_nothing_changed_while_away() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    follower.store.cut();
    follower.store.compact(follower.store.put("/q/other", "x"));
    let events = follower.within(Duration::from_secs(400)).await;
    assert_eq!(changes(&events), 0, "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_absence_is_listed_and_not_replayed() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "0")]));
    follower.watching().await;
    follower.store.cut();
    for n in 1..=2_000 {
        follower.store.put("/p/a", n.to_string());
    }
    assert_eq!(
        follower.changed().await,
        (Cause::Resync, follower.store.revision(), vec!["/p/a=2000".into()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_lost_after_two_intervals() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    let before = Instant::now();
    follower.store.silence(true);
    let error = follower.until(|event| match event {
        Event::State(State::Disconnected { error }) => Some(error),
        _ => None,
    });
    assert_eq!(error.await.kind(), Kind::Timeout);
    assert_eq!(before.elapsed().as_secs(), 10);
    follower.store.put("/p/a", "2");
    follower.store.silence(false);
    assert_eq!(follower.changed().await.2, ["/p/a=2"]);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_is_proven_current_by_its_heartbeat() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    let revision = follower.store.put("/q/other", "x");
    let events = follower.within(Duration::from_secs(60)).await;
    let proofs =
        events.iter().filter(|event| matches!(event, Event::Current { revision: at } if *at == revision));
    // The first after five seconds, then each seven and a half at most.
    assert!(proofs.count() >= 8, "{events:?}");
    assert_eq!(follower.watcher.counters().losses, 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_server_forgot_is_repaired_by_the_audit() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    let before = Instant::now();
    follower.store.lose_next(1);
    follower.store.put("/p/a", "2");
    let revision = follower.store.put("/p/b", "1");
    assert_eq!(follower.changed().await.2, ["/p/b=1"]);
    assert_eq!(follower.changed().await, (Cause::Audit, revision, vec!["/p/a=2".into()]));
    assert!(before.elapsed() < Duration::from_secs(340), "{:?}", before.elapsed());
    assert_eq!(follower.watcher.counters().repairs, 1);
}

#[tokio::test(start_paused = true)]
async fn an_audit_beside_writes_finds_nothing_to_repair() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    follower.store.delay(Duration::from_millis(700));
    for n in 0..2_000 {
        follower.store.transaction().put("/p/a", n.to_string()).put("/p/b", n.to_string()).commit();
        follower.within(Duration::from_millis(500)).await;
    }
    let counters = follower.watcher.counters();
    assert!(counters.audits >= 2, "{counters:?}");
    assert_eq!(counters.repairs, 0);
}

#[tokio::test(start_paused = true)]
async fn an_audit_may_be_older_than_what_the_heartbeat_has_proven() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    follower.store.delay(Duration::from_secs(14));
    for n in 0..400 {
        follower.store.put("/q/other", n.to_string());
        let events = follower.within(Duration::from_secs(1)).await;
        assert!(!events.iter().any(|event| matches!(event, Event::Rewound { .. })), "{events:?}");
    }
    let counters = follower.watcher.counters();
    assert_eq!((counters.audits, counters.repairs), (1, 0), "{counters:?}");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_fell_behind_is_overtaken_by_the_audit_and_changes_nothing_twice() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "0")]));
    follower.watching().await;
    follower.store.lag(true);
    follower.store.put("/p/a", "1");
    follower.store.put("/p/a", "2");
    let revision = follower.store.put("/p/a", "3");
    assert_eq!(follower.changed().await, (Cause::Audit, revision, vec!["/p/a=3".into()]));
    follower.store.lag(false);
    assert_eq!(changes(&follower.within(Duration::from_secs(30)).await), 0);
    follower.store.put("/p/a", "4");
    assert_eq!(follower.changed().await.2, ["/p/a=4"]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_counts_only_when_it_is_confirmed() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1"), ("/p/b", "2")]));
    follower.watching().await;
    follower.store.wipe(false);
    let before = Instant::now();
    assert_eq!(follower.changed().await.2, ["/p/a-", "/p/b-"]);
    assert!(before.elapsed() >= Duration::from_millis(500), "{:?}", before.elapsed());
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
    assert_eq!(follower.watcher.counters().lists, 3);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_compactions_is_no_livelock() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "0")]));
    follower.watching().await;
    follower.store.delay(Duration::from_millis(500));
    follower.store.cut();
    let before = Instant::now();
    let writes = async |store: &MemoryStore| {
        for n in 0..600 {
            store.compact(store.put("/p/a", n.to_string()));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let store = follower.store.clone();
    let caught_up = async {
        loop {
            let (_, revision, _) = follower.changed().await;
            if follower.store.revision() == revision {
                break before.elapsed();
            }
        }
    };
    let elapsed = tokio::select! {
        elapsed = caught_up => elapsed,
        () = writes(&store) => panic!("never caught up while the storm lasted"),
    };
    assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_minute_without_a_server_costs_few_tries_and_ends_soon_after_it() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    follower.store.refuse(true);
    follower.store.cut();
    let events = follower.within(Duration::from_secs(60)).await;
    let tries = events.iter().filter(|event| matches!(event, Event::State(State::Resuming))).count();
    assert!((5..20).contains(&tries), "{tries} tries");
    follower.store.refuse(false);
    follower.store.put("/p/a", "2");
    let healed = Instant::now();
    follower.changed().await;
    assert!(healed.elapsed() <= Duration::from_secs(30), "{:?}", healed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn lost_access_is_told_apart_and_asked_for_slowly() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    follower.store.refuse_with(Some(Error::new(Kind::PermissionDenied, "permission denied")));
    follower.store.cut();
    let events = follower.within(Duration::from_secs(100)).await;
    let denied =
        events.iter().filter(|event| matches!(event, Event::State(State::PermissionDenied { .. }))).count();
    assert!((9..=12).contains(&denied), "{denied} tries");
    follower.store.put("/p/a", "2");
    follower.store.refuse_with(None);
    assert_eq!(follower.changed().await.2, ["/p/a=2"]);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_permission_is_found_by_the_audit_of_a_live_stream() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    follower.store.refuse_with(Some(Error::new(Kind::PermissionDenied, "permission denied")));
    follower.until(|event| matches!(event, Event::State(State::PermissionDenied { .. })).then_some(())).await;
    follower.store.refuse_with(None);
    follower.watching().await;
    assert_eq!(follower.watcher.counters().losses, 0);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_was_not_waited_for_is_not_lost() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    for n in 0..100 {
        let polled_and_dropped = timeout(Duration::from_millis(1), follower.watcher.next()).await;
        assert!(!matches!(polled_and_dropped, Ok(Event::Changed { .. })));
        follower.store.put("/p/a", n.to_string());
        assert_eq!(follower.changed().await.2, [format!("/p/a={n}")]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_impatient_consumer_does_not_ask_as_fast_as_it_is_answered() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    let until = Instant::now() + Duration::from_secs(1);
    let mut answers = 0;
    follower.watcher.request_progress();
    while let Ok(event) = tokio::time::timeout_at(until, follower.watcher.next()).await {
        if let Event::Current { .. } = event {
            answers += 1;
            assert!(answers < 100, "asked {answers} times within {:?}", Duration::from_secs(1));
            follower.watcher.request_progress();
        }
    }
    assert!(answers > 25, "an answer is not kept waiting: {answers} in a second");
}

#[tokio::test(start_paused = true)]
async fn what_an_outage_has_put_between_a_listing_and_its_watch_is_not_replayed() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.until(|event| matches!(event, Event::Listed(_)).then_some(())).await;
    follower.store.refuse(true);
    follower.within(Duration::from_secs(60)).await;
    for value in 0..5_000 {
        follower.store.put("/p/a", value.to_string());
    }
    follower.store.refuse(false);
    let (cause, revision, changed) = follower.changed().await;
    assert_eq!((cause, changed), (Cause::Resync, vec!["/p/a=4999".to_owned()]));
    assert_eq!(revision, follower.store.revision());
}
