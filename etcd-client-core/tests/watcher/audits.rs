//! What an audit and a reconnect cost: what was written since, and now and then the whole prefix.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use etcd_client_core::watcher::{Cause, Event, Options, Watcher};
use etcd_client_core::{
    BoxFuture, Delta, Error, HistoryMark, Kind, Known, Listing, MemoryStore, Opened, Prefix, Store,
};
use tokio::time::{Instant, timeout};

use crate::describe;

const HOUR: Duration = Duration::from_secs(3_600);

/// Counts what is read of a store.
#[derive(Clone, Debug)]
struct Counted {
    store: MemoryStore,
    reads: Arc<Reads>,
}

#[derive(Debug, Default)]
struct Reads {
    listings: AtomicUsize,
    deltas: AtomicUsize,
    /// Questions about the past.
    histories: AtomicUsize,
    /// Keys that were in the answers.
    keys: AtomicUsize,
    /// Whether the store can say what was written; 1 if not.
    unsupported: AtomicUsize,
    /// The oldest revision that was asked for last.
    since: AtomicU64,
}

impl Store for Counted {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        let (reads, call) = (Arc::clone(&self.reads), self.store.list(prefix));
        reads.listings.fetch_add(1, SeqCst);
        Box::pin(async move {
            let listing = call.await?;
            reads.keys.fetch_add(listing.entries.len(), SeqCst);
            Ok(listing)
        })
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        self.store.watch(prefix, after)
    }

    fn has_history(&self, prefix: &Prefix, mark: HistoryMark) -> BoxFuture<Result<bool, Error>> {
        self.reads.histories.fetch_add(1, SeqCst);
        self.store.has_history(prefix, mark)
    }

    fn unchanged(&self, prefix: &Prefix, known: Known) -> BoxFuture<Result<Option<u64>, Error>> {
        self.store.unchanged(prefix, known)
    }

    fn written_since(&self, prefix: &Prefix, since: u64) -> BoxFuture<Result<Delta, Error>> {
        let (reads, call) = (Arc::clone(&self.reads), self.store.written_since(prefix, since));
        reads.deltas.fetch_add(1, SeqCst);
        reads.since.store(since, SeqCst);
        if reads.unsupported.load(SeqCst) == 1 {
            return Box::pin(async { Err(Error::new(Kind::InvalidRequest, "it cannot say")) });
        }
        Box::pin(async move {
            let delta = call.await?;
            reads.keys.fetch_add(delta.entries.len(), SeqCst);
            Ok(delta)
        })
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        self.store.identity()
    }
}

struct Audited {
    store: MemoryStore,
    reads: Arc<Reads>,
    watcher: Watcher,
}

impl Audited {
    /// One that watches a hundred keys, of which each was written once.
    async fn begun() -> Self {
        Self::of((0..100).map(|n| (format!("/p/{n:03}"), "a value of some length")).collect()).await
    }

    async fn of(store: MemoryStore) -> Self {
        fastrand::seed(3);
        let counted = Counted { store: store.clone(), reads: Arc::default() };
        let reads = Arc::clone(&counted.reads);
        let watcher = Watcher::new(Arc::new(counted), Prefix::new("/p"), Options::default());
        let mut begun = Self { store, reads, watcher };
        begun.within(Duration::from_secs(1)).await;
        begun.forget();
        begun
    }

    fn forget(&self) {
        for count in [&self.reads.listings, &self.reads.deltas, &self.reads.keys] {
            count.store(0, SeqCst);
        }
    }

    /// How often the prefix was listed, how often what was written was asked for, and how many keys came.
    fn read(&self) -> (usize, usize, usize) {
        let of = |count: &AtomicUsize| count.load(SeqCst);
        (of(&self.reads.listings), of(&self.reads.deltas), of(&self.reads.keys))
    }

    async fn within(&mut self, time: Duration) -> Vec<Event> {
        let until = Instant::now() + time;
        let mut events = Vec::new();
        while let Ok(event) = tokio::time::timeout_at(until, self.watcher.next()).await {
            events.push(event);
        }
        events
    }

    async fn changed(&mut self) -> (Cause, u64, Vec<String>) {
        let search = async {
            loop {
                if let Event::Changed { batch, cause } = self.watcher.next().await {
                    return (cause, batch.revision, batch.changes.iter().map(describe).collect());
                }
            }
        };
        // Before the first audit that lists whatever was written.
        timeout(HOUR / 4, search).await.expect("no change was reported")
    }
}

