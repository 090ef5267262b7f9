//! What a [`Watcher`](crate::Watcher) needs of a server: listing a prefix at one revision, and watching it
//! from there. The watcher knows the server by this trait only.

mod concurrently;
mod lease;
pub(crate) mod merged_watch;
mod packed;
mod prefix;
mod write;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use crate::printable::{Key, Length};
use crate::{Error, FailingEndpoint, Kind};

pub(crate) use self::concurrently::concurrently;
pub use self::lease::{Lease, LeaseId, Leased, LeasedPut};
pub use self::packed::{Packed, PackedEntries, PackedEntry};
pub use self::prefix::Prefix;
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

    /// Whether the user may write these keys, and read the first of them. Nothing is written. For work of several steps
    /// whose last one would be refused.
    ///
    /// A store without users leaves this out.
    ///
    /// # Errors
    /// [`Kind::PermissionDenied`] if one of them may not be written; any other error if the store cannot say.
    fn may_write(&self, keys: Vec<Bytes>) -> BoxFuture<Result<(), Error>> {
        let _ = keys;
        Box::pin(std::future::ready(Ok(())))
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

/// The state of a prefix in brief, for [`Store::unchanged`].
///
/// Unlike a [`HistoryMark`] it names no keys: it is compared with the present, where a changed key shows in
/// its revision and a deleted one in the count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The revision of the whole store at which it was so.
    pub revision: u64,
    /// The cluster id, 0 if it is unknown.
    pub cluster: u64,
    /// How many keys there were.
    pub count: usize,
}

const NO_LEASES: &str = "the store has no leases";

/// The answer of a store that cannot do it.
fn cannot<A: Send + 'static>(why: &'static str) -> BoxFuture<Result<A, Error>> {
    Box::pin(std::future::ready(Err(Error::new(Kind::InvalidRequest, why))))
}

/// What was written below a prefix, from [`Store::written_since`]. Deleted keys show in the count only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The revision of the whole store at which this was its state.
    pub revision: u64,
    /// The id of the cluster that answered, 0 if it is unknown.
    pub cluster: u64,
    /// How many keys there were below the prefix, with those that were not written.
    pub count: usize,
    /// The keys that were written, with their values, in ascending order of the keys.
    pub entries: Vec<Entry>,
}

/// The state of a prefix at an earlier revision in brief, for [`Store::has_history`], which compares it with
/// what the store's history says of that revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryMark {
    /// The revision of the whole store.
    pub revision: u64,
    /// How many keys there were.
    pub count: usize,
    /// The keys that were written last, all at one revision, in ascending order.
    pub newest: Vec<Entry>,
}

impl HistoryMark {
    /// Of all the keys of a prefix, in ascending order.
    pub(crate) fn of<'e>(revision: u64, entries: impl Iterator<Item = &'e Entry>) -> Self {
        Self::of_packed(revision, entries.map(PackedEntry::of))
    }
}

/// A watch that the server has confirmed.
#[derive(Debug)]
pub struct Opened {
    /// The stream of changes.
    pub watch: Box<dyn Watch>,
    /// The newest revision of the whole store when the watch was confirmed, 0 if it is unknown.
    pub head: u64,
    /// The id of the cluster that confirmed it, 0 if it is unknown.
    pub cluster: u64,
}

/// One stream of changes, opened by [`Store::watch`]. It ends with an error, also if the server ends it in
/// good order. Dropping it closes it.
pub trait Watch: fmt::Debug + Send {
    /// The next signal, as [`Future::poll`] does it: if there is none yet, it registers the waker of this poll and returns
    /// `Pending`. It is not polled again after an error.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>>;

    /// Asks the server for a [`Signal::Progress`], or for anything else that shows that this stream is alive.
    /// Does not block; the answer comes from [`poll_next`](Self::poll_next). A stream that does not answer is given up, two
    /// progress intervals after its last sign of life.
    fn request_progress(&mut self);

