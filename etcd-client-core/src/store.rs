//! What a [`Watcher`](crate::Watcher) needs of a server: listing a prefix at one revision, and watching it
//! from there. The watcher knows the server by this trait only.

mod concurrently;
mod known;
mod lease;
mod listing;
pub(crate) mod merged_watch;
mod packed;
mod prefix;
mod watch;
mod write;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{Error, FailingEndpoint, Kind};

pub(crate) use self::concurrently::concurrently;
pub use self::known::{HistoryMark, Known};
pub use self::lease::{Lease, LeaseId, Leased, LeasedPut};
pub use self::listing::{Delta, Entry, Listing};
pub use self::packed::{PackedEntries, PackedEntry, PackedListing};
pub use self::prefix::Prefix;
pub use self::watch::{Batch, Change, Opened, Signal, Watch};
pub use self::write::{Committed, GuardedWrites, Write};

/// A future that owns what it needs, so that a state machine can keep it in its state.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A store of keys with revisions, which a [`Watcher`](crate::Watcher) can follow.
///
/// [`v3::Client`](crate::v3::Client), [`v2::Client`](crate::v2::Client) and
/// [`MemoryStore`](crate::MemoryStore) are stores. Implement it for another server, or for a wrapper that
/// changes what a store answers. Most methods have defaults, which say that the store cannot do it; a wrapper
/// forwards them all, or loses what the store inside can do.
///
/// # What an implementation guarantees
/// - [`list`](Self::list) is linearizable: never the answer of a lagging member.
/// - Revisions grow with each write, and are those of the whole store, not of the prefix.
/// - [`watch`](Self::watch) delivers each revision that changed something below the prefix once, in order,
///   as one [`Batch`].
/// - What is said of a prefix is said of all its [directories](Prefix::directories) together, at one revision. A store that
///   can read only one directory refuses a prefix of several with [`Kind::InvalidRequest`]; over etcd's v2 API, which has
///   no transactions, several are read until two rounds agree.
/// - A call ends by itself after a time limit of the store; the watcher has none for it.
/// - A history that was compacted is [`Kind::Compacted`], and a revision that the store has not come to is
///   [`Kind::FutureRevision`]: on these the watcher reads
///   [what was written since](Self::written_since), or lists. For [`Kind::Unauthenticated`] and
///   [`Kind::PermissionDenied`] it waits longer; after any other error it tries again, paced.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use etcd_client_core::{BoxFuture, Error, Listing, MemoryStore, Opened, Prefix, Store};
/// # use etcd_client_core::{Committed, FailingEndpoint, GuardedWrites, HistoryMark, Known, LeaseId, Leased, LeasedPut};
///
/// /// Counts the listings of another store.
/// #[derive(Debug)]
/// struct Counting { store: Arc<dyn Store>, listings: Arc<AtomicUsize> }
///
/// impl Store for Counting {
///     fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
///         self.listings.fetch_add(1, Ordering::Relaxed);
///         self.store.list(prefix)
///     }
///     fn with_own_connections(&self) -> Arc<dyn Store> {
///         let (store, listings) = (self.store.with_own_connections(), Arc::clone(&self.listings));
///         Arc::new(Counting { store, listings })
///     }
///     fn identity(&self) -> usize {
///         Arc::as_ptr(&self.listings).addr()
///     }
///     fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
///         self.store.watch(prefix, after)
///     }
///     // ... and so on with the others: has_history, unchanged, written_since, list_at, commit, grant_lease, outage, ...
/// #   fn has_history(&self, prefix: &Prefix, mark: HistoryMark) -> BoxFuture<Result<bool, Error>> {
/// #       self.store.has_history(prefix, mark)
/// #   }
/// #   fn unchanged(&self, prefix: &Prefix, known: Known) -> BoxFuture<Result<Option<u64>, Error>> {
/// #       self.store.unchanged(prefix, known)
/// #   }
/// #   fn list_at(&self, prefix: &Prefix, revision: u64) -> BoxFuture<Result<Listing, Error>> {
/// #       self.store.list_at(prefix, revision)
/// #   }
/// #   fn commit(&self, writes: GuardedWrites) -> BoxFuture<Result<Committed, Error>> { self.store.commit(writes) }
/// #   fn writes_at_once(&self) -> usize { self.store.writes_at_once() }
/// #   fn may_write(&self, keys: Vec<bytes::Bytes>) -> BoxFuture<Result<(), Error>> { self.store.may_write(keys) }
/// #   fn grant_lease(&self, ttl: std::time::Duration) -> BoxFuture<Result<etcd_client_core::Lease, Error>> {
/// #       self.store.grant_lease(ttl)
/// #   }
/// #   fn keep_lease_alive(&self, lease: LeaseId) -> BoxFuture<Result<std::time::Duration, Error>> {
/// #       self.store.keep_lease_alive(lease)
/// #   }
/// #   fn revoke_lease(&self, lease: LeaseId) -> BoxFuture<Result<(), Error>> { self.store.revoke_lease(lease) }
/// #   fn put_with_lease(&self, put: LeasedPut) -> BoxFuture<Result<Leased, Error>> { self.store.put_with_lease(put) }
/// #   fn written_since(&self, prefix: &Prefix, since: u64) -> BoxFuture<Result<etcd_client_core::Delta, Error>> {
/// #       self.store.written_since(prefix, since)
/// #   }
/// #   fn hides_keys(&self) -> bool { self.store.hides_keys() }
/// #   fn outage(&self) -> Option<Error> { self.store.outage() }
/// #   fn check_idle_endpoints(&self, cluster: u64) -> BoxFuture<()> { self.store.check_idle_endpoints(cluster) }
/// #   fn failing_endpoints(&self) -> Vec<FailingEndpoint> { self.store.failing_endpoints() }
/// #   fn names(&self, directory: &Prefix, limit: usize) -> BoxFuture<Result<Vec<String>, Error>> {
/// #       self.store.names(directory, limit)
/// #   }
/// #   fn other_api(&self, prefix: &Prefix) -> BoxFuture<Option<&'static str>> { self.store.other_api(prefix) }
/// }
/// # let counting = Counting { store: Arc::new(MemoryStore::new()), listings: Arc::default() };
/// # drop(counting.with_own_connections().list(&Prefix::new("/app")));
/// # assert_eq!(counting.listings.load(Ordering::Relaxed), 1);
/// ```
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Everything below `prefix`, at one revision. Linearizable: a listing that begins after a write was confirmed
    /// shows it.
    ///
    /// # Errors
    /// [`Kind::Unauthenticated`] or [`Kind::PermissionDenied`] if the prefix may not be read;
    /// [`Kind::InvalidRequest`] if it has more directories than the store reads together; any other error is tried again
    /// by the watcher, after a pause.
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>>;

    /// The changes below `prefix` with a revision greater than `after`; with `None`, those after the watch was
    /// confirmed ([`Opened::head`]). Resolves when the server has confirmed the watch.
    ///
    /// # Errors
    /// [`Kind::Compacted`] if the changes after `after` are no longer there, and [`Kind::FutureRevision`] if the store
    /// has not come to it; they may come from [`Watch::poll_next`] instead, as the first signal.
    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>>;

    /// Whether the prefix was, at the mark's revision, what the mark says: linearizable. The watcher asks it
    /// before it resumes, because a history that was rewound, and has come as far as the old one since, is not
    /// recognized by revisions.
    ///
    /// A store that cannot read past revisions leaves this out.
    ///
    /// # Errors
    /// [`Kind::Compacted`] if that revision is compacted; any other error if the store cannot say.
    fn has_history(&self, prefix: &Prefix, mark: HistoryMark) -> BoxFuture<Result<bool, Error>> {
        let _ = (prefix, mark);
        cannot("the store cannot read its past")
    }

    /// Whether nothing below `prefix` has changed since the state that is `known`: the newest revision up to
    /// which that is so, or `None` if something has changed. Linearizable.
    ///
    /// The watcher asks it when a watch does not send reliable [progress](Signal::Progress), but
    /// [`Signal::Alive`] or nothing. A store whose watches always do leaves this out.
    ///
    /// # Errors
    /// [`Kind::FutureRevision`] if the store has not come to that revision; [`Kind::InvalidRequest`] if it
    /// cannot say, after which it is not asked again on that watch.
    fn unchanged(&self, prefix: &Prefix, known: Known) -> BoxFuture<Result<Option<u64>, Error>> {
        let _ = (prefix, known);
        cannot("the store cannot say what has changed")
    }

    /// What lay below `prefix` at an earlier revision; `Listing::revision` is that one.
    ///
    /// A store that cannot read past revisions leaves this out.
    ///
    /// # Errors
    /// [`Kind::Compacted`] if that revision is compacted, and [`Kind::FutureRevision`] if the store has not come to it;
    /// [`Kind::InvalidRequest`] if the store cannot read its past.
    fn list_at(&self, prefix: &Prefix, revision: u64) -> BoxFuture<Result<Listing, Error>> {
        let _ = (prefix, revision);
        cannot("the store cannot read its past")
    }

    /// Writes, if what the writes were decided on still holds: all of them at one revision, or nothing. A write that may
    /// have been applied is not sent again.
    ///
    /// A store that cannot be written leaves this out.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`] if there are more writes than [`writes_at_once`](Self::writes_at_once), and if the store
    /// cannot be written; then nothing was sent. After an error with [`maybe_applied`](Error::maybe_applied) only reading
    /// shows whether it was written, and it may still be later. That something has changed is no error, but
    /// [`Committed::Conflict`].
    fn commit(&self, writes: GuardedWrites) -> BoxFuture<Result<Committed, Error>> {
        let _ = writes;
        cannot("the store cannot be written")
    }

    /// How many writes [`commit`](Self::commit) takes; 0 if the store cannot be written. Where it is more than one, each
    /// further directory of a prefix takes the place of one write.
    fn writes_at_once(&self) -> usize {
        0
    }

    /// Whether the user may write these keys, each of which is given once. Nothing is written. For work of several steps whose
    /// last one would be refused. Over etcd's v3 API the first key of each 128 has to be readable, too.
    ///
    /// A store that leaves this out cannot say.
    ///
    /// # Errors
    /// [`Kind::PermissionDenied`] if one of them may not be written, or such a first one not read; any other error if the
    /// store cannot say.
    fn may_write(&self, keys: Vec<Bytes>) -> BoxFuture<Result<(), Error>> {
        let _ = keys;
        cannot("the store does not say what may be written")
    }

    /// Grants a lease for this time, which is rounded up to whole seconds.
    ///
    /// A store without leases, as etcd's v2 API is, leaves this and the next three out.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// use std::time::Duration;
    /// use etcd_client_core::{Leased, LeasedPut, MemoryStore, Store};
    ///
    /// let store = MemoryStore::new();
    /// let lease = store.grant_lease(Duration::from_secs(15)).await?;
    /// let put = LeasedPut { key: "/workers/one".into(), value: "here".into(), lease: lease.id };
    /// assert!(matches!(store.put_with_lease(put.clone()).await?, Leased::At { .. }));
    ///
    /// // Another one does not get the key.
    /// let other = store.grant_lease(Duration::from_secs(15)).await?;
    /// assert_eq!(store.put_with_lease(LeasedPut { lease: other.id, ..put }).await?, Leased::Taken);
    ///
    /// // Who does not keep the lease alive loses it.
    /// tokio::time::sleep(Duration::from_secs(16)).await;
    /// assert_eq!(store.get("/workers/one"), None);
    /// # Ok::<_, etcd_client_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`] if the store has no leases. If the answer is lost, a lease may have been granted all the
    /// same; nothing is under it, and it ends by itself.
    fn grant_lease(&self, ttl: Duration) -> BoxFuture<Result<Lease, Error>> {
        let _ = ttl;
        cannot(NO_LEASES)
    }

    /// Has a lease begin anew; returns how long it lasts from now on.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if it has ended: its keys are gone. After any other error it may still live: try again.
    fn keep_lease_alive(&self, lease: LeaseId) -> BoxFuture<Result<Duration, Error>> {
        let _ = lease;
        cannot(NO_LEASES)
    }

    /// Ends a lease, and deletes its keys at one revision.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if it has ended before. After an error with [`maybe_applied`](Error::maybe_applied) it may be
    /// ended; otherwise it ends with its time.
    fn revoke_lease(&self, lease: LeaseId) -> BoxFuture<Result<(), Error>> {
        let _ = lease;
        cannot(NO_LEASES)
    }

    /// Writes a key under a lease, if there is no such key, or it is under this lease already: so of several who want the
    /// same key the first has it, as long as its lease lives. Nothing else is looked at, so many may write below one
    /// directory without being in each other's way.
    ///
    /// Doing it twice is as good as doing it once, so after an error with [`maybe_applied`](Error::maybe_applied) it may be
    /// called again.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if the lease has ended.
    fn put_with_lease(&self, put: LeasedPut) -> BoxFuture<Result<Leased, Error>> {
        let _ = put;
        cannot(NO_LEASES)
    }

    /// The keys below `prefix` whose last write is of the revision `since` or later, and how many keys there are in
    /// all, at one revision. Linearizable.
    ///
    /// The watcher asks this instead of listing the prefix again, for most audits and after a watch that missed much: it
    /// costs what has changed, and not the whole prefix. A store that does not implement it is listed.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`] if the store cannot say, after which it is not asked again; [`Kind::TooLarge`] if it is
    /// too much for one answer. On both the watcher lists the prefix.
    fn written_since(&self, prefix: &Prefix, since: u64) -> BoxFuture<Result<Delta, Error>> {
        let _ = (prefix, since);
        cannot("the store cannot say what was written since")
    }

    /// Whether the store leaves out keys that are not [named](Prefix::naming) in the prefix: those with a name
    /// that begins with `_`, over etcd's v2 API.
    fn hides_keys(&self) -> bool {
        false
    }

    /// An error with the last failure of each server, for a caller that stops waiting before a call has ended;
    /// `None` if the store has no servers.
    fn outage(&self) -> Option<Error> {
        None
    }

    /// Checks the servers that no call has used lately, so that one that would not serve is in
    /// [`failing_endpoints`](Self::failing_endpoints) and in the log before it is needed. If `cluster` is not 0,
    /// a server with another cluster id fails, too.
    ///
    /// It is called every minute while a prefix is watched. A store without servers leaves it out.
    fn check_idle_endpoints(&self, cluster: u64) -> BoxFuture<()> {
        let _ = cluster;
        Box::pin(std::future::ready(()))
    }

    /// The servers whose last call failed.
    fn failing_endpoints(&self) -> Vec<FailingEndpoint> {
        Vec::new()
    }

    /// The first names in a directory, at most `limit`, in ascending order: of keys, and of directories with
    /// a slash at their end. A hint in messages about keys that are not found: some may be missing, and they
    /// need not be of one revision.
    ///
    /// A store that can give no hint leaves this out.
    fn names(&self, directory: &Prefix, limit: usize) -> BoxFuture<Result<Vec<String>, Error>> {
        let _ = (directory, limit);
        cannot("the store does not say what lies in a directory")
    }

    /// The other API, such as `v2`, under which the same servers hold keys below the prefix. A hint, too:
    /// `None` if it cannot be found out quickly.
    fn other_api(&self, prefix: &Prefix) -> BoxFuture<Option<&'static str>> {
        let _ = prefix;
        Box::pin(std::future::ready(None))
    }

    /// A store over the same servers, with connections of its own.
    ///
    /// Connections belong to the tokio runtime that opened them; for use in another runtime, take this.
    fn with_own_connections(&self) -> Arc<dyn Store>;

    /// Equal for two handles of one store, different for any two stores that are alive.
    fn identity(&self) -> usize;
}

const NO_LEASES: &str = "the store has no leases";

/// The answer of a store that cannot do it.
fn cannot<A: Send + 'static>(why: &'static str) -> BoxFuture<Result<A, Error>> {
    Box::pin(std::future::ready(Err(Error::new(Kind::InvalidRequest, why))))
}
