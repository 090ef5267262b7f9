//! The keys as the store has them, which the watching task writes and anyone may ask about.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etcd_client_core::Batch;

use crate::decode::Context;
use crate::explain::{Explanation, explain};
use crate::tree::{KeyTree, Touched};

/// The tree of keys, and what is read from it.
///
/// Whoever reads it does so without a lock, because the user's own code may run in between: a reader
/// that is slow has its tree for itself, and the watching task goes on with another.
#[derive(Debug)]
pub(crate) struct Keys {
    tree: Mutex<Arc<KeyTree>>,
    context: Context,
}

impl Keys {
    pub(crate) fn new(tree: KeyTree, context: Context) -> Self {
        Self { tree: Mutex::new(Arc::new(tree)), context }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn read(&self) -> Arc<KeyTree> {
        Arc::clone(&self.lock())
    }

    /// Takes a batch over; what has really changed.
    pub(crate) fn apply(&self, batch: &Batch) -> Touched {
        Arc::make_mut(&mut *self.lock()).apply(batch)
    }

    /// Where each value comes from; see [`explain`].
    pub(crate) fn explain(&self, in_force: u64, cached: bool) -> Explanation {
        explain(&self.read(), &self.context, in_force, cached)
    }

    fn lock(&self) -> MutexGuard<'_, Arc<KeyTree>> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
