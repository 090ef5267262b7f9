//! Watching the instances that have a change first: until they have it in force, and then for a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use etcd_client_core::watcher::{self, Event, Watcher};
use etcd_client_core::{Change, Entry, Error as StoreError, Prefix};
use tokio::time::{Instant, sleep_until};

use super::asked::RolloutHandle;
use super::probe::{Probe, Probing};
use super::view::RolloutPlace;
use crate::error::{InstanceLag, LaggingInstance, TakeBackReason};
use crate::fleet::instance::Instance;
use crate::fleet::verdict::{Verdict, lag_of_refusal, verdict};
use crate::instance::fleet_of;
use crate::live::first_load::is_final;
use crate::reading::newest;
use crate::runtime::deadline::runtime_deadline;

/// What is watched, and how long.
pub(super) struct Observation {
    pub(super) record: String,
    pub(super) staged_at: u64,
    pub(super) targets: Vec<String>,
    /// The fields of the change. Instances may wait for a restart because of others.
    pub(super) fields: Vec<String>,
    /// They have to be started again to have it.
    pub(super) restarts: bool,
    pub(super) limit: Duration,
    pub(super) observe: Duration,
    pub(super) probe: Option<Probe>,
    pub(super) asked: RolloutHandle,
}

/// What has come of it.
#[derive(Debug)]
pub(super) enum Seen {
    Good,
    TakeBack(TakeBackReason),
    /// The record is gone.
    Ended,
    /// The store does not let it be seen.
    Blind(Option<StoreError>),
}

impl Observation {
    /// Watches on this runtime. `in_force` is called when all have it in force.
    pub(super) async fn run(self, place: &RolloutPlace, in_force: impl Fn()) -> Seen {
        let Ok(fleet) = fleet_of(&place.base) else { return Seen::Blind(None) };
        let both = match fleet.clone().and(&place.records) {
            Ok(both) => both,
            Err(error) => return Seen::Blind(Some(error)),
        };
        let connections = place.connections_here();
        let mut watcher = Watcher::new(connections.store(), both.clone(), watcher::Options::default());
        let mut sight = Sight::new(fleet.clone(), self.record.clone());
        let mut probing = Probing::new(self.probe.clone());
        let (mut deadline, mut is_observing) = (runtime_deadline(self.limit), false);
        loop {
            tokio::select! {
                reason = self.asked.asked() => return Seen::TakeBack(TakeBackReason::Asked(reason)),
                words = probing.failure() => return Seen::TakeBack(TakeBackReason::Probe(words)),
                event = watcher.next() => match sight.take(event) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(error) => return Seen::Blind(Some(error)),
                },
                () = sleep_until(deadline) => {
                    if !is_observing {
                        return self.late(&sight);
                    }
                    break;
                }
            }
            match self.judge(&mut sight, is_observing) {
                Judged::Bad(seen) => return seen,
                Judged::InForce if !is_observing => {
                    in_force();
                    is_observing = true;
                    probing.begin();
                    deadline = Instant::now() + self.observe;
                }
                Judged::InForce | Judged::Lagging(_) => {}
            }
        }
        if let Err(words) = probing.end().await {
            return Seen::TakeBack(TakeBackReason::Probe(words));
        }
        // The watch may have been cut off, which is no good news.
        let store = connections.store();
        match newest(&*store, &both, place.plan.limit).await {
            Ok(listing) => {
                let _ = sight.take(Event::Listed(Arc::new(listing)));
                match self.judge(&mut sight, true) {
                    Judged::Bad(seen) => seen,
                    Judged::InForce => Seen::Good,
                    Judged::Lagging(lagging) => {
                        Seen::TakeBack(TakeBackReason::Limit { limit: self.observe, lagging })
                    }
                }
            }
            Err(error) => Seen::Blind(error.or_else(|| store.outage())),
        }
    }

    fn late(&self, sight: &Sight) -> Seen {
        if sight.instances.is_none() {
            return Seen::Blind(sight.last.clone());
        }
        let lagging = match self.judge(&mut sight.clone(), false) {
            Judged::Lagging(lagging) => lagging,
            _ => Vec::new(),
        };
        Seen::TakeBack(TakeBackReason::Limit { limit: self.limit, lagging })
    }

    fn judge(&self, sight: &mut Sight, is_observing: bool) -> Judged {
        let Some(instances) = &sight.instances else { return Judged::Lagging(Vec::new()) };
        if !sight.is_recorded {
            return Judged::Bad(Seen::Ended);
        }
        let bad = |reason| Judged::Bad(Seen::TakeBack(reason));
        let may_go = self.restarts && !is_observing;
        let mut lagging = Vec::new();
        for name in &self.targets {
            let Some(instance) = instances.get(name) else {
                if may_go {
                    // It is not back yet.
                    lagging.push(LaggingInstance {
                        name: name.clone(),
                        why: InstanceLag::NotYet { revision: 0 },
                    });
                    continue;
                }
                return bad(TakeBackReason::Gone(name.clone()));
            };
            if let Ok(report) = &instance.report {
                let before = *sight.started.entry(name.clone()).or_insert(report.started);
                if before != report.started {
                    if !may_go {
                        return bad(TakeBackReason::Restarted(name.clone()));
                    }
                    sight.started.insert(name.clone(), report.started);
                }
                if let Some(refused) = &report.refused
                    && refused.revision >= self.staged_at
                {
                    let why = lag_of_refusal(refused);
                    return bad(TakeBackReason::Refused(LaggingInstance { name: name.clone(), why }));
                }
            }
            match verdict(instance, self.staged_at, |_| false) {
                Verdict::InForce => {}
                Verdict::Lags(LaggingInstance { why: InstanceLag::WaitsForRestart { fields }, .. })
                    if !fields.iter().any(|field| self.fields.contains(field)) => {}
                Verdict::Lags(lag) => lagging.push(lag),
            }
        }
        if lagging.is_empty() { Judged::InForce } else { Judged::Lagging(lagging) }
    }
}

