//! Histories that are forgotten while, or before, they are watched.

use std::task::{Context, Poll};

use etcd_client_core::{BoxFuture, HistoryMark, Listing, Opened, Signal, Store, Watch};

use super::*;

/// A store behind a slow network: it confirms a watch before it says that its start is compacted, as
/// etcd does, and says nothing of its past in time.
#[derive(Debug)]
struct Far(MemoryStore);

#[derive(Debug)]
struct Refusal(Error);

impl Store for Far {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        self.0.list(prefix)
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        let (store, opened) = (self.0.clone(), self.0.watch(prefix, after));
        Box::pin(async move {
            match opened.await {
                Err(error) if error.kind() == Kind::Compacted => {
                    Ok(Opened { watch: Box::new(Refusal(error)), head: store.revision(), cluster: 0 })
                }
                opened => opened,
            }
        })
    }

    fn has_history(&self, _: &Prefix, _: HistoryMark) -> BoxFuture<Result<bool, Error>> {
        Box::pin(std::future::pending())
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(Self(self.0.clone()))
    }

    fn identity(&self) -> usize {
        self.0.identity()
    }
}

impl Watch for Refusal {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        Poll::Ready(Err(self.0.clone()))
    }

    fn request_progress(&mut self) {}

    fn endpoint(&self) -> &'static str {
        "far away"
    }

    fn abandon(self: Box<Self>) {}
}

/// Until it holds everything, it does not claim to be watching.
#[tokio::test(start_paused = true)]
async fn a_start_that_is_compacted_behind_its_confirmation_is_no_livelock() {
    let store = MemoryStore::from([("/p/a", "0")]);
    fastrand::seed(7);
    let watcher = Watcher::new(Arc::new(Far(store.clone())), Prefix::new("/p"), Options::default());
    let mut follower = Follower { store: store.clone(), watcher };
    follower.watching().await;
    store.delay(Duration::from_millis(500));
    store.cut();
    let before = Instant::now();
    let compactions = async {
        for n in 0..600 {
            store.compact(store.put("/p/a", n.to_string()));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let recovery = async {
        let mut changed = None;
        loop {
            match follower.watcher.next().await {
                Event::Changed { .. } => changed = Some(Instant::now()),
                Event::State(State::Watching { endpoint }) if endpoint != "far away" => {
                    assert_eq!(changed, Some(Instant::now()), "watching, while it is still to be listed");
                    break before.elapsed();
                }
                _ => {}
            }
        }
    };
    let elapsed = tokio::select! {
        elapsed = recovery => elapsed,
        () = compactions => panic!("never watched while the storm lasted"),
    };
    assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_ended_by_a_compaction_is_not_said_to_be_watched_until_the_next_try() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "0")]));
    for n in 0..10 {
        follower.watching().await;
        follower.store.lag(true);
        follower.store.put("/p/a", n.to_string());
        follower.store.compact(follower.store.put("/p/a", "after"));
        let before = Instant::now();
        follower.store.lag(false);
        follower.until(|event| matches!(event, Event::State(State::Listing)).then_some(())).await;
        assert_eq!(before.elapsed(), Duration::ZERO, "of loss {n}");
    }
}
