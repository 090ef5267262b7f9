//! What this crate says of a configuration, for `serde`: for a page, a log in JSON, an API of one's own.
//!
//! Names are those of fields and accessors, and, for states, kinds and origins, of variants, all in `snake_case`;
//! times are RFC 3339 in UTC, and the names of durations end with their unit. Secrets are left out
//! as they are in `Display`, and texts of others are as they are stored.

use std::time::{Duration, SystemTime};

use etcd_client_core::{FailingEndpoint, OneLine};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::check::Check;
use crate::edit::plan::Plan;
use crate::edit::planned::PlannedChange;
use crate::explain::{Explanation, Origin, Overridden, Row};
use crate::history::step::{HistoryChange, HistoryStep};
use crate::history::{History, HistoryCut};
use crate::leaf::FieldDefault;
use crate::problem::Problem;
use crate::rejection::Rejection;
use crate::schema::{Field, Schema};
use crate::secret::HIDDEN;
use crate::status::resource_status::ResourceStatus;
use crate::status::{CacheFile, Counters, Rewind, Source, State, Status};

/// The year 10000, which RFC 3339 cannot write.
const TOO_LATE: Duration = Duration::from_secs(253_402_300_800);

/// A time as RFC 3339 writes it; nothing for one that it cannot write.
struct Time(SystemTime);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) if since < TOO_LATE => {
                serializer.collect_str(&humantime::format_rfc3339_millis(self.0))
            }
            _ => serializer.serialize_none(),
        }
    }
}

macro_rules! object {
    ($serializer:expr, $name:literal, { $($field:literal: $value:expr,)* }) => {{
        let fields = [$($field),*];
        let mut object = $serializer.serialize_struct($name, fields.len())?;
        $(object.serialize_field($field, &$value)?;)*
        object.end()
    }};
}

// After the macro that they use.
mod fleet;
mod rollout;

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // All of them, so that a new one is not forgotten here.
        let Self {
            name,
            prefix,
            layers,
            state,
            since,
            revision,
            snapshot_revision,
            source,
            proven_current_at,
            confirmed_at,
            age,
            refused_since,
            endpoint,
            failing_endpoints,
            last_rejection,
            last_rewind,
            warnings,
            pending,
            resources,
            cache_file,
            instance,
            last_panic,
            counters,
        } = self;
        object!(serializer, "Status", {
            "name": name,
            "prefix": prefix,
            "layers": layers,
            "state": state,
            "error": state.error().map(ToString::to_string),
            "since": Time(*since),
            "revision": revision,
            "snapshot_revision": snapshot_revision,
            "source": source,
            "proven_current_at": Time(*proven_current_at),
            "confirmed_at": Time(*confirmed_at),
            "age_seconds": (*age != Duration::MAX).then_some(age.as_secs_f64()),
            "refused_since": refused_since.map(Time),
            "endpoint": endpoint,
            "failing_endpoints": failing_endpoints.iter().map(Failing).collect::<Vec<_>>(),
            "last_rejection": last_rejection,
            "last_rewind": last_rewind,
            "warnings": warnings,
            "pending": pending,
            "resources": resources,
            "cache_file": cache_file,
            "instance": instance,
            "last_panic": last_panic,
            "counters": counters,
        })
    }
}

/// An endpoint of the clients that fails.
struct Failing<'f>(&'f FailingEndpoint);

impl Serialize for Failing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let FailingEndpoint { endpoint, error, since, .. } = self.0;
        object!(serializer, "FailingEndpoint", {
            "endpoint": endpoint,
            "error": OneLine(error).to_string(),
            "since": Time(*since),
        })
    }
}

/// The name alone; the error is [`Status`]'s.
impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Listing => "listing",
            Self::Watching => "watching",
            Self::Resuming => "resuming",
            Self::Disconnected(_) => "disconnected",
            Self::NoQuorum(_) => "no_quorum",
            Self::AuthFailed(_) => "auth_failed",
            Self::PermissionDenied(_) => "permission_denied",
            Self::Stopped => "stopped",
        })
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Etcd => "etcd",
            Self::Cache => "cache",
        })
    }
}

impl Serialize for Rewind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { seen, now, cluster_changed, at } = self;
        object!(serializer, "Rewind", {
            "seen": seen,
            "now": now,
            "cluster_changed": cluster_changed,
            "at": Time(*at),
        })
    }
}

impl Serialize for CacheFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { path, saved_at, revision, problem } = self;
        object!(serializer, "CacheFile", {
            "path": path.to_string_lossy(),
            "saved_at": saved_at.map(Time),
            "revision": revision,
            "problem": problem,
        })
    }
}

