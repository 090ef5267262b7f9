//! The mirror compared with what the store says was written since.
//!
//! Let the mirror have been the state of the prefix at revision P. Of what the store holds at R, each key that was
//! written after P comes in the delta, and each other one was in the mirror at P and is still there. So with the delta
//! laid over it the mirror holds every key of the store, and if it has as many keys, no other.
//!
//! This takes for granted that the stream has invented nothing, and that the store has the same history up to P. To find
//! another history, a few keys that were written before P are asked for as well.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Mirror;
use crate::store::{Batch, Change, Delta, Entry, PackedEntry};

/// So many of the keys that were written last up to P are asked for as well: of another history they would differ.
const WITNESSES: usize = 4;
/// If they are no larger together than this; the newest one in any case.
const WITNESS_BYTES: usize = 4 << 10;
/// What an entry takes in an answer beside its key and value.
const OVERHEAD: usize = 32;
/// A prefix that is so small is listed: that costs no more than the question.
const SMALL: usize = 1 << 10;
/// More bytes are listed, page by page.
const LARGE: usize = 4 << 20;

/// What keys had before they were changed; `None` if they were not there.
pub(in crate::watcher) type Before = BTreeMap<Bytes, Option<Entry>>;

impl Mirror {
    pub(in crate::watcher) fn len(&self) -> usize {
        self.len
    }

    /// The mirror was compared with what the store held at this revision.
    pub(in crate::watcher) fn prove(&mut self, revision: u64) {
        self.proven = revision.min(self.revision);
    }

    /// The revision from which on the store is to be asked what was written, so that the mirror can be compared with
    /// that; `None` if a listing costs no more, or if it may be too much for one answer.
    pub(in crate::watcher) fn delta_since(&self) -> Option<u64> {
        let (mut bytes, mut written) = (0, 0);
        let mut newest = [(0, 0); WITNESSES];
        for entry in self.entries() {
            let size = entry.key_len() + entry.value.len() + OVERHEAD;
            bytes += size;
            if entry.revision > self.proven {
                written += size;
            } else if let Some(place) = newest.iter().position(|(revision, _)| entry.revision > *revision) {
                newest[place..].rotate_right(1);
                newest[place] = (entry.revision, size);
            }
        }
        let mut witnesses = 0;
        let within = newest.iter().take_while(|(revision, size)| {
            let is_first = witnesses == 0;
            witnesses += size;
            *revision > 0 && (is_first || witnesses <= WITNESS_BYTES)
        });
        let (since, _) = within.last()?;
        (bytes > SMALL && written <= LARGE).then_some(*since)
    }

    /// What a batch is about to change.
    pub(in crate::watcher) fn before(&self, batch: &Batch) -> Before {
        let mut before = Before::new();
        for change in &batch.changes {
            match change {
                Change::Put(Entry { key, .. }) | Change::Delete(key) => {
                    before.insert(key.clone(), self.get(key).map(PackedEntry::entry));
                }
                Change::DeleteBelow(directory) => {
                    let below = self.entries().filter(|entry| entry.is_below(directory));
                    before.extend(below.map(|entry| (entry.key(), Some(entry.entry()))));
                }
            }
        }
        before
    }

    /// What makes the mirror the state that the store had at the delta's revision, with what has been delivered after
    /// that. `before` is what the mirror had at the delta's revision of the keys that were delivered after it. `None`
    /// if what was written cannot be the whole difference: something was deleted, or the history is another.
    pub(in crate::watcher) fn repairs(
        &self,
        since: u64,
        delta: &Delta,
        before: &Before,
    ) -> Option<Vec<Change>> {
        let then = |key: &Bytes| {
            before.get(key).map_or_else(|| self.get(key), |entry| entry.as_ref().map(PackedEntry::of))
        };
        let (mut changes, mut added, mut recent) = (Vec::new(), 0, 0);
        for entry in &delta.entries {
            let held = then(&entry.key);
            added += usize::from(held.is_none());
            recent += usize::from(held.is_some_and(|held| held.revision >= since));
            match held {
                Some(held) if held.is(entry) => {}
                Some(held) if held.revision >= entry.revision => return None,
                _ if before.contains_key(&entry.key) => {}
                _ => changes.push(Change::Put(entry.clone())),
            }
        }
        let later: Vec<PackedEntry<'_>> = before.keys().filter_map(|key| self.get(key)).collect();
        let earlier: Vec<PackedEntry<'_>> = before.values().flatten().map(PackedEntry::of).collect();
        let is_recent = |entry: &PackedEntry<'_>| entry.revision >= since;
        let recent_then = self.entries().filter(is_recent).count()
            + earlier.iter().copied().filter(is_recent).count()
            - later.iter().copied().filter(is_recent).count();
        let count_then = self.len + earlier.len() - later.len();
        (recent == recent_then && count_then + added == delta.count).then_some(changes)
    }

