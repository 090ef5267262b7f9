//! The handle of a configuration that is kept current.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::background::Background;
use crate::board::Board;
use crate::changes::{Change, Changes};
use crate::config::EtcdConfig;
use crate::deadline::deadline;
use crate::driver::Driver;
use crate::error::Error;
use crate::explain::Explanation;
use crate::follower::Follower;
use crate::hooks::Subscription;
use crate::loaded::Loaded;
use crate::reader::Reader;
use crate::rejection::Rejection;
use crate::snapshot::{Guard, Snapshot};
use crate::standing::Record;
use crate::status::{Ago, Source, Status};

/// A configuration that is kept current.
///
/// A handle: clones are the same configuration. The watch ends when the last handle is dropped, a
/// [`Reader`] being one too. A callback that owns a handle of its own configuration keeps it alive
/// for ever; let it use what it is called with instead.
///
/// Reading never blocks, and never fails: whatever happens to the store, the last good snapshot
/// stays. [`status`](Self::status) says how old it is.
pub struct Live<T> {
    board: Arc<Board<T>>,
    life: Arc<Life<T>>,
}

/// What ends with the last handle.
struct Life<T> {
    board: Arc<Board<T>>,
    task: AbortHandle,
    /// Kept running as long as the task runs on it.
    _background: Option<Arc<Background>>,
}

impl<T> Live<T> {
    /// The configuration as it is now, for about the price of a pointer, and without a lock.
    #[inline]
    pub fn load(&self) -> Guard<T> {
        Guard(self.board.current.load())
    }

    /// The configuration as it is now, for those who would rather fail than act without knowing what
    /// the store holds: an error where that was last [confirmed](Status::confirmed_at) more than
    /// `max_age` ago.
    ///
    /// This is about the connection, and about nothing else: while the newest values are
    /// [refused](Status::refused_since), the store is known well enough, and the older values in force
    /// are what a refusal is for. One bad value must not fail the health checks of all instances at
    /// once; see [`docs::probes`](crate::docs::probes).
    ///
    /// Signs of life come every [`progress_interval`](crate::Options::progress_interval), 5 s unless
    /// set otherwise; a shorter `max_age` fails now and then on a store that is perfectly well.
    ///
    /// # Errors
    /// [`Error::is_stale`], with how long it has been, and why.
    pub fn require_fresh(&self, max_age: Duration) -> Result<Guard<T>, Error> {
        // In this order: what is published later is younger.
        let age = self.board.standing.read(Record::age);
        if age <= max_age {
            return Ok(self.load());
        }
        let Status { name, prefix, source, state, refused_since, .. } = self.status();
        let known = if refused_since.is_some() { "confirmed" } else { "proven current" };
        let why = state.error().map(|error| format!(": {error}")).unwrap_or_default();
        Err(Error::stale(format!(
            "{name} from {prefix} is from {source} and was last {known} {}, where at most {max_age:?} is \
             accepted; now {state}{why}",
            Ago(age)
        )))
    }

    /// The configuration as it is now, to keep.
    pub fn snapshot(&self) -> Arc<Snapshot<T>> {
        self.board.current.load_full()
    }

    /// One thread's cached view, for hot loops.
    pub fn reader(&self) -> Reader<T> {
        Reader::new(self.clone())
    }

    /// How fresh the configuration is, where it came from, and what is wrong, if anything.
    pub fn status(&self) -> Status {
        self.board.status()
    }

    /// For each field its key, its value, where that comes from and since when: a table that a
    /// person can read. Secrets are not in it.
    ///
    /// The keys are those that the store has now: one whose value is another one than the snapshot's,
    /// because the update was refused or is held back, is marked as not in force, a deleted one too.
    pub fn explain(&self) -> Explanation {
        let source = self.board.standing.read(|record| record.source);
        self.board.keys.explain(source == Source::Cache)
    }

    #[inline]
    pub(crate) fn current(&self) -> &ArcSwap<Snapshot<T>> {
        &self.board.current
    }
}

