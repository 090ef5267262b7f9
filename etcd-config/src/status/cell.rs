//! The one record of how a configuration stands, and the waiters that each write wakes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use etcd_client_core::{Prefix, watcher};
use tokio::sync::Notify;

use crate::problem::Problem;
use crate::rejection::Rejection;
use crate::runtime::panics;
use crate::status::in_fleet::InFleet;
use crate::status::meters::{Meters, Reading};
use crate::status::outstanding::Outstanding;
use crate::status::resource_status::BuildCounts;
use crate::status::{CacheFile, Counters, Rewind, Source, State, Status};
use crate::tree::directories::layer_paths;

/// How long the child of a `fork` waits for a lock that its parent may have held.
const CHILD_LOCK: Duration = Duration::from_millis(20);

/// Written by the watching task, read by anyone.
pub(crate) struct StatusCell {
    name: &'static str,
    prefix: String,
    layers: Vec<String>,
    record: Mutex<StatusRecord>,
    moved: Condvar,
    moved_async: Notify,
    meters: Meters,
}

pub(crate) struct StatusRecord {
    /// Everything up to this revision is known.
    pub(crate) revision: u64,
    /// Everything up to this revision is in force; lower while changes are refused or held back.
    pub(crate) in_force: u64,
    pub(crate) snapshot_revision: u64,
    /// What is known up to `revision` and not in force.
    pub(crate) outstanding: Outstanding,
    pub(crate) source: Source,
    last_rejection: Option<Rejection>,
    pub(crate) last_rewind: Option<Rewind>,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) pending: Vec<Problem>,
    pub(crate) cache_file: Option<CacheFile>,
    /// Where it is to be listed in the fleet.
    pub(crate) in_fleet: Option<Box<InFleet>>,
    last_panic: Option<String>,
    pub(crate) counters: Counters,
    /// Builds that have passed their limit and not returned.
    hanging_builds: u64,
    /// The counters that the metrics have.
    shown: Counters,
    /// When the snapshot was last known to be what the store holds.
    proven: HeardAt,
    /// When the store last said what it holds, accepted or not.
    confirmed: HeardAt,
    state: State,
    since: SystemTime,
    endpoint: Option<String>,
    /// Counts the writes, so that a waiter misses none.
    epoch: u64,
    /// How many threads sleep until the next write: where there is none, the system is not asked to wake any.
    sleepers: usize,
}

/// How much is known of the store, and how much of that is in force.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// Everything up to here is known.
    pub(crate) revision: u64,
    /// What of it is not in force.
    pub(crate) outstanding: Outstanding,
    /// When the store said so.
    pub(crate) heard: HeardAt,
}

/// When something was last known of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeardAt {
    time: SystemTime,
    /// From when on this process has measured its age, and how old it was then.
    from: Instant,
    before: Duration,
}

/// Where the record stood when a waiter looked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

impl StatusCell {
    pub(crate) fn new(name: &'static str, prefix: &Prefix, revision: u64) -> Self {
        let (prefix, layers) = (prefix.path().to_owned(), layer_paths(prefix));
        let now = SystemTime::now();
        let record = StatusRecord {
            revision,
            in_force: revision,
            snapshot_revision: revision,
            outstanding: Outstanding::Nothing,
            source: Source::Etcd,
            last_rejection: None,
            last_rewind: None,
            warnings: Vec::new(),
            pending: Vec::new(),
            cache_file: None,
            in_fleet: None,
            last_panic: None,
            counters: Counters { snapshots: 1, ..Counters::default() },
            hanging_builds: 0,
            shown: Counters { snapshots: 1, ..Counters::default() },
            proven: HeardAt::now(),
            confirmed: HeardAt::now(),
            state: State::Listing,
            since: now,
            endpoint: None,
            epoch: 0,
            sleepers: 0,
        };
        let meters = Meters::new(name, &prefix);
        meters.show(Counters::default(), &record.reading());
        let (record, moved, moved_async) = (Mutex::new(record), Condvar::new(), Notify::new());
        Self { name, prefix, layers, record, moved, moved_async, meters }
    }

    pub(crate) fn status(&self) -> Status {
        let record = self.lock();
        let of_fleet = record.in_fleet.iter().filter_map(|in_fleet| in_fleet.warning.as_ref());
        Status {
            name: self.name,
            prefix: self.prefix.clone(),
            layers: self.layers.clone(),
            state: record.state.clone(),
            since: record.since,
            revision: record.revision,
            snapshot_revision: record.snapshot_revision,
            source: record.source,
            proven_current_at: record.proven.time,
            confirmed_at: record.confirmed.time,
            age: record.confirmed.age(),
            refused_since: record.outstanding.refused_since(),
            endpoint: record.endpoint.clone(),
            failing_endpoints: Vec::new(),
            last_rejection: record.last_rejection.clone(),
            last_rewind: record.last_rewind,
            warnings: record.warnings.iter().chain(of_fleet).cloned().collect(),
            pending: record.pending.clone(),
            resources: Vec::new(),
            cache_file: record.cache_file.clone(),
            instance: record.in_fleet.as_ref().and_then(|in_fleet| in_fleet.name.clone()),
            last_panic: record.last_panic.clone(),
            counters: record.counters,
        }
    }

