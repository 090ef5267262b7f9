//! A store in memory between which and its writers things go wrong, and which keeps what it held at each revision.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use etcd_config::MemoryStore;
use etcd_config::client::{
    BoxFuture, Committed, Error, GuardedWrites, Kind, Listing, Opened, Prefix, Signal, Store, Watch, Write,
};
use fastrand::Rng;
use tokio::time::sleep;

/// Keys and values.
pub(crate) type State = BTreeMap<String, String>;

/// What the store held from one revision on, and the writes that a writer has made there.
#[derive(Debug)]
pub(crate) struct Moment {
    pub(crate) state: State,
    pub(crate) written: Option<Vec<Write>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Troubled {
    store: MemoryStore,
    /// It takes one key at a time, on the condition of that key, as etcd's v2 API does.
    one_key: bool,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    rng: Rng,
    history: BTreeMap<u64, Moment>,
    /// Requests that are still on their way to the store.
    late: usize,
    fates: BTreeMap<Fate, u64>,
}

/// What becomes of a request to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Answered,
    /// No server has it.
    Refused,
    LostAnswer,
    LostRequest,
    /// Its connection is lost, and it comes to the store long after that.
    Late,
}

pub(crate) const FATES: [Fate; 5] =
    [Fate::Answered, Fate::Refused, Fate::LostAnswer, Fate::LostRequest, Fate::Late];

impl Troubled {
    pub(crate) fn new(store: MemoryStore, one_key: bool, seed: u64) -> Self {
        let inner =
            Inner { rng: Rng::with_seed(seed), history: BTreeMap::new(), late: 0, fates: BTreeMap::new() };
        let troubled = Self { store, one_key, inner: Arc::new(Mutex::new(inner)) };
        troubled.note(None);
        troubled
    }

    /// Somebody writes or deletes a key past the library.
    pub(crate) fn past_the_library(&self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.store.put(key, value),
            None => self.store.delete(key),
        };
        self.note(None);
    }

    pub(crate) fn compact(&self) {
        self.store.compact(self.store.revision());
    }

    pub(crate) fn is_done(&self) -> bool {
        self.inner().late == 0
    }

    /// What the store held, by the revisions that made it.
    pub(crate) fn history(&self) -> BTreeMap<u64, Moment> {
        std::mem::take(&mut self.inner().history)
    }

    pub(crate) fn fates(&self) -> BTreeMap<Fate, u64> {
        self.inner().fates.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    fn note(&self, written: Option<Vec<Write>>) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let state = self.now().entries.iter().map(|entry| (text(&entry.key), text(&entry.value))).collect();
        self.inner().history.entry(self.store.revision()).or_insert(Moment { state, written });
    }

    fn now(&self) -> Listing {
        let mut listing = Store::list(&self.store, &Prefix::new(""));
        let mut context = Context::from_waker(std::task::Waker::noop());
        match listing.as_mut().poll(&mut context) {
            Poll::Ready(listing) => listing.unwrap(),
            Poll::Pending => unreachable!("a store in memory that is neither slow nor silent"),
        }
    }

    /// Whether it goes wrong this time: once in so many times.
    fn once_in(&self, times: u32) -> bool {
        self.inner().rng.u32(0..times) == 0
    }

    fn pause(&self, longest: u64) -> Duration {
        Duration::from_millis(self.inner().rng.u64(0..longest))
    }

    fn fate(&self) -> Fate {
        let mut inner = self.inner();
        let fate = match inner.rng.u8(0..20) {
            0 => Fate::Refused,
            1..=3 => Fate::LostAnswer,
            4 | 5 => Fate::LostRequest,
            6..=8 => Fate::Late,
            _ => Fate::Answered,
        };
        *inner.fates.entry(fate).or_default() += 1;
        fate
    }

    async fn apply(&self, writes: GuardedWrites) -> Committed {
        let made = writes.writes.clone();
        let before = self.store.revision();
        let committed = if self.one_key {
            self.apply_one(&writes).await
        } else {
            Store::commit(&self.store, writes).await.unwrap()
        };
        if let Committed::At { revision, .. } = committed
            && revision > before
        {
            self.note(Some(made));
        }
        committed
    }

    async fn apply_one(&self, writes: &GuardedWrites) -> Committed {
        let [Write { key, value, read_at }] = &writes.writes[..] else { unreachable!("one key at a time") };
        let listing = Store::list(&self.store, &writes.prefix).await.unwrap();
        let found = listing.entries.iter().find(|entry| entry.key == *key).map(|entry| entry.revision);
        if found != *read_at {
            return Committed::Conflict;
        }
        let transaction = self.store.transaction();
        let transaction = match value {
            Some(value) => transaction.put(&key[..], &value[..]),
            None => transaction.delete(&key[..]),
        };
        Committed::At { revision: transaction.commit(), proven: false }
    }
}

