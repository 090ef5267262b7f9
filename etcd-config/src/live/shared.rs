//! What the watching task writes and the handles read.

use std::mem::{Discriminant, discriminant};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use etcd_client_core::{Printable, watcher};
use tokio::sync::Notify;

use crate::cache::Archive;
use crate::error::Error;
use crate::explain::{Explanation, explain};
use crate::instance::subject::Subject;
use crate::notify::callbacks::Hooks;
use crate::notify::notice::Notice;
use crate::notify::stream::Streams;
use crate::problem::Problem;
use crate::publish::current::Current;
use crate::publish::keys::Keys;
use crate::resource::registry::Resources;
use crate::runtime::caller::Caller;
use crate::runtime::connections::OwnConnections;
use crate::runtime::panics;
use crate::runtime::process::Process;
use crate::status::cell::{StatusCell, StatusRecord};
use crate::status::resource_status::BuildCounts;
use crate::status::{Ago, CacheFile, Rewind, Source, State, Status};

pub(crate) struct Shared {
    pub(crate) current: Arc<dyn Current>,
    pub(crate) status_cell: StatusCell,
    pub(crate) keys: Arc<Keys>,
    pub(crate) hooks: Arc<Hooks>,
    pub(crate) streams: Streams,
    pub(crate) archive: Option<Arc<Archive>>,
    /// Notified when a waiter wants a revision that is not known yet: the store may be asked for progress.
    pub(crate) progress_wanted: Notify,
    /// The store knows which endpoints fail.
    connections: Weak<OwnConnections>,
    /// What callbacks of the status were last called for.
    announced: Mutex<Announced>,
    /// Whether nothing is published any more. Locked while a snapshot is published, and while a resource is entered.
    ended: Mutex<bool>,
    /// What is made of the settings, once something is.
    pub(super) resources: OnceLock<Arc<Resources>>,
    /// The process that the watching task runs in.
    process: Process,
}

/// What callbacks hear about when it becomes different: the state, whether values are refused, and the last rewind.
type Announced = (Discriminant<State>, bool, Option<Rewind>);

impl Shared {
    pub(crate) fn new(
        current: Arc<dyn Current>,
        status_cell: StatusCell,
        keys: Arc<Keys>,
        archive: Option<Arc<Archive>>,
        connections: Weak<OwnConnections>,
        caller: Caller,
    ) -> Self {
        let announced = Mutex::new(status_cell.read(announced));
        let owner = (keys.context().schema().name(), keys.context().prefix().path().to_owned());
        Self {
            current,
            status_cell,
            keys,
            hooks: Hooks::new(owner, caller),
            streams: Streams::default(),
            archive,
            progress_wanted: Notify::new(),
            connections,
            announced,
            ended: Mutex::new(false),
            resources: OnceLock::new(),
            process: Process::this(),
        }
    }

    /// Calls the callbacks of the status, if it has become different.
    pub(crate) fn announce_status(&self) {
        // Locked until the notice is queued: two threads announce, and the newest status must come last.
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.status_cell.read(self::announced);
        if std::mem::replace(&mut *announced, now) != now {
            self.hooks.queue(Notice::of_status(self.status()), self.keys.len());
        }
    }

    /// The cache file lacks what is in force.
    pub(crate) fn note_change(&self, cluster: u64) {
        if let Some(archive) = &self.archive {
            archive.note_change(cluster);
        }
    }

    /// Has what is in force written to the cache file, and calls `done` with the outcome: `None` if the file holds
    /// it already, or if there is to be no file.
    pub(crate) fn save(
        self: &Arc<Self>,
        done: impl FnOnce(Result<Option<CacheFile>, String>) + Send + 'static,
    ) {
        let Some(archive) = &self.archive else { return done(Ok(None)) };
        let (shared, own) = (Arc::clone(self), Arc::clone(archive));
        let write = move || {
            let proven = shared.status_cell.read(StatusRecord::proven_at);
            done(own.write(proven, &|cluster| {
                let (revision, entries) = shared.keys.published();
                etcd_client_core::Listing { revision, cluster, entries }
            }));
        };
        archive.run(Box::new(write));
    }

    pub(crate) fn status(&self) -> Status {
        if self.is_unreadable() {
            return self.status_cell.unreadable();
        }
        let mut status = self.status_cell.status();
        // Also those since the watching task has last counted them.
        status.counters.callback_panics = self.hooks.panics();
        if let Some(resources) = self.resources.get().filter(|_| !self.is_orphan()) {
            let BuildCounts { builds, failures, .. } = resources.counts();
            (status.counters.builds, status.counters.build_failures) = (builds, failures);
            status.resources = resources.status();
        }
        // In the child of a `fork` a lock of a server's may stay locked.
        if let Some(connections) = self.connections.upgrade().filter(|_| !self.is_orphan()) {
            status.failing_endpoints = connections.store().failing_endpoints();
        }
        status
    }

