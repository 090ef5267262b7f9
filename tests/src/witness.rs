//! The common oracle: whatever a user of a configuration saw is held against the true history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use etcd_config::{Change, EtcdConfig, Live, Snapshot, Status};

use crate::history::{Era, History, State, difference, state_at};
use crate::until::{until_found, until_live};

/// What history is kept of, and what its keys begin with.
pub const PREFIX: &str = "/app/all/";

/// The second layer of a configuration of two.
pub const LAYER: &str = "/app@eu-1";

/// What the keys of that begin with.
pub(crate) const OVER: &str = "/app@eu-1/all/";

/// A configuration that is its keys, so that it can be held against the history.
#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/app")]
pub struct Flat {
    /// Every key, without the prefix.
    #[etcd(map)]
    pub all: BTreeMap<String, String>,
}

/// Sees every change that a configuration reports, and reads it all the time.
///
/// It keeps copies and lets the snapshots go, so that the library uses them again as it does in
/// an application.
#[derive(Debug)]
pub struct Witness {
    live: Live<Flat>,
    steps: Arc<Mutex<Vec<Step>>>,
    reads: Reads,
    _reader: Arc<Reader>,
}

/// The snapshots that one configuration has shown, in their order.
type Reads = Arc<Mutex<Vec<Seen>>>;

/// The thread that reads the configurations of some witnesses, one after the other.
#[derive(Debug)]
struct Reader {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A snapshot, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its revision.
    pub revision: u64,
    /// Its keys and values.
    pub all: State,
}

/// A change, as a callback heard of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The snapshot before it.
    pub old: Seen,
    /// The snapshot after it.
    pub new: Seen,
    /// The whole keys that it names.
    pub keys: Vec<String>,
    /// How many snapshots were passed over.
    pub missed: u64,
}

impl Witness {
    /// A witness from now on.
    pub fn of(live: &Live<Flat>) -> Self {
        Self::of_all([live]).remove(0)
    }

    /// A witness of each, from now on. One thread reads all of them: with many, one for each would take more time
    /// of the machine than what they look at.
    pub fn of_all<'l>(lives: impl IntoIterator<Item = &'l Live<Flat>>) -> Vec<Self> {
        let subscribed = |live: &Live<Flat>| {
            let steps = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&steps);
            live.on_change(move |change| seen.lock().expect("not poisoned").push(Step::of(change)));
            // Read after it is subscribed, so that no change is missed in between.
            let reads = Arc::new(Mutex::new(vec![Seen::of(&live.snapshot())]));
            (live.clone(), steps, reads)
        };
        let all: Vec<_> = lives.into_iter().map(subscribed).collect();
        let sources = all.iter().map(|(live, _, reads)| (live.clone(), Arc::clone(reads))).collect();
        let reader = Arc::new(Reader::of(sources));
        let witness = |(live, steps, reads)| Self { live, steps, reads, _reader: Arc::clone(&reader) };
        all.into_iter().map(witness).collect()
    }

    /// A witness from now on, as soon as changes are being followed.
    #[track_caller]
    pub fn watching(live: &Live<Flat>) -> Self {
        let witness = Self::of(live);
        witness.watches(Duration::from_secs(5));
        witness
    }

    /// The changes heard of so far.
    pub fn steps(&self) -> Vec<Step> {
        self.steps.lock().expect("not poisoned").clone()
    }

    /// The keys that changes named so far, without the prefix, in their order; what is in two layers, once.
    pub fn named(&self) -> Vec<String> {
        self.steps().iter().flat_map(Step::names).collect()
    }

    /// Waits until the configuration is what etcd holds, by `deadline` from now; then judges all
    /// that was seen. The time that it took.
    #[track_caller]
    pub fn converges(&self, history: &History<'_>, deadline: Duration) -> Duration {
        let (revision, state) = history.head();
        let start = Instant::now();
        let is_heard = || {
            let steps = self.steps.lock().expect("not poisoned");
            steps.last().map_or_else(
                || self.reads.lock().expect("not poisoned")[0].all == state,
                |step| step.new.all == state,
            )
        };
        let is_there = || (self.live.load().all == state && is_heard()).then_some(());
        until_found(deadline, is_there, || {
            let wrong = difference(&self.live.load().all, &state);
            format!("the state of revision {revision}; {wrong:?} differ\n{}", self.live.status())
        });
        let took = start.elapsed();
        self.judge(history);
        took
    }

    /// Every snapshot is the state at its revision; revisions only grow, unless the history was
    /// rewound; changes follow each other without a gap, and name the keys that changed, no others.
    #[track_caller]
    pub fn judge(&self, history: &History<'_>) {
        let eras = history.eras();
        let reads = self.reads.lock().expect("not poisoned").clone();
        let mut judgement = Judgement::new(&eras);
        for seen in &reads {
            judgement.hears(seen);
        }
        let steps = self.steps();
        let mut judgement = Judgement::new(&eras);
        for step in &steps {
            judgement.hears(&step.new);
            let differ = difference(&step.old.all, &step.new.all);
            let named = step.names();
            // Passed over, a change and its reversal are named although nothing is left of them.
            let is_right = if step.missed == 0 { named == differ } else { named.is_superset(&differ) };
            assert!(is_right, "the change to revision {} names {named:?}, not {differ:?}", step.new.revision);
            let keys: BTreeSet<_> = step.keys.iter().collect();
            assert_eq!(keys.len(), step.keys.len(), "a key is named twice");
        }
        for pair in steps.windows(2) {
            assert_eq!(pair[0].new, pair[1].old, "a change does not begin where the one before ended");
        }
    }

    /// Waits for a status. The time that it took.
    #[track_caller]
    pub fn waits_for(&self, what: &str, deadline: Duration, is: impl Fn(&Status) -> bool) -> Duration {
        let start = Instant::now();
        until_live(&self.live, deadline, what, |live| is(&live.status()));
        start.elapsed()
    }

    /// Waits until changes are being followed.
    #[track_caller]
    pub fn watches(&self, deadline: Duration) -> Duration {
        self.waits_for("watching", deadline, Status::is_current)
    }

    /// Waits until the loss of the connection shows.
    #[track_caller]
    pub fn notices_a_loss(&self, deadline: Duration) -> Duration {
        self.waits_for("lost", deadline, |status| !status.state.is_watching())
    }
}

