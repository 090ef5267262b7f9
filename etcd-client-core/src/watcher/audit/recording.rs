//! What the watch delivers while an audit reads, and what the audit finds with it.

use crate::store::{Batch, Change, Delta, Listing};
use crate::watcher::mirror::{Before, Mirror};
use crate::{Error, Kind};

/// What an audit has read.
pub(super) enum Read {
    Listing(Listing),
    Delta(Delta),
}

/// What an audit has found.
pub(in crate::watcher) enum Finding {
    /// The state that the mirror should be in.
    State(Listing),
    /// What has to be changed in the mirror.
    Repairs(Vec<Change>),
    /// What was written is not the whole difference: only a listing can tell.
    Unexplained,
}

/// The revision that the read must not be older than, and what the watch has delivered since it began.
#[derive(Default)]
pub(super) struct Recording {
    floor: u64,
    what: Recorded,
}

enum Recorded {
    /// Beside a listing: the batches, to be laid over it.
    Batches(Vec<Batch>),
    /// Beside what was written since a revision: what the mirror had before each batch.
    Before { since: u64, batches: Vec<(u64, Before)> },
}

impl Default for Recorded {
    fn default() -> Self {
        Self::Batches(Vec::new())
    }
}

impl Read {
    pub(super) fn revision(&self) -> u64 {
        match self {
            Self::Listing(listing) => listing.revision,
            Self::Delta(delta) => delta.revision,
        }
    }

    pub(super) fn cluster(&self) -> u64 {
        match self {
            Self::Listing(listing) => listing.cluster,
            Self::Delta(delta) => delta.cluster,
        }
    }
}

impl Recording {
    pub(super) fn of_listing(floor: u64) -> Self {
        Self { floor, what: Recorded::default() }
    }

    pub(super) fn of_delta(floor: u64, since: u64) -> Self {
        Self { floor, what: Recorded::Before { since, batches: Vec::new() } }
    }

    /// Whether it began after that revision.
    pub(super) fn is_after(&self, revision: u64) -> bool {
        self.floor > revision
    }

    /// Whether after this failure the prefix can only be listed.
    pub(super) fn must_list(&self, error: &Error) -> bool {
        matches!(self.what, Recorded::Before { .. })
            && matches!(error.kind(), Kind::InvalidRequest | Kind::TooLarge)
    }

    pub(super) fn record(&mut self, batch: &Batch, mirror: &Mirror) {
        match &mut self.what {
            Recorded::Batches(batches) => batches.push(batch.clone()),
            Recorded::Before { batches, .. } => batches.push((batch.revision, mirror.before(batch))),
        }
    }

    /// Whether the mirror has exactly what was read.
    pub(super) fn is_equal(&self, read: &Read, mirror: &Mirror) -> bool {
        match (read, &self.what) {
            (Read::Listing(listing), _) => mirror.is_same(listing),
            (Read::Delta(delta), Recorded::Before { since, .. }) => {
                let repairs = mirror.repairs(*since, delta, &Before::new());
                repairs.is_some_and(|repairs| repairs.is_empty())
            }
            (Read::Delta(_), Recorded::Batches(_)) => false,
        }
    }

    pub(super) fn finding(self, read: Read, mirror: &Mirror) -> Finding {
        match (read, self.what) {
            (Read::Listing(listing), Recorded::Batches(batches)) => {
                Finding::State(with_later(listing, batches))
            }
            (Read::Listing(listing), Recorded::Before { .. }) => Finding::State(listing),
            (Read::Delta(delta), Recorded::Before { since, batches }) => {
                let mut before = Before::new();
                // What a key had before the first of them counts.
                let later = batches.into_iter().filter(|(revision, _)| *revision > delta.revision);
                later.rev().for_each(|(_, of_batch)| before.extend(of_batch));
                mirror.repairs(since, &delta, &before).map_or(Finding::Unexplained, Finding::Repairs)
            }
            (Read::Delta(_), Recorded::Batches(_)) => Finding::Unexplained,
        }
    }
}

/// The listing with the batches that came after it.
fn with_later(listing: Listing, batches: Vec<Batch>) -> Listing {
    let read_at = listing.revision;
    let mut later = batches.into_iter().filter(|batch| batch.revision > read_at).peekable();
    if later.peek().is_none() {
        return listing;
    }
    let mut mirror = Mirror::new(&listing);
    for batch in later {
        mirror.apply(batch);
    }
    mirror.into_listing()
}
