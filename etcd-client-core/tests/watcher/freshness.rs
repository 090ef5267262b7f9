//! A stream that is late, or cannot say how far it is, and a store that is asked meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use etcd_client_core::watcher::{Event, Options, Watcher};
use etcd_client_core::{
    Batch, BoxFuture, Change, Entry, Error, Known, Listing, Opened, Prefix, Signal, Store, Watch,
};
use etcd_config_tests::soon;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// What the store is asked, to be answered by the test.
#[derive(Debug)]
enum Call {
    List(oneshot::Sender<Listing>),
    Unchanged(Known, oneshot::Sender<Option<u64>>),
}

/// A store that answers when the test does, and has one stream.
#[derive(Debug)]
struct Puppet {
    calls: mpsc::UnboundedSender<Call>,
    stream: Mutex<Option<PuppetWatch>>,
}

#[derive(Debug)]
struct PuppetWatch {
    signals: mpsc::UnboundedReceiver<Signal>,
    /// Whether frames of other watches arrive.
    has_heard: Arc<AtomicBool>,
}

impl Store for Puppet {
    fn list(&self, _: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        let (call, answer) = oneshot::channel();
        self.calls.send(Call::List(call)).unwrap();
        Box::pin(async { Ok(answer.await.unwrap()) })
    }

    fn watch(&self, _: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        let Some(watch) = self.stream.lock().unwrap().take().map(Box::new) else {
            return Box::pin(std::future::pending());
        };
        Box::pin(async move { Ok(Opened { watch, head: after.unwrap(), cluster: 1 }) })
    }

    fn unchanged(&self, _: &Prefix, known: Known) -> BoxFuture<Result<Option<u64>, Error>> {
        let (call, answer) = oneshot::channel();
        self.calls.send(Call::Unchanged(known, call)).unwrap();
        Box::pin(async { Ok(answer.await.unwrap()) })
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        unreachable!("the watcher needs no connections of its own")
    }

    fn identity(&self) -> usize {
        0
    }
}

impl Watch for PuppetWatch {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        self.signals.poll_recv(cx).map(|signal| Ok(signal.unwrap()))
    }

    fn request_progress(&mut self) {}

    fn has_heard(&self) -> bool {
        self.has_heard.load(Ordering::Relaxed)
    }

    fn endpoint(&self) -> &'static str {
        "puppet"
    }

    fn abandon(self: Box<Self>) {}
}

/// A watcher whose store and stream the test plays, and what its reader holds.
struct Play {
    watcher: Watcher,
    calls: mpsc::UnboundedReceiver<Call>,
    signals: mpsc::UnboundedSender<Signal>,
    has_heard: Arc<AtomicBool>,
    model: BTreeMap<Bytes, Bytes>,
    /// The revision that the reader is at.
    revision: u64,
}

impl Play {
    /// One that watches, with an empty prefix at revision 3.
    async fn begun(audit_interval: Option<Duration>) -> Self {
        let (send_calls, calls) = mpsc::unbounded_channel();
        let (signals, stream) = mpsc::unbounded_channel();
        let has_heard = Arc::<AtomicBool>::default();
        let watch = PuppetWatch { signals: stream, has_heard: Arc::clone(&has_heard) };
        let store = Arc::new(Puppet { calls: send_calls, stream: Mutex::new(Some(watch)) });
        let mut options = Options::default();
        options.audit_interval = audit_interval;
        let watcher = Watcher::new(store, Prefix::new("/p"), options);
        let mut play = Self { watcher, calls, signals, has_heard, model: BTreeMap::new(), revision: 0 };
        play.listed(listing(3, vec![])).await;
        play
    }

    /// Lets time pass; whether anything but an assurance was reported.
    async fn pass(&mut self, time: Duration) -> bool {
        let until = tokio::time::Instant::now() + time;
        let mut changed = false;
        while let Ok(event) = tokio::time::timeout_at(until, self.watcher.next()).await {
            changed |= !matches!(event, Event::Current { .. });
            self.note(event);
        }
        changed
    }

    async fn listed(&mut self, listing: Listing) {
        let Some(Call::List(answer)) = soon(self.calls.recv()).await else {
            panic!("no listing was asked for")
        };
        answer.send(listing).unwrap();
        self.pass(Duration::from_millis(1)).await;
    }

    /// The stream shows that it is alive, and the store is asked.
    async fn asked(&mut self) -> (Known, oneshot::Sender<Option<u64>>) {
        self.signals.send(Signal::Alive).unwrap();
        self.pass(MOMENT).await;
        match timeout(Duration::from_millis(1), self.calls.recv()).await {
            Ok(Some(Call::Unchanged(known, answer))) => (known, answer),
            other => panic!("the store was not asked what has changed, but {other:?}"),
        }
    }

    async fn batch(&mut self, revision: u64, change: Change) -> bool {
        self.signals.send(Signal::Batch(Batch { revision, changes: vec![change] })).unwrap();
        self.pass(Duration::from_millis(1)).await
    }

    fn note(&mut self, event: Event) {
        let changes = match event {
            Event::Listed(listing) => {
                self.revision = listing.revision;
                listing.entries.iter().cloned().map(Change::Put).collect()
            }
            Event::Changed { batch, .. } => {
                self.revision = batch.revision;
                batch.changes
            }
            Event::Current { revision } => {
                self.revision = revision;
                Vec::new()
            }
            _ => Vec::new(),
        };
        for change in changes {
            match change {
                Change::Put(Entry { key, value, .. }) => drop(self.model.insert(key, value)),
                Change::Delete(key) | Change::DeleteBelow(key) => drop(self.model.remove(&key)),
            }
        }
    }
}

