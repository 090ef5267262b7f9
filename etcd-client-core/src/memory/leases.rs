//! The leases of a store in memory, and which keys are under them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::store::LeaseId;

/// Leases by the clock of the runtime that calls the store.
#[derive(Debug, Default)]
pub(super) struct Leases {
    granted: i64,
    live: BTreeMap<LeaseId, LiveLease>,
    of_keys: BTreeMap<Bytes, LeaseId>,
}

#[derive(Debug)]
struct LiveLease {
    ttl: Duration,
    ends: Instant,
    keys: BTreeSet<Bytes>,
}

impl Leases {
    pub(super) fn grant(&mut self, ttl: Duration) -> LeaseId {
        self.granted += 1;
        let id = LeaseId(self.granted);
        self.revive(id, ttl);
        id
    }

    /// Has a lease begin anew; `None` if there is none.
    pub(super) fn keep_alive(&mut self, id: LeaseId) -> Option<Duration> {
        let lease = self.live.get_mut(&id)?;
        lease.ends = Instant::now() + lease.ttl;
        Some(lease.ttl)
    }

    /// The keys that go with a lease; `None` if there is none.
    pub(super) fn keys(&self, id: LeaseId) -> Option<Vec<Bytes>> {
        self.live.get(&id).map(|lease| lease.keys.iter().cloned().collect())
    }

    pub(super) fn remove(&mut self, id: LeaseId) {
        for key in self.live.remove(&id).map(|lease| lease.keys).unwrap_or_default() {
            self.of_keys.remove(&key);
        }
    }

    pub(super) fn of_key(&self, key: &Bytes) -> Option<LeaseId> {
        self.of_keys.get(key).copied()
    }

    pub(super) fn attach(&mut self, key: Bytes, id: LeaseId) {
        self.detach(&key);
        if let Some(lease) = self.live.get_mut(&id) {
            lease.keys.insert(key.clone());
            self.of_keys.insert(key, id);
        }
    }

    /// The key is written, or gone; returns the lease that it was under.
    pub(super) fn detach(&mut self, key: &Bytes) -> Option<(LeaseId, Duration)> {
        let id = self.of_keys.remove(key)?;
        let lease = self.live.get_mut(&id)?;
        lease.keys.remove(key);
        Some((id, lease.ttl))
    }

    /// A lease as a restored backup has it: with all of its time.
    pub(super) fn revive(&mut self, id: LeaseId, ttl: Duration) {
        let ends = Instant::now() + ttl;
        self.live.entry(id).or_insert_with(|| LiveLease { ttl, ends, keys: BTreeSet::new() });
    }

    pub(super) fn forget_unused(&mut self) {
        self.live.retain(|_, lease| !lease.keys.is_empty());
    }

    /// In a store with other data no lease of before is there, and no number comes twice.
    pub(super) fn clear(&mut self) {
        *self = Self { granted: self.granted, ..Self::default() };
    }

    /// When the next lease ends.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.live.values().map(|lease| lease.ends).min()
    }

    /// The leases whose time is over.
    pub(super) fn over(&self) -> Vec<LeaseId> {
        if self.live.is_empty() {
            return Vec::new();
        }
        let now = Instant::now();
        self.live.iter().filter(|(_, lease)| lease.ends <= now).map(|(id, _)| *id).collect()
    }
}
