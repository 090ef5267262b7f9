//! Writers that decide on what they have read, and write on the condition that it is still so, while everything else goes
//! wrong: what each was answered is what has happened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_client_core::{Committed, Error, GuardedWrites, Kind, Listing, MemoryStore, Store, Write};
use fastrand::Rng;
use tokio::time::sleep;

use crate::past::Past;
use crate::state::{LAST, State, value_of_edit};

/// What an edit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Written,
    /// Written, and what it was decided on may have changed unseen.
    Unproven,
    Conflict,
    MaybeApplied,
    Failed,
}

pub(crate) const OUTCOMES: [Outcome; 5] =
    [Outcome::Written, Outcome::Unproven, Outcome::Conflict, Outcome::MaybeApplied, Outcome::Failed];

/// An edit, and what its writer was answered.
#[derive(Debug)]
struct Reported {
    number: u32,
    outcome: Outcome,
    /// Where it is written.
    revision: u64,
    /// What there should be then, if it is proven and history was not rewound meanwhile.
    expected: Option<State>,
}

/// All edits of a schedule.
#[derive(Clone, Default)]
pub(crate) struct Edits {
    reported: Arc<Mutex<Vec<Reported>>>,
    begun: u32,
}

impl Edits {
    /// A writer reads, thinks, and writes, whatever is played meanwhile.
    pub(crate) fn begin(&mut self, store: &MemoryStore, past: &Past, rng: &mut Rng) -> String {
        let number = self.begun;
        self.begun += 1;
        let fault = match rng.u8(0..8) {
            0 => {
                store.conflict_next();
                ", conflict_next"
            }
            1 => {
                store.lose_next_answer();
                ", lose_next_answer"
            }
            2 => {
                store.lose_next_request();
                ", lose_next_request"
            }
            _ => "",
        };
        let (store, past, reported, mut rng) =
            (store.clone(), past.clone(), Arc::clone(&self.reported), rng.fork());
        tokio::spawn(async move {
            if let Some(edit) = edit(&store, &past, number, &mut rng).await {
                reported.lock().unwrap().push(edit);
            } else {
                let (outcome, expected) = (Outcome::Failed, None);
                reported.lock().unwrap().push(Reported { number, outcome, revision: 0, expected });
            }
        });
        format!("edit {number} begins{fault}")
    }

    /// Holds what all writers were answered against what the store has held. Answers how often each was answered.
    pub(crate) fn hold(&self, past: &Past) -> BTreeMap<Outcome, u64> {
        let reported = self.reported.lock().unwrap();
        assert_eq!(reported.len(), self.begun as usize, "an edit has not come to its end");
        let made = past.edits();
        let mut outcomes = BTreeMap::new();
        for reported in reported.iter() {
            *outcomes.entry(reported.outcome).or_default() += 1;
            match reported.outcome {
                Outcome::Written | Outcome::Unproven => {
                    let states = past.at(reported.revision);
                    let is_there = |state: &State| state.edits().any(|edit| edit == reported.number);
                    assert!(states.iter().any(is_there), "{reported:?}, and the store held {states:?}");
                    if let Some(expected) = &reported.expected {
                        assert!(states.contains(expected), "{reported:?}, and the store held {states:?}");
                    }
                }
                Outcome::Conflict | Outcome::Failed => {
                    assert!(!made.contains(&reported.number), "{reported:?}, and it is written");
                }
                Outcome::MaybeApplied => {}
            }
        }
        outcomes
    }
}

async fn edit(store: &MemoryStore, past: &Past, number: u32, rng: &mut Rng) -> Option<Reported> {
    let prefix = past.edited();
    let era = past.eras();
    let listing = store.list(&prefix).await.ok()?;
    sleep(Duration::from_millis(if rng.bool() { 0 } else { rng.u64(0..2_000) })).await;
    let mut writes = writes(&listing, past, number, rng);
    let mut guarded = GuardedWrites::after(&prefix, &listing, writes.clone());
    if rng.u8(0..4) == 0 {
        // Of a long list of keys only some have room in the conditions.
        guarded.present.clear();
    }
    let answer = store.commit(guarded).await;
    past.note(writes.iter().map(|write| std::str::from_utf8(&write.key).unwrap()));
    let (outcome, revision) = outcome(&answer);
    let expected = (outcome == Outcome::Written && past.eras() == era).then(|| {
        let mut state = past_of(&listing);
        writes.drain(..).for_each(|write| state.set(&write.key, write.value.as_deref()));
        state
    });
    // What lies outside of the prefix, the edit does not know.
    let expected = expected.filter(|_| !past.is_whole());
    Some(Reported { number, outcome, revision, expected })
}

/// The pair, and some key beside it.
fn writes(listing: &Listing, past: &Past, number: u32, rng: &mut Rng) -> Vec<Write> {
    let read_at = |key: &str| {
        listing.entries.iter().find(|entry| entry.key == key.as_bytes()).map(|entry| entry.revision)
    };
    let value = || Some(value_of_edit(number).into());
    let write = |key: &str, value| Write { key: key.to_owned().into(), value, read_at: read_at(key) };
    let mut writes: Vec<_> = past.pair().iter().map(|key| write(key, value())).collect();
    let directory = if past.has_several() && rng.bool() { 'q' } else { 'p' };
    let beside = format!("/{directory}/{}", rng.char('a'..=LAST));
    match rng.u8(0..3) {
        0 => writes.push(write(&beside, value())),
        1 if read_at(&beside).is_some() => writes.push(write(&beside, None)),
        _ => {}
    }
    writes
}

fn past_of(listing: &Listing) -> State {
    let mut state = State::empty();
    listing.entries.iter().for_each(|entry| state.set(&entry.key, Some(&entry.value)));
    state
}

fn outcome(answer: &Result<Committed, Error>) -> (Outcome, u64) {
    match answer {
        Ok(Committed::At { revision, proven: true }) => (Outcome::Written, *revision),
        Ok(Committed::At { revision, proven: false }) => (Outcome::Unproven, *revision),
        Ok(Committed::Conflict) => (Outcome::Conflict, 0),
        Err(error) if error.maybe_applied() => (Outcome::MaybeApplied, 0),
        Err(error) => {
            let kinds = [Kind::Unavailable, Kind::Timeout, Kind::PermissionDenied];
            assert!(kinds.contains(&error.kind()), "{error}");
            (Outcome::Failed, 0)
        }
    }
}
