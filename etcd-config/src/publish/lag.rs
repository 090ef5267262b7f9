//! What has changed since a snapshot was current.

use std::sync::Arc;

use crate::tree::Touched;

/// Which keys have changed since a snapshot was current. Snapshots that lack the same share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lag(Option<Arc<Touched>>);

impl Lag {
    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |touched| touched.len())
    }

    /// Adds what has changed later.
    pub(crate) fn add(&mut self, later: &Arc<Touched>) {
        match &mut self.0 {
            Some(touched) => Arc::make_mut(touched).merge(later),
            nothing => *nothing = Some(Arc::clone(later)),
        }
    }

    /// Does something with the keys.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&Touched) -> R) -> R {
        match &self.0 {
            Some(touched) => work(touched),
            None => work(&Touched::default()),
        }
    }
}
