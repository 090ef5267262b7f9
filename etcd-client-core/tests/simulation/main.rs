//! The watcher against thousands of random histories, on a store in memory, under paused time.
//!
//! Each schedule is made from a seed: writes, transactions, lost connections, silence, refusals,
//! latency, slow links, one directory of several that is late or silent, progress that is answered before what is on its
//! way, compactions, rewinds, wiped and
//! replaced clusters, events that the server forgets, streams that end as servers end them, calls that fail
//! once, listings that are empty once, changes that a stream cannot deliver; writers who write on the condition that what
//! they have read is still so, and whose answers or requests are lost; and a reader who cannot wait, or begins again. The seed also
//! chooses the intervals, the prefix (a directory, all of the store, or several directories), and what the store can say
//! at all.
//! After each event that the watcher reports, what its reader holds must be what the store held at
//! exactly that revision, and the last commit by itself, in all directories, an edit as a whole or not at all. After the last fault is healed, it must be what the store
//! holds, and what each writer was answered must be what has happened.
//!
//! A failure prints its seed: `SIM_SEED=<seed> cargo test --workspace --test simulation`
//! plays that schedule alone. `SIM_SCHEDULES=<n>` sets how many are played (2,000; 20,000 in CI).

mod edits;
mod faulty;
mod past;
mod plays;
mod state;
mod steps;
mod story;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use edits::{Edits, OUTCOMES, Outcome};
use etcd_client_core::watcher::{Cause, Counters, Event, Options, Watcher};
use etcd_client_core::{Batch, Change, Entry, Error, Kind, MemoryStore, Prefix};
use fastrand::Rng;
use faulty::Faulty;
use past::Past;
use state::{LAST, State, drawn, value};
use steps::{STEPS, Step, draw};
use story::Story;
use tokio::time::{Instant, timeout_at};

type Held = BTreeMap<Bytes, Entry>;

/// What is followed where several directories are: two of them, or all. Nothing is written to the last one.
const DIRECTORIES: [&str; 3] = ["/p", "/q", "/r"];

/// Keys that commit what was written before them, where there are such.
const COMMIT_KEYS: [&str; 2] = ["/p/a", "/q/b"];

/// Longer than the longest backoff and everything that may follow it.
const HEALING: Duration = Duration::from_secs(60);
/// How often it is looked whether an audit has found everything.
const SLICE: Duration = Duration::from_secs(60);
/// Longer than the interval between audits.
const AUDIT: Duration = Duration::from_secs(340);
/// Longer than the interval between those that read everything, whatever was written.
const WHOLE_AUDIT: Duration = Duration::from_secs(3_600 + 340);

#[test]
fn what_the_reader_holds_is_always_one_revision_of_the_store() {
    let (first, end) = match number("SIM_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (0, number("SIM_SCHEDULES").unwrap_or(2_000)),
    };
    let next = AtomicU64::new(first);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let totals = thread::scope(|scope| {
        let begun: Vec<_> = (0..workers).map(|_| scope.spawn(|| play_until(end, &next))).collect();
        let ended =
            begun.into_iter().map(|worker| worker.join().unwrap_or_else(|cause| resume_unwind(cause)));
        ended.fold(Totals::default(), Totals::with)
    });
    println!("{totals:?}");
    if number("SIM_SEED").is_none() {
        assert_eq!(totals.schedules, end);
        assert!(totals.checked > totals.schedules, "too few states were checked: {totals:?}");
        assert!(
            totals.rewinds > 0 && totals.repairs > 0 && totals.resumes > 0,
            "a path was not taken: {totals:?}"
        );
        assert!(
            totals.repairs_by_delta > 0 && totals.resyncs_by_delta > 0,
            "what was written since was of no use: {totals:?}"
        );
        assert!(
            totals.across_directories > totals.schedules / 10,
            "several directories were hardly played: {totals:?}"
        );
        assert!(totals.commits > totals.schedules / 2, "commits were hardly played: {totals:?}");
        assert_eq!(totals.played.len(), STEPS.len(), "a fault was not played: {totals:?}");
        assert_eq!(totals.edits.len(), OUTCOMES.len(), "an outcome was not seen: {totals:?}");
    }
}

