//! A rollout from its first step to its end: what is done when, and what is said of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use etcd_client_core::{Entry, Listing, Prefix, Store};

use super::actor::Actor;
use super::observing::{Observation, Seen};
use super::progress::RolloutStep;
use super::record::{RolloutKey, RolloutRecord};
use super::steps::{Promotion, Staging, Stop, below, promote, stage, take_back};
use super::targets::Targets;
use super::transaction::{Done, NotMade, Step};
use super::view::{RolloutPlace, View};
use super::{Promoted, Rollout, Settings};
use crate::decode::{Derived, tree_of};
use crate::edit::plan::Plan;
use crate::edit::planned::PlannedChange;
use crate::error::{Error, RolloutEnd, RolloutFailure, TakeBackReason, WriteFailure};
use crate::fleet::Fleet;
use crate::fleet::place::FleetPlace;
use crate::instance::fleet_of;
use crate::problem::{Kind as ProblemKind, Problem};
use crate::reading::decode_all;
use crate::runtime::connections::OwnConnections;
use crate::runtime::panics;

/// The name of the key of the one who drives a rollout, below its record.
pub(super) const OWNER: &str = "owner";

/// A rollout that somebody works on.
pub(super) struct Work {
    pub(super) place: RolloutPlace,
    pub(super) id: String,
    record_key: String,
    prefix: Prefix,
    store: Arc<dyn Store>,
    actor: Actor,
    commit_key: Option<&'static str>,
    _connections: Arc<OwnConnections>,
}

/// Begins a rollout, and drives it to its end.
pub(super) async fn begin<T: Derived>(rollout: Rollout<T>) -> Result<Promoted, Error> {
    let Rollout { plan, wanted, settings } = rollout;
    refuse::<T>(&plan)?;
    wanted.refuse_nonsense()?;
    let place = RolloutPlace::new(plan.reading().plan().clone(), T::LAYOUT.name)?;
    let fleet = FleetPlace { plan: place.plan.clone(), entries: fleet_of(&place.base)?, name: place.name };
    let targets = Targets::choose(&wanted, &Fleet::read_async(fleet).await?)?;
    let staging = staging_of::<T>(&plan, &place, &settings, &targets)?;
    let mut work = Work::new::<T>(place, staging.id.clone(), &targets.layers, OWNER, &settings.by)?;
    let done = work.stage(&staging).await;
    let done = match done {
        Ok(done) => done,
        Err(not_made) => {
            let error = work.not_staged(&plan, not_made);
            work.actor.leave().await;
            return Err(error);
        }
    };
    settings.tell(&RolloutStep::Staged {
        id: work.id.clone(),
        revision: done.revision,
        instances: targets.instances.clone(),
    });
    work.go_on::<T>(staging.record, done.revision, settings).await
}

/// What cannot be rolled out.
fn refuse<T: Derived>(plan: &Plan<T>) -> Result<(), Error> {
    let cannot = |why: &str| Err(Error::option(format!("{} cannot be rolled out: {why}", T::LAYOUT.name)));
    if plan.is_empty() {
        return cannot("the plan changes nothing");
    }
    if plan.reading().writes_at_once() <= 1 {
        return cannot("that takes transactions and leases, as etcd's v3 API has them");
    }
    let base = Prefix::new(plan.reading().prefix().path());
    if plan.writes().iter().any(|write| base.relative(&write.key).is_none()) {
        return cannot(
            "the plan is for a layer, and what is promoted goes below the prefix: make it for that",
        );
    }
    if plan.writes().iter().any(|write| write.value.is_none()) {
        return cannot(
            "the plan deletes a key, and no layer can take away what a lower one has: set it to another value, or \
             delete it with an edit",
        );
    }
    Ok(())
}

