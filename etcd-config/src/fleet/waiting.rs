//! Waiting until a revision is in force for all instances: it follows the entries, and asks for nothing at intervals.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use etcd_client_core::watcher::{self, Event, Watcher};
use etcd_client_core::{Change, Entry, Error as StoreError, Kind, Known, Prefix, Store};
use tokio::time::{Instant, timeout_at};

use super::instance::Instance;
use super::place::FleetPlace;
use super::verdict::{Verdict, verdict};
use crate::error::{Error, FleetLag, InstanceLag, LaggingInstance};
use crate::instance::report::InstanceReport;
use crate::live::first_load::is_final;
use crate::runtime::deadline::runtime_deadline;
use crate::tree::directories::is_layered;

/// How much longer the others may take when one never will: about as long as they spread their writes.
const AFTER_REFUSAL: Duration = Duration::from_secs(3);
/// How long after it could not say so the store is asked again whether a state is the same.
const ASKED_AGAIN: Duration = Duration::from_secs(1);
/// So many states of the configuration are asked about at a time; instances mostly are at one or two.
const ASKED: usize = 16;

/// Waits on this runtime.
pub(super) async fn wait(place: FleetPlace, revision: u64, limit: Duration) -> Result<(), Error> {
    let deadline = runtime_deadline(limit);
    let connections = place.connections_here();
    let store = connections.store();
    let mut watcher = Watcher::new(connections.store(), place.entries.clone(), watcher::Options::default());
    let mut waiting = Waiting { place, revision, instances: None, same: HashMap::new(), last: None };
    let mut until = deadline;
    // When the store is asked again what it could not say.
    let mut ask_at = deadline;
    loop {
        match timeout_at(until.min(ask_at), watcher.next()).await {
            Ok(event) => {
                if !waiting.take(event)? {
                    continue;
                }
            }
            Err(_) if Instant::now() >= until => {
                return Err(waiting.failure(limit, Instant::now() >= deadline, store.outage()));
            }
            Err(_) => {}
        }
        // Within the limit, as the store may be silent.
        let is_answered = timeout_at(until, waiting.ask(&*store)).await.unwrap_or(false);
        ask_at = if is_answered { deadline } else { Instant::now() + ASKED_AGAIN };
        let lagging = waiting.lagging();
        let is_for_good = |lagging: &LaggingInstance| {
            matches!(lagging.why, InstanceLag::Refused { .. } | InstanceLag::Unreadable(_))
        };
        let is_open = |lagging: &LaggingInstance| matches!(lagging.why, InstanceLag::NotYet { .. });
        if lagging.is_empty() && waiting.present() > 0 {
            return Ok(());
        }
        until = match lagging.iter().any(is_for_good) {
            true if !lagging.iter().any(is_open) => Instant::now(),
            true => until.min(Instant::now() + AFTER_REFUSAL),
            // What was refused is corrected, or the instance has gone.
            false => deadline,
        };
    }
}

/// The keys that an instance reads, in brief: its layers above the prefix, a revision, and how many keys there were.
type State = (Vec<String>, u64, usize);

/// What is known while waiting.
struct Waiting {
    place: FleetPlace,
    revision: u64,
    /// Not before the first listing.
    instances: Option<BTreeMap<Bytes, Instance>>,
    /// Whether nothing has changed since a state, up to the revision that is waited for; `None` if that is still to be asked.
    same: HashMap<State, Option<bool>>,
    /// Why the entries cannot be followed at the moment.
    last: Option<StoreError>,
}

impl Waiting {
    /// Takes an event; whether the instances may be others now.
    fn take(&mut self, event: Event) -> Result<bool, Error> {
        match event {
            Event::Listed(listing) => {
                self.instances = Some(BTreeMap::new());
                listing.entries.iter().for_each(|entry| self.put(entry));
            }
            Event::Changed { batch, .. } => {
                for change in &batch.changes {
                    match change {
                        Change::Put(entry) => self.put(entry),
                        Change::Delete(key) => {
                            self.instances.iter_mut().for_each(|all| drop(all.remove(key)));
                        }
                        // A watcher reports each key.
                        Change::DeleteBelow(_) => {}
                    }
                }
            }
            Event::State(state) => {
                self.last = state.error().cloned();
                return match self.last.take_if(|error| is_final(error)) {
                    Some(error) => Err(self.place.refused(error)),
                    None => Ok(false),
                };
            }
            _ => return Ok(false),
        }
        Ok(self.instances.is_some())
    }

