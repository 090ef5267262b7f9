//! Writers on a store between which and them everything goes wrong, under paused time: what each is answered is held against
//! what the store held at each revision.
//!
//! A failure prints its seed: `EDIT_SEED=<seed> cargo test -p etcd-config --test edit simulation` plays that schedule
//! alone. `EDIT_SCHEDULES=<n>` sets how many are played.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_config::client::Write;
use etcd_config::{Edit, EtcdConfig, MemoryStore, field};
use fastrand::Rng;
use tokio::time::sleep;

use crate::troubled::{FATES, Fate, Moment, State, Troubled};

const WRITERS: u32 = 5;
const EDITS: u32 = 12;
/// More keys than a transaction has conditions.
const CROWD: u32 = 140;
/// The last of them, which the check wants to be there.
const LAST: &str = "139";

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/range", validate = Range::check)]
struct Range {
    #[etcd(default = 0)]
    least: i64,
    #[etcd(default = 0)]
    most: i64,
    #[etcd(map)]
    by: BTreeMap<String, u64>,
    /// More entries than there is room for in the conditions of a transaction.
    #[etcd(map)]
    crowd: BTreeMap<String, u64>,
}

impl Range {
    fn check(&self) -> Result<(), String> {
        if self.least > self.most {
            return Err(format!("{} > {}", self.least, self.most));
        }
        let is_whole = self.crowd.is_empty() || self.crowd.contains_key(LAST);
        if is_whole { Ok(()) } else { Err("the last of the crowd is missing".to_owned()) }
    }
}

/// What a writer was answered of its last attempt; the ones before were conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reported {
    Written,
    /// Written, and together with something else it is refused, or that could not be read.
    WrittenBut,
    Conflict,
    MaybeApplied,
    /// Nothing was sent, or it was refused.
    NotWritten,
}

#[derive(Debug)]
struct Outcome {
    /// Each has a number of its own, which is what it writes under the writer's name.
    attempts: Vec<u64>,
    reported: Reported,
    revision: Option<u64>,
    #[expect(dead_code, reason = "for `Debug`")]
    error: String,
}

#[derive(Debug, Default)]
struct Totals {
    schedules: u64,
    reported: BTreeMap<Reported, u64>,
    /// What had happened where the answer was unknown.
    unknown_and_written: u64,
    unknown_and_not: u64,
    fates: BTreeMap<Fate, u64>,
}

#[test]
fn what_a_writer_is_told_is_what_has_happened() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("EDIT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("EDIT_SCHEDULES").unwrap_or(40),
    };
    let alone = seeds.end - seeds.start == 1;
    let mut totals = Totals::default();
    for seed in seeds {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| play(seed, &mut totals))) {
            println!("EDIT_SEED={seed} cargo test -p etcd-config --test edit simulation");
            resume_unwind(cause);
        }
    }
    println!("{totals:?}");
    if !alone {
        let kinds = [
            Reported::Written,
            Reported::WrittenBut,
            Reported::Conflict,
            Reported::MaybeApplied,
            Reported::NotWritten,
        ];
        assert!(kinds.iter().all(|reported| totals.reported.contains_key(reported)), "{totals:?}");
        assert!(FATES.iter().all(|fate| totals.fates.contains_key(fate)), "{totals:?}");
        assert!(totals.unknown_and_written > 0 && totals.unknown_and_not > 0, "{totals:?}");
    }
}

fn play(seed: u64, totals: &mut Totals) {
    let (one_key, is_crowd) = (seed % 4 == 3, seed.is_multiple_of(2));
    let store = MemoryStore::from([("/range/most", "100")]);
    for number in 0..if is_crowd { CROWD } else { 0 } {
        store.put(format!("/range/crowd/{number:03}"), "1");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let (store, outcomes) = runtime.unwrap().block_on(async {
        let store = Troubled::new(store, one_key, seed);
        let outcomes = Arc::new(Mutex::new(Vec::new()));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(write(store.clone(), writer, seed, one_key, Arc::clone(&outcomes))))
            .collect();
        let others = tokio::spawn(write_past_the_library(store.clone(), seed));
        for writer in writers {
            writer.await.unwrap();
        }
        others.abort();
        while !store.is_done() {
            sleep(Duration::from_secs(1)).await;
        }
        (store, Arc::into_inner(outcomes).unwrap().into_inner().unwrap())
    });
    let history = store.history();
    let written: BTreeMap<u64, u64> =
        history.iter().filter_map(|(at, moment)| Some((attempt(moment)?, *at))).collect();
    totals.schedules += 1;
    for (fate, times) in store.fates() {
        *totals.fates.entry(fate).or_default() += times;
    }
    for (at, moment) in history.iter().filter(|(_, moment)| !one_key && moment.written.is_some()) {
        // A deletion among many entries may slip in; one of a field's key does not.
        assert!(is_ordered(&moment.state), "at {at} an edit has made {:?}", moment.state);
    }
    for outcome in &outcomes {
        hold(outcome, &history, &written, totals);
    }
}

/// The number of the attempt that has made these writes.
fn attempt(moment: &Moment) -> Option<u64> {
    let number = |write: &Write| {
        let is_own = write.key.starts_with(b"/range/by/");
        let text = write.value.as_ref().filter(|_| is_own)?;
        std::str::from_utf8(text).ok()?.parse().ok()
    };
    moment.written.as_ref()?.iter().find_map(number)
}

