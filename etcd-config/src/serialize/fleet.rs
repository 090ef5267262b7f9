//! A fleet, and which of its instances do not have a revision in force.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::Time;
use crate::error::{InstanceLag, LaggingInstance};
use crate::fleet::Fleet;
use crate::fleet::instance::Instance;
use crate::instance::report::{InstanceReport, RefusedRevision, ReportedProblem};

/// The instances, and the revision at which they were read.
impl Serialize for Fleet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "Fleet", {
            "revision": self.revision(),
            "instances": self.instances(),
        })
    }
}

/// Either the report is there, or why it is not.
impl Serialize for Instance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { name, report, written_at, .. } = self;
        object!(serializer, "Instance", {
            "name": name,
            "report": report.as_ref().ok(),
            "unreadable": report.as_ref().err(),
            "written_at": written_at,
        })
    }
}

impl Serialize for InstanceReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { version, revision, keys, refused, restart, state, since, started, lease, layers } = self;
        object!(serializer, "InstanceReport", {
            "version": version,
            "revision": revision,
            "keys": keys,
            "refused": refused,
            "restart": restart,
            "state": state,
            "since": Time(*since),
            "started": Time(*started),
            "lease_seconds": lease.as_secs(),
            "layers": layers,
        })
    }
}

impl Serialize for RefusedRevision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { revision, keys, problems, omitted } = self;
        object!(serializer, "RefusedRevision", {
            "revision": revision,
            "keys": keys,
            "problems": problems,
            "omitted": omitted,
        })
    }
}

impl Serialize for ReportedProblem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { key, what } = self;
        object!(serializer, "ReportedProblem", { "key": key, "what": what, })
    }
}

/// The reason by its name, and in words.
impl Serialize for LaggingInstance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { name, why } = self;
        object!(serializer, "LaggingInstance", {
            "name": name,
            "reason": match why {
                InstanceLag::NotYet { .. } => "not_yet",
                InstanceLag::Refused { .. } => "refused",
                InstanceLag::Disconnected { .. } => "disconnected",
                InstanceLag::Away => "away",
                InstanceLag::WaitsForRestart { .. } => "waits_for_restart",
                InstanceLag::Unreadable(_) => "unreadable",
            },
            "why": why.to_string(),
        })
    }
}
