//! The keys, their revisions, and the history of both.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use bytes::Bytes;

use super::leases::Leases;
use crate::store::{
    Batch, Change, Committed, Delta, Entry, GuardedWrites, HistoryMark, Known, Lease, LeaseId, Leased,
    LeasedPut, Listing, Prefix,
};
use crate::{Error, Kind};

/// etcd begins at revision 1.
pub(super) struct Keyspace {
    keys: BTreeMap<Bytes, Entry>,
    revision: u64,
    cluster: u64,
    /// The oldest revision that is not compacted, 0 if none is.
    compacted: u64,
    history: Vec<Revision>,
    to_lose: u64,
    leases: Leases,
}

struct Revision {
    batch: Batch,
    /// The entries of the changed keys before this revision.
    undo: Vec<(Bytes, Option<Entry>)>,
    /// The leases that they were under.
    leased: Vec<(Bytes, LeaseId, Duration)>,
    lost: bool,
}

impl Default for Keyspace {
    fn default() -> Self {
        let (keys, history, leases) = (BTreeMap::new(), Vec::new(), Leases::default());
        Self { keys, revision: 1, cluster: 1, compacted: 0, history, to_lose: 0, leases }
    }
}

impl Keyspace {
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn cluster(&self) -> u64 {
        self.cluster
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.keys.get(key).map(|entry| entry.value.clone())
    }

    pub(super) fn list(&self, prefix: &Prefix) -> Listing {
        let entries = below(&self.keys, prefix).cloned().collect();
        Listing { revision: self.revision, cluster: self.cluster, entries }
    }

