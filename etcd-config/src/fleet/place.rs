//! Where the entries of a fleet are.

use std::sync::Arc;

use etcd_client_core::{Listing, Prefix};

use crate::error::Error;
use crate::live::first_load::is_final;
use crate::reading::{ReadPlan, newest};
use crate::runtime::connections::OwnConnections;

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
        let connections = self.connections_here();
        match newest(&*connections.store(), &self.entries, self.plan.limit).await {
            Ok(listing) => Ok(listing),
            Err(Some(error)) if is_final(&error) => Err(self.refused(error)),
            Err(last) => {
                Err(Error::fleet_timeout(self.plan.limit, last.or_else(|| connections.store().outage())))
            }
        }
    }

    /// The store, with connections that belong to the runtime at hand.
    pub(super) fn connections_here(&self) -> Arc<OwnConnections> {
        self.plan.connections_here()
    }

    /// The store does not let the entries be read.
    pub(super) fn refused(&self, error: etcd_client_core::Error) -> Error {
        Error::refusal(&format!("the fleet of {}", self.name), &self.entries, error)
    }
}
