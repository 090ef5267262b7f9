//! The state that a watcher has reported: the keys of the prefix at one revision.
//!
//! The last listing is kept packed, shared with a consumer that wants it so; the keys that have changed since are in a
//! map beside it. When that has grown to a quarter of the listing, both are packed anew, so that a single change
//! copies no other keys.

mod delta;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::store::{Batch, Change, Entry, HistoryMark, Known, Listing, PackedEntry, PackedListing};

pub(super) use delta::Before;

/// So few changed keys are never merged into the listing.
const FEW: usize = 1_024;

#[derive(Debug)]
pub(super) struct Mirror {
    listing: Arc<PackedListing>,
    /// Each key that has changed since the listing; `None` if it was deleted.
    changed: BTreeMap<Bytes, Option<Entry>>,
    len: usize,
    revision: u64,
    /// The newest revision at which it was compared with what the store holds.
    proven: u64,
    cluster: u64,
}

impl Mirror {
    pub(super) fn new(listing: &Listing) -> Self {
        let (len, revision, cluster) = (listing.entries.len(), listing.revision, listing.cluster);
        let listing = Arc::new(PackedListing::of(listing));
        Self { listing, changed: BTreeMap::new(), len, revision, proven: revision, cluster }
    }

    /// The last listing. Some keys may have changed since.
    pub(super) fn listing(&self) -> &Arc<PackedListing> {
        &self.listing
    }

    /// The summary by which a store says whether the mirror is current.
    pub(super) fn known(&self) -> Known {
        Known { revision: self.revision, cluster: self.cluster, count: self.len }
    }

