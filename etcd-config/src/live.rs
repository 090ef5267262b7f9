//! The handle of a configuration that is kept current.

pub(crate) mod backlog;
pub(crate) mod first_load;
pub(crate) mod patrol;
pub(crate) mod reader;
pub(crate) mod shared;
pub(crate) mod updater;
pub(crate) mod watch_task;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use etcd_client_core::Printable;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::timeout_at;

use self::first_load::FirstLoad;
use self::shared::Shared;
use self::watch_task::WatchTask;
use crate::decode::Derived;
use crate::error::Error;
use crate::explain::{Explanation, explain};
use crate::notify::callbacks::{Notice, Subscription};
use crate::notify::follower::Follower;
use crate::notify::stream::Changes;
use crate::publish::change::Change;
use crate::publish::snapshot::{Guard, Snapshot};
use crate::rejection::Rejection;
use crate::runtime::background::Background;
use crate::runtime::caller::{Caller, refuse_to_block, refuse_to_wait, runtime};
use crate::runtime::deadline::{deadline, runtime_deadline};
use crate::runtime::panics;
use crate::status::cell::StatusRecord;
use crate::status::{Ago, CacheFile, Source, Status};

/// A configuration that is kept current.
///
/// A handle: clones are the same configuration. The watch ends when the last handle is dropped, a
/// [`Reader`](crate::Reader) being one too. A callback that owns a handle of its own configuration keeps it alive
/// for ever; let it use what it is called with instead.
///
/// Reading never blocks, and never fails: whatever happens to the store, the last good snapshot
/// stays. [`status`](Self::status) says how old it is.
pub struct Live<T> {
    shared: Arc<Shared<T>>,
    life: Arc<Life<T>>,
}

/// What ends with the last handle.
struct Life<T> {
    shared: Arc<Shared<T>>,
    task: AbortHandle,
    flush: fn(&Arc<Shared<T>>),
    /// Kept running as long as the task runs on it.
    background: Option<Arc<Background>>,
}

/// How long dropping the last handle waits for the cache file.
const FLUSH: Duration = Duration::from_secs(1);
const LAST_WRITE: &str = "the last write of the cache file";
const NO_THREAD: &str = "there is no thread to write it";

impl<T> Live<T> {
    /// The configuration as it is now, for about the price of a pointer, and without a lock.
    #[inline]
    pub fn load(&self) -> Guard<T> {
        Guard(self.shared.current.load())
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
        if self.shared.is_unreadable() {
            return Err(Error::left_in_the_parent());
        }
        // In this order: what is published later is younger.
        let age = self.shared.status_cell.read(StatusRecord::age);
        if age <= max_age {
            return Ok(self.load());
        }
        let Status { name, prefix, source, state, refused_since, .. } = self.status();
        let known = if refused_since.is_some() { "confirmed" } else { "proven current" };
        let why = state.error().map(|error| format!(": {error}")).unwrap_or_default();
        Err(Error::stale(format!(
            "{name} from {} is from {source} and was last {known} {}, where at most {max_age:?} is \
             accepted; now {state}{why}",
            Printable::line(&prefix),
            Ago(age)
        )))
    }

    /// The configuration as it is now, to keep.
    pub fn snapshot(&self) -> Arc<Snapshot<T>> {
        self.shared.current.load_full()
    }

    /// How fresh the configuration is, where it came from, and what is wrong, if anything.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// For each field its key, its value, where that comes from and since when: a table that a
    /// person can read. Secrets are not in it.
    ///
    /// The keys are those that the store has now: one whose value differs from the snapshot's,
    /// because the update was refused or is held back, is marked as not in force, a deleted one too,
    /// and what is in force is named beside it. A `restart` field is shown as it is in force, with the
    /// value that waits beside it.
    pub fn explain(&self) -> Explanation {
        let source = self.status().source;
        let (tree, unpublished) = self.shared.keys.with_unpublished();
        explain(&tree, self.shared.keys.context(), &unpublished, source == Source::Cache)
    }