/// Plays the next schedule, and the next, as long as there are any.
fn play_until(end: u64, next: &AtomicU64) -> Totals {
    let mut totals = Totals::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return totals;
        }
        let mut story = Story::default();
        match catch_unwind(AssertUnwindSafe(|| play(seed, &mut story))) {
            Ok(played) => totals = totals.with(played),
            Err(cause) => {
                next.store(end, Ordering::Relaxed);
                println!("schedule {seed}:\n{story}");
                println!("SIM_SEED={seed} cargo test --workspace --test simulation");
                resume_unwind(cause);
            }
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {value:?}")))
}

#[derive(Debug, Default)]
struct Totals {
    schedules: u64,
    checked: u64,
    rewinds: u64,
    repairs: u64,
    resumes: u64,
    lists: u64,
    /// Changes that were found by what was written since: in an audit, and after an interruption.
    repairs_by_delta: u64,
    resyncs_by_delta: u64,
    /// Changes of more than one directory that came from the streams of both, and as one.
    across_directories: u64,
    /// Commits that were reported by themselves.
    commits: u64,
    played: BTreeMap<Step, u64>,
    edits: BTreeMap<Outcome, u64>,
}

impl Totals {
    fn of(run: &Run<'_>, played: BTreeMap<Step, u64>) -> Self {
        let Counters { rewinds, repairs, resumes, lists, .. } = run.watcher.counters();
        let Run { checked, repairs_by_delta, resyncs_by_delta, across_directories, commits, .. } = *run;
        let (schedules, edits) = (1, run.edits.hold(&run.past));
        Self {
            schedules,
            checked,
            rewinds,
            repairs,
            resumes,
            lists,
            repairs_by_delta,
            resyncs_by_delta,
            across_directories,
            commits,
            played,
            edits,
        }
    }

    fn with(mut self, other: Self) -> Self {
        self.schedules += other.schedules;
        self.checked += other.checked;
        self.rewinds += other.rewinds;
        self.repairs += other.repairs;
        self.resumes += other.resumes;
        self.lists += other.lists;
        self.repairs_by_delta += other.repairs_by_delta;
        self.resyncs_by_delta += other.resyncs_by_delta;
        self.across_directories += other.across_directories;
        self.commits += other.commits;
        for (step, times) in other.played {
            *self.played.entry(step).or_default() += times;
        }
        for (outcome, times) in other.edits {
            *self.edits.entry(outcome).or_default() += times;
        }
        self
    }
}

fn play(seed: u64, story: &mut Story) -> Totals {
    fastrand::seed(seed);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut run = Run::new(seed, story);
        let mut played = BTreeMap::new();
        for _ in 0..run.rng.usize(5..40) {
            let drawn = draw(&mut run.rng);
            let step = run.possible(drawn);
            *played.entry(step).or_default() += 1;
            run.play(step).await;
            let pause = match run.rng.u8(0..4) {
                0 => Duration::ZERO,
                1 => Duration::from_millis(run.rng.u64(0..50)),
                2 => Duration::from_millis(run.rng.u64(0..3_000)),
                _ => Duration::from_secs(run.rng.u64(0..20)),
            };
            run.watch_for(pause).await;
        }
        run.heal();
        let time = match (run.doubtful, run.lossy) {
            // The keys of another history may look the same where they were written last.
            (true, _) => WHOLE_AUDIT,
            (_, true) => AUDIT,
            _ => Duration::ZERO,
        };
        run.watch_until_converged(time).await;
        run.watch_for(HEALING).await;
        run.converged();
        Totals::of(&run, played)
    })
}

#[expect(clippy::struct_excessive_bools, reason = "what may have gone wrong, each by itself")]
struct Run<'s> {
    rng: Rng,
    store: MemoryStore,
    faulty: Faulty,
    watcher: Watcher,
    /// Whether values are so long that a listing is more than what was written since.
    long: bool,
    /// Whether everything is compared with the store now and then.
    audited: bool,
    story: &'s mut Story,
    past: Past,
    edits: Edits,
    held: Option<Held>,
    /// The same, to be compared.
    state: State,
    revision: u64,
    /// A rewind was announced: the next revision may be lower.
    rewound: bool,
    /// The server forgot to send something in this schedule.
    lossy: bool,
    /// The history changed behind the watcher's back, and it may not know yet.
    doubtful: bool,
    /// Answers may be under way that were made in the past.
    delayed: bool,
    /// A stream fell behind, or was slow, in this schedule: an audit may overtake it.
    lagged: bool,
    /// Whether some keys commit what was written before them.
    with_commits: bool,
    start: Instant,
    checked: u64,
    repairs_by_delta: u64,
    resyncs_by_delta: u64,
    across_directories: u64,
    commits: u64,
}

