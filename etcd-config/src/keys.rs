//! The keys as the store has them, which the watching task writes and anyone may ask about.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etcd_client_core::{Batch, Entry};

use crate::decode::Context;
use crate::explain::{Explanation, explain};
use crate::tree::{KeyTree, Touched};

/// The tree of keys, and what is read from it.
///
/// Whoever reads it does so without a lock, because the user's own code may run in between: a reader
/// that is slow has its tree for itself, and the watching task goes on with another.
#[derive(Debug)]
pub(crate) struct Keys {
    held: Mutex<Held>,
    context: Context,
}

#[derive(Debug)]
struct Held {
    tree: Arc<KeyTree>,
    /// What has changed since the published snapshot.
    unpublished: Arc<Touched>,
}

impl Keys {
    pub(crate) fn new(tree: KeyTree, context: Context) -> Self {
        let held = Held { tree: Arc::new(tree), unpublished: Arc::default() };
        Self { held: Mutex::new(held), context }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn read(&self) -> Arc<KeyTree> {
        Arc::clone(&self.lock().tree)
    }

    /// Takes a batch over; what has really changed.
    pub(crate) fn apply(&self, batch: &Batch) -> Touched {
        let Held { tree, unpublished } = &mut *self.lock();
        let touched = Arc::make_mut(tree).apply(batch);
        if !touched.is_empty() {
            Arc::make_mut(unpublished).merge(&touched);
        }
        touched
    }

    /// What has changed since the published snapshot.
    pub(crate) fn unpublished(&self) -> Arc<Touched> {
        Arc::clone(&self.lock().unpublished)
    }

    /// Whether the published snapshot is what the keys say.
    pub(crate) fn are_published(&self) -> bool {
        self.lock().unpublished.is_empty()
    }

    /// The same, once what has changed and changed back is forgotten.
    pub(crate) fn settle(&self) -> bool {
        let Held { tree, unpublished } = &mut *self.lock();
        tree.settle(Arc::make_mut(unpublished));
        unpublished.is_empty()
    }

    /// The keys of the published snapshot.
    pub(crate) fn published(&self) -> Vec<Entry> {
        let (tree, unpublished) = self.both();
        tree.entries_before(&unpublished)
    }

    /// A snapshot of the keys is published: what had changed since the one before it.
    pub(crate) fn publish(&self) -> Touched {
        Arc::unwrap_or_clone(mem::take(&mut self.lock().unpublished))
    }

    /// Where each value comes from; see [`explain`].
    pub(crate) fn explain(&self, cached: bool) -> Explanation {
        let (tree, unpublished) = self.both();
        explain(&tree, &self.context, &unpublished, cached)
    }

    fn both(&self) -> (Arc<KeyTree>, Arc<Touched>) {
        let Held { tree, unpublished } = &*self.lock();
        (Arc::clone(tree), Arc::clone(unpublished))
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
