//! What programs write beside a configuration for one another, instances and rollouts: JSON with the number of its format.
//! Members that are not known are left alone, so the number grows only when old ones change their meaning.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) why: String,
    /// It is of a later version of this program, so it stands for what it should.
    pub(crate) is_newer: bool,
}

impl Unreadable {
    pub(crate) fn garbage(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_newer: false }
    }
}

/// What a text should be.
pub(crate) struct Format {
    /// For people: `record of a rollout`.
    pub(crate) what: &'static str,
    /// The one that is written, and the newest that can be read.
    pub(crate) number: u64,
    /// The longest text, in bytes: nothing longer is written, and none is read.
    pub(crate) longest: usize,
}

/// The members of a text.
pub(crate) fn members(text: &[u8], format: &Format) -> Result<Map<String, Value>, Unreadable> {
    let Format { what, number, longest: most } = *format;
    if text.len() > most {
        return Err(Unreadable::garbage(format!("{} bytes are no {what}", text.len())));
    }
    let value: Value = serde_json::from_slice(text).map_err(|_| Unreadable::garbage("it is no JSON"))?;
    let Value::Object(members) = value else { return Err(Unreadable::garbage("it is no object")) };
    match members.get("format").and_then(Value::as_u64) {
        Some(known) if known == number => Ok(members),
        Some(other) if other > number => {
            let why = format!("it is of format {other}, and this program reads up to {number}");
            Err(Unreadable { why, is_newer: true })
        }
        _ => Err(Unreadable::garbage("it has no format")),
    }
}

/// A number that can be added to others like it: nothing that is counted here is greater.
pub(crate) fn number(members: &Map<String, Value>, name: &str) -> Option<u64> {
    members.get(name)?.as_u64().filter(|number| *number <= u64::MAX >> 8)
}

/// A moment, from milliseconds since 1970. Not every clock reaches as far as the number does.
pub(crate) fn moment(members: &Map<String, Value>, name: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(number(members, name)?))
}

/// A moment as it is written; one before 1970 is written as 1970.
pub(crate) fn of_moment(time: SystemTime) -> u64 {
    millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A duration as it is written, at most the longest one that can be read.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(u64::MAX >> 8)
}