#[tokio::test(start_paused = true)]
async fn an_audit_reads_what_was_written_since_the_last_one() {
    let mut audited = Audited::begun().await;
    audited.store.put("/p/007", "new");
    audited.within(Duration::from_secs(340)).await;
    // The key, and four that show that the history is the same.
    assert_eq!((audited.watcher.counters().audits, audited.read()), (1, (0, 1, 5)));
    audited.forget();
    audited.within(Duration::from_secs(340)).await;
    assert_eq!((audited.watcher.counters().audits, audited.read()), (2, (0, 1, 4)));
}

#[tokio::test(start_paused = true)]
async fn an_audit_reads_everything_within_the_hour() {
    let mut audited = Audited::begun().await;
    audited.within(5 * HOUR).await;
    let (listings, deltas, _) = audited.read();
    assert!((5..=10).contains(&listings) && deltas > 40, "{listings} listings, {deltas} deltas");
    assert_eq!(audited.watcher.counters().repairs, 0);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_write_is_repaired_without_a_listing() {
    let mut audited = Audited::begun().await;
    audited.store.lose_next(1);
    audited.store.transaction().put("/p/007", "new").put("/p/new", "1").commit();
    // What the stream delivers afterwards does not hide it.
    for n in 0..20 {
        audited.store.put(format!("/p/{:03}", 20 + n), "2");
        audited.within(Duration::from_secs(1)).await;
    }
    let keys = vec!["/p/007=new".to_owned(), "/p/new=1".to_owned()];
    assert_eq!(audited.changed().await, (Cause::Audit, audited.store.revision(), keys));
    assert_eq!((audited.watcher.counters().repairs, audited.read().0), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_deletion_is_found_by_the_number_of_keys() {
    let mut audited = Audited::begun().await;
    audited.store.lose_next(1);
    audited.store.delete("/p/007");
    audited.store.put("/p/008", "2");
    assert_eq!(audited.changed().await.2, ["/p/008=2"]);
    assert_eq!(audited.changed().await, (Cause::Audit, audited.store.revision(), vec!["/p/007-".into()]));
    assert_eq!((audited.watcher.counters().repairs, audited.read().0), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_deletion_is_found_though_another_key_was_made_in_its_place() {
    let mut audited = Audited::begun().await;
    audited.store.lose_next(2);
    audited.store.delete("/p/007");
    audited.store.put("/p/new", "1");
    let keys = vec!["/p/007-".to_owned(), "/p/new=1".to_owned()];
    assert_eq!(audited.changed().await, (Cause::Audit, audited.store.revision(), keys));
}

#[tokio::test(start_paused = true)]
async fn an_audit_beside_writes_of_all_kinds_finds_nothing_to_repair() {
    let mut audited = Audited::begun().await;
    audited.store.delay(Duration::from_millis(700));
    for n in 0..4_000_u32 {
        let key = |offset: u32| format!("/p/{:03}", (n * 7 + offset) % 90);
        audited.store.transaction().put(key(0), n.to_string()).delete(key(1)).put(key(2), "x").commit();
        audited.within(Duration::from_millis(300)).await;
    }
    let counters = audited.watcher.counters();
    let (listings, deltas, _) = audited.read();
    assert!(counters.audits >= 3 && deltas >= 3 && listings <= 1, "{counters:?}, {:?}", audited.read());
    assert_eq!((counters.repairs, counters.rewinds), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_after_which_nothing_is_new_reads_next_to_nothing() {
    let mut audited = Audited::begun().await;
    audited.store.put("/q/other", "x");
    audited.store.cut();
    audited.within(Duration::from_secs(60)).await;
    assert_eq!((audited.watcher.counters().resumes, audited.watcher.counters().audits), (1, 1));
    assert_eq!(audited.read(), (0, 1, 4));
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_is_audited_with_what_was_read_for_it() {
    let mut audited = Audited::begun().await;
    audited.store.lose_next(1);
    audited.store.cut();
    audited.store.put("/p/007", "lost");
    audited.store.put("/p/008", "2");
    assert_eq!(audited.changed().await.2, ["/p/008=2"]);
    assert_eq!(
        audited.changed().await,
        (Cause::Audit, audited.store.revision(), vec!["/p/007=lost".to_owned()])
    );
    assert_eq!(audited.read(), (0, 1, 6));
}

#[tokio::test(start_paused = true)]
async fn a_replay_of_more_changes_than_there_are_keys_is_not_made() {
    let mut audited = Audited::begun().await;
    audited.store.cut();
    for n in 0..500 {
        let all = (0..100).map(|key| format!("/p/{key:03}"));
        all.fold(audited.store.transaction(), |txn, key| txn.put(key, n.to_string())).commit();
    }
    let (cause, revision, keys) = audited.changed().await;
    assert_eq!((cause, revision, keys.len()), (Cause::Resync, audited.store.revision(), 100));
    audited.within(Duration::from_secs(60)).await;
    let counters = audited.watcher.counters();
    assert_eq!((counters.resumes, counters.lists, counters.repairs), (1, 1, 0));
    assert_eq!((audited.read().0, audited.read().2 <= 110), (0, true), "{:?}", audited.read());
}

#[tokio::test(start_paused = true)]
async fn a_replay_of_fewer_changes_reports_each_revision() {
    let mut audited = Audited::begun().await;
    audited.store.cut();
    for n in 0..500 {
        audited.store.put("/p/007", n.to_string());
    }
    for n in 0..500 {
        assert_eq!(audited.changed().await.2, [format!("/p/007={n}")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_absence_costs_what_was_written() {
    let mut audited = Audited::begun().await;
    audited.store.cut();
    for n in 0..5_000 {
        audited.store.put("/p/007", n.to_string());
    }
    audited.store.compact(audited.store.revision());
    let revision = audited.store.revision();
    assert_eq!(audited.changed().await, (Cause::Resync, revision, vec!["/p/007=4999".into()]));
    assert_eq!(audited.read().0, 0);
}

#[tokio::test(start_paused = true)]
async fn another_history_in_the_place_of_the_old_one_is_announced() {
    let mut audited = Audited::begun().await;
    let backup = audited.store.revision();
    audited.store.put("/p/007", "lost");
    audited.within(Duration::from_secs(1)).await;
    audited.store.rewind(backup);
    for n in 0..200 {
        audited.store.put("/p/008", n.to_string());
    }
    let events = audited.within(Duration::from_secs(10)).await;
    assert!(events.iter().any(|event| matches!(event, Event::Rewound { .. })), "{events:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_say_what_was_written_is_listed() {
    let mut audited = Audited::begun().await;
    audited.reads.unsupported.store(1, SeqCst);
    audited.within(2 * HOUR).await;
    let (listings, deltas, _) = audited.read();
    assert!(listings >= 20 && deltas == 1, "{listings} listings, {deltas} questions");
    assert_eq!(audited.watcher.counters().audits, u64::try_from(listings).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_short_gap_is_replayed_from_a_store_that_cannot_say_what_was_written() {
    let mut audited = Audited::begun().await;
    audited.reads.unsupported.store(1, SeqCst);
    audited.store.cut();
    for n in 0..50 {
        audited.store.put("/p/007", n.to_string());
    }
    for n in 0..50 {
        let (cause, _, keys) = audited.changed().await;
        assert_eq!((cause, keys), (Cause::Watch, vec![format!("/p/007={n}")]));
    }
    assert_eq!(audited.watcher.counters().lists, 1);
}

#[tokio::test(start_paused = true)]
async fn a_small_prefix_is_listed() {
    let mut audited = Audited::of(MemoryStore::from([("/p/a", "1"), ("/p/b", "2")])).await;
    audited.within(Duration::from_secs(1_000)).await;
    let (listings, deltas, _) = audited.read();
    assert!(listings >= 3 && deltas == 0, "{listings} listings, {deltas} questions");
}

/// How many questions about the past a start asks, where something is written after the listing or not.
async fn questions_of_a_start(writes: bool) -> usize {
    let counted = Counted { store: MemoryStore::from([("/p/a", "1")]), reads: Arc::default() };
    let mut watcher = Watcher::new(Arc::new(counted.clone()), Prefix::new("/p"), Options::default());
    loop {
        match watcher.next().await {
            Event::Listed(_) if writes => drop(counted.store.put("/q/other", "1")),
            Event::State(state) if state.is_watching() => break,
            _ => {}
        }
    }
    counted.reads.histories.load(SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_start_asks_for_the_past_only_where_something_was_written_after_the_listing() {
    assert_eq!(questions_of_a_start(false).await, 0);
    assert_eq!(questions_of_a_start(true).await, 1);
}
