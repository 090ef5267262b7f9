//! Watching the instances that have a change first: until they have it in force, and then for a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use etcd_client_core::watcher::{self, Event, Watcher};
use etcd_client_core::{Change, Error as StoreError, Listing, Prefix};
use tokio::time::sleep_until;

use super::handle::RolloutHandle;
use super::probe::{Probe, Probing};
use super::view::RolloutPlace;
use crate::error::{InstanceLag, LaggingInstance, TakeBackReason};
use crate::fleet::present::Present;
use crate::fleet::verdict::{Unchanged, Verdict, lag_of_refusal, verdict};
use crate::instance::fleet_of;
use crate::instance::format::may_wait;
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
        let mut sight = Sight::new(fleet, self.record.clone());
        let mut probing = Probing::new(self.probe.clone());
        let (mut deadline, mut is_observing) = (runtime_deadline(self.limit), false);
        loop {
            tokio::select! {
                reason = self.asked.asked() => return Seen::TakeBack(TakeBackReason::Asked(reason)),
                words = probing.failure() => return Seen::TakeBack(TakeBackReason::Probe(words)),
                event = watcher.next() => match sight.take(&event) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(error) => return Seen::Blind(Some(error)),
                },
                () = sleep_until(deadline) => {
                    if !is_observing {
                        return self.late(&mut sight);
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
                    deadline = runtime_deadline(self.observe);
                }
                Judged::InForce | Judged::Lagging(_) => {}
            }
        }
        let at_last = async {
            if let Err(words) = probing.end().await {
                return Seen::TakeBack(TakeBackReason::Probe(words));
            }
            // The watch may have been cut off, which is no good news.
            let store = connections.store();
            match newest(&*store, &both, place.plan.limit).await {
                Ok(listing) => self.at_last(&mut sight, listing),
                Err(error) => Seen::Blind(error.or_else(|| store.outage())),
            }
        };
        tokio::select! {
            reason = self.asked.asked() => Seen::TakeBack(TakeBackReason::Asked(reason)),
            seen = at_last => seen,
        }
    }

    fn at_last(&self, sight: &mut Sight, listing: Listing) -> Seen {
        let _ = sight.take(&Event::Listed(Arc::new(listing)));
        match self.judge(sight, true) {
            Judged::Bad(seen) => seen,
            Judged::InForce => match self.asked.reason() {
                Some(reason) => Seen::TakeBack(TakeBackReason::Asked(reason)),
                None => Seen::Good,
            },
            Judged::Lagging(lagging) => Seen::TakeBack(TakeBackReason::NoLonger { lagging }),
        }
    }

    fn late(&self, sight: &mut Sight) -> Seen {
        if !sight.present.is_known() {
            return Seen::Blind(sight.present.error.clone());
        }
        let lagging = match self.judge(sight, false) {
            Judged::Lagging(lagging) => lagging,
            _ => Vec::new(),
        };
        Seen::TakeBack(TakeBackReason::Limit { limit: self.limit, lagging })
    }

    fn judge(&self, sight: &mut Sight, is_observing: bool) -> Judged {
        let Sight { present, is_recorded, started, .. } = sight;
        if !present.is_known() {
            return Judged::Lagging(Vec::new());
        }
        if !*is_recorded {
            return Judged::Bad(Seen::Ended);
        }
        let bad = |reason| Judged::Bad(Seen::TakeBack(reason));
        let may_go = self.restarts && !is_observing;
        let mut lagging = Vec::new();
        for name in &self.targets {
            let Some(instance) = present.instance(name) else {
                if may_go {
                    lagging.push(LaggingInstance { name: name.clone(), why: InstanceLag::Away });
                    continue;
                }
                return bad(TakeBackReason::Gone(name.clone()));
            };
            if let Ok(report) = &instance.report {
                let before = *started.entry(name.clone()).or_insert(report.started);
                if before != report.started {
                    if !may_go {
                        return bad(TakeBackReason::Restarted(name.clone()));
                    }
                    started.insert(name.clone(), report.started);
                }
                if let Some(refused) = &report.refused
                    && refused.revision >= self.staged_at
                {
                    let why = lag_of_refusal(refused);
                    return bad(TakeBackReason::Refused(LaggingInstance { name: name.clone(), why }));
                }
            }
            match verdict(instance, self.staged_at, |_| Unchanged::default()) {
                Verdict::InForce => {}
                Verdict::Lags(LaggingInstance { why: InstanceLag::WaitsForRestart { fields }, .. })
                    if !self.fields.iter().any(|field| may_wait(&fields, field)) => {}
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

/// What is seen of them, and of the record.
struct Sight {
    present: Present,
    record: String,
    is_recorded: bool,
    /// When each was started, as it first said.
    started: BTreeMap<String, SystemTime>,
}

impl Sight {
    fn new(fleet: Prefix, record: String) -> Self {
        Self { present: Present::new(fleet), record, is_recorded: false, started: BTreeMap::new() }
    }

    /// Takes an event; whether things may be otherwise now.
    fn take(&mut self, event: &Event) -> Result<bool, StoreError> {
        let record = self.record.as_bytes();
        match event {
            Event::Listed(listing) => {
                self.is_recorded = listing.entries.iter().any(|entry| entry.key == record);
            }
            Event::Changed { batch, .. } => {
                for change in &batch.changes {
                    match change {
                        Change::Put(entry) if entry.key == record => self.is_recorded = true,
                        Change::Delete(key) if key == record => self.is_recorded = false,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        self.present.take(event)
    }
}
