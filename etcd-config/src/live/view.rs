//! A configuration as it may be looked at without keeping its watch alive.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::error::Error;
use crate::explain::Explanation;
use crate::live::Live;
use crate::live::shared::Shared;
use crate::schema::Schema;
use crate::status::Status;
use crate::status::cell::{Epoch, StatusRecord};
use crate::status::meters::Reading;

/// What can be seen of a [`Live`], of whatever type. It is no handle: the watch ends with the last one of those, and
/// this goes on showing the last values, and that the watch has ended.
#[derive(Clone)]
pub(crate) struct View(Arc<Shared>);

/// A view that its configuration may own: it keeps nothing in memory.
pub(crate) struct WeakView(Weak<Shared>);

impl<T> Live<T> {
    pub(crate) fn view(&self) -> View {
        View(Arc::clone(&self.shared))
    }
}

impl WeakView {
    pub(crate) fn upgrade(&self) -> Option<View> {
        self.0.upgrade().map(View)
    }
}

impl View {
    pub(crate) fn weak(&self) -> WeakView {
        WeakView(Arc::downgrade(&self.0))
    }

    pub(crate) fn status(&self) -> Status {
        self.0.status()
    }

    pub(crate) fn explain(&self) -> Explanation {
        self.0.explain()
    }

    pub(crate) fn schema(&self) -> &Schema {
        self.0.keys.context().schema()
    }

    /// How many keys there are.
    pub(crate) fn keys(&self) -> usize {
        self.0.keys.len()
    }

    /// Whether the store has confirmed the values within this time.
    ///
    /// # Errors
    /// It has not, or this is the child of a `fork`.
    pub(crate) fn check_fresh(&self, max_age: Duration) -> Result<(), Error> {
        self.0.check_fresh(max_age)
    }

    /// The counters and gauges; `None` where they cannot be read, in the child of a `fork`.
    pub(crate) fn reading(&self) -> Option<Reading> {
        let is_readable = !self.0.is_unreadable();
        is_readable.then(|| self.0.status_cell.read(StatusRecord::reading))
    }

    /// Where the record stands: another one after each write.
    pub(crate) fn epoch(&self) -> Epoch {
        self.0.status_cell.epoch()
    }

    /// Whether nothing follows the store any more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }
}
