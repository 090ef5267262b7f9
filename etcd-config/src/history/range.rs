//! The revisions that a history is asked for.

use std::ops::{Bound, RangeBounds};

use crate::error::Error;

/// From the first to the last revision, both included; without a last one to the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revisions {
    pub(crate) first: u64,
    pub(crate) last: Option<u64>,
}

impl Revisions {
    /// # Errors
    /// There is no revision in it.
    pub(crate) fn of(range: &impl RangeBounds<u64>) -> Result<Self, Error> {
        let first = match range.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 1,
        };
        let last = match range.end_bound() {
            Bound::Included(last) => Some(*last),
            Bound::Excluded(after) => Some(after.saturating_sub(1)),
            Bound::Unbounded => None,
        };
        // Revision 1 is that of an empty store, and there is none before.
        let revisions = Self { first: first.max(2), last };
        match last {
            Some(last) if last < first || last == 0 => Err(Error::option(format!(
                "there is no revision from {first} to {last}: a range of revisions begins with the earlier one, as in 5..=9"
            ))),
            _ => Ok(revisions),
        }
    }

    /// # Errors
    /// They have not come yet.
    pub(crate) fn refuse_future(self, name: &str, newest: u64) -> Result<(), Error> {
        let Self { first, .. } = self;
        // What comes next may be asked for before it is there.
        if first <= newest.saturating_add(1) {
            return Ok(());
        }
        Err(Error::option(format!(
            "the history of {name} cannot begin at revision {first}: the newest revision of the store is {newest}"
        )))
    }
}
