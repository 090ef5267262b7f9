//! What a watcher has reported: the keys of the prefix, and the revision they are known at.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::store::{Batch, Change, Entry, Listing};

#[derive(Debug)]
pub(super) struct Held {
    keys: BTreeMap<Bytes, Value>,
    revision: u64,
    cluster: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    bytes: Bytes,
    revision: u64,
}

impl Held {
    pub(super) fn new(listing: &Listing) -> Self {
        Self { keys: keys(listing), revision: listing.revision, cluster: listing.cluster }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
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

    /// Whether a server at this revision of this cluster cannot have had the history that is held.
    pub(super) fn precedes(&self, cluster: u64, revision: u64) -> bool {
        revision < self.revision || self.is_other_cluster(cluster)
    }

    pub(super) fn is_other_cluster(&self, cluster: u64) -> bool {
        cluster != 0 && self.cluster != 0 && cluster != self.cluster
    }

    /// Applies a batch whole, and answers with what it came to: directories' deletions replaced by
    /// their keys', deletions of unknown keys left out.
    pub(super) fn apply(&mut self, batch: Batch) -> Batch {
        let mut changes = Vec::with_capacity(batch.changes.len());
        for change in batch.changes {
            match change {
                Change::Put(entry) => {
                    let value = Value { bytes: entry.value.clone(), revision: entry.revision };
                    self.keys.insert(entry.key.clone(), value);
                    changes.push(Change::Put(entry));
                }
                Change::Delete(key) => {
                    if self.keys.remove(&key).is_some() {
                        changes.push(Change::Delete(key));
                    }
                }
                Change::DeleteBelow(directory) => self.delete_below(&directory, &mut changes),
            }
        }
        self.revision = batch.revision;
        Batch { revision: batch.revision, changes }
    }

    pub(super) fn into_listing(self) -> Listing {
        let entry =
            |(key, value): (Bytes, Value)| Entry { key, value: value.bytes, revision: value.revision };
        Listing {
            revision: self.revision,
            cluster: self.cluster,
            entries: self.keys.into_iter().map(entry).collect(),
        }
    }

    fn delete_below(&mut self, directory: &Bytes, changes: &mut Vec<Change>) {
        let from = (Bound::Included(directory.clone()), Bound::Unbounded);
        let below: Vec<Bytes> = self
            .keys
            .range(from)
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(directory))
            .cloned()
            .collect();
        for key in below {
            self.keys.remove(&key);
            changes.push(Change::Delete(key));
        }
    }

    /// Makes a listing what is held; the batch is the difference.
    pub(super) fn replace(&mut self, listing: &Listing) -> Batch {
        let mut changes = Vec::new();
        let mut old = self.keys.iter().peekable();
        let mut new = listing.entries.iter().peekable();
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some((key, _)), Some(entry)) => key.cmp(&&entry.key),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let gone = if order.is_le() { old.next() } else { None };
            let here = if order.is_ge() { new.next() } else { None };
            match (gone, here) {
                (Some((_, value)), Some(entry)) if *value == Value::of(entry) => {}
                (_, Some(entry)) => changes.push(Change::Put(entry.clone())),
                (Some((key, _)), None) => changes.push(Change::Delete(key.clone())),
                (None, None) => {}
            }
        }
        if !changes.is_empty() {
            self.keys = keys(listing);
        }
        self.revision = listing.revision;
        self.cluster = listing.cluster;
        Batch { revision: listing.revision, changes }
    }
}

impl Value {
    fn of(entry: &Entry) -> Self {
        Self { bytes: entry.value.clone(), revision: entry.revision }
    }
}

fn keys(listing: &Listing) -> BTreeMap<Bytes, Value> {
    listing.entries.iter().map(|entry| (entry.key.clone(), Value::of(entry))).collect()
}
