//! What a watch says: which keys have changed, and how.

use crate::v3::wire::messages as wire;
use crate::v3::wire::response::{Header, KeyValue};
use crate::{Error, Kind};

/// Changes that arrived together: never half of a revision, but maybe several revisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchResponse {
    /// The member that sent it; its revision is the newest of the store, even if the events are older.
    pub header: Header,
    /// The changes, in the order of their revisions; none in an answer to a request for progress.
    pub events: Vec<Event>,
}

/// One key's change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What was done.
    pub kind: EventKind,
    /// The key and, unless it was deleted, what it holds now. Its `mod_revision` is that of the change.
    pub kv: KeyValue,
    /// What it held before, if that was asked for and is known.
    pub prev_kv: Option<KeyValue>,
}

/// What was done to a key, in an [`Event`]. A key that was created has the
/// [`version`](crate::v3::KeyValue::version) 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// It was written.
    Put,
    /// It was deleted, or its lease ended.
    Delete,
}

impl WatchResponse {
    pub(super) fn read(frame: wire::WatchResponse) -> Result<Self, Error> {
        let events = frame.events.into_iter().map(Event::read).collect::<Result<_, _>>()?;
        Ok(Self { header: frame.header.into(), events })
    }
}

impl Event {
    fn read(event: wire::Event) -> Result<Self, Error> {
        let kind = match event.kind {
            0 => EventKind::Put,
            1 => EventKind::Delete,
            other => return Err(Error::new(Kind::Protocol, format!("an event of unknown type {other}"))),
        };
        let kv = event.kv.ok_or_else(|| Error::new(Kind::Protocol, "an event without a key"))?;
        Ok(Self { kind, kv: kv.into(), prev_kv: event.prev_kv.map(KeyValue::from) })
    }
}
