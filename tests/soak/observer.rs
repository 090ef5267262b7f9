//! Who reads: configurations whose every snapshot and change is held against the truth.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use etcd_client_core::{v2, v3};
use etcd_config::{Change, EtcdConfig, Live, Snapshot};

use crate::stage::Stage;
use crate::truth::{Keys, Truth};
use crate::writer::Writer;

#[derive(EtcdConfig)]
#[etcd(prefix = "/soak")]
pub(crate) struct Soaked {
    #[etcd(map)]
    all: Keys,
}

/// A configuration, a thread that reads it all the time, and a callback for its changes.
pub(crate) struct Observer {
    pub(crate) name: &'static str,
    pub(crate) live: Live<Soaked>,
    pub(crate) tally: Arc<Tally>,
    truth: Arc<Truth>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) checked: AtomicU64,
    pub(crate) torn: AtomicU64,
    /// Snapshots and changes that came before older ones, or changes that do not join.
    pub(crate) disordered: AtomicU64,
    /// Revisions that were said to be in force, and were not.
    pub(crate) untrue: AtomicU64,
    /// The last step that callbacks were told of.
    told: AtomicU64,
    last: Mutex<(u64, u64)>,
}

impl Observer {
    /// Over both key spaces, directly and through the proxies, with one endpoint and with three.
    pub(crate) fn start_all(stage: &Stage, writers: &[Writer]) -> Vec<Self> {
        let (direct, proxied) = (stage.cluster.endpoints(), stage.through_proxies());
        let slow = stage.over_slow_link();
        let v3 = |endpoints: &[String]| {
            let client = v3::Client::new(endpoints.to_vec()).expect("endpoints");
            Soaked::options().audit_interval(Duration::from_secs(30)).watch(client).expect("a first snapshot")
        };
        let v2 = |endpoints: &[String]| {
            let client = v2::Client::new(endpoints.to_vec()).expect("endpoints");
            Soaked::options().audit_interval(Duration::from_secs(30)).watch(client).expect("a first snapshot")
        };
        let mut observers = Vec::new();
        for Writer { api, truth, .. } in writers {
            let start = |name, live| Self::start(name, live, Arc::clone(truth));
            if *api == "v3" {
                observers.push(start("v3, three members", v3(&direct)));
                observers.push(start("v3, three proxies", v3(&proxied)));
                observers.push(start("v3, one proxy", v3(&proxied[..1])));
                observers.push(start("v3, slow link", v3(&slow)));
            } else {
                observers.push(start("v2, three members", v2(&direct)));
                observers.push(start("v2, three proxies", v2(&proxied)));
                observers.push(start("v2, slow link", v2(&slow)));
            }
        }
        observers
    }

    /// The step that the configuration is at, and its callbacks.
    pub(crate) fn step(&self) -> u64 {
        let held = self.truth.step_of(&self.live.load().all).unwrap_or(0);
        match self.tally.told.load(Ordering::SeqCst) {
            0 => held,
            told => held.min(told),
        }
    }

    fn start(name: &'static str, live: Live<Soaked>, truth: Arc<Truth>) -> Self {
        let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
        let (noted, known) = (Arc::clone(&tally), Arc::clone(&truth));
        live.on_change(move |change| noted.hear(change, &known));
        let mut reader = live.reader();
        let (noted, known, told) = (Arc::clone(&tally), Arc::clone(&truth), Arc::clone(&stop));
        let read = move || {
            let mut before = (0, 0);
            while !told.load(Ordering::Relaxed) {
                let snapshot = reader.snapshot();
                if snapshot.revision() != before.0 {
                    before = noted.check(name, snapshot, &known, before);
                }
                thread::sleep(Duration::from_micros(500));
            }
        };
        let thread = thread::Builder::new().name("observer".to_owned()).spawn(read).expect("a thread");
        Self { name, live, tally, truth, stop, thread: Some(thread) }
    }
}

