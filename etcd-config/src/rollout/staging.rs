//! From a plan to what is to be staged: for whom, where, and what cannot be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use etcd_client_core::{Entry, Prefix, Printable};

use super::RolloutSettings;
use super::record::{RolloutKey, RolloutRecord};
use super::targets::{Targets, Wanted};
use super::view::RolloutPlace;
use super::writes::Staging;
use crate::decode::{Derived, survey};
use crate::edit::plan::Plan;
use crate::edit::planned::PlannedChange;
use crate::edit::readers::reader;
use crate::error::{Error, RolloutEnd, RolloutFailure};
use crate::fleet::Fleet;
use crate::fleet::place::FleetPlace;
use crate::instance::fleet_of;
use crate::schema::Schema;

/// What is to be staged, before it is known for whom.
pub(super) struct Draft {
    place: RolloutPlace,
    wanted: Wanted,
    staging: Staging,
}

impl Draft {
    /// Of a plan that can be rolled out.
    pub(super) fn new<T: Derived>(
        plan: &Plan<T>,
        wanted: &Wanted,
        settings: &RolloutSettings,
    ) -> Result<Self, Error> {
        refuse::<T>(plan)?;
        wanted.refuse_nonsense()?;
        let place = RolloutPlace::new(plan.reading().plan().clone(), T::LAYOUT.name)?;
        let staging = staging_of::<T>(plan, &place, settings)?;
        Ok(Self { place, wanted: wanted.clone(), staging })
    }

    /// For those of whom it is wanted, of those who are there now.
    pub(super) async fn addressed(self) -> Result<(RolloutPlace, Staging), Error> {
        let Self { place, wanted, mut staging } = self;
        let entries = fleet_of(&place.base)?;
        let fleet = FleetPlace { plan: place.plan.clone(), entries, name: place.name };
        let Targets { instances, layers, lower } =
            Targets::choose(&wanted, &Fleet::read_async(fleet).await?)?;
        staging.record = RolloutRecord { instances, layers, ..staging.record };
        for (layer, instance) in lower {
            refuse_override(&place, &staging, &Prefix::new(&layer), &instance).await?;
        }
        Ok((place, staging))
    }
}

/// An override in a layer between the prefix and that of the change: an instance that reads it would have the change while
/// it is watched, and no longer when it is promoted.
async fn refuse_override(
    place: &RolloutPlace,
    staging: &Staging,
    layer: &Prefix,
    instance: &str,
) -> Result<(), Error> {
    let listing = place.plan.list_beside(layer, "layer", place.name).await?;
    let Staging { record, schema, .. } = staging;
    let reads = |path: &str| reader(schema.branch(), &place.plan.prefix, path).map(|reader| reader.field);
    let is_changed = |path: &str| {
        record.keys.iter().any(|key| key.path == path || reads(path).is_some_and(|field| field == key.field))
    };
    let key = listing.entries.iter().map(|entry| &entry.key).find(|key| {
        let path = layer.relative(key).and_then(|path| std::str::from_utf8(path).ok());
        path.is_some_and(is_changed)
    });
    let Some(key) = key else { return Ok(()) };
    let (key, instance) =
        (Printable::line(&String::from_utf8_lossy(key)).to_string(), Printable::line(instance));
    let why = format!(
        "there is {key}, which {instance} would have again instead of the change when that is promoted: take it away \
         first, or roll out to others"
    );
    let end = RolloutEnd::NotBegun { why };
    Err(Error::of_rollout(RolloutFailure {
        name: place.name,
        prefix: place.base.to_string(),
        end,
        error: None,
        way_out: String::new(),
    }))
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
            "the plan is for a layer, and what is promoted goes below the prefix: make the edit without `in_layer`",
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
    settings: &RolloutSettings,
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
    // What no field reads may be a secret of another version.
    let secret = plan.changes().iter().filter(|change| change.is_secret() || change.field().is_empty());
    let secret: BTreeSet<String> = secret
        .filter_map(|change| change.key().strip_prefix(place.base.directory()).map(str::to_owned))
        .collect();
    let started = SystemTime::now();
    let record = RolloutRecord {
        keys,
        instances: Vec::new(),
        layers: Vec::new(),
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
        schema: Schema::new(survey::<T>(), &place.plan.prefix),
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
