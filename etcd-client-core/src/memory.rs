//! A store in memory, with etcd's revisions and with fault switches.

mod keyspace;
mod leases;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::printable::{Key, Length};
use crate::store::{
    Batch, BoxFuture, Change, Committed, Delta, Entry, GuardedWrites, HistoryMark, Known, Lease, LeaseId,
    Leased, LeasedPut, Listing, Opened, Prefix, Store, merged_watch,
};
use crate::{Error, Kind};
use keyspace::Keyspace;
use stream::{CommitFault, Faults, MemoryWatch, Streams};

/// How long a call waits for a silent store: what the clients allow a server.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// What etcd takes in a transaction by default (`--max-txn-ops`), where one operation is the count of the keys.
const OPERATIONS_AT_ONCE: usize = 128;

/// A [`Store`] in memory, with etcd's revisions, transactions, history and compaction: for unit tests without a
/// server, and for trying things out. It keeps its whole history, unless it is [compacted](Self::compact).
///
/// A handle: clones are the same store, so a test keeps one and gives the code under test another.
///
/// Leases end by the clock of the tokio runtime that is used, which a test may pause. Their keys are deleted as soon as
/// anybody looks or waits.
///
/// Its own methods, such as [`put`](Self::put), return at once, and are not hit by the faults: they are the other side,
/// who writes and breaks things. In `from([...])` each pair is a revision of its own, the first of them 2.
///
/// Its fault switches do what networks and servers do:
///
/// | switch | what happens in production |
/// | --- | --- |
/// | [`cut`](Self::cut) | connections are lost |
/// | [`refuse`](Self::refuse), [`refuse_with`](Self::refuse_with) | the server is down, or rejects calls |
/// | [`refuse_writes_with`](Self::refuse_writes_with) | no permission to write, no space left (alarm `NOSPACE`) |
/// | [`silence`](Self::silence) | a stopped process, a network that drops packets |
/// | [`delay`](Self::delay), [`slow`](Self::slow) | slow calls, a slow link |
/// | [`lag`](Self::lag) | the watch is at a lagging member |
/// | [`slow_in`](Self::slow_in), [`silence_in`](Self::silence_in) | of several directories, the watch of one is late, or dead |
/// | [`early_progress`](Self::early_progress) | unreliable progress notifications, etcd before 3.4.25 and 3.5.8 |
/// | [`lose_next`](Self::lose_next) | the server does not send a change |
/// | [`conflict_next`](Self::conflict_next) | somebody else writes first |
/// | [`lose_next_answer`](Self::lose_next_answer), [`lose_next_request`](Self::lose_next_request) | the connection is lost after a write was sent |
/// | [`compact`](Self::compact) | the history is compacted |
/// | [`rewind`](Self::rewind), [`wipe`](Self::wipe) | a restored backup, a new data directory |
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
///
/// A watcher that loses its connection, and resumes:
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use etcd_client_core::{MemoryStore, Prefix, Watcher, watcher::{Event, Options}};
///
/// let store = MemoryStore::from([("/app/level", "info")]);
/// let mut watcher = Watcher::new(Arc::new(store.clone()), Prefix::new("/app"), Options::default());
/// while !matches!(watcher.next().await, Event::State(state) if state.is_watching()) {}
/// store.cut();
/// store.put("/app/level", "debug");
/// while !matches!(watcher.next().await, Event::Changed { .. }) {}
/// assert_eq!((watcher.counters().losses, watcher.counters().resumes), (1, 1));
/// # });
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