impl Serialize for ResourceStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { name, is_prepare, revision, since, building_since, error, failures, hanging } = self;
        object!(serializer, "ResourceStatus", {
            "name": name,
            "is_prepare": is_prepare,
            "revision": revision,
            "since": Time(*since),
            "building_since": building_since.map(Time),
            "error": error,
            "failures": failures,
            "hanging": hanging,
        })
    }
}

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            snapshots,
            rejections,
            builds,
            build_failures,
            callback_panics,
            watch_panics,
            losses,
            lists,
            audits,
            repairs,
            rewinds,
        } = self;
        object!(serializer, "Counters", {
            "snapshots": snapshots,
            "rejections": rejections,
            "builds": builds,
            "build_failures": build_failures,
            "callback_panics": callback_panics,
            "watch_panics": watch_panics,
            "losses": losses,
            "lists": lists,
            "audits": audits,
            "repairs": repairs,
            "rewinds": rewinds,
        })
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "Problem", {
            "kind": snake_case(&format!("{:?}", self.kind())),
            "key": self.key(),
            "field": self.field(),
            "expected": self.expected(),
            "what": self.what(),
            "value": self.value(),
            "revision": self.revision(),
        })
    }
}

/// The name of a variant as the other names are written.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

impl Serialize for Rejection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "Rejection", {
            "revision": self.revision(),
            "kept_revision": self.kept_revision(),
            "problems": self.problems(),
        })
    }
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rows().serialize(serializer)
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Only where there are layers, and several have it.
        let overridden = self.overridden();
        let mut object = serializer.serialize_struct("Row", 9 + usize::from(!overridden.is_empty()))?;
        object.serialize_field("field", &self.field())?;
        object.serialize_field("key", &self.key())?;
        object.serialize_field("layer", &self.layer())?;
        object.serialize_field("value", &self.value())?;
        object.serialize_field("in_force", &self.in_force())?;
        object.serialize_field("stored", &self.stored())?;
        object.serialize_field("origin", &self.origin())?;
        object.serialize_field("revision", &self.revision())?;
        object.serialize_field("note", &self.note())?;
        if !overridden.is_empty() {
            object.serialize_field("overrides", overridden)?;
        }
        object.end()
    }
}

impl Serialize for Overridden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "Overridden", {
            "layer": self.layer,
            "key": self.key,
            "value": self.value,
            "revision": self.revision,
        })
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "Schema", {
            "name": self.name(),
            "docs": self.docs(),
            "prefix": self.prefix(),
            "layers": self.layers(),
            "fields": self.fields(),
        })
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let default = match self.default() {
            FieldDefault::Required | FieldDefault::Absent => None,
            _ if self.is_secret() => Some(HIDDEN.to_owned()),
            default => Some(default.to_string()),
        };
        object!(serializer, "Field", {
            "key": self.key(),
            "path": self.path(),
            "type": self.type_name(),
            "docs": self.docs(),
            "default": default,
            "required": self.is_required(),
            "in_optional": self.is_in_optional(),
            "entry": self.is_entry(),
            "secret": self.is_secret(),
            "restart": self.is_restart(),
            "deprecated": self.deprecated(),
            "env": self.env(),
            "aliases": self.aliases(),
        })
    }
}

/// One layer of a check, and how many keys are in it.
struct CheckedLayer<'c>(&'c str, usize);

impl Serialize for CheckedLayer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "CheckedLayer", { "prefix": self.0, "keys": self.1, })
    }
}

/// As [`Problem`]s, with what was read.
impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let layers: Vec<CheckedLayer<'_>> =
            self.layers().map(|(prefix, keys)| CheckedLayer(prefix, keys)).collect();
        object!(serializer, "Check", {
            "ok": self.is_ok(),
            "name": self.name(),
            "prefix": self.prefix(),
            "revision": self.revision(),
            "layers": layers,
            "keys": self.keys(),
            "problems": self.problems(),
            "warnings": self.warnings(),
        })
    }
}

/// What would be written, without secrets.
impl<T> Serialize for Plan<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "Plan", {
            "revision": self.revision(),
            "changes": self.changes(),
            "warnings": self.warnings(),
        })
    }
}

impl Serialize for PlannedChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Only where there are layers.
        let overridden = self.overridden_by();
        let mut object =
            serializer.serialize_struct("PlannedChange", 7 + usize::from(overridden.is_some()))?;
        object.serialize_field("field", &self.field())?;
        object.serialize_field("key", &self.key())?;
        object.serialize_field("old", &self.old())?;
        object.serialize_field("new", &self.new())?;
        object.serialize_field("deletion", &self.is_deletion())?;
        object.serialize_field("secret", &self.is_secret())?;
        object.serialize_field("restart", &self.is_restart())?;
        if let Some(key) = overridden {
            object.serialize_field("overridden_by", key)?;
        }
        object.end()
    }
}

/// The steps, newest first, and from which revision on they are all there are.
impl<T> Serialize for History<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "History", {
            "complete_from": self.complete_from(),
            "to": self.last_revision(),
            "cut": self.cut().map(|cut| match cut {
                HistoryCut::Compacted => "compacted",
                HistoryCut::Limit => "limit",
            }),
            "steps": self.steps(),
        })
    }
}

impl Serialize for HistoryStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "HistoryStep", {
            "revision": self.revision(),
            "committed": self.is_committed(),
            "valid": self.is_valid(),
            "changes": self.changes(),
            "problems": self.problems(),
        })
    }
}

impl Serialize for HistoryChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "HistoryChange", {
            "field": self.field(),
            "key": self.key(),
            "old": self.old(),
            "new": self.new(),
            "creation": self.is_creation(),
            "deletion": self.is_deletion(),
            "rewrite": self.is_rewrite(),
            "secret": self.is_secret(),
        })
    }
}
