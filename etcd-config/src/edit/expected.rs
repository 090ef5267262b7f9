//! What a prefix holds as far as an edit knows, and the conditions that follow from it.

use std::collections::BTreeMap;

use bytes::Bytes;
use etcd_client_core::{GuardedWrites, Known, Listing, Prefix, Write};

use crate::reading::Reading;

/// What the prefix holds as far as this edit knows.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) prefix: Prefix,
    pub(super) known: Known,
    pub(super) values: BTreeMap<Bytes, Bytes>,
}

impl Expected {
    pub(super) fn of(reading: &Reading) -> Self {
        let Listing { revision, cluster, ref entries } = *reading.listing;
        let known = Known { revision, cluster, count: entries.len() };
        let values = entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        Self { prefix: reading.watched().clone(), known, values }
    }

    /// The condition of these writes. Their own keys come first in it, as not all may have room.
    pub(super) fn guarded(&self, part: &[Write]) -> GuardedWrites {
        let own = part.iter().map(|write| &write.key).filter(|key| self.values.contains_key(*key));
        let others = self.values.keys().filter(|key| part.iter().all(|write| write.key != *key));
        let present = own.chain(others).cloned().collect();
        GuardedWrites { prefix: self.prefix.clone(), known: self.known, present, writes: part.to_vec() }
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
