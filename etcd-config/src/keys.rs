//! The keys of one configuration, and what is needed to read them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etcd_client_core::{Batch, Listing};

use crate::decode::Context;
use crate::tree::{KeyTree, Touched};

/// Written by the watching task, read by whoever explains or saves them. The tree is only copied
/// when it changes while someone reads it.
pub(crate) struct Keys {
    context: Context,
    tree: Mutex<Arc<KeyTree>>,
}

impl Keys {
    pub(crate) fn new(context: Context, listing: &Listing) -> Self {
        let tree = KeyTree::load(context.prefix().clone(), listing);
        Self { context, tree: Mutex::new(Arc::new(tree)) }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The keys as they are now. To be dropped soon.
    pub(crate) fn tree(&self) -> Arc<KeyTree> {
        Arc::clone(&self.lock())
    }

    pub(crate) fn apply(&self, batch: &Batch) -> Touched {
        Arc::make_mut(&mut self.lock()).apply(batch)
    }

    /// Nothing but our own code runs while it is held.
    fn lock(&self) -> MutexGuard<'_, Arc<KeyTree>> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