enum Judged {
    InForce,
    Lagging(Vec<LaggingInstance>),
    Bad(Seen),
}

/// The entries as they are known.
#[derive(Clone)]
struct Sight {
    fleet: Prefix,
    record: String,
    /// Not before the first listing.
    instances: Option<BTreeMap<String, Instance>>,
    is_recorded: bool,
    /// When each was started, as it first said.
    started: BTreeMap<String, SystemTime>,
    /// Why the entries cannot be followed at the moment.
    last: Option<StoreError>,
}

impl Sight {
    fn new(fleet: Prefix, record: String) -> Self {
        Self { fleet, record, instances: None, is_recorded: false, started: BTreeMap::new(), last: None }
    }

    /// Takes an event; whether things may be otherwise now.
    fn take(&mut self, event: Event) -> Result<bool, StoreError> {
        match event {
            Event::Listed(listing) => {
                self.instances = Some(BTreeMap::new());
                self.is_recorded = false;
                listing.entries.iter().for_each(|entry| self.put(entry));
            }
            Event::Changed { batch, .. } => {
                for change in &batch.changes {
                    match change {
                        Change::Put(entry) => self.put(entry),
                        Change::Delete(key) => self.delete(key),
                        // A watcher reports each key.
                        Change::DeleteBelow(_) => {}
                    }
                }
            }
            Event::State(state) => {
                self.last = state.error().cloned();
                return match self.last.take_if(|error| is_final(error)) {
                    Some(error) => Err(error),
                    None => Ok(false),
                };
            }
            _ => return Ok(false),
        }
        Ok(self.instances.is_some())
    }

    fn put(&mut self, entry: &Entry) {
        if entry.key == self.record.as_bytes() {
            self.is_recorded = true;
        }
        if let (Some(all), Some(instance)) = (&mut self.instances, Instance::of(&self.fleet, entry)) {
            all.insert(instance.name.clone(), instance);
        }
    }

    fn delete(&mut self, key: &Bytes) {
        if *key == self.record.as_bytes() {
            self.is_recorded = false;
        }
        if let (Some(all), Some(name)) = (&mut self.instances, self.fleet.relative(key)) {
            all.remove(&*String::from_utf8_lossy(name));
        }
    }
}