    /// Whether the entries are those of a listing, whatever the revisions of both.
    pub(super) fn is_same(&self, listing: &Listing) -> bool {
        self.len == listing.entries.len()
            && self.entries().zip(&listing.entries).all(|(held, listed)| held.is(listed))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn cluster(&self) -> u64 {
        self.cluster
    }

    pub(super) fn advance(&mut self, revision: u64) {
        self.revision = self.revision.max(revision);
    }

    /// Whether the mirror cannot be of a server's history that is at this revision, of this cluster.
    pub(super) fn cannot_be_of(&self, cluster: u64, revision: u64) -> bool {
        revision < self.revision || self.is_other_cluster(cluster)
    }

    pub(super) fn is_other_cluster(&self, cluster: u64) -> bool {
        cluster != 0 && self.cluster != 0 && cluster != self.cluster
    }

    /// The summary by which a store says whether its history is the mirror's.
    pub(super) fn history_mark(&self) -> HistoryMark {
        HistoryMark::of_packed(self.revision, self.entries())
    }

    /// Applies a whole batch. Returns what it changed: the deletion of a directory as the deletions of its
    /// keys, and no deletions of keys that are not there.
    pub(super) fn apply(&mut self, batch: Batch) -> Batch {
        let mut changes = Vec::with_capacity(batch.changes.len());
        for change in batch.changes {
            match change {
                Change::Put(entry) => {
                    self.put(entry.clone());
                    changes.push(Change::Put(entry));
                }
                Change::Delete(key) => {
                    if self.delete(&key) {
                        changes.push(Change::Delete(key));
                    }
                }
                Change::DeleteBelow(directory) => self.delete_below(&directory, &mut changes),
            }
        }
        self.revision = batch.revision;
        if self.has_changed_much(self.changed.len()) {
            self.merge();
        }
        Batch { revision: batch.revision, changes }
    }

    /// Replaces everything by a listing. Returns the difference as a batch, and whether keys or values
    /// differ, and not only revisions: v2 sends no event for a refreshed time to live.
    pub(super) fn replace(&mut self, listing: &Listing) -> (Batch, bool) {
        let (mut changes, differs) = self.difference(listing);
        if self.has_changed_much(self.changed.len() + changes.len()) {
            *self = Self::new(listing);
        } else {
            // What is packed is shared with others: it is not kept a second time for a few keys.
            for change in &mut changes {
                match change {
                    Change::Put(entry) => {
                        *entry = in_own_memory(entry);
                        self.put(entry.clone());
                    }
                    Change::Delete(key) | Change::DeleteBelow(key) => drop(self.delete(key)),
                }
            }
            (self.revision, self.proven, self.cluster) =
                (listing.revision, listing.revision, listing.cluster);
        }
        (Batch { revision: listing.revision, changes }, differs)
    }

    /// What makes the mirror a listing.
    fn difference(&self, listing: &Listing) -> (Vec<Change>, bool) {
        let (mut changes, mut differs) = (Vec::new(), false);
        let mut old = self.entries().peekable();
        let mut new = listing.entries.iter().peekable();
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some(old), Some(new)) => old.cmp_key(&new.key),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let gone = if order.is_le() { old.next() } else { None };
            let here = if order.is_ge() { new.next() } else { None };
            match (gone, here) {
                (Some(old), Some(new)) if old.is(new) => {}
                (old, Some(new)) => {
                    differs |= old.is_none_or(|old| old.value != new.value);
                    changes.push(Change::Put(new.clone()));
                }
                (Some(old), None) => {
                    differs = true;
                    changes.push(Change::Delete(old.key()));
                }
                (None, None) => {}
            }
        }
        (changes, differs)
    }

    /// The mirror as a listing at its revision.
    pub(super) fn into_listing(self) -> Listing {
        let entries = self.entries().map(PackedEntry::entry).collect();
        Listing { revision: self.revision, cluster: self.cluster, entries }
    }

    /// Whether so many keys that are not as they were listed are too many to be kept apart.
    fn has_changed_much(&self, changed: usize) -> bool {
        changed > FEW.max(self.listing.len() / 4)
    }

    fn put(&mut self, entry: Entry) {
        let is_new = match self.changed.get(&entry.key) {
            Some(now) => now.is_none(),
            None => self.listed(&entry.key).is_none(),
        };
        self.len += usize::from(is_new);
        self.changed.insert(entry.key.clone(), Some(entry));
    }

    /// Returns whether the key was there.
    fn delete(&mut self, key: &Bytes) -> bool {
        let is_listed = self.listed(key).is_some();
        let was_there = match self.changed.get(key) {
            Some(now) => now.is_some(),
            None => is_listed,
        };
        if is_listed {
            self.changed.insert(key.clone(), None);
        } else {
            self.changed.remove(key);
        }
        self.len -= usize::from(was_there);
        was_there
    }

    fn delete_below(&mut self, directory: &Bytes, changes: &mut Vec<Change>) {
        let (Ok(first) | Err(first)) = self.listing.find(directory);
        let listed = self.listing.from(first).take_while(|entry| entry.is_below(directory));
        let later = self.changed.range(directory.clone()..).map(|(key, _)| key);
        let later = later.take_while(|key| key.starts_with(directory)).cloned();
        let mut below: Vec<Bytes> = listed.map(PackedEntry::key).chain(later).collect();
        below.sort_unstable();
        below.dedup();
        for key in below {
            if self.delete(&key) {
                changes.push(Change::Delete(key));
            }
        }
    }

    /// The key's entry in the listing, whatever has changed since.
    fn listed(&self, key: &Bytes) -> Option<PackedEntry<'_>> {
        self.listing.entry(key)
    }

    /// All entries, in the order of their keys.
    fn entries(&self) -> impl Iterator<Item = PackedEntry<'_>> {
        let mut listed = self.listing.iter().peekable();
        let mut changed = self.changed.iter().peekable();
        std::iter::from_fn(move || {
            loop {
                let order = match (listed.peek(), changed.peek()) {
                    (Some(entry), Some((key, _))) => entry.cmp_key(key),
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (None, None) => return None,
                };
                let listed = if order.is_le() { listed.next() } else { None };
                if order.is_lt() {
                    return listed;
                }
                if let Some((_, Some(entry))) = changed.next() {
                    return Some(PackedEntry::of(entry));
                }
            }
        })
    }

    /// Packs the changed keys with the others.
    fn merge(&mut self) {
        let entries = self.entries().map(PackedEntry::entry).collect();
        let listing = Listing { revision: self.revision, cluster: self.cluster, entries };
        (self.listing, self.changed) = (Arc::new(PackedListing::of(&listing)), BTreeMap::new());
    }
}

