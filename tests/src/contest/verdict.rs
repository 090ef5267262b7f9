//! What was answered, held against what has happened.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use super::calls::{Call, Reported};
use super::revisions::Written;

/// How often each answer was given, each of which was right.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Edits that are in the history.
    pub written: usize,
    /// Whose answer said so, and that something has slipped in.
    pub written_but: usize,
    /// Calls that gave up.
    pub conflicts: usize,
    /// Attempts that were made again.
    pub attempts_again: usize,
    /// Whose answer was lost, and what had happened could not be found out.
    pub unknown: usize,
    /// Those of them that are in the history.
    pub unknown_and_written: usize,
    /// What the check had refused before it was sent.
    pub invalid: usize,
    /// Calls that failed and have written nothing.
    pub failed: usize,
    /// Revisions of the prefix.
    pub revisions: usize,
    /// Revisions that others have written, and at which the check refuses what is there.
    pub refused_states: usize,
    /// How long half of the calls, all but one of a hundred, and the longest of those took that wrote.
    pub took: [Duration; 3],
}

impl Verdict {
    pub(super) fn of(calls: &[Call], history: &BTreeMap<u64, Written>) -> Self {
        let mut verdict = Self { revisions: history.len(), ..Self::default() };
        // Every attempt counts one up, so its count is its name.
        let mut made: HashMap<(String, String), u64> = HashMap::new();
        for (revision, written) in history {
            for (key, count) in written {
                if let (Some(writer), Some(count)) = (key.strip_prefix("by/"), count) {
                    let before = made.insert((writer.to_owned(), count.clone()), *revision);
                    assert!(before.is_none() || writer == "passing", "{writer}'s {count} was made twice");
                }
            }
        }
        let mut ours = HashMap::new();
        for call in calls {
            verdict.hold(call, history, &made, &mut ours);
        }
        verdict.check_each_revision(history, &ours);
        verdict.took = durations(calls);
        verdict
    }

    fn hold<'c>(
        &mut self,
        call: &'c Call,
        history: &BTreeMap<u64, Written>,
        made: &HashMap<(String, String), u64>,
        ours: &mut HashMap<u64, &'c Call>,
    ) {
        let revision_of = |attempt: &Written| {
            let count = attempt.get(&format!("by/{}", call.writer)).cloned().flatten();
            made.get(&(call.writer.clone(), count.expect("each attempt counts"))).copied()
        };
        let Some((last, before)) = call.attempts.split_last() else {
            return self.failed += usize::from(matches!(call.reported, Reported::Failed(_)));
        };
        for attempt in before {
            assert_eq!(
                revision_of(attempt),
                None,
                "made, and counted as a conflict: {attempt:?} of {call:?}"
            );
        }
        self.attempts_again += before.len();
        let revision = revision_of(last);
        match call.reported {
            Reported::Written(at) => {
                assert_eq!(revision, Some(at), "reported that it is written: {call:?}");
                self.written += 1;
            }
            Reported::WrittenBut(at, _) => {
                assert_eq!(revision, Some(at), "reported that it is written: {call:?}");
                self.written_but += 1;
            }
            Reported::MaybeApplied(_) => {
                self.unknown += 1;
                self.unknown_and_written += usize::from(revision.is_some());
            }
            Reported::Conflict(_) | Reported::Invalid(_) | Reported::Failed(_) => {
                assert_eq!(revision, None, "reported that it is not written: {call:?}");
                match call.reported {
                    Reported::Conflict(_) => self.conflicts += 1,
                    Reported::Invalid(_) => self.invalid += 1,
                    _ => self.failed += 1,
                }
            }
        }
        if let Some(revision) = revision {
            assert_eq!(history.get(&revision), Some(last), "at {revision} there is something else: {call:?}");
            let other = ours.insert(revision, call);
            assert!(other.is_none(), "{revision} is of two: {call:?} and {other:?}");
        }
    }

    /// After each of our edits, what is there passes the check.
    fn check_each_revision(&mut self, history: &BTreeMap<u64, Written>, ours: &HashMap<u64, &Call>) {
        let mut state: BTreeMap<&str, &str> = BTreeMap::new();
        for (revision, written) in history {
            for (key, value) in written {
                match value {
                    Some(value) => state.insert(key, value),
                    None => state.remove(key.as_str()),
                };
            }
            let bound = |key| state.get(key).map_or(0, |text| text.parse::<i64>().expect("a number"));
            let (least, most) = (bound("least"), bound("most"));
            if least > most {
                let by = ours.get(revision);
                assert!(
                    by.is_none(),
                    "at {revision} the least is {least} and the most {most}, made by {by:?}"
                );
                self.refused_states += 1;
            }
            let of_a_writer = written.keys().any(|key| key.starts_with("by/w"));
            assert_eq!(of_a_writer, ours.contains_key(revision), "at {revision} nobody knows of {written:?}");
        }
    }
}

fn durations(calls: &[Call]) -> [Duration; 3] {
    let wrote = calls.iter().filter(|call| matches!(call.reported, Reported::Written(_)));
    let mut took: Vec<Duration> = wrote.map(|call| call.took).collect();
    took.sort();
    let at = |share: usize| took.get(took.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
    [at(50), at(99), at(100)]
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, longest] = self.took;
        write!(
            f,
            "{} edits are written ({} found that something had slipped in), {} attempts were made again, {} calls gave \
             up; of {} it was unknown, and {} of these are written; the check refused {}, {} failed; {} revisions, {} of \
             them made invalid by others; {half:.1?}, {most:.1?}, {longest:.1?} for half, 99 in 100, and the longest",
            self.written,
            self.written_but,
            self.attempts_again,
            self.conflicts,
            self.unknown,
            self.unknown_and_written,
            self.invalid,
            self.failed,
            self.revisions,
            self.refused_states,
        )
    }
}
