//! Frames of a watch in, signals out.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use crate::store::{Batch, Change, Entry, Signal};
use crate::v3::wire::claims;
use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::messages::{Event, WatchResponse};
use crate::{Error, Kind};

/// The frames of one watch, read.
#[derive(Debug)]
pub(in crate::v3) struct Events {
    range: KeyRange,
    /// Where the watch begins.
    start: u64,
    /// The newest revision that the stream has spoken of: it cannot go back.
    seen: u64,
    /// Every change up to this revision has been delivered.
    delivered: u64,
    /// The head at the confirmation, 0 if it is unknown. A watch that begins there may still bring events of before:
    /// since 3.5.8 it is registered before its confirmation is made, and a member that lags comes to `start` later.
    begun_at: u64,
    /// Whether progress can be believed: servers before 3.4.25 and 3.5.8 tell it before they have sent
    /// the events (etcd-io/etcd#15220), over a slow link for minutes.
    exact: bool,
    ready: VecDeque<Signal>,
}

impl Events {
    pub(in crate::v3) fn new(range: KeyRange, delivered: u64, exact: bool) -> Self {
        Self { range, start: delivered, seen: 0, delivered, begun_at: 0, exact, ready: VecDeque::new() }
    }

    /// What the head of the store was when the watch was confirmed.
    pub(super) fn begun_at(self, head: u64) -> Self {
        Self { begun_at: head, ..self }
    }

    pub(in crate::v3) fn read(&mut self, frame: WatchResponse) -> Result<(), Error> {
        let head = claims::head(frame.header.as_ref())?;
        if frame.events.is_empty() {
            return self.progress(head);
        }
        let mut batch = OneRevision::default();
        for event in frame.events {
            let kind = event.kind;
            let Event { kv: Some(kv), .. } = event else {
                return Err(Error::new(Kind::Protocol, "an event without a key"));
            };
            let revision = claims::entry(&kv, &self.range, head)?;
            let is_first = self.seen == 0 && batch.revision == 0;
            let is_at_head = self.begun_at > 0 && self.begun_at <= self.start;
            if is_first && is_at_head && revision <= self.start {
                // It is from before the watch begins: what was listed there has it.
                continue;
            }
            if revision <= self.delivered || revision < batch.revision {
                return Err(went_back(revision, self.delivered.max(batch.revision)));
            }
            if revision != batch.revision {
                self.deliver(std::mem::replace(&mut batch, OneRevision::at(revision)));
            }
            // The frame is shared by all its events; a key that stays must not keep it in memory.
            let key = Bytes::copy_from_slice(&kv.key);
            batch.add(match kind {
                0 => Change::Put(Entry { key, value: Bytes::copy_from_slice(&kv.value), revision }),
                1 => Change::Delete(key),
                other => return Err(Error::new(Kind::Protocol, format!("an event of unknown type {other}"))),
            });
        }
        let last = batch.revision;
        self.deliver(batch);
        self.delivered = self.delivered.max(last);
        self.seen = self.seen.max(last);
        Ok(())
    }

    /// An answer to a request for progress. If it does not cover this watch it shows that the server is alive,
    /// and nothing else.
    pub(super) fn answer(&mut self, head: u64, covers_watch: bool) -> Result<(), Error> {
        // The store has not come to where the watch begins.
        if !covers_watch || head < self.start {
            self.ready.push_back(Signal::Alive);
            return Ok(());
        }
        self.progress(head)
    }

    pub(in crate::v3) fn next(&mut self) -> Option<Signal> {
        self.ready.pop_front()
    }

    /// Whether progress can be believed.
    pub(super) fn is_exact(&self) -> bool {
        self.exact
    }

    fn deliver(&mut self, revision: OneRevision) {
        let OneRevision { revision, changes, .. } = revision;
        if !changes.is_empty() {
            self.ready.push_back(Signal::Batch(Batch { revision, changes }));
        }
    }

    fn progress(&mut self, revision: u64) -> Result<(), Error> {
        if !self.exact {
            // It overtakes events, and is overtaken by them.
            self.ready.push_back(Signal::Alive);
            return Ok(());
        }
        if revision < self.seen {
            return Err(went_back(revision, self.seen));
        }
        self.seen = revision;
        self.delivered = self.delivered.max(revision);
        self.ready.push_back(Signal::Progress(self.delivered));
        Ok(())
    }
}

/// Another history than before: what was held is read again.
fn went_back(now: u64, before: u64) -> Error {
    let message = format!("the watch has come to revision {before}, and goes on at {now}");
    Error::new(Kind::FutureRevision, message)
}

/// The changes of one revision, each key once.
#[derive(Default)]
struct OneRevision {
    revision: u64,
    changes: Vec<Change>,
    places: HashMap<Bytes, usize>,
}

impl OneRevision {
    fn at(revision: u64) -> Self {
        Self { revision, ..Self::default() }
    }