    /// The status where the record cannot be read any more, in the child of a `fork`.
    pub(crate) fn unreadable(&self) -> Status {
        Status {
            name: self.name,
            prefix: self.prefix.clone(),
            layers: self.layers.clone(),
            state: State::Stopped,
            since: SystemTime::now(),
            revision: 0,
            snapshot_revision: 0,
            source: Source::Etcd,
            proven_current_at: SystemTime::UNIX_EPOCH,
            confirmed_at: SystemTime::UNIX_EPOCH,
            age: Duration::MAX,
            refused_since: None,
            endpoint: None,
            failing_endpoints: Vec::new(),
            last_rejection: None,
            last_rewind: None,
            warnings: Vec::new(),
            pending: Vec::new(),
            resources: Vec::new(),
            cache_file: None,
            instance: None,
            last_panic: None,
            counters: Counters::default(),
        }
    }

    /// Writes the record, and wakes the waiters.
    pub(crate) fn write<R: Default>(&self, write: impl FnOnce(&mut StatusRecord) -> R) -> R {
        let (mut write, mut result) = (Some(write), None);
        self.rewrite(&mut |record| result = write.take().map(|write| write(record)));
        // It always has one.
        result.unwrap_or_default()
    }

    /// Compiled once, and not for each way to write.
    fn rewrite(&self, write: &mut dyn FnMut(&mut StatusRecord)) {
        let mut record = self.lock();
        write(&mut record);
        let now = record.counters;
        let before = std::mem::replace(&mut record.shown, now);
        let reading = record.reading();
        record.epoch += 1;
        let has_sleepers = record.sleepers > 0;
        drop(record);
        // A recorder is code of others.
        if let Err(panic) = panics::caught(|| self.meters.show(before, &reading)) {
            let words = panics::shown(&panic);
            panics::log(|| {
                tracing::error!(panic = words, "the recorder of metrics panicked; the watch goes on");
            });
            self.lock().panicked(&panic);
        }
        if has_sleepers {
            self.moved.notify_all();
        }
        self.moved_async.notify_waiters();
    }