    /// Whether only revisions differ from what the mirror holds, if these changes are made.
    pub(in crate::watcher) fn has_values(&self, changes: &[Change]) -> bool {
        changes.iter().all(|change| match change {
            Change::Put(entry) => self.get(&entry.key).is_some_and(|held| held.value == entry.value),
            Change::Delete(_) | Change::DeleteBelow(_) => false,
        })
    }

    fn get(&self, key: &Bytes) -> Option<PackedEntry<'_>> {
        match self.changed.get(key) {
            Some(now) => now.as_ref().map(PackedEntry::of),
            None => self.listed(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Listing;

    fn entry(key: usize, revision: u64) -> Entry {
        let value = format!("{revision:0>200}");
        Entry { key: format!("/p/{key:02}").into(), value: value.into(), revision }
    }

    /// Ten keys, of which the last was written at 19, at revision 30.
    fn mirror() -> Mirror {
        let entries = (0..10).map(|key| entry(key, 10 + key as u64)).collect();
        Mirror::new(&Listing { revision: 30, cluster: 1, entries })
    }

    fn put(mirror: &mut Mirror, key: usize, revision: u64) {
        mirror.apply(Batch { revision, changes: vec![Change::Put(entry(key, revision))] });
    }

    fn delta(count: usize, entries: Vec<Entry>) -> Delta {
        Delta { revision: 40, cluster: 1, count, entries }
    }

    /// What comes of a delta: the keys to be put, or nothing that explains it.
    fn found(mirror: &Mirror, delta: &Delta) -> Option<usize> {
        mirror.repairs(16, delta, &Before::new()).map(|changes| changes.len())
    }

    fn newest() -> Vec<Entry> {
        (6..10).map(|key| entry(key, 10 + key as u64)).collect()
    }

    #[test]
    fn what_is_asked_for_begins_before_what_was_proven() {
        let mut mirror = mirror();
        assert_eq!(mirror.delta_since(), Some(16));
        put(&mut mirror, 9, 31);
        put(&mut mirror, 0, 35);
        assert_eq!(mirror.delta_since(), Some(15), "key 9 is no witness any more");
        mirror.prove(32);
        assert_eq!(mirror.delta_since(), Some(16));
        mirror.prove(99);
        assert_eq!((mirror.proven, mirror.delta_since()), (35, Some(17)));
    }

    #[test]
    fn what_was_written_is_compared_key_by_key_and_by_the_number_of_keys() {
        let mirror = mirror();
        assert_eq!(found(&mirror, &delta(10, newest())), Some(0));
        let mut written = newest();
        written.insert(0, entry(3, 33));
        written.push(entry(11, 34));
        assert_eq!(found(&mirror, &delta(11, written.clone())), Some(2));
        assert_eq!(found(&mirror, &delta(10, written.clone())), None, "one was deleted");
        assert_eq!(found(&mirror, &delta(12, written)), None, "one is unknown");
    }

    #[test]
    fn another_history_shows_in_the_keys_that_were_written_last() {
        let mirror = mirror();
        let mut other = newest();
        other[2].value = "x".into();
        assert_eq!(found(&mirror, &delta(10, other)), None, "another value at the same revision");
        let mut other = newest();
        other[2].revision = 17;
        assert_eq!(found(&mirror, &delta(10, other)), None, "an earlier write");
        let mut other = newest();
        other.remove(2);
        assert_eq!(found(&mirror, &delta(10, other)), None, "as many keys, and not the same");
    }

    #[test]
    fn what_was_delivered_after_the_answer_is_left_as_it_is() {
        let mut mirror = mirror();
        let batch = Batch {
            revision: 41,
            changes: vec![
                Change::Put(entry(3, 41)),
                Change::Delete("/p/09".into()),
                Change::Put(entry(12, 41)),
            ],
        };
        let before = mirror.before(&batch);
        mirror.apply(batch);
        let repairs = |delta: &Delta| mirror.repairs(16, delta, &before);
        assert_eq!(repairs(&delta(10, newest())), Some(vec![]));
        let mut written = newest();
        written.insert(0, entry(3, 33));
        written.insert(0, entry(2, 34));
        assert_eq!(repairs(&delta(10, written)), Some(vec![Change::Put(entry(2, 34))]));
    }
}