    /// The last change of a key is the one that counts.
    fn add(&mut self, change: Change) {
        let (Change::Put(Entry { key, .. }) | Change::Delete(key) | Change::DeleteBelow(key)) = &change;
        match self.places.entry(key.clone()) {
            std::collections::hash_map::Entry::Occupied(place) => self.changes[*place.get()] = change,
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(self.changes.len());
                self.changes.push(change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::wire::messages::{KeyValue, ResponseHeader};

    fn all() -> KeyRange {
        KeyRange::prefix("")
    }

    fn event(kind: i32, key: &'static str, mod_revision: i64) -> Event {
        let kv = KeyValue { key: key.into(), value: "v".into(), mod_revision, ..KeyValue::default() };
        Event { kind, kv: Some(kv), ..Event::default() }
    }

    fn frame(revision: i64, events: Vec<Event>) -> WatchResponse {
        let header = Some(ResponseHeader { revision, ..ResponseHeader::default() });
        WatchResponse { header, events, ..WatchResponse::default() }
    }

    fn put(key: &'static str, revision: u64) -> Change {
        Change::Put(Entry { key: key.into(), value: "v".into(), revision })
    }

    #[test]
    fn a_frame_is_cut_into_its_revisions() {
        let mut events = Events::new(all(), 4, true);
        // The header tells the head of the store, also on a replay.
        let replay = vec![event(0, "a", 5), event(1, "b", 5), event(0, "c", 6), event(0, "a", 8)];
        events.read(frame(100, replay)).unwrap();
        let batch = |revision, changes| Signal::Batch(Batch { revision, changes });
        let expected = [
            batch(5, vec![put("a", 5), Change::Delete("b".into())]),
            batch(6, vec![put("c", 6)]),
            batch(8, vec![put("a", 8)]),
        ];
        assert_eq!(events.ready, expected);
        assert_eq!(events.delivered, 8);
    }

    #[test]
    fn a_key_changed_twice_in_one_revision_counts_once() {
        let mut events = Events::new(all(), 0, true);
        events.read(frame(2, vec![event(1, "a", 2), event(0, "b", 2), event(0, "a", 2)])).unwrap();
        let changes = vec![put("a", 2), put("b", 2)];
        assert_eq!(events.ready, [Signal::Batch(Batch { revision: 2, changes })]);
    }

    #[test]
    fn progress_of_an_early_server_is_a_sign_of_life_however_often_it_is_told() {
        let mut events = Events::new(all(), 3, false);
        for _ in 0..3 {
            events.read(frame(7, vec![])).unwrap();
            assert_eq!(events.ready.pop_front(), Some(Signal::Alive));
        }
        events.read(frame(7, vec![event(0, "a", 5)])).unwrap();
        let batch = Signal::Batch(Batch { revision: 5, changes: vec![put("a", 5)] });
        assert_eq!(events.ready.pop_front(), Some(batch));
        // It was made before the event, and is sent after it.
        events.read(frame(4, vec![])).unwrap();
        assert_eq!(events.ready, [Signal::Alive]);
        let mut events = Events::new(all(), 3, true);
        events.read(frame(7, vec![])).unwrap();
        assert_eq!(events.ready, [Signal::Progress(7)]);
    }

    #[test]
    fn an_event_of_the_head_that_the_confirmation_names_is_no_history_that_goes_back() {
        let mut events = Events::new(all(), 4, true).begun_at(4);
        events.read(frame(5, vec![event(0, "a", 4), event(0, "b", 5)])).unwrap();
        let expected = Signal::Batch(Batch { revision: 5, changes: vec![put("b", 5)] });
        assert_eq!(events.ready, [expected]);
        // Once something later has come, it is one.
        assert!(events.read(frame(5, vec![event(0, "a", 4)])).is_err());
        // A watch may be registered several revisions before its confirmation is made.
        let mut events = Events::new(all(), 4, true).begun_at(4);
        events.read(frame(4, vec![event(0, "a", 3)])).unwrap();
        events.read(frame(5, vec![event(0, "a", 4)])).unwrap();
        events.read(frame(5, vec![event(0, "b", 5)])).unwrap();
        assert!(events.read(frame(5, vec![event(0, "a", 3)])).is_err());
        // A member that lags is at a head before that.
        let mut lagging = Events::new(all(), 10, true).begun_at(8);
        lagging.answer(8, true).unwrap();
        assert_eq!(lagging.ready.pop_front(), Some(Signal::Alive));
        lagging.read(frame(9, vec![event(0, "a", 9)])).unwrap();
        lagging.read(frame(11, vec![event(0, "a", 10), event(0, "b", 11)])).unwrap();
        let expected = Signal::Batch(Batch { revision: 11, changes: vec![put("b", 11)] });
        assert_eq!(lagging.ready, [expected]);
        let mut replay = Events::new(all(), 4, true).begun_at(9);
        assert!(replay.read(frame(9, vec![event(0, "a", 4)])).is_err());
    }

    #[test]
    fn nonsense_is_an_error_and_no_panic() {
        let mut events = Events::new(all(), 0, true);
        assert!(events.read(frame(1, vec![Event::default()])).is_err());
        assert!(events.read(frame(1, vec![event(9, "a", 1)])).is_err());
        assert!(events.read(frame(5, vec![event(0, "a", 5), event(0, "a", 4)])).is_err());
    }
}
