//! Rollouts: those that have begun, and how one has ended.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::Time;
use crate::error::{RolloutEnd, TakeBackReason};
use crate::rollout::Promoted;
use crate::rollout::record::{RolloutKey, RolloutRecord};
use crate::rollout::staged::{Rollouts, StagedRollout};

/// A list.
impl<T> Serialize for Rollouts<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rollouts().serialize(serializer)
    }
}

/// Either the record is there, or why it is not.
impl<T> Serialize for StagedRollout<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "StagedRollout", {
            "id": self.id(),
            "staged_at": self.staged_at(),
            "driven_by": self.driven_by(),
            "record": self.record().ok(),
            "unreadable": self.record().err(),
        })
    }
}

/// Without overrides that it has replaced, which are values.
impl Serialize for RolloutRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { keys, instances, layers, read_at, observe, by, started, restarts, former: _ } = self;
        object!(serializer, "RolloutRecord", {
            "keys": keys,
            "instances": instances,
            "layers": layers,
            "read_at": read_at,
            "observe_seconds": observe.as_secs_f64(),
            "by": by,
            "started": Time(*started),
            "restarts": restarts,
        })
    }
}

impl Serialize for RolloutKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { path, field, was_at } = self;
        object!(serializer, "RolloutKey", { "path": path, "field": field, "was_at": was_at, })
    }
}

impl Serialize for Promoted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "Promoted", { "revision": self.revision(), "instances": self.instances(), })
    }
}

/// The end by its name, and what there is to say of it; `null` for what does not belong to it.
impl Serialize for RolloutEnd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (end, id, why) = match self {
            Self::NotBegun { why } => ("not_begun", None, Some(why)),
            Self::TakenBack { .. } => ("taken_back", None, None),
            Self::Staged { id, why, .. } => ("staged", Some(id), Some(why)),
            Self::EndedElsewhere { .. } => ("ended_elsewhere", None, None),
            Self::Unknown { id, why } => ("unknown", Some(id), Some(why)),
        };
        let (reason, revision, left) = match self {
            Self::TakenBack { reason, revision, left, .. } => (Some(reason), Some(revision), Some(left)),
            Self::EndedElsewhere { left, .. } => (None, None, Some(left)),
            _ => (None, None, None),
        };
        let promoted = match self {
            Self::EndedElsewhere { promoted, .. } => Some(promoted),
            _ => None,
        };
        let restarts = match self {
            Self::TakenBack { restarts, .. } => Some(restarts),
            _ => None,
        };
        let can_resume = match self {
            Self::Staged { can_resume, .. } => Some(can_resume),
            _ => None,
        };
        object!(serializer, "RolloutEnd", {
            "end": end,
            "id": id,
            "why": why,
            "reason": reason,
            "revision": revision,
            "left": left,
            "promoted": promoted,
            "restarts": restarts,
            "can_resume": can_resume,
        })
    }
}

/// The reason by its name, and in words.
impl Serialize for TakeBackReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (reason, instance) = match self {
            Self::Refused(lagging) => ("refused", Some(&lagging.name)),
            Self::Gone(name) => ("gone", Some(name)),
            Self::Restarted(name) => ("restarted", Some(name)),
            Self::Limit { .. } => ("limit", None),
            Self::Probe(_) => ("probe", None),
            Self::NoLonger { .. } => ("no_longer", None),
            Self::Asked(_) => ("asked", None),
        };
        let lagging = match self {
            Self::Refused(lagging) => std::slice::from_ref(lagging),
            Self::Limit { lagging, .. } | Self::NoLonger { lagging } => lagging,
            _ => &[],
        };
        object!(serializer, "TakeBackReason", {
            "reason": reason,
            "instance": instance,
            "lagging": lagging,
            "why": self.to_string(),
        })
    }
}