    #[inline]
    pub(crate) fn current(&self) -> &ArcSwap<Snapshot<T>> {
        &self.shared.current
    }
}

impl<T: Send + Sync + 'static> Live<T> {
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
            move |change| follower.offer(Arc::clone(change.after()))
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

    /// Calls back when the value at the projection has become another. For the value of now
    /// as well use [`follow`](Self::follow): a value that is [loaded](Self::load) before this call
    /// may be changed before it, and that is not heard of. One that is loaded after it is at least as
    /// new as the subscription, and its change may be heard of all the same.
    ///
    /// Callbacks run one at a time, in the order of the changes, on a thread of their own: they may
    /// block, which delays the later callbacks of this configuration and nothing else, not even the end
    /// of the process. They may `tokio::spawn` where there is a runtime when they are subscribed, or
    /// was one when the configuration was watched. When they
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
            let (old, new) = (projection(change.before()), projection(change.after()));
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
        self.subscribe(move |notice| {
            if let Some(change) = &notice.change {
                callback(change);
            }
        })
    }

    /// Calls back for every update that was refused, as [`on`](Self::on) does. The snapshot from
    /// before it stays.
    pub fn on_rejected(&self, mut callback: impl FnMut(&Rejection) + Send + 'static) -> Subscription {
        self.subscribe(move |notice| {
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
        self.subscribe(move |notice| {
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
    ///     assert_eq!((change.before().workers, change.after().workers), (10, 12));
    /// }
    /// # Ok::<(), etcd_config::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn changes(&self) -> Changes<T> {
        if self.shared.is_orphan() { Changes::ended() } else { self.shared.streams.open() }
    }

    /// Waits until the configuration is as wanted. Blocks the thread, and is refused in decoding and
    /// checks, as updates wait for them; see
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
        refuse_to_block()?;
        self.check_process()?;
        let until = deadline(limit);
        loop {
            let epoch = self.shared.status_cell.epoch();
            if wanted(&self.load()) {
                return Ok(());
            }
            self.check_running()?;
            if !self.shared.status_cell.sleep(epoch, until) {
                return Err(self.did_not_come("the awaited state", limit));
            }
        }
    }

    /// The same for a task, on a tokio runtime.
    ///
    /// # Errors
    /// As [`wait_until`](Self::wait_until), and that there is no runtime.
    pub async fn wait_until_async(
        &self,
        mut wanted: impl FnMut(&T) -> bool,
        limit: Duration,
    ) -> Result<(), Error> {
        refuse_to_wait()?;
        self.check_process()?;
        runtime()?;
        let until = runtime_deadline(limit);
        loop {
            let epoch = self.shared.status_cell.epoch();
            if wanted(&self.load()) {
                return Ok(());
            }
            self.check_running()?;
            if !self.shared.status_cell.sleep_async(epoch, until).await {
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
        refuse_to_block()?;
        self.check_process()?;
        let until = deadline(limit);
        loop {
            let epoch = self.shared.status_cell.epoch();
            if self.is_in_force(revision)? {
                return Ok(());
            }
            if !self.shared.status_cell.sleep(epoch, until) {
                return Err(self.did_not_come(&format!("revision {revision}"), limit));
            }
        }
    }

    /// The same for a task, on a tokio runtime.
    ///
    /// # Errors
    /// As [`wait_for_revision`](Self::wait_for_revision), and that there is no runtime.
    pub async fn wait_for_revision_async(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        refuse_to_wait()?;
        self.check_process()?;
        runtime()?;
        let until = runtime_deadline(limit);
        loop {
            let epoch = self.shared.status_cell.epoch();
            if self.is_in_force(revision)? {
                return Ok(());
            }
            if !self.shared.status_cell.sleep_async(epoch, until).await {
                return Err(self.did_not_come(&format!("revision {revision}"), limit));
            }
        }
    }

    /// Waits until the callbacks have run that hear of this revision and of those before it, because
    /// it came into force or was refused. Those that are subscribed later are not waited for, nor are those
    /// of [`on_status`](Self::on_status), which belong to no revision. The revision is what
    /// [`MemoryStore::put`](crate::MemoryStore::put) answers, or the `header.revision` of a client's. Made for
    /// tests; blocks the thread, see [`wait_for_callbacks_async`](Self::wait_for_callbacks_async).
    ///
    /// ```
    /// # use std::sync::{Arc, Mutex};
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let store = MemoryStore::new();
    /// let settings = Settings::watch(&store)?;
    /// let heard = Arc::new(Mutex::new(Vec::new()));
    /// let hears = Arc::clone(&heard);
    /// settings.on(|s| &s.workers, move |_, new| hears.lock().unwrap().push(*new));
    /// let revision = store.put("/payments/workers", "12");
    /// settings.wait_for_callbacks(revision, Duration::from_secs(5))?;
    /// assert_eq!(*heard.lock().unwrap(), [12]);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// Not within the limit, or never, because the watch was stopped; or this is such a callback.
    pub fn wait_for_callbacks(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        let until = deadline(limit);
        self.check_callback()?;
        known_or_refused(self.wait_for_revision(revision, limit))?;
        if self.shared.hooks.wait(self.shared.hooks.announced(), until) {
            return Ok(());
        }
        self.check_running()?;
        Err(self.did_not_come(&format!("the end of the callbacks for revision {revision}"), limit))
    }

    /// The same for a task, on a tokio runtime. Callbacks run elsewhere, which a clock that is paused
    /// does not know of: it would be at the limit at once.
    ///
    /// # Errors
    /// As [`wait_for_callbacks`](Self::wait_for_callbacks), and that there is no runtime.
    pub async fn wait_for_callbacks_async(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        runtime()?;
        let until = runtime_deadline(limit);
        self.check_callback()?;
        known_or_refused(self.wait_for_revision_async(revision, limit).await)?;
        if self.shared.hooks.wait_async(self.shared.hooks.announced(), until).await {
            return Ok(());
        }
        self.check_running()?;
        Err(self.did_not_come(&format!("the end of the callbacks for revision {revision}"), limit))
    }

    /// Ends the watch, of all handles: what is in force stays, no callback begins any more, and what
    /// is in force is in the [cache file](crate::Options::cache_file) when this returns, where there is
    /// to be one. Dropping the last handle does the same, but waits a second at most, and says
    /// nothing when it fails. Blocks the thread; see [`close_async`](Self::close_async).
    ///
    /// # Errors
    /// The cache file could not be written, or not within the limit.
    pub fn close(&self, limit: Duration) -> Result<(), Error> {
        let until = deadline(limit);
        self.end()?;
        let (sender, receiver) = mpsc::channel();
        self.shared.save(move |written| drop(sender.send(written)));
        let left = until.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left) {
            Ok(written) => self.closed(written),
            Err(mpsc::RecvTimeoutError::Disconnected) => self.closed(Err(NO_THREAD.to_owned())),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(Error::wait_timeout(LAST_WRITE, limit)),
        }
    }

    /// The same for a task, on a tokio runtime.
    ///
    /// # Errors
    /// As [`close`](Self::close), and that there is no runtime.
    pub async fn close_async(&self, limit: Duration) -> Result<(), Error> {
        runtime()?;
        let until = runtime_deadline(limit);
        self.end()?;
        let (sender, receiver) = oneshot::channel();
        self.shared.save(move |written| drop(sender.send(written)));
        match timeout_at(until, receiver).await {
            Ok(Ok(written)) => self.closed(written),
            Ok(Err(_)) => self.closed(Err(NO_THREAD.to_owned())),
            Err(_) => Err(Error::wait_timeout(LAST_WRITE, limit)),
        }
    }

    fn closed(&self, written: Result<Option<CacheFile>, String>) -> Result<(), Error> {
        let Err(why) = written else { return Ok(()) };
        let path = self.shared.archive.as_ref().map(|archive| archive.cache().path().display().to_string());
        let path = path.unwrap_or_default();
        Err(Error::failed(format!("the last state is not in the cache file {path}: {why}")))
    }

    /// Nothing is written any more but the cache file.
    fn end(&self) -> Result<(), Error> {
        self.check_process()?;
        self.life.task.abort();
        self.shared.stop();
        Ok(())
    }

    fn is_in_force(&self, revision: u64) -> Result<bool, Error> {
        let (in_force, known, refusal) = self.shared.status_cell.read(|record| {
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
            self.shared.progress_wanted.notify_one();
        }
        Ok(false)
    }

    /// In the child of a `fork` nothing is ever called, and the lock may be held for ever.
    fn subscribe(&self, callback: impl FnMut(&Notice<T>) + Send + 'static) -> Subscription {
        if self.shared.is_orphan() { Subscription::to_nothing() } else { self.shared.hooks.add(callback) }
    }

    fn check_running(&self) -> Result<(), Error> {
        self.check_process()?;
        if !self.shared.is_stopped() {
            return Ok(());
        }
        let Status { name, prefix, .. } = self.status();
        Err(Error::stopped(format!(
            "the watch of {name} from {} has ended: it was closed, or its runtime was shut down",
            Printable::line(&prefix)
        )))
    }

    /// In the child of a `fork` nothing comes any more, and locks may be held for ever.
    fn check_process(&self) -> Result<(), Error> {
        if self.shared.is_orphan() { Err(Error::left_in_the_parent()) } else { Ok(()) }
    }

    /// A callback cannot wait for itself.
    fn check_callback(&self) -> Result<(), Error> {
        if self.shared.hooks.are_called_here() {
            return Err(Error::option(
                "a callback cannot wait until the callbacks have run: it is one of them",
            ));
        }
        Ok(())
    }

    fn did_not_come(&self, what: &str, limit: Duration) -> Error {
        let Status { name, prefix, state, snapshot_revision, revision, .. } = self.status();
        let what = format!(
            "{what} of {name} from {} (now {state}, snapshot at revision {snapshot_revision}, \
             known up to {revision})",
            Printable::line(&prefix)
        );
        Error::wait_timeout(what, limit)
    }
}

impl<T: Derived> Live<T> {
    /// Follows what was loaded, on the runtime where that was done.
    pub(crate) fn start(
        loaded: FirstLoad<T>,
        caller: Caller,
        runtime: &Handle,
        background: Option<Arc<Background>>,
    ) -> Self {
        let task = WatchTask::new(loaded, caller);
        let shared = Arc::clone(task.shared());
        let task = runtime.spawn(task.run()).abort_handle();
        let flush: fn(&Arc<Shared<T>>) = flush;
        let life = Life { shared: Arc::clone(&shared), task, flush, background };
        Self { shared, life: Arc::new(life) }
    }
}

/// What is refused is known as well, and callbacks hear of it.
fn known_or_refused(waited: Result<(), Error>) -> Result<(), Error> {
    match waited {
        Err(error) if error.is_invalid() => Ok(()),
        waited => waited,
    }
}

/// Has the last state cached, and waits for it a while.
fn flush<T: Send + Sync + 'static>(shared: &Arc<Shared<T>>) {
    if shared.archive.as_ref().is_some_and(|archive| archive.is_behind()) {
        let (sender, receiver) = mpsc::channel();
        shared.save(move |written| drop(sender.send(written)));
        // Nobody is there to be notified; the log says why it failed.
        if let Ok(Err(why)) = receiver.recv_timeout(FLUSH) {
            panics::log(|| {
                tracing::warn!(
                    name = shared.status_cell.name(),
                    "the last state is not in the cache file: {why}"
                );
            });
        }
    }
}

impl<T> Drop for Life<T> {
    fn drop(&mut self) {
        if self.shared.is_orphan() {
            // Locks may be held for ever, and the threads are the parent's. What is left of it is a copy.
            std::mem::forget((Arc::clone(&self.shared), self.background.take()));
            return;
        }
        self.task.abort();
        self.shared.stop();
        (self.flush)(&self.shared);
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), life: Arc::clone(&self.life) }
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