fn staging_of<T: Derived>(
    plan: &Plan<T>,
    place: &RolloutPlace,
    settings: &Settings,
    targets: &Targets,
) -> Result<Staging, Error> {
    let (mut texts, mut commit_key, mut keys) = (BTreeMap::new(), None, Vec::new());
    for write in plan.writes() {
        let path = place.base.relative(&write.key).and_then(|path| std::str::from_utf8(path).ok());
        let (Some(path), Some(text)) = (path, &write.value) else { continue };
        if T::LAYOUT.commit_key == Some(path) {
            commit_key = Some((path.to_owned(), text.clone()));
            continue;
        }
        let change = plan.changes().iter().find(|change| change.key().as_bytes() == write.key);
        let field = change.map(|change| change.field().to_owned()).unwrap_or_default();
        keys.push(RolloutKey { path: path.to_owned(), field, was_at: write.read_at });
        texts.insert(path.to_owned(), text.clone());
    }
    if keys.is_empty() {
        return Err(Error::option(format!(
            "{} cannot be rolled out: only its commit key changes",
            place.name
        )));
    }
    let secret = plan.changes().iter().filter(|change| change.is_secret());
    let secret: BTreeSet<String> = secret
        .filter_map(|change| change.key().strip_prefix(place.base.directory()).map(str::to_owned))
        .collect();
    let started = SystemTime::now();
    let record = RolloutRecord {
        keys,
        instances: targets.instances.clone(),
        layers: targets.layers.clone(),
        read_at: plan.revision(),
        observe: settings.observe,
        by: settings.by.clone(),
        started,
        restarts: plan.changes().iter().any(PlannedChange::is_restart),
        former: Vec::new(),
    };
    let below_base = |entry: &&Entry| place.base.relative(&entry.key).is_some();
    let read = plan.reading().listing.entries.iter().filter(below_base);
    Ok(Staging {
        id: new_id(started),
        record,
        texts,
        secret,
        commit_key,
        decided_on: read.map(|entry| (entry.key.clone(), entry.revision)).collect(),
        replace: settings.replace,
    })
}

/// Later ones are later in the order of names.
fn new_id(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let random: String = std::iter::repeat_with(fastrand::lowercase).take(6).collect();
    format!("{seconds:010x}-{random}")
}

impl Settings {
    pub(super) fn tell(&self, step: &RolloutStep) {
        tracing::info!("rollout: {step}");
        if let Some(listener) = &self.on_step {
            // What a listener does is not the rollout's end.
            let _ = panics::caught(|| listener(step));
        }
    }
}

impl Work {
    /// Of somebody who works on a rollout, by a key of this name below the record.
    pub(super) fn new<T: Derived>(
        place: RolloutPlace,
        id: String,
        layers: &[String],
        role: &str,
        who: &str,
    ) -> Result<Self, Error> {
        let connections = place.connections_here();
        let store = connections.store();
        let record_key = place.record_key(&id);
        let actor = Actor::new(connections.store(), below(&record_key, role), who.to_owned());
        let prefix = place.with_layers(layers)?;
        Ok(Self {
            place,
            id,
            record_key,
            prefix,
            store,
            actor,
            commit_key: T::LAYOUT.commit_key,
            _connections: connections,
        })
    }

    async fn make<R>(
        &mut self,
        stages: bool,
        decide: impl FnMut(&View) -> Result<(Vec<etcd_client_core::Write>, R), Stop>,
    ) -> Result<Done<R>, NotMade> {
        let limit = self.place.plan.limit;
        let Self { store, prefix, record_key, actor, .. } = self;
        Step { store, prefix, record: record_key, stages, limit }.make(actor, decide).await
    }

    async fn stage(&mut self, staging: &Staging) -> Result<Done<()>, NotMade> {
        let place = self.place.clone();
        self.make(true, |view| Ok((stage(view, &place, staging)?, ()))).await
    }

    /// Watches what is staged, and ends it.
    pub(super) async fn go_on<T: Derived>(
        mut self,
        record: RolloutRecord,
        staged_at: u64,
        settings: Settings,
    ) -> Result<Promoted, Error> {
        let observation = Observation {
            record: self.record_key.clone(),
            staged_at,
            targets: record.instances.clone(),
            fields: record.keys.iter().map(|key| key.field.clone()).collect(),
            restarts: record.restarts,
            limit: settings.limit,
            observe: settings.observe,
            probe: settings.probe.clone(),
            asked: settings.asked.clone(),
        };
        let observe = settings.observe;
        let seen = observation.run(&self.place, || settings.tell(&RolloutStep::InForce { observe })).await;
        let outcome = match seen {
            Seen::Good => self.promote::<T>(&record, &settings).await,
            Seen::TakeBack(reason) => Err(self.take_back(reason, &settings).await),
            Seen::Ended => Err(self.ended_elsewhere(&record).await),
            Seen::Blind(error) => {
                let why = "the instances cannot be watched".to_owned();
                Err(self.failure(RolloutEnd::Staged { id: self.id.clone(), why }, error))
            }
        };
        self.actor.leave().await;
        outcome
    }

