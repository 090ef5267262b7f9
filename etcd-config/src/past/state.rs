//! The keys of a prefix at one revision, to which changes are applied, and from which they are taken back.

use std::collections::BTreeMap;

use bytes::Bytes;
use etcd_client_core::{Batch, Change, Entry, Listing};

/// The keys at one revision.
#[derive(Clone, Debug)]
pub(crate) struct State {
    cluster: u64,
    entries: BTreeMap<Bytes, Entry>,
}

/// What was there before a change.
pub(crate) type Undo = Vec<(Bytes, Option<Entry>)>;

impl State {
    pub(crate) fn of(listing: &Listing) -> Self {
        let entries = listing.entries.iter().map(|entry| (entry.key.clone(), entry.clone())).collect();
        Self { cluster: listing.cluster, entries }
    }

    pub(crate) fn apply(&mut self, batch: &Batch) -> Undo {
        let mut undo = Undo::new();
        for change in &batch.changes {
            match change {
                Change::Put(entry) => {
                    undo.push((entry.key.clone(), self.entries.insert(entry.key.clone(), entry.clone())));
                }
                Change::Delete(key) => undo.push((key.clone(), self.entries.remove(key))),
                Change::DeleteBelow(start) => {
                    let from = self.entries.range(start.clone()..).map(|(key, _)| key.clone());
                    let gone: Vec<Bytes> = from.take_while(|key| key.starts_with(start)).collect();
                    undo.extend(gone.into_iter().map(|key| (key.clone(), self.entries.remove(&key))));
                }
            }
        }
        undo
    }

    pub(crate) fn undo(&mut self, undo: Undo) {
        for (key, was) in undo.into_iter().rev() {
            match was {
                Some(entry) => drop(self.entries.insert(key, entry)),
                None => drop(self.entries.remove(&key)),
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn listing(&self, revision: u64) -> Listing {
        Listing { revision, cluster: self.cluster, entries: self.entries.values().cloned().collect() }
    }

    /// Whether these are the keys of a listing.
    pub(crate) fn is(&self, listing: &Listing) -> bool {
        listing.entries.len() == self.entries.len()
            && listing.entries.iter().all(|entry| self.entries.get(&entry.key) == Some(entry))
    }
}