impl<'s> Run<'s> {
    fn new(seed: u64, story: &'s mut Story) -> Self {
        let memory = MemoryStore::new();
        memory.early_progress(seed % 2 == 1);
        let options = options(seed);
        let faulty = Faulty::over(memory.clone());
        faulty.faults().unresumable = seed.is_multiple_of(3);
        faulty.faults().never_asked = seed.is_multiple_of(14);
        let prefix = prefix(seed);
        let audited = options.audit_interval.is_some();
        let with_commits = !options.commit_keys.is_empty();
        let past = Past::of(memory.clone(), prefix.clone());
        Self {
            rng: Rng::with_seed(seed),
            watcher: Watcher::new(Arc::new(faulty.clone()), prefix, options),
            store: memory,
            faulty,
            long: seed % 3 != 1,
            audited,
            story,
            past,
            edits: Edits::default(),
            held: None,
            state: State::empty(),
            revision: 0,
            rewound: false,
            lossy: false,
            doubtful: false,
            delayed: false,
            lagged: false,
            with_commits,
            start: Instant::now(),
            checked: 0,
            repairs_by_delta: 0,
            resyncs_by_delta: 0,
            across_directories: 0,
            commits: 0,
        }
    }

    fn tell(&mut self, what: String) {
        self.story.step(self.start.elapsed(), what);
    }

    /// The step, or a write where the schedule leaves no way to come back from it.
    fn possible(&self, step: Step) -> Step {
        let for_audits = matches!(step, Step::Lose | Step::Rewind | Step::Wipe | Step::Lag) && !self.audited;
        let for_questions = step == Step::Early && self.faulty.faults().never_asked;
        if for_audits || for_questions { Step::Write } else { step }
    }

    async fn play(&mut self, step: Step) {
        let what = match step {
            Step::Write => self.write(),
            Step::Cut => {
                self.store.cut();
                "cut".to_owned()
            }
            Step::Silence => {
                let on = self.rng.bool();
                self.store.silence(on);
                format!("silence({on})")
            }
            Step::Refuse => {
                let on = self.rng.bool();
                self.store.refuse(on);
                self.store.cut();
                format!("refuse({on}) and cut")
            }
            Step::Lag => {
                let on = self.rng.bool();
                self.store.lag(on);
                self.lagged |= on;
                format!("lag({on})")
            }
            Step::Deny => {
                self.store.refuse_with(Some(Error::new(Kind::PermissionDenied, "permission denied")));
                "permission denied".to_owned()
            }
            Step::Delay => {
                let delay = Duration::from_millis(self.rng.u64(0..2_000));
                self.store.delay(delay);
                self.delayed = true;
                format!("delay({delay:?})")
            }
            Step::Slow => {
                let pause = Duration::from_millis(if self.rng.bool() { self.rng.u64(0..2_000) } else { 0 });
                self.store.slow(pause);
                self.lagged |= !pause.is_zero();
                format!("slow({pause:?})")
            }
            Step::Early => {
                let on = self.rng.bool();
                self.store.early_progress(on);
                format!("early_progress({on})")
            }
            Step::Compact => {
                let revision = self.store.revision().saturating_sub(self.rng.u64(0..4));
                self.store.compact(revision);
                format!("compact({revision})")
            }
            Step::Rewind => self.rewind(),
            Step::Wipe => self.wipe(),
            Step::Lose => {
                self.lossy = true;
                self.store.lose_next(1);
                "lose_next(1)".to_owned()
            }
            Step::Storm => return self.storm().await,
            Step::Flicker => return self.flicker().await,
            Step::Empty => self.empty(),
            Step::Edit => self.edits.begin(&self.store, &self.past, &mut self.rng),
            Step::Restart => self.restart(),
            other => self.play_once(other),
        };
        self.tell(what);
    }

