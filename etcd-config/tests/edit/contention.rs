//! Updates of many writers at once, on a store that serves one call after the other, under paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etcd_config::client::{BoxFuture, Committed, Error, GuardedWrites, Listing, Opened, Prefix, Store};
use etcd_config::{EtcdConfig, MemoryStore, field};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

const WRITERS: u32 = 200;

#[derive(EtcdConfig)]
#[etcd(prefix = "/counted")]
struct Counted {
    #[etcd(default = 0)]
    count: u32,
}

/// All want to count one up, at the same time: all of them do, well within the limit.
#[tokio::test(start_paused = true)]
async fn two_hundred_updates_at_once_all_come_through() {
    for service in [Duration::from_millis(1), Duration::from_millis(4)] {
        let busy = Busy::new(MemoryStore::new(), service);
        let begin = Instant::now();
        let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(count_up(busy.clone(), begin))).collect();
        let mut took = Vec::new();
        for writer in writers {
            took.push(writer.await.unwrap());
        }
        took.sort();
        let at = |share: usize| took[(took.len() - 1) * share / 100];
        let calls = busy.calls.load(Ordering::Relaxed);
        println!("{service:?}: {:.1?} {:.1?} {:.1?}, {calls} calls", at(50), at(90), at(100));
        assert_eq!(busy.store.get("/counted/count").as_deref(), Some(WRITERS.to_string().as_bytes()));
        assert!(at(100) < Duration::from_secs(25), "{took:?}");
    }
}

async fn count_up(busy: Busy, begin: Instant) -> Duration {
    let store: Arc<dyn Store> = Arc::new(busy);
    let counted = Counted::update_async(store, |edit| {
        let count =
            edit.stored("count").map_or(0, |text| String::from_utf8_lossy(text).parse::<u32>().unwrap());
        edit.set(field!(Counted.count), &(count + 1))
    });
    counted.await.unwrap();
    begin.elapsed()
}

/// Serves one call at a time, each in the same time, however many wait.
#[derive(Clone, Debug)]
struct Busy {
    store: MemoryStore,
    service: Duration,
    turn: Arc<Mutex<()>>,
    calls: Arc<AtomicU64>,
}

impl Busy {
    fn new(store: MemoryStore, service: Duration) -> Self {
        Self { store, service, turn: Arc::default(), calls: Arc::default() }
    }

    async fn serve<A>(self, call: impl Future<Output = A>) -> A {
        let _turn = self.turn.lock().await;
        self.calls.fetch_add(1, Ordering::Relaxed);
        sleep(self.service).await;
        call.await
    }
}

impl Store for Busy {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        Box::pin(self.clone().serve(Store::list(&self.store, prefix)))
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        Box::pin(self.clone().serve(Store::watch(&self.store, prefix, after)))
    }

    fn commit(&self, writes: GuardedWrites) -> BoxFuture<Result<Committed, Error>> {
        Box::pin(self.clone().serve(Store::commit(&self.store, writes)))
    }

    fn writes_at_once(&self) -> usize {
        self.store.writes_at_once()
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        self.store.identity()
    }
}