/// Holds what a writer was answered against the history.
fn hold(
    outcome: &Outcome,
    history: &BTreeMap<u64, Moment>,
    written: &BTreeMap<u64, u64>,
    totals: &mut Totals,
) {
    let Some((last, before)) = outcome.attempts.split_last() else { return };
    *totals.reported.entry(outcome.reported).or_default() += 1;
    for attempt in before {
        assert!(!written.contains_key(attempt), "attempt {attempt} counted as a conflict: {outcome:?}");
    }
    let made = written.get(last).copied();
    match outcome.reported {
        Reported::Written | Reported::WrittenBut => {
            assert!(made.is_some() && made == outcome.revision, "{made:?}: {outcome:?}");
        }
        Reported::Conflict | Reported::NotWritten => assert_eq!(made, None, "{outcome:?}"),
        Reported::MaybeApplied if made.is_some() => totals.unknown_and_written += 1,
        Reported::MaybeApplied => totals.unknown_and_not += 1,
    }
    if let (Reported::Written, Some(revision)) = (outcome.reported, made) {
        let state = &history[&revision].state;
        assert!(is_valid(state), "{outcome:?} has made {state:?}");
    }
}

fn is_ordered(state: &State) -> bool {
    let bound = |name| state.get(name).map_or(0, |text: &String| text.parse::<i64>().unwrap());
    bound("/range/least") <= bound("/range/most")
}

fn is_valid(state: &State) -> bool {
    let mut crowd = state.keys().filter_map(|key| key.strip_prefix("/range/crowd/")).peekable();
    is_ordered(state) && (crowd.peek().is_none() || crowd.any(|name| name == LAST))
}

async fn write(store: Troubled, writer: u32, seed: u64, one_key: bool, outcomes: Arc<Mutex<Vec<Outcome>>>) {
    let store: Arc<dyn etcd_config::client::Store> = Arc::new(store);
    let mut rng = Rng::with_seed(seed * 100 + u64::from(writer));
    for edit in 0..EDITS {
        sleep(Duration::from_millis(rng.u64(0..3_000))).await;
        let attempts = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&attempts);
        let (mut decisions, once) = (rng.fork(), rng.bool());
        let decide = move |edit_now: Edit<Range>| {
            let mut noted = noted.lock().unwrap();
            let number = u64::from(writer * EDITS + edit) * 1_000 + noted.len() as u64;
            noted.push(number);
            changed(edit_now, &format!("w{writer}"), number, one_key, &mut decisions)
        };
        let answer = if once {
            match Range::edit_async(store.clone()).await.and_then(decide).and_then(Edit::plan) {
                Ok(plan) => plan.commit_async().await,
                Err(error) => Err(error),
            }
        } else {
            Range::update_async(store.clone(), decide).await
        };
        let error = answer.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let (reported, revision) = match answer {
            Ok(written) => (Reported::Written, Some(written.revision())),
            Err(error) if error.written().is_some() => (Reported::WrittenBut, error.written()),
            Err(error) if error.is_conflict() => (Reported::Conflict, None),
            Err(error) if error.maybe_applied() => (Reported::MaybeApplied, None),
            Err(_) => (Reported::NotWritten, None),
        };
        let attempts = std::mem::take(&mut *attempts.lock().unwrap());
        outcomes.lock().unwrap().push(Outcome { attempts, reported, revision, error });
    }
}

/// Moves the bounds as far as they let each other, or one of them too far.
fn changed(
    edit: Edit<Range>,
    name: &str,
    number: u64,
    one_key: bool,
    rng: &mut Rng,
) -> Result<Edit<Range>, etcd_config::Error> {
    let stored = |key: &str| {
        let text = edit.stored(key).map(|text| String::from_utf8_lossy(text).into_owned());
        text.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0)
    };
    let (least, most) = (stored("least"), stored("most"));
    let edit = edit.set(field!(Range.by[name]), &number)?;
    if one_key {
        return Ok(edit);
    }
    match rng.u8(0..4) {
        0 => edit.set(field!(Range.least), &(least + rng.i64(0..20)).min(most)),
        1 => edit.set(field!(Range.most), &(most - rng.i64(0..20)).max(least)),
        2 => edit.set(field!(Range.least), &(least + rng.i64(0..20))),
        _ => edit.set(field!(Range.least), &rng.i64(0..50))?.set(field!(Range.most), &rng.i64(50..100)),
    }
}

/// Deletes and writes for as long as it is let: what may be refused, and what nobody asks for.
async fn write_past_the_library(store: Troubled, seed: u64) {
    let mut rng = Rng::with_seed(!seed);
    loop {
        sleep(Duration::from_millis(rng.u64(0..400))).await;
        match rng.u8(0..12) {
            0 => store.past_the_library("/range/most", None),
            1 => store.past_the_library("/range/most", Some("100")),
            2 => store.past_the_library("/range/least", None),
            3 => store.past_the_library("/range/least", Some("7")),
            // It comes and goes: what it has held up may be made later.
            4 | 5 => {
                store.past_the_library("/range/crowd/passing", Some("1"));
                sleep(Duration::from_millis(rng.u64(0..600))).await;
                store.past_the_library("/range/crowd/passing", None);
            }
            6 => {
                let key = format!("/range/crowd/{:03}", rng.u32(0..CROWD));
                store.past_the_library(&key, None);
            }
            7 => store.past_the_library(&format!("/range/by/w{}", rng.u32(0..WRITERS)), None),
            8 => store.past_the_library("/elsewhere", Some("1")),
            10 => store.past_the_library(&format!("/range/crowd/{LAST}"), None),
            11 => store.past_the_library(&format!("/range/crowd/{LAST}"), Some("1")),
            9 if rng.u8(0..4) == 0 => store.compact(),
            _ => {}
        }
    }
}
