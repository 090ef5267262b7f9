//! Where the watching task puts what everybody else reads.

use std::mem::{Discriminant, discriminant};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwap;
use etcd_client_core::watcher;
use tokio::sync::Notify;

use crate::cache::Archive;
use crate::changes::Streams;
use crate::hooks::{Hooks, Notice};
use crate::keys::Keys;
use crate::panics;
use crate::process::Process;
use crate::snapshot::Snapshot;
use crate::standing::{Record, Standing};
use crate::status::{CacheFile, Rewind, State, Status};
use crate::surroundings::Surroundings;
use crate::tree::Touched;
use crate::twin::Twin;

pub(crate) struct Board<T> {
    pub(crate) current: ArcSwap<Snapshot<T>>,
    pub(crate) standing: Standing,
    pub(crate) keys: Arc<Keys>,
    pub(crate) hooks: Arc<Hooks<T>>,
    pub(crate) streams: Streams<T>,
    pub(crate) archive: Option<Arc<Archive>>,
    /// Someone waits for a revision: the store may be asked how far it is.
    pub(crate) impatience: Notify,
    /// Knows which servers fail.
    twin: Weak<Twin>,
    /// What callbacks have been told of how it stands.
    told: Mutex<Told>,
    /// Whether nothing comes into force any more. Held while something does.
    ended: Mutex<bool>,
    /// Where the watching task is.
    process: Process,
}

/// What callbacks hear about when it moves: the state, and the last rewind.
type Told = (Discriminant<State>, Option<Rewind>);

impl<T: Send + Sync + 'static> Board<T> {
    pub(crate) fn new(
        first: Snapshot<T>,
        standing: Standing,
        keys: Arc<Keys>,
        archive: Option<Arc<Archive>>,
        twin: Weak<Twin>,
        surroundings: Surroundings,
    ) -> Self {
        let told = Mutex::new(standing.read(told));
        Self {
            current: ArcSwap::from_pointee(first),
            standing,
            keys,
            hooks: Hooks::new(surroundings),
            streams: Streams::default(),
            archive,
            impatience: Notify::new(),
            twin,
            told,
            ended: Mutex::new(false),
            process: Process::this(),
        }
    }

    /// Tells callbacks how it stands, where that is news.
    pub(crate) fn tell(&self) {
        // Held until it is in its place: two threads tell, and the last one has to know best.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.standing.read(self::told);
        if std::mem::replace(&mut *told, now) != now {
            self.hooks.hold(Notice::of_status(self.status()), self.keys.read().len());
            drop(told);
            self.hooks.release();
        }
    }

    /// Brings a snapshot of the keys of this cluster into force, and counts it for the cache file: what had
    /// changed since the one before, and that one. Nothing where the watch has ended.
    pub(crate) fn publish(
        &self,
        snapshot: Arc<Snapshot<T>>,
        cluster: u64,
    ) -> Option<(Touched, Arc<Snapshot<T>>)> {
        let ended = self.ended();
        if *ended {
            return None;
        }
        let touched = self.keys.publish();
        self.note_change(cluster);
        Some((touched, self.current.swap(snapshot)))
    }

    /// What is in force is news for the cache file.
    pub(crate) fn note_change(&self, cluster: u64) {
        if let Some(archive) = &self.archive {
            archive.note_change(cluster);
        }
    }

    /// Has what is in force written to the cache file, and says what came of it. Nothing where the
    /// file holds it already, or where there is to be none.
    pub(crate) fn save(
        self: &Arc<Self>,
        done: impl FnOnce(Result<Option<CacheFile>, String>) + Send + 'static,
    ) {
        let Some(archive) = &self.archive else { return done(Ok(None)) };
        let (board, own) = (Arc::clone(self), Arc::clone(archive));
        let write = move || {
            let proven = board.standing.read(Record::proven_at);
            done(own.write(proven, |cluster| {
                let (revision, entries) = board.keys.published();
                etcd_client_core::Listing { revision, cluster, entries }
            }));
        };
        archive.run(Box::new(write));
    }
}

impl<T> Board<T> {
    pub(crate) fn status(&self) -> Status {
        if self.is_unreadable() {
            return self.standing.unreadable();
        }
        let mut status = self.standing.status();
        // Also those since the watching task has last counted them.
        status.counters.callback_panics = self.hooks.panics();
        // In the child of a `fork` a lock of a server's may stay locked.
        if let Some(twin) = self.twin.upgrade().filter(|_| !self.is_orphan()) {
            status.failing_endpoints = twin.store().failing_endpoints();
        }
        status
    }

    /// Records something, with what has been counted.
    pub(crate) fn record<R>(&self, counters: watcher::Counters, write: impl FnOnce(&mut Record) -> R) -> R {
        let callback_panics = self.hooks.panics();
        self.standing.write(|record| {
            record.count(counters, callback_panics);
            write(record)
        })
    }

    /// Records a panic, without its words where they may hold a secret.
    pub(crate) fn note_panic(&self, words: &str, has_secrets: bool) {
        let words = if has_secrets { panics::WITHHELD } else { words };
        self.standing.write(|record| record.panicked(words));
    }

    /// Nothing is written any more.
    pub(crate) fn stop(&self) {
        *self.ended() = true;
        self.standing.write(Record::stop);
        self.streams.end();
        // Drops callbacks, which are the user's.
        self.hooks.stop();
    }

    fn ended(&self) -> MutexGuard<'_, bool> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing follows the store any more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_orphan() || self.standing.read(Record::is_stopped)
    }

    /// Whether this is the child of a `fork`, and the watching task was left in the parent.
    pub(crate) fn is_orphan(&self) -> bool {
        !self.process.is_this()
    }

    /// Whether, besides, the record will never be read again.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.is_orphan() && !self.standing.stop_in_child()
    }
}

fn told(record: &Record) -> Told {
    (discriminant(record.state()), record.last_rewind)
}
