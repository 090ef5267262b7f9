//! Whether a store still has the history that the mirror comes from, asked before a watch goes on, or beside what was
//! written since (rule 6). One that begins at the very revision that was just listed needs no question: nothing is
//! replayed, and the listing is as new as an answer would be.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::store::{BoxFuture, Delta, HistoryMark, Opened, Prefix, Store};
use crate::{Error, Kind};

/// How long the store may take to answer; after that, a rewind is left for the audit to find.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// A watch that was opened, and what the store has said since of the mirror's history.
pub(super) struct Confirmed {
    pub(super) opened: Opened,
    /// What was written since a revision, if that was asked and answered.
    pub(super) written: Option<Written>,
}

/// What was written since a revision.
pub(super) struct Written {
    pub(super) since: u64,
    pub(super) delta: Delta,
}

/// What is asked before a watch goes on.
#[derive(Clone, Copy)]
pub(super) struct Question {
    /// Whether the watch follows a lost one, and no listing: much may have happened since the mark, and the member that has
    /// the stream may not have come to its revision yet.
    pub(super) is_resume: bool,
    /// Nothing is asked if the store's head is after this: the watch will not be used.
    pub(super) until: u64,
    /// From which revision on the store is first asked what was written: if nothing was after the mark, that proves the
    /// history, and is an audit as well.
    pub(super) since: Option<u64>,
}

impl From<Opened> for Confirmed {
    fn from(opened: Opened) -> Self {
        Self { opened, written: None }
    }
}

/// Opens a watch, and then asks the store whether it has the history that `mark` describes. In this order,
/// because a restore or a compaction after the answer ends the stream that is open already.
pub(super) fn opened_in_same_history(
    call: BoxFuture<Result<Opened, Error>>,
    store: &Arc<dyn Store>,
    prefix: &Prefix,
    mark: HistoryMark,
    question: Question,
) -> BoxFuture<Result<Confirmed, Error>> {
    let (store, prefix) = (Arc::clone(store), prefix.clone());
    Box::pin(async move {
        let mut opened = call.await?;
        let revision = mark.revision;
        let is_of_listing = !question.is_resume && opened.head == revision;
        if opened.head > question.until || is_of_listing {
            return Ok(opened.into());
        }
        let other_history = || {
            let message = format!("{prefix} was not at revision {revision} what it was seen to be");
            Error::new(Kind::FutureRevision, message)
        };
        let mut written = None;
        if let Some(since) = question.since {
            match timeout(ANSWERED_WITHIN, store.written_since(&prefix, since)).await {
                Ok(Ok(delta)) if delta.cluster == opened.cluster => {
                    if delta.revision < revision {
                        return Err(other_history());
                    }
                    written = Some(Written { since, delta });
                }
                Ok(_) => {}
                Err(_) => return Ok(opened.into()),
            }
        }
        if written.as_ref().is_some_and(|written| written.is_nothing_since(revision, mark.count)) {
            opened.head = opened.head.max(revision);
            return Ok(Confirmed { opened, written });
        }
        match timeout(ANSWERED_WITHIN, store.has_history(&prefix, mark)).await {
            Ok(Ok(false)) => return Err(other_history()),
            // The cluster has that revision; a lagging member will come to it.
            Ok(Ok(true)) if question.is_resume => opened.head = opened.head.max(revision),
            // The stream begins at the very revision of the compaction, of which etcd before the autumn
            // of 2024 leaves out the deletions (etcd-io/etcd#18089).
            Ok(Err(error)) if error.kind() == Kind::Compacted => return Err(error),
            _ => {}
        }
        Ok(Confirmed { opened, written })
    })
}

impl Written {
    /// Whether nothing was written after that revision, at which there were so many keys.
    pub(super) fn is_nothing_since(&self, revision: u64, count: usize) -> bool {
        self.delta.count == count && self.delta.entries.iter().all(|entry| entry.revision <= revision)
    }
}

/// What was written since a revision, and whether the store has another history than the mirror.
pub(super) struct CheckedDelta {
    pub(super) delta: Delta,
    /// The store has said so. Where its past is compacted it cannot, and only the delta may show it.
    pub(super) other_history: bool,
}

/// Asks for what was written since `since`, and at the same time whether the store has the history that `mark`
/// describes.
pub(super) fn written_since(
    store: &Arc<dyn Store>,
    prefix: &Prefix,
    since: u64,
    mark: HistoryMark,
) -> BoxFuture<Result<CheckedDelta, Error>> {
    let written = store.written_since(prefix, since);
    let history = timeout(ANSWERED_WITHIN, store.has_history(prefix, mark));
    Box::pin(async move {
        let (delta, history) = tokio::join!(written, history);
        let other_history = matches!(history, Ok(Ok(false)));
        Ok(CheckedDelta { delta: delta?, other_history })
    })
}
