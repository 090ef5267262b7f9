//! What a test can have go wrong.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::MemoryStore;
use crate::store::Prefix;
use crate::{Error, Kind};

impl MemoryStore {
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

    /// [Guarded writes](crate::Store::commit), [leases](crate::Store::grant_lease) that are asked for, and
    /// [writes](crate::Store::put_with_lease) under one fail with this error, until it is `None`. Reading goes on, and
    /// leases can be kept alive and revoked.
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

    /// The next [guarded writes](crate::Store::commit) find that something has changed, and write nothing: somebody was
    /// there first. Those after them are carried out.
    pub fn conflict_next(&self) {
        self.lock().faults.next_commits.push_back(CommitFault::Conflict);
    }

    /// The next [guarded writes](crate::Store::commit) are made, and fail with [`Kind::Unavailable`] and
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
}

/// The fault switches that are on.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) silent: bool,
    /// The revision at which streams began to lag.
    pub(super) lagging: Option<u64>,
    pub(super) refusal: Option<Error>,
    pub(super) write_refusal: Option<Error>,
    pub(super) delay: Duration,
    /// The time between two revisions on a stream.
    pub(super) pause: Duration,
    /// Requests for progress are answered before changes that are still to be sent.
    pub(super) early: bool,
    /// What becomes of the answers to the next guarded writes.
    pub(super) next_commits: VecDeque<CommitFault>,
    /// Of the streams of single directories.
    directories: BTreeMap<String, DirectoryFaults>,
}

/// What is wrong with the streams of one directory.
#[derive(Clone, Copy, Default)]
pub(super) struct DirectoryFaults {
    pub(super) silent: bool,
    /// The time between two revisions, if it is more than that of all streams.
    pub(super) pause: Duration,
}

impl Faults {
    fn of_directory(&mut self, directory: &Prefix) -> &mut DirectoryFaults {
        self.directories.entry(directory.directory().to_owned()).or_default()
    }

    pub(super) fn of_stream(&self, prefix: &Prefix) -> DirectoryFaults {
        let of_directory = self.directories.get(prefix.directory()).copied().unwrap_or_default();
        DirectoryFaults {
            silent: self.silent || of_directory.silent,
            pause: self.pause.max(of_directory.pause),
        }
    }
}

/// What happens to a guarded write instead of its being carried out and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommitFault {
    /// Somebody was there first.
    Conflict,
    /// It is carried out, and the answer is lost.
    LostAnswer,
    /// It is lost.
    LostRequest,
}