    /// For each field where its value comes from.
    pub(crate) fn explain(&self) -> Explanation {
        let source = self.status().source;
        let (tree, unpublished) = self.keys.with_unpublished();
        let explanation = explain(&tree, self.keys.context(), &unpublished, source == Source::Cache);
        match self.resources.get().filter(|_| !self.is_orphan()) {
            Some(resources) => explanation.with_resources(resources.status()),
            None => explanation,
        }
    }

    /// Writes the status, with the counters.
    pub(crate) fn record<R: Default>(
        &self,
        counters: watcher::Counters,
        write: impl FnOnce(&mut StatusRecord) -> R,
    ) -> R {
        let callback_panics = self.hooks.panics();
        let builds = self.resources.get().map(|resources| resources.counts()).unwrap_or_default();
        self.status_cell.write(|record| {
            record.count(counters, callback_panics, builds);
            write(record)
        })
    }

    /// Records a panic, without its message if that may hold a secret.
    pub(crate) fn note_panic(&self, words: &str, has_secrets: bool) {
        let words = if has_secrets { panics::WITHHELD } else { words };
        self.status_cell.write(|record| record.panicked(words));
    }

    /// Nothing is published any more, and no callback begins.
    pub(crate) fn stop(&self) {
        *self.ended() = true;
        self.status_cell.write(StatusRecord::stop);
        self.streams.end();
        // Drops callbacks and builds, which are the user's.
        self.hooks.stop();
        if let Some(resources) = self.resources.get() {
            resources.stop();
        }
    }

    pub(super) fn ended(&self) -> MutexGuard<'_, bool> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing follows the store any more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_orphan() || self.status_cell.read(StatusRecord::is_stopped)
    }

    /// Whether this is the child of a `fork`, and the watching task was left in the parent.
    pub(crate) fn is_orphan(&self) -> bool {
        !self.process.is_this()
    }

    /// Whether, besides, the record will never be read again.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.is_orphan() && !self.status_cell.stop_in_child()
    }

    /// Whether the store has confirmed the values within this time.
    ///
    /// # Errors
    /// It has not, or this is the child of a `fork`, where that is not known.
    pub(crate) fn check_fresh(&self, max_age: Duration) -> Result<(), Error> {
        if self.is_unreadable() {
            return Err(Error::left_in_the_parent());
        }
        let age = self.status_cell.read(StatusRecord::age);
        if age <= max_age {
            return Ok(());
        }
        let status = self.status();
        let rejected = status.and_rejected();
        let Status { name, prefix, source, state, refused_since, .. } = status;
        let known = if refused_since.is_some() { "confirmed" } else { "proven current" };
        let why = state.error().map(|error| format!(": {error}")).unwrap_or_default();
        Err(Error::stale(format!(
            "{name} from {} is from {source} and was last {known} {}, where at most {max_age:?} is \
             accepted; now {state}{rejected}{why}",
            Printable::line(&prefix),
            Ago(age)
        )))
    }

    /// Whether the store is followed still.
    ///
    /// # Errors
    /// It is not.
    pub(crate) fn check_running(&self) -> Result<(), Error> {
        self.check_process()?;
        if self.is_stopped() { Err(self.has_ended()) } else { Ok(()) }
    }

    pub(super) fn has_ended(&self) -> Error {
        let Status { name, prefix, .. } = self.status();
        Error::stopped(format!(
            "the watch of {name} from {} has ended: it was closed, or its runtime was shut down",
            Printable::line(&prefix)
        ))
    }

    /// In the child of a `fork` nothing comes any more, and locks may be held for ever.
    pub(crate) fn check_process(&self) -> Result<(), Error> {
        if self.is_orphan() { Err(Error::left_in_the_parent()) } else { Ok(()) }
    }
}

impl Subject for Shared {
    fn status_cell(&self) -> &StatusCell {
        &self.status_cell
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn announce(&self, warning: Problem) {
        self.hooks.queue(Notice::of_warnings(vec![warning]), self.keys.len());
    }
}

fn announced(record: &StatusRecord) -> Announced {
    (discriminant(record.state()), record.is_rejecting(), record.last_rewind)
}
