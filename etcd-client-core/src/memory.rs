//! A store in memory, with etcd's revisions and with fault switches.

mod faults;
mod keyspace;
mod leases;
mod store;
mod stream;
mod transaction;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use self::faults::Faults;
use self::keyspace::Keyspace;
use self::stream::Streams;
pub use self::transaction::Transaction;

/// A [`Store`](crate::Store) in memory, with etcd's revisions, transactions, history and compaction: for unit tests without a
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
        Transaction::of(self.clone())
    }

    /// The value of a key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Bytes> {
        self.lock().keyspace.get(key.as_ref())
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.lock().keyspace.revision()
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

impl std::fmt::Debug for MemoryState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryState").field("revision", &self.keyspace.revision()).finish_non_exhaustive()
    }
}