    async fn promote<T: Derived>(
        &mut self,
        record: &RolloutRecord,
        settings: &Settings,
    ) -> Result<Promoted, Error> {
        let (place, id, commit_key) = (self.place.clone(), self.id.clone(), self.commit_key);
        let done = self
            .make(false, |view| {
                let promotion = promote(view, &place, &id, commit_key)?;
                check::<T>(view, &place, &promotion)?;
                Ok((promotion.writes, promotion.texts))
            })
            .await;
        match done {
            Ok(Done { found: Some(view), made, .. }) if !has(&view, &made) => {
                Err(self.failure(RolloutEnd::EndedElsewhere { promoted: false }, None))
            }
            Ok(Done { revision, .. }) => {
                settings.tell(&RolloutStep::Promoted { revision });
                Ok(Promoted { revision, instances: record.instances.clone() })
            }
            Err(NotMade::Stop(Stop::Gone)) => Err(self.ended_elsewhere(record).await),
            Err(not_made) => Err(self.stays(not_made, "it could not be promoted")),
        }
    }

    /// As the error that says that it is taken back, or why it is not.
    pub(super) async fn take_back(&mut self, reason: TakeBackReason, settings: &Settings) -> Error {
        match self.taken_back().await {
            Ok((revision, left)) => {
                settings.tell(&RolloutStep::TakenBack { revision });
                self.failure(RolloutEnd::TakenBack { reason, revision, left }, None)
            }
            Err(NotMade::Stop(Stop::Gone)) => {
                self.failure(RolloutEnd::EndedElsewhere { promoted: false }, None)
            }
            Err(not_made) => {
                self.stays(not_made, &format!("it was to be taken back ({reason}), and could not be"))
            }
        }
    }

    pub(super) async fn taken_back(&mut self) -> Result<(u64, Vec<String>), NotMade> {
        let (place, id, commit_key) = (self.place.clone(), self.id.clone(), self.commit_key);
        let done = self.make(false, |view| take_back(view, &place, &id, commit_key)).await?;
        Ok((done.revision, done.made))
    }

    /// Says that this one works on it, and reads where it stands.
    pub(super) async fn look(&mut self) -> Result<View, NotMade> {
        let limit = self.place.plan.limit;
        let Self { store, prefix, record_key, actor, .. } = self;
        Step { store, prefix, record: record_key, stages: false, limit }.read(actor).await
    }

    pub(super) async fn leave(&mut self) {
        self.actor.leave().await;
    }

    /// The record is gone: what is below the prefix says how. No value is kept that could be compared, and the keys are
    /// newer than they were if it was promoted.
    pub(super) async fn ended_elsewhere(&self, record: &RolloutRecord) -> Error {
        let listing = match self.store.list(&self.prefix).await {
            Ok(listing) => listing,
            Err(error) => {
                let why = "it is no longer there".to_owned();
                return self.failure(RolloutEnd::Unknown { id: self.id.clone(), why }, Some(error));
            }
        };
        let view = View { listing: Arc::new(listing) };
        let promoted = record.keys.iter().all(|key| {
            let is_at = view.get(&self.place.base.join(&key.path)).map(|entry| entry.revision);
            is_at.is_some() && is_at != key.was_at
        });
        self.failure(RolloutEnd::EndedElsewhere { promoted }, None)
    }

    pub(super) fn failure(&self, end: RolloutEnd, error: Option<etcd_client_core::Error>) -> Error {
        let prefix = self.place.base.to_string();
        Error::of_rollout(RolloutFailure { name: self.place.name, prefix, end, error })
    }

    /// What is said of a step after the first one that was not made.
    pub(super) fn stays(&self, not_made: NotMade, what: &str) -> Error {
        let (why, error) = in_words(&self.place, not_made);
        let id = self.id.clone();
        match error {
            Some((error, true)) => self.failure(RolloutEnd::Unknown { id, why: what.to_owned() }, error),
            Some((error, false)) => self.failure(RolloutEnd::Staged { id, why: what.to_owned() }, error),
            None => self.failure(RolloutEnd::Staged { id, why: format!("{what}: {why}") }, None),
        }
    }

