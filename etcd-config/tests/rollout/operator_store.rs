//! The store as one operator has it: cut off from that one only, or with requests that arrive late.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use etcd_config::MemoryStore;
use etcd_config::client::{
    BoxFuture, Committed, Delta, Error, FailingEndpoint, GuardedWrites, HistoryMark, Kind, Known, Lease,
    LeaseId, Leased, LeasedPut, Listing, Opened, Prefix, Store,
};

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is made, and the operator is cut off before the answer.
    MadeAndCut,
    /// It is not made, and the operator is cut off.
    LostAndCut,
    /// It is made, the answer is lost, and so is that of the second listing after it.
    MadeAndFlaky,
    /// It looks lost, and is made right after the next listing.
    Late,
}

#[derive(Clone, Debug)]
pub(crate) struct OperatorStore {
    store: MemoryStore,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    cut: AtomicBool,
    next: Mutex<Option<Fate>>,
    late: Mutex<Option<GuardedWrites>>,
    /// How many listings there are until one fails, which counts as well; 0 if none is to.
    good_listings: AtomicUsize,
    /// Late requests that were made.
    made_late: AtomicUsize,
    arrived: AtomicUsize,
}

fn away() -> Error {
    Error::new(Kind::Unavailable, "the operator is cut off")
}

impl OperatorStore {
    pub(crate) fn new(store: &MemoryStore) -> Self {
        Self { store: store.clone(), shared: Arc::default() }
    }

    pub(crate) fn cut(&self, on: bool) {
        self.shared.cut.store(on, Ordering::SeqCst);
    }

    /// Of the next commit.
    pub(crate) fn next(&self, fate: Fate) {
        *self.shared.next.lock().unwrap() = Some(fate);
    }

    /// How many late requests have arrived, and how many of them were made.
    pub(crate) fn late(&self) -> (usize, usize) {
        (self.shared.arrived.load(Ordering::SeqCst), self.shared.made_late.load(Ordering::SeqCst))
    }

    pub(crate) fn shared(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn asked<A: Send + 'static>(
        &self,
        call: impl FnOnce(&MemoryStore) -> BoxFuture<Result<A, Error>>,
    ) -> BoxFuture<Result<A, Error>> {
        if self.shared.cut.load(Ordering::SeqCst) {
            return Box::pin(async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(away())
            });
        }
        call(&self.store)
    }
}

impl Store for OperatorStore {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        let good = &self.shared.good_listings;
        let left = good.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left == Ok(1) {
            return Box::pin(async { Err(away()) });
        }
        let listing = self.asked(|store| store.list(prefix));
        let this = self.clone();
        Box::pin(async move {
            let listing = listing.await?;
            let late = this.shared.late.lock().unwrap().take();
            if let Some(late) = late {
                this.shared.arrived.fetch_add(1, Ordering::SeqCst);
                if matches!(this.store.commit(late).await, Ok(Committed::At { .. })) {
                    this.shared.made_late.fetch_add(1, Ordering::SeqCst);
                }
            }
            Ok(listing)
        })
    }

    fn commit(&self, writes: GuardedWrites) -> BoxFuture<Result<Committed, Error>> {
        let fate = self.shared.next.lock().unwrap().take();
        let Some(fate) = fate else { return self.asked(|store| store.commit(writes)) };
        let this = self.clone();
        Box::pin(async move {
            match fate {
                Fate::MadeAndCut => drop(this.store.commit(writes).await?),
                Fate::MadeAndFlaky => {
                    this.store.commit(writes).await?;
                    this.shared.good_listings.store(2, Ordering::SeqCst);
                }
                Fate::LostAndCut => {}
                Fate::Late => *this.shared.late.lock().unwrap() = Some(writes),
            }
            this.cut(matches!(fate, Fate::MadeAndCut | Fate::LostAndCut));
            Err(away().with_maybe_applied())
        })
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        self.asked(|store| store.watch(prefix, after))
    }

    fn has_history(&self, prefix: &Prefix, mark: HistoryMark) -> BoxFuture<Result<bool, Error>> {
        self.asked(|store| store.has_history(prefix, mark))
    }

    fn unchanged(&self, prefix: &Prefix, known: Known) -> BoxFuture<Result<Option<u64>, Error>> {
        self.asked(|store| store.unchanged(prefix, known))
    }

    fn list_at(&self, prefix: &Prefix, revision: u64) -> BoxFuture<Result<Listing, Error>> {
        self.asked(|store| store.list_at(prefix, revision))
    }

    fn written_since(&self, prefix: &Prefix, since: u64) -> BoxFuture<Result<Delta, Error>> {
        self.asked(|store| store.written_since(prefix, since))
    }

    fn may_write(&self, keys: Vec<Bytes>) -> BoxFuture<Result<(), Error>> {
        self.asked(|store| store.may_write(keys))
    }

    fn writes_at_once(&self) -> usize {
        self.store.writes_at_once()
    }

    fn grant_lease(&self, ttl: Duration) -> BoxFuture<Result<Lease, Error>> {
        self.asked(|store| store.grant_lease(ttl))
    }

    fn keep_lease_alive(&self, lease: LeaseId) -> BoxFuture<Result<Duration, Error>> {
        self.asked(|store| store.keep_lease_alive(lease))
    }

    fn revoke_lease(&self, lease: LeaseId) -> BoxFuture<Result<(), Error>> {
        self.asked(|store| store.revoke_lease(lease))
    }

    fn put_with_lease(&self, put: LeasedPut) -> BoxFuture<Result<Leased, Error>> {
        self.asked(|store| store.put_with_lease(put))
    }

    fn names(&self, directory: &Prefix, limit: usize) -> BoxFuture<Result<Vec<String>, Error>> {
        self.asked(|store| store.names(directory, limit))
    }

    fn failing_endpoints(&self) -> Vec<FailingEndpoint> {
        self.store.failing_endpoints()
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        self.shared()
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.shared) as usize
    }
}