    /// Asks for progress as [`request_progress`](Self::request_progress) does, at each interval. There is no hurry: the
    /// answer to an earlier request will do, so a watch that shares its stream with others may ask once for all of them.
    ///
    /// The default requests progress. A wrapper forwards this method and the next three, or its watches ask one by one.
    fn check_alive(&mut self) {
        self.request_progress();
    }

    /// Whether anything has arrived on the stream, for any of the watches that share it, since this one last requested
    /// progress. Such a stream is not dead, even if a neighbour that catches up keeps its server from answering; the
    /// watcher then asks [`Store::unchanged`]. The default says no.
    fn has_heard(&self) -> bool {
        false
    }

    /// Whether, of the watches that share a stream, this is the one whose [`check_alive`](Self::check_alive) is called
    /// first. For the others it is called a little later, and only if no answer has come until then. The default says yes:
    /// a watch with a stream of its own.
    fn asks_for_others(&self) -> bool {
        true
    }

    /// Whether a request for progress may be answered by [`Signal::Progress`]. `false` where the server answers none, or
    /// where its answers prove nothing, so that no one waits for it. The default says yes.
    fn proves_progress(&self) -> bool {
        true
    }

    /// Whether another watch may begin after the last [`Signal::Progress`]. `false` if progress is concluded
    /// from the silence of this stream, which means nothing once the stream proves dead.
    fn is_resumable(&self) -> bool {
        true
    }

    /// The server that this stream comes from, for logs and messages.
    fn endpoint(&self) -> &str;

    /// Closes the stream because its server is silent or lagging: the store's next call should go to another
    /// endpoint, on a new connection.
    fn abandon(self: Box<Self>);
}

/// What arrives on a [`Watch`]. Each signal shows that the stream is alive. [`Batch`](Self::Batch) and
/// [`Progress`](Self::Progress) are enough for a store whose progress can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// All changes of one revision.
    Batch(Batch),
    /// A progress notification: every change up to this revision has been delivered.
    Progress(u64),
    /// The server has answered, but changes may still be on their way, whatever revision it names. The watcher
    /// then asks [`Store::unchanged`].
    Alive,
    /// A part of the next change has arrived, and the rest is on its way.
    Arriving,
    /// Something has changed that the stream cannot deliver in order. The watcher reads
    /// [what was written since](Store::written_since), or lists the prefix, and opens another watch.
    Stale,
}

/// The state of a prefix at one revision, from [`Store::list`]. Changes after it come as [`Batch`]es.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The revision of the whole store at which this was its state.
    pub revision: u64,
    /// The id of the cluster that answered, 0 if it is unknown.
    pub cluster: u64,
    /// The keys with their values, in ascending order of the keys.
    pub entries: Vec<Entry>,
}

/// A key and its value, as bytes. `Debug` does not show the value, which may be secret; for people there is
/// [`Printable`](crate::Printable). Clones share the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The whole key, prefix included.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// The revision of the last write to this key (`mod_revision`; v2: `modifiedIndex`).
    pub revision: u64,
}

/// Everything that one revision changed below a prefix. It is one transaction of the server, so apply it whole
/// or not at all: no consumer should see half of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The revision of the whole store.
    pub revision: u64,
    /// The changes; no key twice, in no particular order.
    pub changes: Vec<Change>,
}

/// The change of one key in a [`Batch`]. `Debug` does not show the value, which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// The key was written.
    Put(Entry),
    /// The key was deleted, or expired.
    Delete(Bytes),
    /// Every key that begins with these bytes was deleted (v2's one event for a directory).
    /// A [`Watcher`](crate::Watcher) reports the [deletion](Self::Delete) of each key instead.
    DeleteBelow(Bytes),
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &Key(&self.key))
            .field("value", &Length::of(&self.value))
            .field("revision", &self.revision)
            .finish()
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(entry) => f.debug_tuple("Put").field(entry).finish(),
            Self::Delete(key) => f.debug_tuple("Delete").field(&Key(key)).finish(),
            Self::DeleteBelow(start) => f.debug_tuple("DeleteBelow").field(&Key(start)).finish(),
        }
    }
}