    /// In the child of a `fork` nothing follows the store: marks the record as stopped. False if the parent's
    /// thread was writing it at the moment of the fork: then the lock stays locked for ever here.
    pub(crate) fn stop_in_child(&self) -> bool {
        let until = Instant::now() + CHILD_LOCK;
        loop {
            match self.record.try_lock() {
                Ok(mut record) => {
                    if !record.is_stopped() {
                        record.stop();
                    }
                    return true;
                }
                Err(TryLockError::Poisoned(_)) => return true,
                Err(TryLockError::WouldBlock) if Instant::now() >= until => return false,
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
    }

    pub(crate) fn read<R>(&self, read: impl FnOnce(&StatusRecord) -> R) -> R {
        read(&self.lock())
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.lock().epoch)
    }

    /// Sleeps until the record is written after `epoch`; false when that did not happen in time.
    pub(crate) fn sleep(&self, epoch: Epoch, until: Instant) -> bool {
        let mut record = self.lock();
        record.sleepers += 1;
        let is_written = loop {
            if Epoch(record.epoch) != epoch {
                break true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                break false;
            }
            record = self.moved.wait_timeout(record, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        record.sleepers -= 1;
        is_written
    }

    /// The same, for a task, by its runtime's clock.
    pub(crate) async fn sleep_async(&self, epoch: Epoch, until: tokio::time::Instant) -> bool {
        let moved = self.moved_async.notified();
        let mut moved = std::pin::pin!(moved);
        moved.as_mut().enable();
        if self.epoch() != epoch {
            return true;
        }
        tokio::time::timeout_at(until, moved).await.is_ok()
    }

    /// The record is consistent after each statement, so a poisoned lock does no harm.
    fn lock(&self) -> MutexGuard<'_, StatusRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StatusRecord {
    /// The store has confirmed that so much is known.
    pub(crate) fn proven(&mut self, extent: Extent) {
        let Extent { revision, outstanding, heard } = extent;
        self.revision = revision;
        self.outstanding = outstanding;
        if outstanding.is_nothing() {
            self.in_force = revision;
            self.source = Source::Etcd;
        } else {
            self.in_force = self.in_force.min(revision);
        }
        self.confirmed = heard;
        // What is not committed yet is not meant to be in force; all else that is outstanding is.
        let is_as_meant = matches!(outstanding, Outstanding::Nothing | Outstanding::Uncommitted);
        if is_as_meant && self.source == Source::Etcd {
            self.proven = heard;
        }
    }

    /// When the snapshot was last known to be what the store holds.
    pub(crate) fn proven_at(&self) -> SystemTime {
        self.proven.time
    }

    /// The snapshot is from the cache file.
    pub(crate) fn mark_from_cache(&mut self, file: CacheFile) {
        self.source = Source::Cache;
        self.proven = HeardAt::at(file.saved_at.unwrap_or(SystemTime::UNIX_EPOCH));
        self.confirmed = self.proven;
        self.cache_file = Some(file);
    }

    /// How long ago the store said what it holds.
    pub(crate) fn age(&self) -> Duration {
        self.confirmed.age()
    }

    /// What the counters and gauges are.
    pub(crate) fn reading(&self) -> Reading {
        Reading {
            counters: self.counters,
            hanging_builds: self.hanging_builds,
            revision: self.revision,
            snapshot_revision: self.snapshot_revision,
            is_watching: self.is_watching(),
            is_rejecting: self.is_rejecting(),
            is_from_cache: self.source == Source::Cache,
            proven_current_at: self.proven.time,
            confirmed_at: self.confirmed.time,
        }
    }

    /// Where it stands with the store.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Since when it has been watching, or has not been.
    pub(crate) fn since(&self) -> SystemTime {
        self.since
    }

    /// Whether changes are received, whatever is made of them.
    pub(crate) fn is_watching(&self) -> bool {
        self.state.is_watching()
    }

    /// Whether the newest values are refused, whether or not changes are received.
    pub(crate) fn is_rejecting(&self) -> bool {
        self.outstanding.refused_since().is_some()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    /// Something panicked while the store was followed; without secrets.
    pub(crate) fn panicked(&mut self, words: &str) {
        self.counters.watch_panics += 1;
        self.last_panic = Some(panics::shown(words));
    }

    pub(crate) fn stop(&mut self) {
        self.endpoint = None;
        self.enter(State::Stopped);
    }

    /// Follows the watcher. What keeps it from watching stays on record while it tries again, until
    /// it watches: that is what an operator has to know, and since when.
    pub(crate) fn set_connection(&mut self, state: watcher::State) {
        self.endpoint = None;
        match state {
            watcher::State::Watching { endpoint } => {
                self.endpoint = Some(endpoint);
                self.enter(State::Watching);
            }
            watcher::State::Listing if self.state.error().is_none() => self.enter(State::Listing),
            watcher::State::Resuming if self.state.error().is_none() => self.enter(State::Resuming),
            watcher::State::NoQuorum { error } => self.enter(State::NoQuorum(error)),
            watcher::State::AuthFailed { error } => self.enter(State::AuthFailed(error)),
            watcher::State::PermissionDenied { error } => self.enter(State::PermissionDenied(error)),
            watcher::State::Disconnected { error } => self.enter(State::Disconnected(error)),
            _ => {}
        }
    }

    fn enter(&mut self, state: State) {
        if self.state.is_watching() != state.is_watching() {
            self.since = SystemTime::now();
        }
        self.state = state;
    }

    pub(crate) fn refuse(&mut self, rejection: Rejection) {
        self.last_rejection = Some(rejection);
        self.counters.rejections += 1;
    }

    /// The same was refused before, for the same reasons.
    pub(crate) fn refuse_again(&mut self, rejection: Rejection) {
        self.last_rejection = Some(rejection);
    }

    /// The last update that was refused, whatever has come after it.
    pub(crate) fn last_rejection(&self) -> Option<&Rejection> {
        self.last_rejection.as_ref()
    }

    pub(crate) fn accept(&mut self, revision: u64) {
        self.snapshot_revision = revision;
        self.counters.snapshots += 1;
    }

    /// Why the newest values are refused, unless others are about to be tried.
    pub(crate) fn refusal(&self) -> Option<&Rejection> {
        match self.outstanding {
            Outstanding::Refused { .. } => self.last_rejection.as_ref(),
            _ => None,
        }
    }

    pub(crate) fn count(&mut self, counters: watcher::Counters, callback_panics: u64, builds: BuildCounts) {
        (self.counters.builds, self.counters.build_failures) = (builds.builds, builds.failures);
        self.hanging_builds = builds.hanging;
        self.counters.callback_panics = callback_panics;
        self.counters.losses = counters.losses;
        self.counters.lists = counters.lists;
        self.counters.audits = counters.audits;
        self.counters.repairs = counters.repairs;
        self.counters.rewinds = counters.rewinds;
    }
}

impl HeardAt {
    pub(crate) fn now() -> Self {
        Self { time: SystemTime::now(), from: Instant::now(), before: Duration::ZERO }
    }

    /// By a clock that may have been wrong then, or may be now: what has not been yet is of any age.
    fn at(time: SystemTime) -> Self {
        let before = SystemTime::now().duration_since(time).unwrap_or(Duration::MAX);
        Self { time, from: Instant::now(), before }
    }

    fn age(&self) -> Duration {
        self.from.elapsed().saturating_add(self.before)
    }
}
