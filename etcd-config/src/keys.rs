//! The keys as the store has them, which the watching task writes and anyone may ask about.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::decode::Context;
use crate::explain::{Explanation, explain};
use crate::tree::KeyTree;

/// The tree of keys, and what is read from it.
///
/// There is one writer, the watching task, and it decodes while it reads: so whoever explains the
/// keys at the same time waits for nobody, not even the user's own code that runs in between.
#[derive(Debug)]
pub(crate) struct Keys {
    tree: RwLock<KeyTree>,
    context: Context,
}

impl Keys {
    pub(crate) fn new(tree: KeyTree, context: Context) -> Self {
        Self { tree: RwLock::new(tree), context }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, KeyTree> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, KeyTree> {
        self.tree.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where each value comes from; see [`explain`].
    pub(crate) fn explain(&self, in_force: u64, cached: bool) -> Explanation {
        explain(&self.read(), &self.context, in_force, cached)
    }
}
