//! Where the entries of a fleet are.

use std::sync::Arc;

use etcd_client_core::{Listing, Prefix};

use crate::error::Error;
use crate::reading::ReadPlan;
use crate::runtime::connections::OwnConnections;

/// What is asked for, for people.
pub(super) const INSTANCES: &str = "list of instances";

/// The entries of the instances of a configuration.
#[derive(Clone, Debug)]
pub(crate) struct FleetPlace {
    /// The configuration, and the store of both.
    pub(crate) plan: ReadPlan,
    pub(crate) entries: Prefix,
    /// Of the configuration.
    pub(crate) name: &'static str,
}

impl FleetPlace {
    /// The entries at one revision, on this runtime.
    pub(super) async fn list(&self) -> Result<Listing, Error> {
        self.plan.list_beside(&self.entries, INSTANCES, self.name).await
    }

    /// The store, with connections that belong to the runtime at hand.
    pub(super) fn connections_here(&self) -> Arc<OwnConnections> {
        self.plan.connections_here()
    }

    /// The store does not let the entries be read.
    pub(super) fn refused(&self, error: etcd_client_core::Error) -> Error {
        Error::refusal(&format!("the {INSTANCES} of {}", self.name), &self.entries, error)
    }
}