    /// The first names in a directory.
    pub(super) fn names(&self, directory: &Prefix, limit: usize) -> Vec<String> {
        let mut names: Vec<&[u8]> =
            below(&self.keys, directory).filter_map(|entry| directory.name_of(&entry.key)).collect();
        names.dedup();
        names.iter().take(limit).map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    /// Whether the prefix was so at the mark's revision; an error if that is compacted.
    pub(super) fn has_history(&self, prefix: &Prefix, mark: &HistoryMark) -> Result<bool, Error> {
        if mark.revision > self.revision {
            return Ok(false);
        }
        let past = self.list_at(prefix, mark.revision)?;
        Ok(HistoryMark::of(mark.revision, past.entries.iter()) == *mark)
    }

    /// The prefix at an earlier revision; an error if that is compacted, or has not come.
    pub(super) fn list_at(&self, prefix: &Prefix, revision: u64) -> Result<Listing, Error> {
        if revision == 0 {
            return Err(Error::no_revision_zero());
        }
        if revision > self.revision {
            return Err(Error::new(Kind::FutureRevision, "memory: a future revision"));
        }
        if revision < self.compacted {
            return Err(Error::compacted(self.compacted));
        }
        let mut keys = self.keys.clone();
        for later in self.history.iter().rev().take_while(|later| later.batch.revision > revision) {
            undo(&mut keys, later.undo.iter().cloned());
        }
        let entries = below(&keys, prefix).cloned().collect();
        Ok(Listing { revision, cluster: self.cluster, entries })
    }

    /// As etcd does it: nothing below the prefix was written since, the first of the keys are still there, and the count
    /// shows afterwards whether all were.
    pub(super) fn commit_guarded(&mut self, guarded: GuardedWrites, conditions: usize) -> Committed {
        let GuardedWrites { ref prefix, known, ref present, .. } = guarded;
        let is_old = below(&self.keys, prefix).all(|entry| entry.revision <= known.revision);
        if !is_old || !present.iter().take(conditions).all(|key| self.keys.contains_key(key)) {
            return Committed::Conflict;
        }
        let count = guarded.count_after();
        let revision =
            self.commit(guarded.writes.into_iter().map(|write| (write.key, write.value)).collect());
        let is_same = known.cluster == 0 || known.cluster == self.cluster;
        Committed::At { revision, proven: is_same && below(&self.keys, &guarded.prefix).count() == count }
    }

    /// The revision up to which the prefix has not changed; `None` if it has.
    pub(super) fn unchanged(&self, prefix: &Prefix, known: Known) -> Result<Option<u64>, Error> {
        if known.cluster != 0 && known.cluster != self.cluster {
            return Err(Error::new(Kind::Unavailable, "memory: another cluster"));
        }
        if known.revision > self.revision {
            return Err(Error::new(Kind::FutureRevision, "memory: a future revision"));
        }
        let is_old = |entry: &Entry| entry.revision <= known.revision;
        let same = below(&self.keys, prefix).all(is_old) && below(&self.keys, prefix).count() == known.count;
        Ok(same.then_some(self.revision))
    }

    /// What was written below the prefix from that revision on.
    pub(super) fn written_since(&self, prefix: &Prefix, since: u64) -> Delta {
        let (revision, cluster) = (self.revision, self.cluster);
        let is_new = |entry: &&Entry| entry.revision >= since;
        let entries = below(&self.keys, prefix).filter(is_new).cloned().collect();
        Delta { revision, cluster, count: below(&self.keys, prefix).count(), entries }
    }

    /// Makes all changes at the next revision. If nothing changes, the revision stays.
    pub(super) fn commit(&mut self, changes: Vec<(Bytes, Option<Bytes>)>) -> u64 {
        let last_of_each: BTreeMap<Bytes, Option<Bytes>> = changes.into_iter().collect();
        let revision = self.revision + 1;
        let mut batch = Batch { revision, changes: Vec::new() };
        let (mut undo, mut leased) = (Vec::new(), Vec::new());
        for (key, value) in last_of_each {
            let (before, change) = match value {
                Some(value) => {
                    let entry = Entry { key: key.clone(), value, revision };
                    (self.keys.insert(key.clone(), entry.clone()), Change::Put(entry))
                }
                None => match self.keys.remove(&key) {
                    None => continue,
                    before => (before, Change::Delete(key.clone())),
                },
            };
            leased.extend(self.leases.detach(&key).map(|(id, ttl)| (key.clone(), id, ttl)));
            undo.push((key, before));
            batch.changes.push(change);
        }
        if !batch.changes.is_empty() {
            self.revision = revision;
            let lost = self.to_lose > 0;
            self.to_lose = self.to_lose.saturating_sub(1);
            self.history.push(Revision { batch, undo, leased, lost });
        }
        self.revision
    }

    pub(super) fn lose_next(&mut self, revisions: u64) {
        self.to_lose = revisions;
    }

    /// As in etcd, a watch may still begin at exactly the compacted revision.
    pub(super) fn compact(&mut self, revision: u64) {
        self.compacted = self.compacted.max(revision.min(self.revision));
        self.history.retain(|past| past.batch.revision >= self.compacted);
    }

    /// An error if changes after `after` are compacted.
    pub(super) fn check_history(&self, after: u64) -> Result<(), Error> {
        if after + 1 < self.compacted { Err(Error::compacted(self.compacted)) } else { Ok(()) }
    }

    /// The first changes after `after`, and whether they are not to be sent; `None` if there are none yet.
    pub(super) fn next_after(&self, after: u64) -> Option<(&Batch, bool)> {
        let next = self.history.partition_point(|past| past.batch.revision <= after);
        self.history.get(next).map(|past| (&past.batch, past.lost))
    }

    pub(super) fn rewind(&mut self, revision: u64) -> u64 {
        while self.revision > revision.max(self.compacted) {
            let Some(past) = self.history.pop() else { break };
            for (key, _) in &past.undo {
                self.leases.detach(key);
            }
            undo(&mut self.keys, past.undo.into_iter());
            for (key, id, ttl) in past.leased {
                self.leases.revive(id, ttl);
                self.leases.attach(key, id);
            }
            self.revision = past.batch.revision - 1;
        }
        self.leases.forget_unused();
        self.revision
    }

    /// Grants a lease, of whole seconds.
    pub(super) fn grant_lease(&mut self, ttl: Duration) -> Lease {
        let seconds = ttl.as_secs().saturating_add(u64::from(ttl.subsec_nanos() > 0));
        let ttl = Duration::from_secs(seconds.clamp(1, u32::MAX.into()));
        Lease { id: self.leases.grant(ttl), ttl }
    }

    pub(super) fn keep_lease_alive(&mut self, id: LeaseId) -> Result<Duration, Error> {
        self.leases.keep_alive(id).ok_or_else(|| no_lease(id))
    }

    /// Ends a lease, and deletes its keys at one revision.
    pub(super) fn revoke_lease(&mut self, id: LeaseId) -> Result<(), Error> {
        let keys = self.leases.keys(id).ok_or_else(|| no_lease(id))?;
        self.commit(keys.into_iter().map(|key| (key, None)).collect());
        self.leases.remove(id);
        Ok(())
    }

    /// Writes a key under a lease, unless it is there and not under that.
    pub(super) fn put_with_lease(&mut self, put: LeasedPut) -> Result<Leased, Error> {
        let LeasedPut { key, value, lease } = put;
        if self.leases.keys(lease).is_none() {
            return Err(no_lease(lease));
        }
        let created = !self.keys.contains_key(&key);
        if !created && self.leases.of_key(&key) != Some(lease) {
            return Ok(Leased::Taken);
        }
        let revision = self.commit(vec![(key.clone(), Some(value))]);
        self.leases.attach(key, lease);
        Ok(Leased::At { revision, created })
    }

    pub(super) fn leases(&self) -> &Leases {
        &self.leases
    }

    /// Ends the leases whose time is over; whether there was one.
    pub(super) fn end_leases(&mut self) -> bool {
        let over = self.leases.over();
        over.iter().for_each(|id| drop(self.revoke_lease(*id)));
        !over.is_empty()
    }

    pub(super) fn wipe(&mut self, new_cluster: bool) {
        let cluster = self.cluster + u64::from(new_cluster);
        let mut leases = std::mem::take(&mut self.leases);
        leases.clear();
        *self = Self { cluster, leases, ..Self::default() };
    }
}

fn no_lease(id: LeaseId) -> Error {
    Error::new(Kind::NotFound, format!("memory: there is no lease {id}: it has ended, or never was"))
}

/// In ascending order, as the directories are.
fn below<'k>(keys: &'k BTreeMap<Bytes, Entry>, prefix: &'k Prefix) -> impl Iterator<Item = &'k Entry> {
    prefix.directories().flat_map(|directory| {
        let from = Bytes::copy_from_slice(directory.as_bytes());
        keys.range((Bound::Included(from), Bound::Unbounded))
            .map(|(_, entry)| entry)
            .take_while(move |entry| entry.key.starts_with(directory.as_bytes()))
    })
}

fn undo(keys: &mut BTreeMap<Bytes, Entry>, before: impl Iterator<Item = (Bytes, Option<Entry>)>) {
    for (key, entry) in before {
        match entry {
            Some(entry) => keys.insert(key, entry),
            None => keys.remove(&key),
        };
    }
}