/// The same entry, which does not keep the page in memory that it came in.
fn in_own_memory(entry: &Entry) -> Entry {
    let Entry { key, value, revision } = entry;
    Entry { key: Bytes::copy_from_slice(key), value: Bytes::copy_from_slice(value), revision: *revision }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Model = BTreeMap<Bytes, Entry>;

    fn key(number: usize) -> Bytes {
        format!("/p/{:02}/{number:04}", number % 16).into()
    }

    fn entry(number: usize, revision: u64) -> Entry {
        Entry { key: key(number), value: revision.to_string().into(), revision }
    }

    /// The same changes to a plain map.
    fn apply(model: &mut Model, change: &Change) {
        match change {
            Change::Put(entry) => drop(model.insert(entry.key.clone(), entry.clone())),
            Change::Delete(key) => drop(model.remove(key)),
            Change::DeleteBelow(directory) => model.retain(|key, _| !key.starts_with(directory)),
        }
    }

    fn listing(revision: u64, entries: impl Iterator<Item = Entry>) -> Listing {
        Listing { revision, cluster: 1, entries: entries.collect() }
    }

    fn entries(mirror: &Mirror) -> Vec<Entry> {
        mirror.entries().map(PackedEntry::entry).collect()
    }

    #[test]
    fn is_what_a_plain_map_would_hold_after_any_changes() {
        for seed in 0..20 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let (mut subject, mut model) = (Mirror::new(&listing(1, std::iter::empty())), Model::new());
            let mut reported = Model::new();
            for revision in 2..3_000 {
                let change = match rng.u8(0..200) {
                    0 => Change::DeleteBelow(format!("/p/{:02}/", rng.u8(0..16)).into()),
                    1..60 => Change::Delete(key(rng.usize(0..3_000))),
                    _ => Change::Put(entry(rng.usize(0..3_000), revision)),
                };
                apply(&mut model, &change);
                let batch = subject.apply(Batch { revision, changes: vec![change] });
                batch.changes.iter().for_each(|change| apply(&mut reported, change));
                assert_eq!(subject.is_empty(), model.is_empty(), "seed {seed}");
                assert_eq!(subject.len, model.len(), "seed {seed}");
            }
            let expected: Vec<Entry> = model.into_values().collect();
            assert_eq!(entries(&subject), expected, "seed {seed}");
            assert_eq!(reported.into_values().collect::<Vec<_>>(), expected, "what it reported, seed {seed}");
            assert_eq!(subject.into_listing(), Listing { revision: 2_999, cluster: 1, entries: expected });
        }
    }

    #[test]
    fn what_is_shared_is_not_kept_a_second_time_for_a_listing_that_differs_little() {
        let keys = 5 * FEW;
        let entry =
            |number: usize, revision| Entry { key: format!("/p/{number:05}").into(), ..entry(0, revision) };
        let mut subject = Mirror::new(&listing(1, (0..keys).map(|number| entry(number, 1))));
        let shared = Arc::clone(subject.listing());
        let newer = |changed: usize| {
            listing(5, (0..keys).map(move |number| entry(number, if number < changed { 4 } else { 1 })))
        };
        for (changed, stays) in [(3, true), (FEW, true), (2 * FEW, false)] {
            let listing = newer(changed);
            subject.replace(&listing);
            assert_eq!(entries(&subject), listing.entries, "{changed}");
            assert_eq!(Arc::ptr_eq(&shared, subject.listing()), stays, "{changed}");
            assert_eq!((subject.len, subject.revision, subject.proven), (keys, 5, 5));
        }
    }

    #[test]
    fn is_recognized_by_the_keys_that_were_written_last() {
        let mut subject = Mirror::new(&listing(9, (0..10).map(|number| entry(number, number as u64 % 3))));
        let mark = |subject: &Mirror| {
            let HistoryMark { revision, count, newest } = subject.history_mark();
            (revision, count, newest.into_iter().map(|entry| entry.key).collect::<Vec<_>>())
        };
        assert_eq!(mark(&subject), (9, 10, vec![key(2), key(5), key(8)]));
        let changes = vec![Change::Delete(key(2)), Change::Put(entry(4, 10))];
        subject.apply(Batch { revision: 10, changes });
        assert_eq!(mark(&subject), (10, 9, vec![key(4)]));
        assert_eq!(mark(&Mirror::new(&listing(7, std::iter::empty()))), (7, 0, vec![]));
    }

    #[test]
    fn a_listing_differs_by_exactly_what_differs() {
        let mut subject = Mirror::new(&listing(1, (0..10).map(|number| entry(number, 1))));
        subject
            .apply(Batch { revision: 2, changes: vec![Change::Delete(key(3)), Change::Put(entry(10, 2))] });
        let next = (1..11).map(|number| entry(number, if number == 5 { 4 } else { 1 }));
        let (batch, differs) = subject.replace(&listing(5, next));
        assert!(differs);
        let expected = vec![
            Change::Delete(key(0)),
            Change::Put(entry(3, 1)),
            Change::Put(entry(5, 4)),
            Change::Put(entry(10, 1)),
        ];
        assert_eq!(batch, Batch { revision: 5, changes: expected });
        let rewritten = |entry: Entry| Entry { revision: 6, ..entry };
        let (batch, differs) = subject.replace(&listing(
            6,
            entries(&subject).into_iter().map(rewritten).collect::<Vec<_>>().into_iter(),
        ));
        assert_eq!((batch.changes.len(), differs), (10, false));
    }
}
