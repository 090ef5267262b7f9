//! The keys as the store has them: written by the watching task, read by anyone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etcd_client_core::{Batch, Entry, Listing};

use crate::decode::Context;
use crate::tree::{KeyTree, Replaced, Touched};

/// The tree of keys, and what is read from it.
///
/// The tree is read without a lock, because the user's own code may run meanwhile: a slow reader keeps its tree,
/// and the watching task goes on with a copy.
#[derive(Debug)]
pub(crate) struct Keys {
    state: Mutex<KeysState>,
    context: Context,
}

#[derive(Debug)]
struct KeysState {
    tree: Arc<KeyTree>,
    /// What has been replaced since the published snapshot, if anything has.
    unpublished: Option<Arc<Replaced>>,
    /// The revision that the tree is at, and that of the snapshot.
    revision: u64,
    snapshot: u64,
    /// The revision of the last batch, or of the listing if there was none.
    changed: u64,
}

impl Keys {
    pub(crate) fn new(tree: KeyTree, revision: u64, context: Context) -> Self {
        let (tree, unpublished) = (Arc::new(tree), None);
        let state = KeysState { tree, unpublished, revision, snapshot: revision, changed: revision };
        Self { state: Mutex::new(state), context }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().tree.len()
    }

    /// The revision of the last change below the prefix, and how many keys there have been since, in all layers.
    pub(crate) fn last_change(&self) -> (u64, usize) {
        let state = self.lock();
        (state.changed, state.tree.stored())
    }

    pub(crate) fn read(&self) -> Arc<KeyTree> {
        Arc::clone(&self.lock().tree)
    }

    /// Applies a batch; returns the values that have really changed.
    pub(crate) fn apply(&self, batch: &Batch) -> Touched {
        let KeysState { tree, unpublished, revision, changed, .. } = &mut *self.lock();
        (*revision, *changed) = (batch.revision, batch.revision);
        let replaced = Arc::make_mut(tree).apply(batch);
        let touched = replaced.touched();
        match unpublished {
            Some(unpublished) => Arc::make_mut(unpublished).merge(&replaced),
            None if replaced.is_empty() => {}
            None => *unpublished = Some(Arc::new(replaced)),
        }
        touched
    }

    /// How many values have been replaced since the published snapshot.
    pub(crate) fn count_unpublished(&self) -> usize {
        self.lock().count_unpublished()
    }

    /// Nothing has changed up to this revision.
    pub(crate) fn advance(&self, revision: u64) {
        self.lock().revision = revision;
    }

    /// The keys as they are now, with the cluster that they come from.
    pub(crate) fn listing(&self, cluster: u64) -> Listing {
        let (tree, revision) = {
            let state = self.lock();
            (Arc::clone(&state.tree), state.revision)
        };
        let mut entries = tree.entries();
        entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Listing { revision, cluster, entries }
    }

    /// Whether the published snapshot is what the keys say.
    pub(crate) fn are_published(&self) -> bool {
        self.lock().count_unpublished() == 0
    }

    /// The same, after what has changed and changed back is forgotten.
    pub(crate) fn is_back_at_published(&self) -> bool {
        let KeysState { tree, unpublished, .. } = &mut *self.lock();
        let Some(replaced) = unpublished else { return true };
        tree.forget_changed_back(Arc::make_mut(replaced));
        if replaced.is_empty() {
            *unpublished = None;
        }
        unpublished.is_none()
    }

    /// The keys of the published snapshot, at the last revision that they are known to be those of.
    pub(crate) fn published(&self) -> (u64, Vec<Entry>) {
        let (tree, unpublished, revision) = {
            let KeysState { tree, unpublished, revision, snapshot, .. } = &*self.lock();
            let revision = if unpublished.is_none() { *revision } else { *snapshot };
            (Arc::clone(tree), unpublished.clone().unwrap_or_default(), revision)
        };
        (revision, tree.entries_before(&unpublished))
    }

    /// A snapshot of the keys is published; returns what has been replaced since the one before it.
    pub(crate) fn mark_published(&self) -> Arc<Replaced> {
        let mut state = self.lock();
        state.snapshot = state.revision;
        state.unpublished.take().unwrap_or_default()
    }

    /// The keys as they are now, and what has been replaced since the published snapshot.
    pub(crate) fn with_unpublished(&self) -> (Arc<KeyTree>, Arc<Replaced>) {
        let KeysState { tree, unpublished, .. } = &*self.lock();
        (Arc::clone(tree), unpublished.clone().unwrap_or_default())
    }

    fn lock(&self) -> MutexGuard<'_, KeysState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeysState {
    fn count_unpublished(&self) -> usize {
        self.unpublished.as_ref().map_or(0, |replaced| replaced.len())
    }
}