impl Reader {
    fn of(sources: Vec<(Live<Flat>, Reads)>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let read = move || {
            while !stopped.load(Ordering::Relaxed) {
                for (live, reads) in &sources {
                    let snapshot = live.snapshot();
                    let mut reads = reads.lock().expect("not poisoned");
                    if reads.last().is_none_or(|last| !last.is(&snapshot)) {
                        reads.push(Seen::of(&snapshot));
                    }
                }
                thread::sleep(Duration::from_micros(500));
            }
        };
        Self { stop, thread: Some(thread::spawn(read)) }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Seen {
    fn of(snapshot: &Snapshot<Flat>) -> Self {
        Self { revision: snapshot.revision(), all: snapshot.all.clone() }
    }

    fn is(&self, snapshot: &Snapshot<Flat>) -> bool {
        self.revision == snapshot.revision() && self.all == snapshot.all
    }
}

impl Step {
    fn of(change: &Change<Flat>) -> Self {
        Self {
            old: Seen::of(change.before()),
            new: Seen::of(change.after()),
            keys: change.keys().iter().map(ToString::to_string).collect(),
            missed: change.missed(),
        }
    }

    /// The keys without the prefix; what is in two layers, once.
    pub fn names(&self) -> BTreeSet<String> {
        let name =
            |key: &String| key.strip_prefix(PREFIX).or_else(|| key.strip_prefix(OVER)).map(str::to_owned);
        self.keys.iter().map(|key| name(key).expect("a key below a prefix")).collect()
    }
}

/// One observer's snapshots in their order, held against the history.
struct Judgement<'e> {
    eras: &'e [Era],
    era: usize,
    last: u64,
}

impl<'e> Judgement<'e> {
    fn new(eras: &'e [Era]) -> Self {
        Self { eras, era: 0, last: 0 }
    }

    #[track_caller]
    fn hears(&mut self, seen: &Seen) {
        let Seen { revision, all } = seen;
        let (from, last) = (self.era, std::mem::replace(&mut self.last, *revision));
        self.era += usize::from(*revision <= last);
        let truth = |era: &Era| state_at(era, *revision).cloned().unwrap_or_default();
        while self.eras.get(self.era).is_some_and(|era| truth(era) != *all) {
            self.era += 1;
        }
        assert!(
            self.era < self.eras.len(),
            "the snapshot of revision {revision}, seen after that of {last}, is not what etcd held then: \
             {:?} differ",
            difference(all, &truth(&self.eras[from]))
        );
    }
}