/// Several changes that become one revision, made by [`MemoryStore::transaction`]. Whoever watches sees all of them or
/// none.
///
/// ```
/// use etcd_client_core::MemoryStore;
///
/// let store = MemoryStore::from([("/app/host", "a"), ("/app/port", "1"), ("/app/old", "x")]);
/// let transaction = store.transaction().put("/app/host", "b").put("/app/port", "2").delete("/app/old");
/// assert_eq!(store.get("/app/host").as_deref(), Some(&b"a"[..])); // not before `commit`
/// assert_eq!(transaction.commit(), store.revision());
/// assert_eq!(store.get("/app/host").as_deref(), Some(&b"b"[..]));
/// assert_eq!(store.get("/app/old"), None);
/// ```
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

    /// Writes a key. Returns the new revision, also if the value is the same as before, as in etcd.
    pub fn put(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> u64 {
        self.transaction().put(key, value).commit()
    }

    /// Deletes a key. Returns the store's revision, which is not a new one if there is no such key, as in etcd.
    pub fn delete(&self, key: impl Into<Vec<u8>>) -> u64 {
        self.transaction().delete(key).commit()
    }

    /// Begins a transaction. Its changes become visible together, at one revision.
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

    /// Compacts the history before `revision`, at most before the newest one. Watches that begin before that
    /// fail with [`Kind::Compacted`].
    pub fn compact(&self, revision: u64) {
        self.lock().keyspace.compact(revision);
    }

    /// Ends every stream, as a lost connection does.
    pub fn cut(&self) {
        self.change(|state| state.streams.cut());
    }

    /// While on, calls are not answered and streams send nothing, and no connection ends: a stopped process, a
    /// network that drops packets. Calls fail after 5 s with [`Kind::Timeout`].
    pub fn silence(&self, on: bool) {
        self.change(|state| state.faults.silent = on);
    }

    /// While on, streams send no changes, and answer requests for progress with the revision that they have
    /// come to; new streams are confirmed at the revision at which it was turned on: a lagging member. Other
    /// calls are answered from the newest state.
    pub fn lag(&self, on: bool) {
        self.change(|state| state.faults.lagging = on.then(|| state.keyspace.revision()));
    }

    /// Streams send each revision this long after the one before it: a slow link. Zero ends it.
    pub fn slow(&self, pause: Duration) {
        self.change(|state| state.faults.pause = pause);
    }

    /// As [`slow`](Self::slow), of the streams of one directory: of a prefix with [several](Prefix::and), the changes of
    /// the others arrive before. Zero ends it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use etcd_client_core::{MemoryStore, Prefix};
    ///
    /// let store = MemoryStore::new();
    /// store.slow_in(&Prefix::new("/app@eu-1"), Duration::from_millis(200));
    /// ```
    pub fn slow_in(&self, directory: &Prefix, pause: Duration) {
        self.change(|state| state.faults.of_directory(directory).pause = pause);
    }

    /// While on, the streams of one directory send nothing and answer nothing, and those of others go on.
    pub fn silence_in(&self, directory: &Prefix, on: bool) {
        self.change(|state| state.faults.of_directory(directory).silent = on);
    }

    /// While on, streams answer requests for progress at once, also if changes are still to be sent, as etcd
    /// before 3.4.25 and 3.5.8 does.
    pub fn early_progress(&self, on: bool) {
        self.change(|state| state.faults.early = on);
    }

    /// While on, calls fail with [`Kind::Unavailable`], as if the server were down. Open streams go on.
    pub fn refuse(&self, on: bool) {
        let error = || Error::new(Kind::Unavailable, "memory: connection refused (MemoryStore::refuse)");
        self.refuse_with(on.then(error));
    }

    /// Calls fail with this error, until it is `None`. Open streams go on.
    ///
    /// ```
    /// use etcd_client_core::{Error, Kind, MemoryStore};
    ///
    /// let store = MemoryStore::new();
    /// store.refuse_with(Some(Error::new(Kind::PermissionDenied, "no role for /app/")));
    /// store.refuse_with(None);
    /// ```
    pub fn refuse_with(&self, error: Option<Error>) {
        self.change(|state| state.faults.refusal = error);
    }

    /// [Guarded writes](Store::commit), [leases](Store::grant_lease) that are asked for, and [writes](Store::put_with_lease)
    /// under one fail with this error, until it is `None`. Reading goes on, and leases can be kept alive and revoked.
    ///
    /// ```
    /// use etcd_client_core::{Error, Kind, MemoryStore};
    ///
    /// let store = MemoryStore::new();
    /// store.refuse_writes_with(Some(Error::new(Kind::NoSpace, "the quota is used up")));
    /// ```
    pub fn refuse_writes_with(&self, error: Option<Error>) {
        self.lock().faults.write_refusal = error;
    }

    /// Listings, and questions what has changed, take this long, and show the state after half of it;
    /// other calls, such as the opening of a watch, take half of it. Streams are not slower: see [`slow`](Self::slow).
    /// Zero ends it.
    pub fn delay(&self, delay: Duration) {
        self.lock().faults.delay = delay;
    }

    /// The next `revisions` revisions are not sent to watches, as by a faulty server; 0 ends it. A listing shows them, so
    /// an audit finds them.
    pub fn lose_next(&self, revisions: u64) {
        self.lock().keyspace.lose_next(revisions);
    }

    /// The next [guarded writes](Store::commit) find that something has changed, and write nothing: somebody was there
    /// first. Those after them are carried out.
    pub fn conflict_next(&self) {
        self.lock().faults.next_commits.push_back(CommitFault::Conflict);
    }

    /// The next [guarded writes](Store::commit) are made, and fail with [`Kind::Unavailable`] and
    /// [`maybe_applied`](Error::maybe_applied): the connection is lost before the answer has come.
    pub fn lose_next_answer(&self) {
        self.lock().faults.next_commits.push_back(CommitFault::LostAnswer);
    }

    /// As [`lose_next_answer`](Self::lose_next_answer), but nothing is written: the connection is lost before the request
    /// has come. The two look the same.
    pub fn lose_next_request(&self) {
        self.lock().faults.next_commits.push_back(CommitFault::LostRequest);
    }

    /// Sets the store back to its state at `revision`, or at the oldest revision that is not compacted, and ends
    /// all streams: a restored backup. Returns the revision.
    pub fn rewind(&self, revision: u64) -> u64 {
        self.change(|state| {
            state.streams.cut();
            state.keyspace.rewind(revision)
        })
    }

    /// Deletes all keys and the history, and ends all streams, like a server that starts with a new data
    /// directory; with `new_cluster` it has another cluster id, too.
    pub fn wipe(&self, new_cluster: bool) {
        self.change(|state| {
            state.streams.cut();
            state.keyspace.wipe(new_cluster);
        });
    }

    fn commit(&self, changes: Vec<(Bytes, Option<Bytes>)>) -> u64 {
        self.change(|state| state.keyspace.commit(changes))
    }

    /// Changes the state, then wakes the streams and calls that wait for a change.
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

    /// The state, without the keys whose lease is over. It is consistent between two statements, so a poisoned lock is no
    /// problem.
    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        let lock = || self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = lock();
        while state.keyspace.end_leases() {
            let wakers = state.streams.take_wakers();
            drop(state);
            wakers.into_iter().for_each(std::task::Waker::wake);
            state = lock();
        }
        state
    }

    /// What the state is after half of the delay, given after all of it.
    fn answer<A: Send + 'static>(
        &self,
        prefix: &Prefix,
        read: impl FnOnce(&Keyspace, &Prefix) -> Result<A, Error> + Send + 'static,
    ) -> BoxFuture<Result<A, Error>> {
        let (store, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            store.answers().await?;
            let (answer, delay) = {
                let state = store.lock();
                (read(&state.keyspace, &prefix), state.faults.delay)
            };
            if !delay.is_zero() {
                tokio::time::sleep(delay / 2).await;
            }
            answer
        })
    }

    /// Changes what is under leases.
    fn with_leases<A: Send + 'static>(
        &self,
        is_write: bool,
        change: impl FnOnce(&mut Keyspace) -> Result<A, Error> + Send + 'static,
    ) -> BoxFuture<Result<A, Error>> {
        let store = self.clone();
        Box::pin(async move {
            store.answers().await?;
            if is_write {
                store.may_be_written()?;
            }
            store.change(|state| change(&mut state.keyspace))
        })
    }

    fn may_be_written(&self) -> Result<(), Error> {
        self.lock().faults.write_refusal.clone().map_or(Ok(()), Err)
    }

    /// Waits for half the delay, and until the store is not silent; fails if calls are refused.
    async fn answers(&self) -> Result<(), Error> {
        let delay = self.lock().faults.delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay / 2).await;
        }
        let open = tokio::time::timeout(CALL_LIMIT, stream::until_not_silent(self));
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

    /// Deletes a key. That there is no such key is no error.
    pub fn delete(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.changes.push((Bytes::from(key.into()), None));
        self
    }

    /// Makes all changes at one revision, and returns it. If a key occurs more than once, its last change
    /// counts. If nothing changes, because there are only deletions of keys that are not there, the revision stays.
    pub fn commit(self) -> u64 {
        self.store.commit(self.changes)
    }
}