    fn not_staged<T: Derived>(&self, plan: &Plan<T>, not_made: NotMade) -> Error {
        if let NotMade::Stop(Stop::Conflict(keys)) = not_made {
            let failure = WriteFailure::Conflict { read_at: plan.revision(), keys };
            return Error::write(T::LAYOUT.name, &self.place.base, (0, 1), failure);
        }
        if let NotMade::TooMany { .. } = not_made {
            return Error::option(in_words(&self.place, not_made).0);
        }
        let (why, error) = in_words(&self.place, not_made);
        match error {
            Some((error, true)) => {
                let why = "it was to be staged".to_owned();
                self.failure(RolloutEnd::Unknown { id: self.id.clone(), why }, error)
            }
            Some((error, false)) => {
                self.failure(RolloutEnd::NotBegun { why: "the store has not taken it".to_owned() }, error)
            }
            None => self.failure(RolloutEnd::NotBegun { why }, None),
        }
    }
}

/// The reason in words; or the store's error, and whether the step may have been made.
type Words = (String, Option<(Option<etcd_client_core::Error>, bool)>);

fn in_words(place: &RolloutPlace, not_made: NotMade) -> Words {
    let words = match not_made {
        NotMade::Stop(Stop::Gone) => "it is no longer there".to_owned(),
        NotMade::Stop(Stop::Refused(why)) => why,
        NotMade::Stop(Stop::Conflict(keys)) => {
            let keys: Vec<String> = keys
                .iter()
                .take(10)
                .map(|key| etcd_client_core::Printable::line(&key.key).to_string())
                .collect();
            format!("somebody else has changed {}", keys.join(", "))
        }
        NotMade::TakenOver => "somebody else drives it".to_owned(),
        NotMade::Crowded => "others write there all the time".to_owned(),
        NotMade::TooMany { writes, at_once } => format!(
            "{writes} keys of {} would have to be written at once, and the store takes {at_once}: roll out fewer keys, \
             to fewer instances, or to a layer that they share",
            place.name
        ),
        NotMade::Store { error, maybe } => return (String::new(), Some((error, maybe))),
    };
    (words, None)
}

fn has(view: &View, texts: &BTreeMap<String, Bytes>) -> bool {
    texts.iter().all(|(key, text)| view.get(key).is_some_and(|entry| entry.value == *text))
}

/// Whether what would be below the prefix is refused by what is checked here, and is not so far.
fn check<T: Derived>(view: &View, place: &RolloutPlace, promotion: &Promotion) -> Result<(), Stop> {
    let Listing { revision, cluster, .. } = *view.listing;
    let entries: Vec<Entry> = view.below(&place.base).cloned().collect();
    let before = Listing { revision, cluster, entries };
    let mut after: BTreeMap<Bytes, Entry> =
        before.entries.iter().map(|entry| (entry.key.clone(), entry.clone())).collect();
    for (key, value) in &promotion.texts {
        let key = Bytes::from(key.clone());
        after.insert(key.clone(), Entry { key, value: value.clone(), revision });
    }
    let after = Listing { revision, cluster, entries: after.into_values().collect() };
    let problems = problems::<T>(place, &after);
    if problems.is_empty() {
        return Ok(());
    }
    let old = problems_of_before::<T>(place, &before);
    match problems
        .iter()
        .find(|problem| !old.contains(&(problem.key().to_owned(), problem.what().to_owned())))
    {
        None => Ok(()),
        Some(new) => {
            Err(Stop::Refused(format!("with what is below {} now it is refused: {new}", place.base)))
        }
    }
}

fn problems_of_before<T: Derived>(place: &RolloutPlace, before: &Listing) -> BTreeSet<(String, String)> {
    let problems = problems::<T>(place, before);
    problems.iter().map(|problem| (problem.key().to_owned(), problem.what().to_owned())).collect()
}

/// What is missing below the prefix may be in the layers, and promoting takes nothing away.
fn problems<T: Derived>(place: &RolloutPlace, listing: &Listing) -> Vec<Problem> {
    match decode_all::<T>(&tree_of::<T>(&place.base, listing)) {
        Ok(decoded) => {
            panics::drop_caught(decoded);
            Vec::new()
        }
        Err(mut problems) => {
            problems.retain(|problem| problem.kind() != ProblemKind::Missing);
            problems
        }
    }
}
