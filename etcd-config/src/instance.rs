//! What a running process says of itself to the people who run the fleet: one key beside the prefix, attached to a lease.

pub(crate) mod format;
pub(crate) mod keeper;
mod lease_holder;
pub(crate) mod name;
mod pace;
pub(crate) mod report;
mod standing;
pub(crate) mod subject;

use std::time::Duration;

use etcd_client_core::{Prefix, Printable};

use crate::error::Error;
use crate::tree::beside::Beside;
use crate::tree::directories::{directories, path_of};

/// How an instance is to be listed in the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InstancePlan {
    pub(crate) name: String,
    /// Where its key is.
    pub(crate) place: Prefix,
    /// The prefixes above the first one, the highest last.
    pub(crate) layers: Vec<String>,
    /// Of the program.
    pub(crate) version: Option<String>,
    /// How long the key stays when the process dies.
    pub(crate) lease: Duration,
    /// The time over which the writes of instances that all see the same change are spread, and the least between two
    /// writes of one.
    pub(crate) spread: Duration,
}

/// Beside the prefix: what lies below it is read by the fields.
///
/// # Errors
/// The prefix is the whole store, or a layer lies where the instances are listed.
pub(crate) fn fleet_of(prefix: &Prefix) -> Result<Prefix, Error> {
    let fleet = match prefix.path() {
        "/" => {
            return Err(Error::option(
                "instances are listed beside the prefix, and there is nothing beside the whole store: give the \
                 configuration a prefix",
            ));
        }
        _ => Beside::Fleet.of(prefix),
    };
    // Whoever read the entries would write its own again after each of them.
    let overlaps = |directory: &&str| {
        directory.starts_with(fleet.directory()) || fleet.directory().starts_with(*directory)
    };
    match directories(prefix).find(overlaps) {
        Some(layer) => Err(Error::option(format!(
            "the layer {} has the keys of {fleet}, where instances are listed: give it a prefix of its own",
            Printable::line(path_of(layer))
        ))),
        None => Ok(fleet),
    }
}
