//! The transactions of an edit, and what is certain after them.

use bytes::Bytes;
use etcd_client_core::{Committed, Kind, Listing, Store, Write};

use super::expected::Expected;
use super::foremost::foremost;
use super::unanswered::{Fate, find_out};
use crate::decode::{Derived, survey, tree_of};
use crate::error::{ConflictingKey, Error, WriteFailure};
use crate::problem::Report;
use crate::reading::{Reading, decode_all};
use crate::runtime::panics;
use crate::schema::Schema;

/// That an edit is in etcd, from [`Plan::commit`](crate::Plan::commit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    revision: u64,
    changed: bool,
}

impl Written {
    pub(super) fn nothing(revision: u64) -> Self {
        Self { revision, changed: false }
    }

    /// The revision of the changes, for [`Live::wait_for_revision`](crate::Live::wait_for_revision); of several
    /// transactions the last one's. Where there was nothing to change, the revision that was read.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether there was anything to change.
    pub fn has_changed(&self) -> bool {
        self.changed
    }
}

/// What the store has taken.
pub(super) struct Wrote {
    revision: u64,
    /// Something else may have been changed at the same time: what there is instead of what was checked.
    doubt: Option<Result<Listing, etcd_client_core::Error>>,
}

/// Why the store has not taken it.
pub(super) enum Unwritten {
    /// Something has changed.
    Conflict(Conflict),
    Failed(Error),
}

/// What was expected to be there and is not, and how many of how many transactions were made before.
pub(super) struct Conflict {
    expected: Expected,
    done: (usize, usize),
}

/// Writes all, in as many transactions as it takes.
pub(super) async fn write<T: Derived>(reading: &Reading, writes: Vec<Write>) -> Result<Wrote, Unwritten> {
    let connections = reading.connections_here();
    let store = connections.store();
    let at_once = reading.writes_at_once().max(1);
    let parts: Vec<&[Write]> = writes.chunks(at_once).collect();
    let mut expected = Expected::of(reading, foremost_of::<T>(reading, at_once));
    let mut is_proven = true;
    for (number, part) in parts.iter().enumerate() {
        let guarded = expected.guarded(part);
        let done = (number, parts.len());
        let failed =
            |failure| Err(Unwritten::Failed(Error::write(T::LAYOUT.name, reading.prefix(), done, failure)));
        let revision = match store.commit(guarded).await {
            Ok(Committed::At { revision, proven }) => {
                // Of a store that was rewound meanwhile, nothing newer shows that its keys are others.
                is_proven &= proven && revision > expected.known.revision;
                revision
            }
            Ok(Committed::Conflict) => return Err(Unwritten::Conflict(Conflict { expected, done })),
            Err(error) if error.maybe_applied() => match find_out(&*store, &expected, part).await {
                Fate::Applied(revision) => {
                    is_proven = false;
                    revision
                }
                Fate::Overtaken => return Err(Unwritten::Conflict(Conflict { expected, done })),
                Fate::Unknown(why) => return failed(WriteFailure::Unknown { why, error }),
            },
            Err(error) => {
                let keys =
                    part.iter().map(|write| String::from_utf8_lossy(&write.key).into_owned()).collect();
                return failed(WriteFailure::Refused { keys, error });
            }
        };
        expected.take_over(part, revision);
    }
    let revision = expected.known.revision;
    let doubt = if is_proven { None } else { what_is_there(&*store, &expected).await };
    Ok(Wrote { revision, doubt })
}

impl Unwritten {
    /// As an error that names the keys that have moved, which are asked for now.
    pub(super) async fn explained<T: Derived>(self, reading: &Reading) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Conflict(Conflict { expected, done }) => {
                let connections = reading.connections_here();
                let keys = who_moved(&*connections.store(), &expected).await;
                let failure = WriteFailure::Conflict { read_at: reading.listing.revision, keys };
                Error::write(T::LAYOUT.name, reading.prefix(), done, failure)
            }
        }
    }
}

impl Wrote {
    /// Decides whether what is there passes the checks.
    pub(super) fn proven<T: Derived>(self, reading: &Reading) -> Result<Written, Error> {
        let Self { revision, doubt } = self;
        let written = Written { revision, changed: true };
        let failed = |failure| Err(Error::write(T::LAYOUT.name, reading.prefix(), (0, 1), failure));
        match doubt {
            None => Ok(written),
            Some(Err(error)) => failed(WriteFailure::Unproven { revision, error }),
            Some(Ok(listing)) => match decode_all::<T>(&tree_of::<T>(reading.prefix(), &listing)) {
                Ok(decoded) => {
                    panics::drop_caught(decoded);
                    Ok(written)
                }
                Err(problems) => {
                    let report = Report::new(T::LAYOUT.name, reading.prefix(), listing.revision, problems);
                    failed(WriteFailure::SlippedIn { revision, report })
                }
            },
        }
    }
}

/// The keys that are to be conditions before others; none where there is room for all.
fn foremost_of<T: Derived>(reading: &Reading, at_once: usize) -> Vec<Bytes> {
    if reading.listing.entries.len() <= at_once {
        return Vec::new();
    }
    let schema = Schema::new(survey::<T>(), reading.prefix());
    foremost(schema.branch(), reading.prefix())
}

/// What there is after the writes, if it is not what is expected.
async fn what_is_there(
    store: &dyn Store,
    expected: &Expected,
) -> Option<Result<Listing, etcd_client_core::Error>> {
    let listing = match store.list_at(&expected.prefix, expected.known.revision).await {
        // Without a past there is the present.
        Err(error) if matches!(error.kind(), Kind::InvalidRequest | Kind::Compacted) => {
            store.list(&expected.prefix).await
        }
        answer => answer,
    };
    Some(listing).filter(|listing| listing.as_ref().map_or(true, |listing| !expected.is(listing)))
}

/// The keys that are not as they were read; none if that cannot be read either.
async fn who_moved(store: &dyn Store, expected: &Expected) -> Vec<ConflictingKey> {
    let Ok(listing) = store.list(&expected.prefix).await else { return Vec::new() };
    let mut gone = expected.values.clone();
    let mut moved = Vec::new();
    let text = |key: &Bytes| String::from_utf8_lossy(key).into_owned();
    for entry in &listing.entries {
        let before = gone.remove(&entry.key);
        if entry.revision > expected.known.revision || before.is_none() {
            moved.push(ConflictingKey { key: text(&entry.key), revision: Some(entry.revision) });
        }
    }
    moved.extend(gone.keys().map(|key| ConflictingKey { key: text(key), revision: None }));
    moved
}
