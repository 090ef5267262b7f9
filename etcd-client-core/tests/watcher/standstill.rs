//! A stream that is late, and a store that says meanwhile that nothing differs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use etcd_client_core::watcher::{Event, Options, Watcher};
use etcd_client_core::{
    Batch, BoxFuture, Change, Entry, Error, Listing, Opened, Prefix, Signal, Store, Watch,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

type Call = oneshot::Sender<Listing>;

/// A store that answers when the test does.
#[derive(Debug)]
struct Puppet {
    calls: mpsc::UnboundedSender<Call>,
    stream: Mutex<Option<mpsc::UnboundedReceiver<Signal>>>,
}

#[derive(Debug)]
struct PuppetWatch(mpsc::UnboundedReceiver<Signal>);

impl Store for Puppet {
    fn list(&self, _: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        let (call, answer) = oneshot::channel();
        self.calls.send(call).unwrap();
        Box::pin(async { Ok(answer.await.unwrap()) })
    }

    fn watch(&self, _: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        let stream = self.stream.lock().unwrap().take().unwrap();
        let watch = Box::new(PuppetWatch(stream));
        Box::pin(async move { Ok(Opened { watch, head: after.unwrap(), cluster: 1 }) })
    }

    fn twin(&self) -> Arc<dyn Store> {
        unreachable!("the watcher needs no twin")
    }

    fn identity(&self) -> usize {
        0
    }
}

impl Watch for PuppetWatch {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        self.0.poll_recv(cx).map(|signal| Ok(signal.unwrap()))
    }

    fn request_progress(&mut self) {}

    fn endpoint(&self) -> &'static str {
        "puppet"
    }

    fn abandon(self: Box<Self>) {}
}

fn entry(revision: u64) -> Entry {
    Entry { key: "/p/a".into(), value: "1".into(), revision }
}

fn listing(revision: u64, entries: Vec<Entry>) -> Listing {
    Listing { revision, cluster: 1, entries }
}

fn note(model: &mut BTreeMap<Bytes, Bytes>, event: Event) {
    let changes = match event {
        Event::Listed(listing) => listing.entries.iter().cloned().map(Change::Put).collect(),
        Event::Changed { batch, .. } => batch.changes,
        _ => Vec::new(),
    };
    for change in changes {
        match change {
            Change::Put(Entry { key, value, .. }) => drop(model.insert(key, value)),
            Change::Delete(key) | Change::DeleteBelow(key) => drop(model.remove(&key)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_audit_between_what_came_and_what_went_is_not_taken_for_the_end() {
    let (calls, mut called) = mpsc::unbounded_channel();
    let (signals, stream) = mpsc::unbounded_channel();
    let store = Arc::new(Puppet { calls, stream: Mutex::new(Some(stream)) });
    let mut options = Options::default();
    options.audit_interval = Some(Duration::from_secs(1));
    let mut watcher = Watcher::new(store, Prefix::new("/p"), options);
    let mut model = BTreeMap::new();
    let mut run = async |time: Duration| {
        while let Ok(event) = timeout(time, watcher.next()).await {
            note(&mut model, event);
        }
        model.len()
    };
    called.recv().await.unwrap().send(listing(3, vec![])).unwrap();
    run(Duration::from_millis(1)).await;
    // The audit reads what was put at 5; that and its deletion at 9 are on their way.
    run(Duration::from_secs(2)).await;
    called.recv().await.unwrap().send(listing(7, vec![entry(5)])).unwrap();
    run(Duration::from_millis(1)).await;
    signals.send(Signal::Unchanged(9)).unwrap();
    run(Duration::from_millis(1)).await;
    signals.send(Signal::Batch(Batch { revision: 5, changes: vec![Change::Put(entry(5))] })).unwrap();
    signals.send(Signal::Batch(Batch { revision: 9, changes: vec![Change::Delete("/p/a".into())] })).unwrap();
    signals.send(Signal::Progress(9)).unwrap();
    assert_eq!(run(Duration::from_millis(1)).await, 0, "deleted at 9");
}
