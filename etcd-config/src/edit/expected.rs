//! What a prefix holds as far as an edit knows, and the conditions that follow from it.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use etcd_client_core::{GuardedWrites, Known, Listing, Prefix, Write};

use crate::reading::Reading;

/// What the prefix holds as far as this edit knows.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) prefix: Prefix,
    pub(super) known: Known,
    pub(super) values: BTreeMap<Bytes, Bytes>,
    /// The keys that are conditions before others, where a transaction has no room for all.
    foremost: Vec<Bytes>,
}

impl Expected {
    pub(super) fn of(reading: &Reading, foremost: Vec<Bytes>) -> Self {
        let Listing { revision, cluster, ref entries } = *reading.listing;
        let known = Known { revision, cluster, count: entries.len() };
        let values = entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        Self { prefix: reading.watched().clone(), known, values, foremost }
    }

    /// The condition of these writes. Not all keys may have room in it: their own come first, then the foremost ones.
    pub(super) fn guarded(&self, part: &[Write]) -> GuardedWrites {
        let own: Vec<&Bytes> = part.iter().map(|write| &write.key).collect();
        let first: Vec<&Bytes> = {
            let mut seen = HashSet::new();
            let all = own.into_iter().chain(&self.foremost);
            all.filter(|key| self.values.contains_key(*key) && seen.insert(*key)).collect()
        };
        let is_first: HashSet<&Bytes> = first.iter().copied().collect();
        let others = self.values.keys().filter(|key| !is_first.contains(key));
        let present = first.iter().copied().chain(others).cloned().collect();
        GuardedWrites { prefix: self.prefix.clone(), known: self.known, present, writes: part.to_vec() }
    }

    /// The keys that have to be as they were read, or the writes are not made: those that are sure to be conditions.
    pub(super) fn needed(&self, part: &[Write], at_once: usize) -> HashSet<Bytes> {
        let present = self.guarded(part).present.into_iter().take(at_once);
        // A store that takes one key at a time asks for that one only.
        present.filter(|key| at_once > 1 || part.iter().any(|write| write.key == *key)).collect()
    }

    pub(super) fn take_over(&mut self, part: &[Write], revision: u64) {
        for write in part {
            match &write.value {
                Some(value) => self.values.insert(write.key.clone(), value.clone()),
                None => self.values.remove(&write.key),
            };
        }
        self.known = Known { revision, count: self.values.len(), ..self.known };
    }

    pub(super) fn is(&self, listing: &Listing) -> bool {
        listing.entries.len() == self.values.len()
            && listing.entries.iter().all(|entry| self.values.get(&entry.key) == Some(&entry.value))
    }
}
