//! What has happened to a configuration lately: changes, refusals, losses of the connection. Bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use etcd_client_core::OneLine;
use serde_json::{Value, json};

use super::html::Rfc3339;
use crate::explain::Explanation;
use crate::explain::difference::{Changed, difference};
use crate::live::view::View;
use crate::problem::Problem;
use crate::rejection::Rejection;
use crate::status::{State, Status};

/// So many changes are kept, and as many of each other kind: many refusals do not push the last change out.
const KEPT: usize = 20;
/// So many fields or keys of a change, and problems of a refusal, are kept.
const DETAILS: usize = 20;
/// Up to so many keys, all values are compared when some have changed; beyond that the keys are recorded alone.
const COMPARED: usize = 1_000;

/// Written by callbacks of the configuration.
pub(super) struct Record {
    state: Mutex<Recorded>,
    since: SystemTime,
}

struct Recorded {
    happened: VecDeque<Arc<RecentEvent>>,
    /// Counts what has happened.
    count: u64,
    /// The values that changes are held against, where there are few enough.
    before: Option<Explanation>,
    /// The connection was lost when it was last heard of.
    is_lost: bool,
}

/// Something that has happened.
pub(super) struct RecentEvent {
    /// From 1 on.
    pub(super) number: u64,
    pub(super) at: SystemTime,
    pub(super) what: What,
}

pub(super) enum What {
    Changed {
        revision: u64,
        /// With old and new values; none where they are too many to be compared.
        fields: Vec<Changed>,
        /// The keys that were written, where `fields` is empty.
        keys: Vec<Arc<str>>,
        /// So many more are not kept.
        more: usize,
    },
    Refused {
        revision: u64,
        kept_revision: u64,
        problems: Vec<Problem>,
        more: usize,
        /// So many updates were refused for the same reasons.
        times: u64,
    },
    /// Changes are no longer received.
    Lost { state: State, error: String },
    /// Changes are received again.
    Back { revision: u64 },
}

impl Record {
    pub(super) fn new() -> Self {
        let state = Recorded { happened: VecDeque::new(), count: 0, before: None, is_lost: false };
        Self { state: Mutex::new(state), since: SystemTime::now() }
    }

    /// From when on it was recorded.
    pub(super) fn since(&self) -> SystemTime {
        self.since
    }

    /// How much has happened: another number each time.
    pub(super) fn count(&self) -> u64 {
        self.lock().count
    }

    /// The newest first.
    pub(super) fn happened(&self) -> Vec<Arc<RecentEvent>> {
        self.lock().happened.iter().rev().cloned().collect()
    }

    /// Later changes are held against what is there now.
    pub(super) fn begin(&self, view: &View) {
        let now = comparable(view);
        self.lock().before = now;
    }

    /// There is another snapshot.
    pub(super) fn changed(&self, revision: u64, keys: &[Arc<str>], view: &View) {
        // Not under the lock: it walks over all keys.
        let now = comparable(view);
        let mut state = self.lock();
        let before = std::mem::replace(&mut state.before, now);
        let mut fields = match (&before, &state.before) {
            (Some(before), Some(now)) => difference(before, now),
            _ => Vec::new(),
        };
        let all = if fields.is_empty() { keys.len() } else { fields.len() };
        fields.truncate(DETAILS);
        let keys = if fields.is_empty() { keys.iter().take(DETAILS).cloned().collect() } else { Vec::new() };
        state.push(What::Changed { revision, fields, keys, more: all.saturating_sub(DETAILS) });
    }

    /// An update was refused. Refused again for the same reasons, it is counted and not listed again.
    pub(super) fn refused(&self, rejection: &Rejection) {
        let problems: Vec<Problem> = rejection.problems().iter().take(DETAILS).cloned().collect();
        let more = rejection.problems().len().saturating_sub(DETAILS);
        let mut state = self.lock();
        let mut count = 1;
        if let Some(What::Refused { problems: before, more: more_before, times, .. }) =
            state.happened.back().map(|last| &last.what)
            && *before == problems
            && *more_before == more
        {
            count = times + 1;
            state.happened.pop_back();
        }
        let (revision, kept_revision) = (rejection.revision(), rejection.kept_revision());
        state.push(What::Refused { revision, kept_revision, problems, more, times: count });
    }

    /// The connection is another one, or something else of the status.
    pub(super) fn status(&self, status: &Status) {
        let mut state = self.lock();
        match status.state.error() {
            Some(error) if !state.is_lost => {
                state.is_lost = true;
                let error = OneLine(error).to_string();
                state.push(What::Lost { state: status.state.clone(), error });
            }
            None if state.is_lost && status.state.is_watching() => {
                state.is_lost = false;
                state.push(What::Back { revision: status.revision });
            }
            _ => {}
        }
    }

    pub(super) fn to_json(&self) -> Value {
        self.happened().iter().map(|event| event.to_json()).collect()
    }

    /// It is consistent after each statement, so a poisoned lock does no harm.
    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All values, where there are few enough to be compared each time.
fn comparable(view: &View) -> Option<Explanation> {
    (view.keys() <= COMPARED).then(|| view.explain())
}

impl Recorded {
    fn push(&mut self, what: What) {
        self.count += 1;
        let kind = std::mem::discriminant(&what);
        let same = |event: &Arc<RecentEvent>| std::mem::discriminant(&event.what) == kind;
        let kept = self.happened.iter().filter(|event| same(event)).count();
        if let Some(oldest) = self.happened.iter().position(same).filter(|_| kept >= KEPT) {
            self.happened.remove(oldest);
        }
        let event = RecentEvent { number: self.count, at: SystemTime::now(), what };
        self.happened.push_back(Arc::new(event));
    }
}

impl RecentEvent {
    fn to_json(&self) -> Value {
        let at = Rfc3339(self.at).to_string();
        match &self.what {
            What::Changed { revision, fields, keys, more } => {
                let field = |changed: &Changed| {
                    let Changed { field, key, layer, old, new, revision } = changed;
                    let mut value =
                        json!({ "field": field, "key": key, "old": old, "new": new, "revision": revision });
                    // Only where there are several.
                    if let Some(layer) = layer {
                        value["layer"] = json!(layer);
                    }
                    value
                };
                let fields: Vec<Value> = fields.iter().map(field).collect();
                let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
                json!({
                    "what": "changed", "at": at, "revision": revision, "fields": fields, "keys": keys, "more": more,
                })
            }
            What::Refused { revision, kept_revision, problems, more, times } => json!({
                "what": "refused", "at": at, "revision": revision, "kept_revision": kept_revision,
                "problems": problems, "more": more, "times": times,
            }),
            What::Lost { state, error } => {
                json!({ "what": "lost", "at": at, "state": state, "error": error })
            }
            What::Back { revision } => json!({ "what": "back", "at": at, "revision": revision }),
        }
    }
}