impl<T: EtcdConfig> Live<T> {
    /// Calls back with the value at the projection as it is now, and then with every other one that it
    /// becomes: no change is missed in between, and none comes twice.
    ///
    /// The first call is made here, on the thread of the caller, and is over when this returns; so is
    /// one with what has changed meanwhile. The later ones come as those of [`on`](Self::on) do. A
    /// panic in the first call is the caller's, and ends the subscription.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(key = "log/level", default = "info")] log_level: String }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// settings.follow(|s| &s.log_level, |level| println!("logging at {level} from now on"));
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn follow<P, F, C>(&self, projection: F, mut callback: C) -> Subscription
    where
        P: PartialEq + ?Sized,
        F: for<'a> Fn(&'a T) -> &'a P + Send + 'static,
        C: FnMut(&P) + Send + 'static,
    {
        let follower = Arc::new(Follower::new());
        // Subscribed first: what is published later is heard of, what was before is loaded.
        let subscription = self.on_change({
            let follower = Arc::clone(&follower);
            move |change| follower.offer(Arc::clone(change.new()))
        });
        let call = move |old: Option<&T>, new: &T| {
            let new = projection(new);
            if old.is_none_or(|old| projection(old) != new) {
                callback(new);
            }
        };
        let first = || follower.start(Box::new(call), self.snapshot());
        if let Err(panic) = catch_unwind(AssertUnwindSafe(first)) {
            subscription.cancel();
            resume_unwind(panic);
        }
        subscription
    }

    /// Calls back when the value at the projection is another one than before. For the value of now
    /// as well use [`follow`](Self::follow): a value that is [loaded](Self::load) before this call
    /// may be changed before it, and that is not heard of. One that is loaded after it is at least as
    /// new as the subscription, and its change may be heard of all the same.
    ///
    /// Callbacks run one at a time, in the order of the changes, on a thread of their own: they may
    /// block, which delays the later callbacks of this configuration and nothing else. When they
    /// are slow, several changes may come as one, from the first value to the last. One that
    /// panics is reported in the log and in [`status`](Self::status), and stays subscribed.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(nested)] database: Database }
    /// # #[derive(EtcdConfig)]
    /// # struct Database { #[etcd(default = 10)] pool_size: u32 }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// let subscription = settings.on(|s| &s.database.pool_size, |old, new| println!("{old} -> {new}"));
    /// subscription.cancel();
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn on<P, F, C>(&self, projection: F, mut callback: C) -> Subscription
    where
        P: PartialEq + ?Sized,
        F: for<'a> Fn(&'a T) -> &'a P + Send + 'static,
        C: FnMut(&P, &P) + Send + 'static,
    {
        self.on_change(move |change| {
            let (old, new) = (projection(change.old()), projection(change.new()));
            if old != new {
                callback(old, new);
            }
        })
    }

    /// Calls back for every new snapshot, as [`on`](Self::on) does.
    ///
    /// There is a new one when the value of a field has become another. That is found out from the
    /// texts of the changed keys: they are decoded, and compared by the `PartialEq` of the field's
    /// type (of a map's entries, theirs); as texts where the type has none, or where it is a parameter
    /// of the struct. So `" 1"` for `"1"` is no change of a number, nor is JSON that is written
    /// otherwise. A key that no field reads, and the key of a field that is marked `restart`, make no
    /// new snapshot either; [`Status::revision`] moves with them all the same.
    pub fn on_change(&self, mut callback: impl FnMut(&Change<T>) + Send + 'static) -> Subscription {
        self.board.hooks.add(move |notice| {
            if let Some(change) = &notice.change {
                callback(change);
            }
        })
    }

    /// Calls back for every update that was refused, as [`on`](Self::on) does. The snapshot from
    /// before it stays.
    pub fn on_rejected(&self, mut callback: impl FnMut(&Rejection) + Send + 'static) -> Subscription {
        self.board.hooks.add(move |notice| {
            if let Some(rejection) = &notice.rejection {
                callback(rejection);
            }
        })
    }

    /// Calls back with the status when [`state`](Status::state) becomes another, as [`on`](Self::on)
    /// does, and when the store's history was found [rewound](Status::last_rewind): before the change
    /// callback that has what differs. Not for each failed try of an outage, and not at the end.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// settings.on_status(|status| {
    ///     if status.state.error().is_some() {
    ///         eprintln!("{status}");
    ///     }
    /// });
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn on_status(&self, mut callback: impl FnMut(&Status) + Send + 'static) -> Subscription {
        self.board.hooks.add(move |notice| {
            if let Some(status) = &notice.status {
                callback(status);
            }
        })
    }

    /// The changes from now on, as a stream: what is [loaded](Self::load) after this call and changed by
    /// the stream misses nothing. A reader that is slower than the changes gets several
    /// as one, which says how many it [missed](Change::missed).
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let store = MemoryStore::new();
    /// let settings = Settings::watch_async(&store).await?;
    /// let mut changes = settings.changes();
    /// store.put("/payments/workers", "12");
    /// if let Some(change) = changes.next().await {
    ///     assert_eq!((change.old().workers, change.new().workers), (10, 12));
    /// }
    /// # Ok::<(), etcd_config::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn changes(&self) -> Changes<T> {
        self.board.streams.open()
    }

    /// Waits until the configuration is as wanted. Blocks the thread; see
    /// [`wait_until_async`](Self::wait_until_async).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(key = "log/level", default = "info")] log_level: String }
    /// let store = MemoryStore::new();
    /// let settings = Settings::watch(&store)?;
    /// store.put("/payments/log/level", "trace");
    /// settings.wait_until(|s| s.log_level == "trace", Duration::from_secs(1))?;
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// Not within the limit, or never, because the watch was stopped.
    pub fn wait_until(&self, mut wanted: impl FnMut(&T) -> bool, limit: Duration) -> Result<(), Error> {
        let until = deadline(limit);
        loop {
            let epoch = self.board.standing.epoch();
            if wanted(&self.load()) {
                return Ok(());
            }
            self.check_running()?;
            if !self.board.standing.sleep(epoch, until) {
                return Err(self.did_not_come("the awaited state", limit));
            }
        }
    }

    /// The same for a task, on a tokio runtime.
    ///
    /// # Errors
    /// As [`wait_until`](Self::wait_until).
    pub async fn wait_until_async(
        &self,
        mut wanted: impl FnMut(&T) -> bool,
        limit: Duration,
    ) -> Result<(), Error> {
        let until = deadline(limit);
        loop {
            let epoch = self.board.standing.epoch();
            if wanted(&self.load()) {
                return Ok(());
            }
            self.check_running()?;
            if !self.board.standing.sleep_async(epoch, until).await {
                return Err(self.did_not_come("the awaited state", limit));
            }
        }
    }

    /// Waits until what was written at this revision, or before, is in force. Blocks the thread;
    /// see [`wait_for_revision_async`](Self::wait_for_revision_async).
    ///
    /// # Errors
    /// The revision was refused, with all its problems; or it did not come within the limit, or
    /// never will, because the watch was stopped.
    pub fn wait_for_revision(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        let until = deadline(limit);
        loop {
            let epoch = self.board.standing.epoch();
            if self.is_in_force(revision)? {
                return Ok(());
            }
            if !self.board.standing.sleep(epoch, until) {
                return Err(self.did_not_come(&format!("revision {revision}"), limit));
            }
        }
    }

    /// The same for a task, on a tokio runtime.
    ///
    /// # Errors
    /// As [`wait_for_revision`](Self::wait_for_revision).
    pub async fn wait_for_revision_async(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        let until = deadline(limit);
        loop {
            let epoch = self.board.standing.epoch();
            if self.is_in_force(revision)? {
                return Ok(());
            }
            if !self.board.standing.sleep_async(epoch, until).await {
                return Err(self.did_not_come(&format!("revision {revision}"), limit));
            }
        }
    }

    /// Follows what was loaded, on the runtime where that was done.
    pub(crate) fn start(loaded: Loaded<T>, runtime: &Handle, background: Option<Arc<Background>>) -> Self {
        let driver = Driver::new(loaded, runtime.clone());
        let board = Arc::clone(driver.board());
        let task = runtime.spawn(driver.run()).abort_handle();
        let life = Life { board: Arc::clone(&board), task, _background: background };
        Self { board, life: Arc::new(life) }
    }

    fn is_in_force(&self, revision: u64) -> Result<bool, Error> {
        let (in_force, known, refusal) = self.board.standing.read(|record| {
            let refusal = record.refusal().filter(|_| !record.held_back).cloned();
            (record.in_force >= revision, record.revision >= revision, refusal)
        });
        if in_force {
            return Ok(true);
        }
        if let Some(refusal) = refusal.filter(|_| known) {
            return Err(refusal.to_error());
        }
        self.check_running()?;
        if !known {
            // Changes elsewhere move the revision without a word: ask.
            self.board.impatience.notify_one();
        }
        Ok(false)
    }

    fn check_running(&self) -> Result<(), Error> {
        if self.board.standing.read(Record::is_stopped) { Err(Error::stopped()) } else { Ok(()) }
    }

    fn did_not_come(&self, what: &str, limit: Duration) -> Error {
        let Status { name, prefix, state, snapshot_revision, revision, .. } = self.status();
        let what = format!(
            "{what} of {name} from {prefix} (now {state}, snapshot at revision {snapshot_revision}, \
             known up to {revision})"
        );
        Error::wait_timeout(what, limit)
    }
}

impl<T> Drop for Life<T> {
    fn drop(&mut self) {
        self.task.abort();
        self.board.stop();
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self { board: Arc::clone(&self.board), life: Arc::clone(&self.life) }
    }
}

impl<T> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status { name, prefix, state, snapshot_revision, .. } = self.status();
        f.debug_struct("Live")
            .field("name", &name)
            .field("prefix", &prefix)
            .field("state", &state.to_string())
            .field("revision", &snapshot_revision)
            .finish_non_exhaustive()
    }
}
