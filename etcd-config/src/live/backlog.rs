//! Events that arrive while an update is still being decoded elsewhere.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use etcd_client_core::watcher::Cause;
use etcd_client_core::{Batch, Change, Prefix};

use crate::status::Rewind;
use crate::status::cell::HeardAt;
use crate::tree::directories::in_layer;

/// The most changed keys that wait apart: further updates are merged with the last one.
const KEYS: usize = 65_536;

/// Updates that wait, in order. With a commit key, those that are not committed yet are kept apart.
#[derive(Default)]
pub(crate) struct Backlog {
    pub(crate) rewind: Option<Rewind>,
    committed: VecDeque<PendingUpdate>,
    open: Option<PendingUpdate>,
    /// `open` belongs to a history that was rewound: only with the next changes it is a state of the new one.
    is_outdated: bool,
    /// Nothing else has changed up to this revision.
    pub(crate) current: Option<(u64, HeardAt)>,
    keys: usize,
}

/// Changes that become one update.
struct PendingUpdate {
    changes: BTreeMap<Bytes, Change>,
    revision: u64,
    cause: Cause,
    /// When the last of them arrived.
    heard: HeardAt,
}

impl Backlog {
    pub(crate) fn is_empty(&self) -> bool {
        self.rewind.is_none() && self.current.is_none() && self.committed.is_empty() && self.open.is_none()
    }

    /// Whether there is more than changes that are not committed.
    pub(crate) fn is_to_be_tried(&self) -> bool {
        self.rewind.is_some() || !self.committed.is_empty()
    }

    /// How many changed keys there are at most.
    pub(crate) fn keys(&self) -> usize {
        self.keys
    }

    /// `commits` says whether all so far may be in force together.
    pub(crate) fn change(&mut self, batch: Batch, cause: Cause, commits: bool, heard: HeardAt) {
        self.current = None;
        self.keys += batch.changes.len();
        let update = PendingUpdate::append(self.open.take(), PendingUpdate::of(batch, cause, heard));
        if !std::mem::take(&mut self.is_outdated) && !commits {
            self.open = Some(update);
            return;
        }
        let before = if self.keys > KEYS { self.committed.pop_back() } else { None };
        self.committed.push_back(PendingUpdate::append(before, update));
    }

    /// Nothing else has changed up to this revision.
    pub(crate) fn current(&mut self, revision: u64, heard: HeardAt) {
        if std::mem::take(&mut self.is_outdated) {
            // The two histories hold the same.
            self.committed.extend(self.open.take().map(|update| PendingUpdate { revision, heard, ..update }));
        }
        self.current = Some((revision, heard));
    }

    /// The keys so far are of another history: the changes that turn them into this one follow.
    pub(crate) fn rewind(&mut self, rewind: Rewind) {
        let waiting = self.committed.drain(..).chain(self.open.take());
        self.open = waiting.reduce(|before, next| PendingUpdate::append(Some(before), next));
        (self.rewind, self.is_outdated) = (Some(rewind), true);
        self.current = None;
    }

    /// Makes one update of all that are committed.
    pub(crate) fn merge(&mut self) {
        let merged =
            self.committed.drain(..).reduce(|before, next| PendingUpdate::append(Some(before), next));
        self.committed.extend(merged);
    }

    /// The next update, with its cause and when it arrived.
    pub(crate) fn next(&mut self) -> Option<(Batch, Cause, HeardAt)> {
        let update = self.committed.pop_front().or_else(|| self.open.take())?;
        let PendingUpdate { changes, revision, cause, heard } = update;
        Some((Batch { revision, changes: changes.into_values().collect() }, cause, heard))
    }
}

impl PendingUpdate {
    fn of(batch: Batch, cause: Cause, heard: HeardAt) -> Self {
        let Batch { revision, changes } = batch;
        let changes = changes.into_iter().map(|change| (key(&change).clone(), change)).collect();
        Self { changes, revision, cause, heard }
    }