    /// A few keys in one transaction, now and then outside of the prefix, now and then many
    /// revisions in a row.
    fn write(&mut self) -> String {
        let times = if self.rng.u8(0..20) == 0 { self.rng.usize(0..1_500) } else { 1 };
        for _ in 0..times {
            self.transaction();
        }
        format!("{times} writes, now at {}", self.store.revision())
    }

    fn transaction(&mut self) {
        let mut transaction = self.store.transaction();
        let mut keys = Vec::new();
        for _ in 0..self.rng.usize(1..5) {
            let often = if self.past.has_several() { 2 } else { 6 };
            let directory = if self.rng.u8(0..often) == 0 { 'q' } else { 'p' };
            let key = drawn(directory, self.rng.char('a'..=if self.long { LAST } else { 'f' }));
            transaction = if self.rng.u8(0..4) == 0 {
                transaction.delete(key)
            } else {
                transaction.put(key, value(self.rng.u8(0..3), self.long))
            };
            keys.push(key);
        }
        transaction.commit();
        self.past.note(keys);
    }

    /// Writes with a compaction behind each, while the watcher tries to follow.
    async fn storm(&mut self) {
        self.tell("storm".to_owned());
        for _ in 0..self.rng.usize(5..60) {
            self.transaction();
            self.store.compact(self.store.revision());
            let pause = Duration::from_millis(self.rng.u64(0..300));
            self.watch_for(pause).await;
        }
    }

    fn rewind(&mut self) -> String {
        let target = self.store.revision().saturating_sub(self.rng.u64(1..10));
        let now = self.store.rewind(target);
        self.doubtful |= now < self.revision || self.delayed;
        self.past.note_another();
        format!("rewound to {now}")
    }

    fn wipe(&mut self) -> String {
        let new_cluster = self.rng.bool();
        self.store.wipe(new_cluster);
        self.doubtful = true;
        self.past.note_another();
        format!("wiped (new cluster: {new_cluster})")
    }

    /// What there is no fault in stays: a store that tells progress early is only less convenient.
    fn heal(&mut self) {
        self.store.slow(Duration::ZERO);
        self.store.silence(false);
        for directory in DIRECTORIES.map(Prefix::new) {
            self.store.slow_in(&directory, Duration::ZERO);
            self.store.silence_in(&directory, false);
        }
        self.store.lag(false);
        self.store.refuse(false);
        self.store.delay(Duration::ZERO);
        self.store.lose_next(0);
        self.faulty.heal();
        self.tell("healed".to_owned());
    }

    /// Watches for so long, or until the reader holds what the store holds.
    async fn watch_until_converged(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.has_converged() {
            self.watch_for(SLICE).await;
        }
    }

    fn has_converged(&self) -> bool {
        self.state == self.past.truth() && self.revision == self.store.revision()
    }