impl Tally {
    /// Checks a snapshot that comes after one of this revision and step; its own.
    fn check(
        &self,
        name: &str,
        snapshot: &Snapshot<Soaked>,
        truth: &Truth,
        before: (u64, u64),
    ) -> (u64, u64) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        let revision = snapshot.revision();
        let Ok(step) = truth.step_of(&snapshot.all) else {
            eprintln!("{name}: torn at revision {revision}: {:?}", snapshot.all);
            self.torn.fetch_add(1, Ordering::Relaxed);
            return before;
        };
        if (revision, step) < before || step < before.1 {
            eprintln!(
                "{name}: step {step} at revision {revision} came after step {} at {}",
                before.1, before.0
            );
            self.disordered.fetch_add(1, Ordering::Relaxed);
        }
        (revision, step)
    }

    /// Checks a change, and that it begins where the one before has ended.
    fn hear(&self, change: &Change<Soaked>, truth: &Truth) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != 0 && change.before().revision() != last.0 {
            eprintln!("a change from revision {} follows one to {}", change.before().revision(), last.0);
            self.disordered.fetch_add(1, Ordering::Relaxed);
        }
        *last = self.check("a change", change.after(), truth, *last);
        self.told.store(last.1, Ordering::SeqCst);
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has said what was wrong, if it has panicked.
            let _ = thread.join();
        }
    }
}

/// Something that is written: what is in force at this revision has at least this step.
pub(crate) struct Mark {
    pub(crate) truth: Arc<Truth>,
    pub(crate) revision: u64,
    pub(crate) step: u64,
}

/// Waits until every configuration says that the marks of its key space are in force, and looks
/// whether they are. One that does not come to it in time is found by those that wait for all.
pub(crate) fn check_claims(observers: &[Observer], marks: &[Mark], limit: Duration) {
    let begin = Instant::now();
    for observer in observers {
        for Mark { revision, step, .. } in
            marks.iter().filter(|mark| Arc::ptr_eq(&mark.truth, &observer.truth))
        {
            let left = limit.saturating_sub(begin.elapsed());
            let claimed = observer.live.wait_for_revision(*revision, left).is_ok();
            let now = observer.truth.step_of(&observer.live.load().all).unwrap_or(0);
            if claimed && now < *step {
                let Observer { name, live, tally, .. } = observer;
                eprintln!(
                    "{name}: revision {revision} is not in force: step {now}, not {step}\n{}",
                    live.status()
                );
                tally.untrue.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// How long it took until something was written again, and until every configuration had it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Recovery {
    pub(crate) written: Duration,
    pub(crate) converged: Duration,
    /// The configuration that was waited for the longest.
    pub(crate) last: &'static str,
}

/// Waits until every configuration has something that is written from now on; how long that took,
/// or who has not.
pub(crate) fn all_follow(
    observers: &[Observer],
    writers: &[Writer],
    limit: Duration,
) -> Result<Recovery, String> {
    let begin = Instant::now();
    let wanted: Vec<(&Arc<Truth>, u64)> =
        writers.iter().map(|writer| (&writer.truth, writer.truth.confirmed() + 2)).collect();
    let goal = |observer: &Observer| {
        let of = |(truth, step): &(&Arc<Truth>, u64)| Arc::ptr_eq(truth, &observer.truth).then_some(*step);
        wanted.iter().find_map(of).unwrap_or(0)
    };
    wait(begin, observers, goal, limit)
}

/// Waits until every configuration is at the last step.
pub(crate) fn all_agree(observers: &[Observer], limit: Duration) -> Result<Recovery, String> {
    thread::sleep(Duration::from_secs(1));
    wait(Instant::now(), observers, |observer| observer.truth.confirmed(), limit)
}

/// A configuration can have a step when it is written, and no earlier: that is not its delay.
fn wait(
    begin: Instant,
    observers: &[Observer],
    goal: impl Fn(&Observer) -> u64,
    limit: Duration,
) -> Result<Recovery, String> {
    let mut recovery = Recovery::default();
    let mut missing: Vec<&Observer> = observers.iter().collect();
    let mut unwritten: Vec<&Observer> = missing.clone();
    while !missing.is_empty() {
        unwritten.retain(|observer| observer.truth.confirmed() < goal(observer));
        if !unwritten.is_empty() {
            recovery.written = begin.elapsed();
        }
        missing.retain(|observer| {
            let is_there = observer.step() >= goal(observer);
            if is_there {
                recovery.last = observer.name;
            }
            !is_there
        });
        if begin.elapsed() > limit {
            let told = missing.iter().map(|observer| {
                let (at, of) = (observer.step(), observer.truth.confirmed());
                format!(
                    "{} is at step {at} of {of} after {limit:?}: {}",
                    observer.name,
                    observer.live.status()
                )
            });
            return Err(told.collect::<Vec<_>>().join("\n"));
        }
        thread::sleep(Duration::from_millis(1));
    }
    recovery.converged = begin.elapsed();
    Ok(recovery)
}