    fn append(before: Option<Self>, mut next: Self) -> Self {
        let Some(mut all) = before else { return next };
        all.changes.append(&mut next.changes);
        Self { changes: all.changes, ..next }
    }
}

/// Whether all changes up to this one may be published together: there is no commit key, or it was written.
pub(crate) fn commits(batch: &Batch, prefix: &Prefix, commit_key: Option<&str>) -> bool {
    let Some(commit_key) = commit_key.map(str::as_bytes) else { return true };
    let is_it = |change: &Change| in_layer(prefix, key(change)).is_some_and(|(_, path)| path == commit_key);
    batch.changes.iter().any(is_it)
}

/// The key that changed.
fn key(change: &Change) -> &Bytes {
    match change {
        Change::Put(entry) => &entry.key,
        // A watcher reports the deletion of each key instead of a directory's.
        Change::Delete(key) | Change::DeleteBelow(key) => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etcd_client_core::Entry;

    fn put(key: &'static str, revision: u64) -> Batch {
        let value = Bytes::from(revision.to_string());
        Batch { revision, changes: vec![Change::Put(Entry { key: key.into(), value, revision })] }
    }

    fn backlog(changes: &[(&'static str, u64, bool)]) -> Backlog {
        let mut backlog = Backlog::default();
        for (key, revision, commits) in changes {
            backlog.change(put(key, *revision), Cause::Watch, *commits, HeardAt::now());
        }
        backlog
    }

    fn drained(mut backlog: Backlog) -> Vec<(u64, usize)> {
        let batches = std::iter::from_fn(|| backlog.next());
        batches.map(|(batch, ..)| (batch.revision, batch.changes.len())).collect()
    }

    const COMMITS: &[(&str, u64, bool)] =
        &[("a", 2, false), ("v", 3, true), ("a", 4, false), ("b", 5, false), ("v", 6, true), ("a", 7, false)];

    #[test]
    fn makes_an_update_of_each_commit_and_keeps_what_is_not_committed_apart() {
        assert_eq!(drained(backlog(COMMITS)), [(3, 2), (6, 3), (7, 1)]);
        let mut merged = backlog(COMMITS);
        merged.merge();
        assert_eq!(drained(merged), [(6, 3), (7, 1)]);
    }

    #[test]
    fn is_bounded() {
        let mut backlog = Backlog::default();
        for revision in 0..200_000 {
            backlog.change(put("a", revision), Cause::Watch, true, HeardAt::now());
        }
        assert!(backlog.committed.len() <= KEYS);
        assert_eq!(drained(backlog).last(), Some(&(199_999, 1)));
        let mut backlog = Backlog::default();
        let changes: Vec<_> = (0..KEYS).map(|n| Change::Delete(n.to_string().into())).collect();
        for revision in 0..5 {
            backlog.change(Batch { revision, changes: changes.clone() }, Cause::Watch, true, HeardAt::now());
        }
        assert_eq!(drained(backlog), [(4, KEYS)]);
    }

    #[test]
    fn of_another_history_is_no_state_of_this_one_before_what_differs() {
        let rewound = || {
            let mut backlog = backlog(COMMITS);
            let at = std::time::SystemTime::now();
            backlog.rewind(Rewind { seen: 7, now: 1, cluster_changed: false, at });
            backlog
        };
        let mut differs = rewound();
        differs.change(put("c", 1), Cause::Resync, false, HeardAt::now());
        differs.change(put("a", 2), Cause::Watch, false, HeardAt::now());
        differs.change(put("v", 3), Cause::Watch, true, HeardAt::now());
        assert_eq!(drained(differs), [(1, 4), (3, 2)]);
        let mut same = rewound();
        same.current(1, HeardAt::now());
        same.change(put("c", 2), Cause::Watch, false, HeardAt::now());
        assert_eq!(drained(same), [(1, 3), (2, 1)]);
    }
}