fn entry(revision: u64) -> Entry {
    Entry { key: "/p/a".into(), value: "1".into(), revision }
}

fn listing(revision: u64, entries: Vec<Entry>) -> Listing {
    Listing { revision, cluster: 1, entries }
}

const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn an_audit_between_what_came_and_what_went_is_not_taken_for_the_end() {
    let mut play = Play::begun(Some(Duration::from_secs(1))).await;
    // The audit reads what was put at 5; that and its deletion at 9 are on their way.
    play.pass(Duration::from_secs(2)).await;
    play.listed(listing(7, vec![entry(5)])).await;
    let (_, answer) = play.asked().await;
    answer.send(Some(9)).unwrap();
    play.pass(MOMENT).await;
    assert_eq!(play.revision, 3, "what is on its way must be noted for the audit");
    play.batch(5, Change::Put(entry(5))).await;
    play.batch(9, Change::Delete("/p/a".into())).await;
    assert_eq!((play.model.len(), play.revision), (0, 9), "deleted at 9");
}

#[tokio::test(start_paused = true)]
async fn what_came_and_went_while_the_store_was_asked_is_no_change_when_it_arrives() {
    let mut play = Play::begun(None).await;
    let (known, answer) = play.asked().await;
    assert_eq!(known, Known { revision: 3, cluster: 1, count: 0 });
    answer.send(Some(9)).unwrap();
    play.pass(MOMENT).await;
    assert_eq!(play.revision, 9);
    assert!(!play.batch(5, Change::Put(entry(5))).await, "nobody sees what is over");
    assert!(!play.batch(9, Change::Delete("/p/a".into())).await);
    assert!(play.batch(10, Change::Put(entry(10))).await);
    assert_eq!((play.model.len(), play.revision), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_what_was_held_before_proves_nothing_and_the_store_is_asked_again() {
    let mut play = Play::begun(None).await;
    let (_, answer) = play.asked().await;
    play.signals.send(Signal::Alive).unwrap();
    play.batch(5, Change::Put(entry(5))).await;
    answer.send(Some(4)).unwrap();
    play.pass(Duration::from_secs(1)).await;
    assert_eq!(play.revision, 5);
    let Ok(Call::Unchanged(known, _)) = play.calls.try_recv() else { panic!("the store was not asked") };
    assert_eq!((known.revision, known.count), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_alive_and_sends_nothing_of_what_the_store_holds_is_left_for_a_listing() {
    let mut play = Play::begun(None).await;
    for _ in 0..10 {
        let (_, answer) = play.asked().await;
        answer.send(None).unwrap();
        play.pass(Duration::from_secs(2)).await;
        assert_eq!(play.revision, 3, "not proven");
        if play.watcher.counters().losses > 0 {
            break;
        }
    }
    assert_eq!(play.watcher.counters().losses, 1);
    play.listed(listing(9, vec![entry(9)])).await;
    assert_eq!((play.model.len(), play.revision), (1, 9));
}

#[tokio::test(start_paused = true)]
async fn a_stream_on_which_changes_arrive_may_be_late() {
    let mut play = Play::begun(None).await;
    for revision in 4..24 {
        play.signals.send(Signal::Alive).unwrap();
        play.pass(MOMENT).await;
        while let Ok(Call::Unchanged(_, answer)) = play.calls.try_recv() {
            answer.send(None).unwrap();
        }
        let arrived = if revision % 2 == 0 {
            Signal::Arriving
        } else {
            Signal::Batch(Batch { revision, changes: vec![Change::Put(entry(revision))] })
        };
        play.signals.send(arrived).unwrap();
        play.pass(Duration::from_secs(3)).await;
    }
    assert_eq!((play.watcher.counters().losses, play.revision), (0, 23));
}

#[tokio::test(start_paused = true)]
async fn an_audit_of_what_is_held_waits_for_nobody() {
    let mut play = Play::begun(Some(Duration::from_secs(1))).await;
    play.pass(Duration::from_secs(2)).await;
    play.listed(listing(7, vec![])).await;
    assert_eq!((play.watcher.counters().audits, play.revision), (1, 7));
    assert!(!play.batch(5, Change::Put(entry(5))).await, "it was gone at 7");
}

/// One of them catches up, so that the server answers no request for progress.
#[tokio::test(start_paused = true)]
async fn a_stream_that_brings_frames_of_other_watches_is_not_dead_and_the_store_is_asked() {
    let mut play = Play::begun(None).await;
    play.signals.send(Signal::Progress(3)).unwrap();
    play.has_heard.store(true, Ordering::Relaxed);
    for head in [7, 8] {
        assert!(!play.pass(Duration::from_millis(10_001)).await, "it is not lost");
        let Ok(Call::Unchanged(known, answer)) = play.calls.try_recv() else {
            panic!("after two intervals the store is asked")
        };
        answer.send(Some(head)).unwrap();
        play.pass(MOMENT).await;
        assert!(known.revision < head && play.revision == head, "{known:?}, {}", play.revision);
    }
    play.has_heard.store(false, Ordering::Relaxed);
    assert!(play.pass(Duration::from_millis(10_001)).await, "it is lost");
}
