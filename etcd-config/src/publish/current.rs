//! Where readers find the current snapshot.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::snapshot::{AnySnapshot, Snapshot, typed};

/// Where a snapshot is published. Readers have the same place, and know its type.
pub(crate) trait Current: Send + Sync {
    /// The revision of the present one.
    fn revision(&self) -> u64;

    /// The number of the present one.
    fn number(&self) -> u64;

    /// The present one.
    fn any(&self) -> Arc<dyn AnySnapshot>;

    /// Publishes a snapshot; returns the one before. `None`, and nothing is published, if it is of another type.
    fn swap(&self, snapshot: Arc<dyn AnySnapshot>) -> Option<Arc<dyn AnySnapshot>>;
}

impl<T: Send + Sync + 'static> Current for ArcSwap<Snapshot<T>> {
    fn revision(&self) -> u64 {
        self.load().revision
    }

    fn number(&self) -> u64 {
        self.load().number
    }

    fn any(&self) -> Arc<dyn AnySnapshot> {
        self.load_full()
    }

    fn swap(&self, snapshot: Arc<dyn AnySnapshot>) -> Option<Arc<dyn AnySnapshot>> {
        let before: Arc<Snapshot<T>> = ArcSwap::swap(self, typed(snapshot)?);
        Some(before)
    }
}
