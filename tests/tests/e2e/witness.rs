//! The common oracle: whatever a user of a configuration saw is held against the true history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use etcd_config::{Change, EtcdConfig, Live, Snapshot, State, Status};

use crate::history::{History, difference};

/// What history is kept of, and what its keys begin with.
pub(crate) const PREFIX: &str = "/app/all/";

/// A configuration that is its keys, so that it can be held against the history.
#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/app")]
pub(crate) struct Flat {
    #[etcd(map)]
    pub(crate) all: BTreeMap<String, String>,
}

/// Sees every change that a configuration reports, and reads it all the time.
pub(crate) struct Witness {
    live: Live<Flat>,
    changes: Arc<Mutex<Vec<Change<Flat>>>>,
    reads: Arc<Mutex<Vec<Arc<Snapshot<Flat>>>>>,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Witness {
    pub(crate) fn of(live: &Live<Flat>) -> Self {
        let changes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&changes);
        live.on_change(move |change| seen.lock().expect("not poisoned").push(change.clone()));

        let reads = Arc::new(Mutex::new(vec![live.snapshot()]));
        let stop = Arc::new(AtomicBool::new(false));
        let mut reader = live.reader();
        let (into, told) = (Arc::clone(&reads), Arc::clone(&stop));
        let read = move || {
            while !told.load(Ordering::Relaxed) {
                let snapshot = reader.snapshot();
                let mut reads = into.lock().expect("not poisoned");
                if reads.last().is_none_or(|last| !Arc::ptr_eq(last, snapshot)) {
                    reads.push(Arc::clone(snapshot));
                }
                drop(reads);
                thread::sleep(Duration::from_micros(500));
            }
        };
        let reader = Some(thread::spawn(read));
        Self { live: live.clone(), changes, reads, stop, reader }
    }

    /// The changes seen so far.
    pub(crate) fn changes(&self) -> Vec<Change<Flat>> {
        self.changes.lock().expect("not poisoned").clone()
    }

    /// Waits until the configuration is what etcd holds, by `deadline` from now; then judges all
    /// that was seen.
    #[track_caller]
    pub(crate) fn converges(&self, history: &History<'_>, deadline: Duration) {
        let (revision, state) = history.head();
        let start = Instant::now();
        let last_change = || self.changes().last().map(|change| change.new().all.clone());
        let first = || self.reads.lock().expect("not poisoned")[0].all.clone();
        while self.live.load().all != state || last_change().unwrap_or_else(first) != state {
            if start.elapsed() > deadline {
                let wrong = difference(&self.live.load().all, &state);
                panic!(
                    "after {deadline:?} the configuration is not that of revision {revision}; \
                     {wrong:?} differ\n{}",
                    self.live.status()
                );
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.judge(history);
    }

    /// Every snapshot is the state at its revision; revisions only grow; changes follow each other
    /// without a gap, and name the keys that changed, no others.
    #[track_caller]
    pub(crate) fn judge(&self, history: &History<'_>) {
        let reads = self.reads.lock().expect("not poisoned").clone();
        for snapshot in &reads {
            holds(snapshot, history);
        }
        for pair in reads.windows(2) {
            let (before, after) = (pair[0].revision(), pair[1].revision());
            assert!(before < after, "a reader saw revision {after} after {before}");
        }
        let changes = self.changes();
        for change in &changes {
            holds(change.new(), history);
            let prefixed = |name: &String| format!("{PREFIX}{name}");
            let differ = difference(&change.old().all, &change.new().all);
            let differ: BTreeSet<_> = differ.iter().map(prefixed).collect();
            let named: BTreeSet<_> = change.keys().iter().map(ToString::to_string).collect();
            assert_eq!(named, differ, "the keys of the change to revision {}", change.revision());
            assert_eq!(named.len(), change.keys().len(), "a key is named twice");
        }
        for pair in changes.windows(2) {
            let (before, after) = (pair[0].new().revision(), pair[1].old().revision());
            assert_eq!(before, after, "a change does not begin where the one before ended");
        }
    }

    /// Waits for a status.
    #[track_caller]
    pub(crate) fn waits_for(&self, what: &str, deadline: Duration, is: impl Fn(&Status) -> bool) -> Duration {
        let start = Instant::now();
        loop {
            let status = self.live.status();
            if is(&status) {
                return start.elapsed();
            }
            assert!(start.elapsed() < deadline, "not {what} after {deadline:?}:\n{status}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until changes are being followed.
    #[track_caller]
    pub(crate) fn watches(&self, deadline: Duration) -> Duration {
        self.waits_for("watching", deadline, |status| matches!(status.state, State::Watching))
    }

    /// Waits until the loss of the connection shows.
    #[track_caller]
    pub(crate) fn notices_a_loss(&self, deadline: Duration) -> Duration {
        self.waits_for("lost", deadline, |status| !matches!(status.state, State::Watching))
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

#[track_caller]
fn holds(snapshot: &Snapshot<Flat>, history: &History<'_>) {
    let revision = snapshot.revision();
    let truth = history.at(revision);
    let wrong = difference(&snapshot.all, &truth);
    assert!(wrong.is_empty(), "the snapshot of revision {revision} is not what etcd held then: {wrong:?}");
}
