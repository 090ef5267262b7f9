//! What stands in the store of a rollout that has begun: plain data, and its text, in which there are no values but those
//! of overrides that it has replaced.

use std::time::{Duration, SystemTime};

use etcd_client_core::Printable;
use serde_json::{Map, Value, json};

use crate::versioned_json::{Format, Unreadable, members, millis, moment, number, of_moment};

pub(super) const FORMAT: Format = Format { what: "record of a rollout", number: 1, longest: 1 << 20 };

/// A rollout that has begun, as it stands in the store, in [`StagedRollout::record`](crate::StagedRollout::record).
///
/// Texts are as they were written: [`Printable`] shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RolloutRecord {
    /// The keys that it changes, and what they were when it was decided.
    pub keys: Vec<RolloutKey>,
    /// The instances that have the change first.
    pub instances: Vec<String>,
    /// The prefixes that the change is staged in; those instances read them.
    pub layers: Vec<String>,
    /// The revision that the change was decided on.
    pub read_at: u64,
    /// How long the instances are watched.
    pub observe: Duration,
    /// Who has begun it.
    pub by: String,
    /// When, by the clock of that machine.
    pub started: SystemTime,
    /// Whether the instances have to be started again to have it.
    pub restarts: bool,
    /// Overrides that were there before, and are put back when it is taken back.
    pub(crate) former: Vec<Former>,
}

/// A record, and the revision at which it was written, together with the layers.
pub(super) struct Staged {
    pub(super) record: RolloutRecord,
    pub(super) at: u64,
}

/// A key in a [`RolloutRecord`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RolloutKey {
    /// Below the prefix, and below the layer.
    pub path: String,
    /// The field, as it is named in messages; empty for a key that no field reads.
    pub field: String,
    /// The revision of the key below the prefix when the change was decided; `None` if there was none.
    pub was_at: Option<u64>,
}

/// An override that was there before.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Former {
    pub(crate) key: String,
    pub(crate) text: String,
}

/// Shows no value.
impl std::fmt::Debug for Former {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Former").field("key", &Printable::line(&self.key).to_string()).finish_non_exhaustive()
    }
}

impl RolloutRecord {
    /// The text of the key.
    pub(super) fn to_text(&self) -> String {
        let Self { keys, instances, layers, read_at, observe, by, started, restarts, former } = self;
        let keys = keys.iter().map(
            |RolloutKey { path, field, was_at }| json!({ "path": path, "field": field, "was_at": was_at }),
        );
        let former = former.iter().map(|Former { key, text }| json!({ "key": key, "text": text }));
        json!({
            "format": FORMAT.number,
            "keys": keys.collect::<Vec<_>>(),
            "instances": instances,
            "layers": layers,
            "read_at": read_at,
            "observe_ms": millis(*observe),
            "by": by,
            "started": of_moment(*started),
            "restarts": restarts,
            "former": former.collect::<Vec<_>>(),
        })
        .to_string()
    }
}

/// Reads the text of a key.
pub(super) fn from_text(text: &[u8]) -> Result<RolloutRecord, Unreadable> {
    let members = members(text, &FORMAT)?;
    read(&members).ok_or_else(|| Unreadable::garbage("a part of it is missing, or is something else"))
}

fn read(object: &Map<String, Value>) -> Option<RolloutRecord> {
    let names = |name: &str| object.get(name)?.as_array()?.iter().map(text).collect::<Option<Vec<_>>>();
    let keys = object.get("keys")?.as_array()?.iter().map(key).collect::<Option<Vec<_>>>()?;
    let former = object
        .get("former")?
        .as_array()?
        .iter()
        .map(|former| Some(Former { key: text(former.get("key")?)?, text: text(former.get("text")?)? }));
    let record = RolloutRecord {
        keys,
        instances: names("instances")?,
        layers: names("layers")?,
        read_at: number(object, "read_at")?,
        observe: Duration::from_millis(number(object, "observe_ms")?),
        by: text(object.get("by")?)?,
        started: moment(object, "started")?,
        restarts: object.get("restarts")?.as_bool()?,
        former: former.collect::<Option<Vec<_>>>()?,
    };
    // One of these would make a key out of a prefix, or a transaction without an end.
    let is_sound = !record.keys.is_empty()
        && !record.layers.is_empty()
        && record.keys.iter().all(|key| !key.path.is_empty())
        && record.layers.iter().all(|layer| !matches!(layer.as_str(), "" | "/"));
    is_sound.then_some(record)
}

fn key(value: &Value) -> Option<RolloutKey> {
    let was_at = match value.get("was_at")? {
        Value::Null => None,
        number => Some(number.as_u64()?),
    };
    Some(RolloutKey { path: text(value.get("path")?)?, field: text(value.get("field")?)?, was_at })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn record() -> RolloutRecord {
        RolloutRecord {
            keys: vec![
                RolloutKey { path: "workers".into(), field: "workers".into(), was_at: Some(7) },
                RolloutKey { path: "log/level".into(), field: "log_level".into(), was_at: None },
            ],
            instances: vec!["web-1".into()],
            layers: vec!["/app@web-1".into()],
            read_at: 48_121,
            observe: Duration::from_secs(60),
            by: "ann at db7".into(),
            started: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            restarts: true,
            former: vec![Former { key: "/app@web-1/workers".into(), text: "12".into() }],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(from_text(record().to_text().as_bytes()), Ok(record()));
        assert!(!format!("{:?}", record()).contains("\"12\""));
    }

    #[test]
    fn what_is_no_record_is_said_to_be_none() {
        let with = |name: &str, value: Value| {
            let mut object: Value = serde_json::from_str(&record().to_text()).unwrap();
            object[name] = value;
            from_text(object.to_string().as_bytes())
        };
        assert_eq!(with("more", json!({ "later": 1 })), Ok(record()), "what is not known is left alone");
        assert!(with("format", json!(2)).unwrap_err().is_newer);
        for (name, value) in [
            ("format", json!(null)),
            ("keys", json!([])),
            ("keys", json!([{ "path": "", "field": "", "was_at": null }])),
            ("layers", json!([])),
            ("layers", json!(["/"])),
            ("layers", json!([""])),
            ("read_at", json!(-1)),
            ("started", json!(u64::MAX)),
            ("former", json!([{ "key": "x" }])),
            ("instances", json!([7])),
        ] {
            assert!(!with(name, value).unwrap_err().is_newer, "{name}");
        }
        for text in [&b"\xff"[..], b"", b"here", b"[]", b"{}", &vec![b'['; 70_000]] {
            assert!(!from_text(text).unwrap_err().is_newer);
        }
    }
}
