//! What a rollout is about, at one revision: the prefix, the records, and the layers.

use std::sync::Arc;

use etcd_client_core::{Entry, Listing, Prefix};

use super::record::{RolloutRecord, from_text};
use crate::error::Error;
use crate::instance::fleet_of;
use crate::reading::ReadPlan;
use crate::runtime::connections::OwnConnections;
use crate::tree::beside::Beside;
use crate::versioned_json::Unreadable;

/// Where the rollouts of a configuration are.
#[derive(Clone, Debug)]
pub(crate) struct RolloutPlace {
    pub(super) plan: ReadPlan,
    /// The lowest layer, which all instances read.
    pub(super) base: Prefix,
    /// Beside it, so that no configuration reads them.
    pub(super) records: Prefix,
    /// Of the configuration.
    pub(super) name: &'static str,
}

impl RolloutPlace {
    pub(crate) fn new(plan: ReadPlan, name: &'static str) -> Result<Self, Error> {
        // There is nothing beside the whole store.
        fleet_of(&plan.prefix)?;
        let base = Prefix::new(plan.prefix.path());
        let records = Beside::Rollouts.of(&base);
        Ok(Self { plan, base, records, name })
    }

    /// All that one step reads, and has as its condition.
    pub(super) fn with_layers(&self, layers: &[String]) -> Result<Prefix, Error> {
        let both = self.base.clone().and(&self.records);
        let all = layers.iter().fold(both, |all, layer| all?.and(&Prefix::new(layer)));
        all.map_err(|error| Error::option(format!("{} cannot be staged in its layers: {error}", self.name)))
    }

    pub(super) fn record_key(&self, id: &str) -> String {
        self.records.join(id)
    }

    pub(super) fn connections_here(&self) -> Arc<OwnConnections> {
        self.plan.connections_here()
    }
}

/// The same at one revision.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) listing: Arc<Listing>,
}

impl View {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        let entries = &self.listing.entries;
        let number = entries.binary_search_by(|entry| entry.key.as_ref().cmp(key.as_bytes())).ok()?;
        entries.get(number)
    }

    pub(super) fn below<'v>(&'v self, prefix: &'v Prefix) -> impl Iterator<Item = &'v Entry> {
        self.listing.entries.iter().filter(|entry| prefix.relative(&entry.key).is_some())
    }

    /// All rollouts, by their names, with the revision at which they were staged.
    pub(super) fn records<'v>(
        &'v self,
        records: &'v Prefix,
    ) -> impl Iterator<Item = (String, u64, Result<RolloutRecord, Unreadable>)> + 'v {
        self.below(records).filter_map(|entry| {
            let id = String::from_utf8_lossy(records.relative(&entry.key)?).into_owned();
            // Below a record lie those who work on it.
            (!id.contains('/')).then(|| (id, entry.revision, from_text(&entry.value)))
        })
    }
}