fn lost() -> Error {
    Error::new(Kind::Unavailable, "the connection was lost")
}

impl Store for Troubled {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        let (this, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            sleep(this.pause(20)).await;
            if this.once_in(12) {
                return Err(lost());
            }
            let listing = Store::list(&this.store, &prefix).await;
            sleep(this.pause(20)).await;
            listing
        })
    }

    fn list_at(&self, prefix: &Prefix, revision: u64) -> BoxFuture<Result<Listing, Error>> {
        let (this, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            sleep(this.pause(20)).await;
            if this.once_in(12) { Err(lost()) } else { Store::list_at(&this.store, &prefix, revision).await }
        })
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        let (this, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            sleep(this.pause(20)).await;
            if this.once_in(6) {
                return Err(lost());
            }
            let opened = Store::watch(&this.store, &prefix, after).await?;
            let watch = Box::new(TroubledWatch { inner: opened.watch, store: this });
            Ok(Opened { watch, ..opened })
        })
    }

    fn commit(&self, writes: GuardedWrites) -> BoxFuture<Result<Committed, Error>> {
        let this = self.clone();
        Box::pin(async move {
            sleep(this.pause(10)).await;
            match this.fate() {
                Fate::Answered => {
                    let committed = this.apply(writes).await;
                    sleep(this.pause(10)).await;
                    Ok(committed)
                }
                Fate::Refused => Err(lost()),
                Fate::LostAnswer => {
                    this.apply(writes).await;
                    sleep(this.pause(100)).await;
                    Err(lost().with_maybe_applied())
                }
                Fate::LostRequest => Err(lost().with_maybe_applied()),
                Fate::Late => {
                    this.inner().late += 1;
                    let longest = if this.once_in(2) { 300 } else { 20_000 };
                    let (there, way) = (this.clone(), this.pause(longest));
                    tokio::spawn(async move {
                        sleep(way).await;
                        there.apply(writes).await;
                        there.inner().late -= 1;
                    });
                    Err(lost().with_maybe_applied())
                }
            }
        })
    }

    fn writes_at_once(&self) -> usize {
        if self.one_key { 1 } else { self.store.writes_at_once() }
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        self.store.identity()
    }
}

/// A stream that ends now and then, or is silent from then on.
#[derive(Debug)]
struct TroubledWatch {
    store: Troubled,
    inner: Box<dyn Watch>,
}

impl Watch for TroubledWatch {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        if self.store.once_in(10) {
            return Poll::Ready(Err(lost()));
        }
        if self.store.once_in(30) {
            return Poll::Pending;
        }
        self.inner.poll_next(cx)
    }

    fn request_progress(&mut self) {
        self.inner.request_progress();
    }

    fn is_resumable(&self) -> bool {
        self.inner.is_resumable()
    }

    fn endpoint(&self) -> &str {
        self.inner.endpoint()
    }

    fn abandon(self: Box<Self>) {
        self.inner.abandon();
    }
}
