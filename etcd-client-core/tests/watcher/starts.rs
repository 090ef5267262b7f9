//! What a start asks of the store.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use etcd_client_core::{BoxFuture, HistoryMark, Listing, Opened, Store};

use super::*;

/// A store that counts the questions about its past, and in which something may be written between a listing and a
/// watch.
#[derive(Clone, Debug)]
struct Questioned {
    store: MemoryStore,
    is_busy: bool,
    questions: Arc<AtomicUsize>,
}

impl Store for Questioned {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        self.store.list(prefix)
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        if self.is_busy {
            self.store.put("/elsewhere", "1");
        }
        self.store.watch(prefix, after)
    }

    fn has_history(&self, prefix: &Prefix, mark: HistoryMark) -> BoxFuture<Result<bool, Error>> {
        self.questions.fetch_add(1, SeqCst);
        self.store.has_history(prefix, mark)
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        self.store.identity()
    }
}

/// How often the past was asked for until the prefix was watched, and then after a cut.
async fn questions(is_busy: bool) -> (usize, usize) {
    let (store, questions) = (MemoryStore::from([("/p/a", "0")]), Arc::default());
    let asked = Questioned { store: store.clone(), is_busy, questions: Arc::clone(&questions) };
    let watcher = Watcher::new(Arc::new(asked), Prefix::new("/p"), Options::default());
    let mut follower = Follower { store, watcher };
    follower.watching().await;
    let at_start = questions.swap(0, SeqCst);
    follower.store.cut();
    follower.watching().await;
    (at_start, questions.load(SeqCst))
}

#[tokio::test(start_paused = true)]
async fn the_past_is_asked_for_unless_the_store_is_still_as_it_was_listed() {
    assert_eq!(questions(false).await, (0, 1));
    assert_eq!(questions(true).await, (1, 1));
}
