//! Who has a revision in force: by what the instances say, and where that leaves it open, by what the store does.

use std::collections::{HashMap, HashSet};

use etcd_client_core::{Error as StoreError, Kind, Known, Prefix, Store};
use tokio::task::JoinSet;

use super::instance::Instance;
use super::verdict::{Unchanged, Verdict, verdict};
use crate::error::{LaggingInstance, Unreadable};
use crate::instance::report::InstanceReport;
use crate::live::first_load::is_final;
use crate::tree::directories::is_layered;

/// So many states of the configuration are asked about at a time. Instances that read the same mostly are at one or two; where
/// each has a layer of its own, each has one.
const ASKED: usize = 64;

/// The keys that an instance reads, in brief: its layers above the prefix, a revision, and how many keys there were.
type State = (Vec<String>, u64, usize);

/// What is known of a revision, and the states that instances are in.
pub(super) struct InForce {
    /// Of the configuration.
    prefix: Prefix,
    revision: u64,
    /// Whether nothing has changed since a state, up to the revision; `None` if that is still to be asked.
    same: HashMap<State, Option<bool>>,
    /// What the user may not read, of the states that were asked about last.
    unreadable: Option<Unreadable>,
}

/// What the store has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    All,
    /// There is more to ask.
    Some,
    /// Something is to be asked again, a moment later.
    Silence,
}

impl InForce {
    pub(super) fn new(prefix: Prefix, revision: u64) -> Self {
        Self { prefix, revision, same: HashMap::new(), unreadable: None }
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Another revision is asked about from now on.
    #[cfg(feature = "cli")]
    pub(super) fn turn_to(&mut self, revision: u64) {
        if self.revision != revision {
            self.revision = revision;
            self.same.clear();
        }
    }

    /// An entry is written when something below the prefix changes, and not when the store's revision does. So of a
    /// revision at which nothing was written there, the store has to say that nothing was: neither since what is in
    /// force, nor since what is refused.
    pub(super) async fn ask(
        &mut self,
        store: &dyn Store,
        instances: impl Iterator<Item = &Instance>,
    ) -> Answers {
        let reports = instances.filter_map(|instance| instance.report.as_ref().ok());
        let behind = reports.filter(|report| report.revision < self.revision);
        let open = behind.flat_map(|report| [state_of(report), refused_state_of(report)]);
        let open: HashSet<State> = open.flatten().filter(|(_, at, _)| *at < self.revision).collect();
        self.same.retain(|state, _| open.contains(state));
        for state in open {
            self.same.entry(state).or_default();
        }
        let unknown = self.same.iter().filter(|(_, answer)| answer.is_none());
        let open: Vec<State> = unknown.map(|(state, _)| state.clone()).take(ASKED).collect();
        self.unreadable = None;
        let mut questions = JoinSet::new();
        for state in open {
            let (layers, revision, count) = &state;
            let known = Known { revision: *revision, cluster: 0, count: *count };
            // Layers that are none were not written by an instance.
            let Ok(prefix) = self.prefix_with(layers) else {
                self.same.insert(state, Some(false));
                continue;
            };
            let answer = store.unchanged(&prefix, known);
            questions.spawn(async move { (state, prefix, answer.await) });
        }
        let mut is_answered = true;
        while let Some(answer) = questions.join_next().await {
            let Ok((state, prefix, answer)) = answer else { continue };
            let is_same = match answer {
                Ok(Some(head)) if head >= self.revision => true,
                // Something was written, so the instance will say how it stands; or the store can never say.
                Ok(None) => false,
                Err(error) if error.kind() == Kind::InvalidRequest => false,
                Ok(Some(_)) => {
                    is_answered = false;
                    continue;
                }
                Err(error) => {
                    if is_final(&error) {
                        self.unreadable = Some(Unreadable { prefix, error });
                    }
                    is_answered = false;
                    continue;
                }
            };
            self.same.insert(state, Some(is_same));
        }
        match is_answered {
            false => Answers::Silence,
            true if self.same.values().all(Option::is_some) => Answers::All,
            true => Answers::Some,
        }
    }

    /// What the user may not read, which leaves it open whether some have it.
    pub(super) fn unreadable(&self) -> Option<Unreadable> {
        self.unreadable.clone()
    }

    /// Who does not have it.
    pub(super) fn lagging<'i>(&self, instances: impl Iterator<Item = &'i Instance>) -> Vec<LaggingInstance> {
        let is_same = |state: Option<State>| {
            state.is_some_and(|state| self.same.get(&state).copied().flatten().unwrap_or(false))
        };
        let unchanged = |report: &InstanceReport| Unchanged {
            in_force: is_same(state_of(report)),
            refused: is_same(refused_state_of(report)),
        };
        let verdicts = instances.map(|instance| verdict(instance, self.revision, unchanged));
        verdicts
            .filter_map(|verdict| match verdict {
                Verdict::InForce => None,
                Verdict::Lags(lagging) => Some(lagging),
            })
            .collect()
    }

    /// What an instance with these layers reads.
    fn prefix_with(&self, layers: &[String]) -> Result<Prefix, StoreError> {
        if layers.is_empty() && !is_layered(&self.prefix) {
            return Ok(self.prefix.clone());
        }
        let lowest = Prefix::new(self.prefix.path());
        layers.iter().try_fold(lowest, |all, layer| all.and(&Prefix::new(layer)))
    }
}

/// What an instance has said that it reads; `None` if it has not said how many keys there were.
fn state_of(report: &InstanceReport) -> Option<State> {
    report.keys.map(|keys| (report.layers.clone(), report.revision, keys))
}

/// The same of what it refuses.
fn refused_state_of(report: &InstanceReport) -> Option<State> {
    let refused = report.refused.as_ref()?;
    Some((report.layers.clone(), refused.revision, refused.keys?))
}