    fn put(&mut self, entry: &Entry) {
        let instance = Instance::of(&self.place.entries, entry);
        if let (Some(all), Some(instance)) = (&mut self.instances, instance) {
            all.insert(entry.key.clone(), instance);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().flat_map(BTreeMap::values).filter(|instance| instance.is_process())
    }

    fn present(&self) -> usize {
        self.all().count()
    }

    /// An entry is written when something below the prefix changes, and not when the store's revision does. So of a
    /// revision at which nothing was written there, the store has to say that nothing was. Returns whether it has said all.
    async fn ask(&mut self, store: &dyn Store) -> bool {
        let reports = self.all().filter_map(|instance| instance.report.as_ref().ok());
        let open: Vec<State> =
            reports.filter(|report| report.revision < self.revision).filter_map(state_of).collect();
        for state in open {
            self.same.entry(state).or_default();
        }
        let open: Vec<State> = self
            .same
            .iter()
            .filter(|(_, answer)| answer.is_none())
            .map(|(state, _)| state.clone())
            .take(ASKED)
            .collect();
        for state in open {
            let (layers, revision, count) = &state;
            let known = Known { revision: *revision, cluster: 0, count: *count };
            // Layers that are none were not written by an instance.
            let Ok(prefix) = self.prefix_with(layers) else {
                self.same.insert(state, Some(false));
                continue;
            };
            let is_same = match store.unchanged(&prefix, known).await {
                Ok(Some(head)) if head >= self.revision => true,
                // Something was written, so the instance will say how it stands; or the store can never say.
                Ok(None) => false,
                Err(error) if error.kind() == Kind::InvalidRequest => false,
                Ok(Some(_)) | Err(_) => continue,
            };
            self.same.insert(state, Some(is_same));
        }
        self.same.values().all(Option::is_some)
    }

    /// What an instance with these layers reads.
    fn prefix_with(&self, layers: &[String]) -> Result<Prefix, StoreError> {
        let prefix = &self.place.plan.prefix;
        if layers.is_empty() && !is_layered(prefix) {
            return Ok(prefix.clone());
        }
        let lowest = Prefix::new(prefix.path());
        layers.iter().try_fold(lowest, |all, layer| all.and(&Prefix::new(layer)))
    }

    /// Who does not have it.
    fn lagging(&self) -> Vec<LaggingInstance> {
        let is_same = |report: &InstanceReport| {
            state_of(report).is_some_and(|state| self.same.get(&state).copied().flatten().unwrap_or(false))
        };
        let verdicts = self.all().map(|instance| verdict(instance, self.revision, is_same));
        verdicts
            .filter_map(|verdict| match verdict {
                Verdict::InForce => None,
                Verdict::Lags(lagging) => Some(lagging),
            })
            .collect()
    }

    fn failure(self, limit: Duration, is_over: bool, outage: Option<StoreError>) -> Error {
        let error = match &self.instances {
            Some(_) => self.last.clone(),
            None => self.last.clone().or(outage),
        };
        if self.instances.is_none() {
            return Error::fleet_timeout(limit, error);
        }
        Error::fleet(FleetLag {
            name: self.place.name,
            place: self.place.entries.to_string(),
            revision: self.revision,
            limit: is_over.then_some(limit),
            present: self.present(),
            lagging: self.lagging(),
            error,
        })
    }
}

/// What an instance has said that it reads; `None` if it has not said how many keys there were.
fn state_of(report: &InstanceReport) -> Option<State> {
    report.keys.map(|keys| (report.layers.clone(), report.revision, keys))
}