impl Store for MemoryStore {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        self.answer(prefix, |keyspace, prefix| Ok(keyspace.list(prefix)))
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        if prefix.has_several() {
            return merged_watch::open(self, prefix, after);
        }
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
        self.answer(prefix, move |keyspace, prefix| keyspace.unchanged(prefix, known))
    }

    fn written_since(&self, prefix: &Prefix, since: u64) -> BoxFuture<Result<Delta, Error>> {
        self.answer(prefix, move |keyspace, prefix| Ok(keyspace.written_since(prefix, since)))
    }

    fn list_at(&self, prefix: &Prefix, revision: u64) -> BoxFuture<Result<Listing, Error>> {
        let (store, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            store.answers().await?;
            store.lock().keyspace.list_at(&prefix, revision)
        })
    }

    fn commit(&self, writes: GuardedWrites) -> BoxFuture<Result<Committed, Error>> {
        let store = self.clone();
        Box::pin(async move {
            let at_once = OPERATIONS_AT_ONCE - writes.prefix.directories().len();
            if writes.writes.len() > at_once {
                let message = format!("memory: {} writes, and {at_once} at once", writes.writes.len());
                return Err(Error::new(Kind::InvalidRequest, message));
            }
            store.answers().await?;
            store.may_be_written()?;
            let lost =
                || Err(Error::new(Kind::Unavailable, "memory: the connection was lost").with_maybe_applied());
            let commit = || store.change(|state| state.keyspace.commit_guarded(writes, at_once));
            let fault = store.lock().faults.next_commits.pop_front();
            match fault {
                None => Ok(commit()),
                Some(CommitFault::Conflict) => Ok(Committed::Conflict),
                Some(CommitFault::LostRequest) => lost(),
                Some(CommitFault::LostAnswer) => {
                    commit();
                    lost()
                }
            }
        })
    }

    fn writes_at_once(&self) -> usize {
        OPERATIONS_AT_ONCE - 1
    }

    fn grant_lease(&self, ttl: Duration) -> BoxFuture<Result<Lease, Error>> {
        self.with_leases(true, move |keyspace| Ok(keyspace.grant_lease(ttl)))
    }

    fn keep_lease_alive(&self, lease: LeaseId) -> BoxFuture<Result<Duration, Error>> {
        self.with_leases(false, move |keyspace| keyspace.keep_lease_alive(lease))
    }

    fn revoke_lease(&self, lease: LeaseId) -> BoxFuture<Result<(), Error>> {
        self.with_leases(false, move |keyspace| keyspace.revoke_lease(lease))
    }

    fn put_with_lease(&self, put: LeasedPut) -> BoxFuture<Result<Leased, Error>> {
        self.with_leases(true, move |keyspace| keyspace.put_with_lease(put))
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

/// Shows no keys and values, which may be secret.
impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        f.debug_struct("MemoryStore")
            .field("revision", &state.keyspace.revision())
            .field("keys", &state.keyspace.len())
            .finish_non_exhaustive()
    }
}

/// Shows the keys, and the lengths of the values, which may be secret.
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
            prefix.directory_of(key).is_some()
        }
    };
    Batch { revision: batch.revision, changes: batch.changes.iter().filter(is_below).cloned().collect() }
}
