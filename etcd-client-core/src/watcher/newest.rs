//! What the store holds now, as it was read.

use crate::store::{Delta, Entry, Listing};

/// What the store holds now, of which the mirror does not know yet.
pub(super) enum Newest {
    Listing(Listing),
    /// What was written since a revision.
    Delta {
        delta: Delta,
        since: u64,
    },
}

impl Newest {
    /// What it has of the keys, and at which revision.
    pub(super) fn parts(&self) -> (&[Entry], u64) {
        match self {
            Self::Listing(listing) => (&listing.entries, listing.revision),
            Self::Delta { delta, .. } => (&delta.entries, delta.revision),
        }
    }
}
