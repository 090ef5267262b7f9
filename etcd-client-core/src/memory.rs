//! A store in memory, with etcd's revisions and with switches for what goes wrong.

mod keyspace;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::printable::{Key, Length};
use crate::store::{Batch, BoxFuture, Change, Entry, HistoryMark, Known, Listing, Opened, Prefix, Store};
use crate::{Error, Kind};
use keyspace::Keyspace;
use stream::{Faults, MemoryWatch, Streams};

/// How long a call waits for a silent store: what the clients allow a server.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// Keys and values in memory, with everything that a [`Store`] has: revisions, transactions,
/// history, compaction. For unit tests without a server, and for trying things out.
///
/// A handle; clones are the same store. Its switches play what networks and servers do:
/// [`cut`](Self::cut), [`silence`](Self::silence), [`lag`](Self::lag), [`refuse`](Self::refuse),
/// [`rewind`](Self::rewind), [`lose_next`](Self::lose_next), [`delay`](Self::delay),
/// [`slow`](Self::slow), [`early_progress`](Self::early_progress).
///
/// ```
/// use etcd_client_core::MemoryStore;
///
/// let store = MemoryStore::from([("/app/name", "a"), ("/app/level", "info")]);
/// assert_eq!(store.get("/app/level").as_deref(), Some(&b"info"[..]));
/// let before = store.revision();
/// store.transaction().put("/app/name", "b").delete("/app/level").commit();
/// assert_eq!(store.revision(), before + 1);
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<MemoryState>,
}

#[derive(Default)]
struct MemoryState {
    keyspace: Keyspace,
    faults: Faults,
    streams: Streams,
}

/// Several changes that become one revision; see [`MemoryStore::transaction`].
#[must_use = "nothing happens before `commit`"]
pub struct Transaction {
    store: MemoryStore,
    changes: Vec<(Bytes, Option<Bytes>)>,
}

impl MemoryStore {
    /// An empty store at revision 1, as etcd's is.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a key, and answers with the revision.
    pub fn put(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> u64 {
        self.transaction().put(key, value).commit()
    }

    /// Deletes a key, and answers with the revision: as in etcd, deleting what is not there makes
    /// no new one.
    pub fn delete(&self, key: impl Into<Vec<u8>>) -> u64 {
        self.transaction().delete(key).commit()
    }

    /// Begins a transaction. Its changes become visible at once, at one revision.
    pub fn transaction(&self) -> Transaction {
        Transaction { store: self.clone(), changes: Vec::new() }
    }

    /// The value of a key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Bytes> {
        self.lock().keyspace.get(key.as_ref())
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.lock().keyspace.revision()
    }

    /// Forgets the history before `revision`, at most before the newest.
    pub fn compact(&self, revision: u64) {
        self.lock().keyspace.compact(revision);
    }

    /// Ends every stream, as a lost connection does.
    pub fn cut(&self) {
        self.change(|state| state.streams.cut());
    }

    /// While on, nothing is answered and nothing is sent, and nothing says so: a stopped process, a
    /// network that drops packets. Calls fail after 5 s.
    pub fn silence(&self, on: bool) {
        self.change(|state| state.faults.silent = on);
    }

    /// While on, streams send nothing new, and answer for progress with the revision that they have
    /// come to; those that are opened know of nothing newer than what there was when it was turned
    /// on. A member that has fallen behind. Other calls are answered from the newest state.
    pub fn lag(&self, on: bool) {
        self.change(|state| state.faults.lagging = on.then(|| state.keyspace.revision()));
    }

    /// A stream passes each revision on this long after the one before it: a slow link.
    pub fn slow(&self, pause: Duration) {
        self.change(|state| state.faults.pause = pause);
    }

    /// While on, streams answer for progress at once, whatever is on its way to them: etcd before 3.4.25
    /// and 3.5.8.
    pub fn early_progress(&self, on: bool) {
        self.change(|state| state.faults.early = on);
    }

    /// While on, calls are refused, as by a server that is down. Streams that are open go on.
    pub fn refuse(&self, on: bool) {
        let error = || Error::new(Kind::Unavailable, "memory: connection refused (MemoryStore::refuse)");
        self.refuse_with(on.then(error));
    }

    /// Refuses calls with an error of your own; `None` ends it.
    pub fn refuse_with(&self, error: Option<Error>) {
        self.change(|state| state.faults.refusal = error);
    }

    /// Each call takes this long; a listing shows the state of half that time.
    pub fn delay(&self, delay: Duration) {
        self.lock().faults.delay = delay;
    }

    /// The next `revisions` changes are made, but not sent to anyone who watches: a server's bug.
    pub fn lose_next(&self, revisions: u64) {
        self.lock().keyspace.lose_next(revisions);
    }

    /// Takes the store back to what it was at `revision`, or at the oldest that is not compacted,
    /// and ends all streams: a restored backup. Answers with the revision.
    pub fn rewind(&self, revision: u64) -> u64 {
        self.change(|state| {
            state.streams.cut();
            state.keyspace.rewind(revision)
        })
    }