    async fn watch_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(event) = timeout_at(until, self.watcher.next()).await {
            self.story.event(self.start.elapsed(), &event);
            self.on(event);
        }
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Listed(listing) => {
                assert!(self.held.is_none(), "listed twice");
                self.state = State::empty();
                listing.entries.iter().for_each(|entry| self.state.set(&entry.key, Some(&entry.value)));
                let entry = |entry: &Entry| (entry.key.clone(), entry.clone());
                self.held = Some(listing.entries.iter().map(entry).collect());
                self.at(listing.revision);
            }
            Event::Changed { batch, cause } => {
                self.check_commits(&batch, cause);
                self.across_directories +=
                    u64::from(self.past.has_several() && cause == Cause::Watch && is_across(&batch));
                let held = self.held.as_mut().expect("changed before it was listed");
                for change in batch.changes {
                    match change {
                        Change::Put(entry) => {
                            self.state.set(&entry.key, Some(&entry.value));
                            held.insert(entry.key.clone(), entry);
                        }
                        Change::Delete(key) => {
                            self.state.set(&key, None);
                            held.remove(&key);
                        }
                        Change::DeleteBelow(key) => panic!("a directory in a report: {key:?}"),
                    }
                }
                if self.faulty.faults().read_delta {
                    self.repairs_by_delta += u64::from(cause == Cause::Audit);
                    self.resyncs_by_delta += u64::from(cause == Cause::Resync);
                }
                if cause == Cause::Audit {
                    assert!(
                        self.lossy || self.doubtful || self.lagged,
                        "an audit repaired what cannot have been wrong"
                    );
                }
                self.at(batch.revision);
            }
            Event::Current { revision } => self.at(revision),
            Event::Rewound { .. } => {
                // What a server forgot to send may look like another history, when it is asked for the past.
                assert!(self.doubtful || self.lossy, "a rewind was announced that never was");
                self.rewound = true;
            }
            _ => {}
        }
    }

    /// A commit is reported without what was written after it, wherever the store still knows what was before that.
    fn check_commits(&mut self, batch: &Batch, cause: Cause) {
        let is_commit = |entry: &&Entry| COMMIT_KEYS.iter().any(|key| entry.key == key.as_bytes());
        let put = batch.changes.iter().filter_map(|change| match change {
            Change::Put(entry) => Some(entry),
            _ => None,
        });
        let last = put.filter(is_commit).map(|entry| entry.revision).max();
        let had_gap = cause == Cause::Resync && std::mem::take(&mut self.faulty.faults().has_gap);
        let is_excused = had_gap || cause == Cause::Audit || self.lossy || self.doubtful || self.rewound;
        let Some(last) = last.filter(|_| self.with_commits && !is_excused) else { return };
        if last == batch.revision {
            self.commits += 1;
        } else {
            assert!(
                self.faulty.faults().unread.contains(&last),
                "what was committed at {last} is reported with what was written up to {}",
                batch.revision
            );
        }
    }

    /// The reader is at this revision now.
    fn at(&mut self, revision: u64) {
        let rewound = std::mem::take(&mut self.rewound);
        assert!(rewound || revision >= self.revision, "from {} back to {revision}", self.revision);
        self.revision = revision;
        if rewound && !self.delayed {
            self.doubtful = false;
        }
        if self.lossy || self.doubtful {
            return;
        }
        assert!(self.held.is_some(), "at a revision before it was listed");
        let (past, state) = (&self.past, &self.state);
        assert!(
            past.was(revision, state),
            "at {revision} the reader holds {state:?}, the store held {:?}",
            past.at(revision)
        );
        assert!(state.is_whole(past.pair()), "at {revision} the reader holds a half of an edit: {state:?}");
        self.checked += 1;
    }

    fn converged(&mut self) {
        assert!(self.held.is_some(), "the reader has nothing");
        assert_eq!(self.state, self.past.truth(), "the reader did not come to what the store holds");
        assert_eq!(self.revision, self.store.revision(), "the reader does not know that it is current");
    }
}

/// Whether keys of both directories have changed.
fn is_across(batch: &Batch) -> bool {
    let is_in = |directory: &str| {
        batch.changes.iter().any(|change| match change {
            Change::Put(Entry { key, .. }) | Change::Delete(key) | Change::DeleteBelow(key) => {
                key.starts_with(directory.as_bytes())
            }
        })
    };
    is_in("/p/") && is_in("/q/")
}

/// One directory, all of the store, or several directories.
fn prefix(seed: u64) -> Prefix {
    let directories = match seed % 5 {
        0 => return Prefix::new(""),
        1 => 2,
        2 => 3,
        _ => 1,
    };
    let and = |prefix: Prefix, directory: &&str| prefix.and(&Prefix::new(directory)).unwrap();
    DIRECTORIES[1..directories].iter().fold(Prefix::new(DIRECTORIES[0]), and)
}

/// Usual ones, and such as let everything happen at the same time.
fn options(seed: u64) -> Options {
    let mut options = Options::default();
    if seed % 7 == 1 {
        options.replay_limit = seed % 4;
    }
    if seed % 7 == 2 {
        options.progress_interval = Duration::from_millis(300);
    }
    options.replay_each = seed % 5 == 3;
    if seed % 4 == 1 {
        options.commit_keys = COMMIT_KEYS.map(|key| Bytes::from_static(key.as_bytes())).to_vec();
    }
    options.audit_interval = match seed % 11 {
        3 => None,
        4 => Some(Duration::from_millis(400)),
        5 => Some(Duration::from_secs(5)),
        _ => options.audit_interval,
    };
    options
}