    /// Takes everything away and ends all streams, as a server does that starts with a new data
    /// directory; with `new_cluster` it also has another cluster id.
    pub fn wipe(&self, new_cluster: bool) {
        self.change(|state| {
            state.streams.cut();
            state.keyspace.wipe(new_cluster);
        });
    }

    fn commit(&self, changes: Vec<(Bytes, Option<Bytes>)>) -> u64 {
        self.change(|state| state.keyspace.commit(changes))
    }

    /// Changes the state, then wakes whoever waits for it to change.
    fn change<R>(&self, change: impl FnOnce(&mut MemoryState) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        let wakers = state.streams.take_wakers();
        drop(state);
        for waker in wakers {
            waker.wake();
        }
        result
    }

    /// The state is whole between two statements, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the store answers at all, within the limit for a call.
    async fn answers(&self) -> Result<(), Error> {
        let delay = self.lock().faults.delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay / 2).await;
        }
        let open = tokio::time::timeout(CALL_LIMIT, stream::spoken(self));
        open.await
            .map_err(|_| Error::new(Kind::Timeout, format!("memory: no answer within {CALL_LIMIT:?}")))??;
        Ok(())
    }
}

impl Transaction {
    /// Writes a key.
    pub fn put(mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.changes.push((Bytes::from(key.into()), Some(Bytes::from(value.into()))));
        self
    }

    /// Deletes a key.
    pub fn delete(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.changes.push((Bytes::from(key.into()), None));
        self
    }

    /// Makes all changes at once, and answers with the revision.
    pub fn commit(self) -> u64 {
        self.store.commit(self.changes)
    }
}

impl Store for MemoryStore {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        let (store, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            store.answers().await?;
            let (listing, delay) = {
                let state = store.lock();
                (state.keyspace.list(&prefix), state.faults.delay)
            };
            if !delay.is_zero() {
                tokio::time::sleep(delay / 2).await;
            }
            Ok(listing)
        })
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        let (store, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            store.answers().await?;
            let mut state = store.lock();
            let (newest, cluster) = (state.keyspace.revision(), state.keyspace.cluster());
            let head = state.faults.lagging.unwrap_or(newest).min(newest);
            let after = after.unwrap_or(head);
            state.keyspace.check_history(after)?;
            let stream = state.streams.open(after);
            drop(state);
            Ok(Opened { watch: Box::new(MemoryWatch::new(store, prefix, stream)), head, cluster })
        })
    }

    fn has_history(&self, prefix: &Prefix, mark: HistoryMark) -> BoxFuture<Result<bool, Error>> {
        let (store, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            store.answers().await?;
            store.lock().keyspace.has_history(&prefix, &mark)
        })
    }

    fn unchanged(&self, prefix: &Prefix, known: Known) -> BoxFuture<Result<Option<u64>, Error>> {
        let (store, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            store.answers().await?;
            let (answer, delay) = {
                let state = store.lock();
                (state.keyspace.unchanged(&prefix, known), state.faults.delay)
            };
            if !delay.is_zero() {
                tokio::time::sleep(delay / 2).await;
            }
            answer
        })
    }

    fn names(&self, directory: &Prefix, limit: usize) -> BoxFuture<Result<Vec<String>, Error>> {
        let (store, directory) = (self.clone(), directory.clone());
        Box::pin(async move {
            store.answers().await?;
            Ok(store.lock().keyspace.names(&directory, limit))
        })
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.shared) as usize
    }
}

impl<K, V> FromIterator<(K, V)> for MemoryStore
where
    K: Into<Vec<u8>>,
    V: Into<Vec<u8>>,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let store = Self::new();
        for (key, value) in pairs {
            store.put(key, value);
        }
        store
    }
}

impl<K, V, const N: usize> From<[(K, V); N]> for MemoryStore
where
    K: Into<Vec<u8>>,
    V: Into<Vec<u8>>,
{
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

/// Says how much there is, not what: values may be secret.
impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        f.debug_struct("MemoryStore")
            .field("revision", &state.keyspace.revision())
            .field("keys", &state.keyspace.len())
            .finish_non_exhaustive()
    }
}

/// Says which keys, and how long the values are.
impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let changes = self.changes.iter().map(|(key, value)| (Key(key), value.as_ref().map(Length::of)));
        f.debug_map().entries(changes).finish()
    }
}

impl std::fmt::Debug for MemoryState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryState").field("revision", &self.keyspace.revision()).finish_non_exhaustive()
    }
}

/// Every change of a transaction as a batch for who watches a prefix.
fn below(batch: &Batch, prefix: &Prefix) -> Batch {
    let is_below = |change: &&Change| match change {
        Change::Put(Entry { key, .. }) | Change::Delete(key) | Change::DeleteBelow(key) => {
            prefix.relative(key).is_some()
        }
    };
    Batch { revision: batch.revision, changes: batch.changes.iter().filter(is_below).cloned().collect() }
}
