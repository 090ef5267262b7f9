//! Whether a store still has the history that the mirror comes from, asked before a watch resumes, or beside what was
//! written since (rule 6).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::store::{BoxFuture, Delta, HistoryMark, Opened, Prefix, Store};
use crate::{Error, Kind};

/// How long the store may take to answer; after that, a rewind is left for the audit to find.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// Opens a watch, and then asks the store whether it has the history that `mark` describes. In this order,
/// because a restore or a compaction after the answer ends the stream that is open already.
///
/// `may_lag`: the member that has the stream may not have come to the mark's revision yet. A watch of a store whose
/// head is after `until` will not be used, so nothing is asked.
pub(super) fn opened_in_same_history(
    call: BoxFuture<Result<Opened, Error>>,
    store: &Arc<dyn Store>,
    prefix: &Prefix,
    mark: HistoryMark,
    may_lag: bool,
    until: u64,
) -> BoxFuture<Result<Opened, Error>> {
    let (store, prefix) = (Arc::clone(store), prefix.clone());
    Box::pin(async move {
        let mut opened = call.await?;
        if opened.head > until {
            return Ok(opened);
        }
        let revision = mark.revision;
        match timeout(ANSWERED_WITHIN, store.has_history(&prefix, mark)).await {
            Ok(Ok(false)) => {
                let message = format!("{prefix} was not at revision {revision} what it was seen to be");
                Err(Error::new(Kind::FutureRevision, message))
            }
            // The cluster has that revision; a lagging member will come to it.
            Ok(Ok(true)) if may_lag => {
                opened.head = opened.head.max(revision);
                Ok(opened)
            }
            // The stream begins at the very revision of the compaction, of which etcd before the autumn
            // of 2024 leaves out the deletions (etcd-io/etcd#18089).
            Ok(Err(error)) if error.kind() == Kind::Compacted => Err(error),
            _ => Ok(opened),
        }
    })
}

/// What was written since a revision, and whether the history was another one.
pub(super) struct SinceMark {
    pub(super) delta: Delta,
    /// It is known not to be the mark's. Where the past is compacted, only the delta can show it.
    pub(super) other_history: bool,
}

/// Asks for what was written since `since`, and at the same time whether the store has the history that `mark`
/// describes.
pub(super) fn written_since(
    store: &Arc<dyn Store>,
    prefix: &Prefix,
    since: u64,
    mark: HistoryMark,
) -> BoxFuture<Result<SinceMark, Error>> {
    let written = store.written_since(prefix, since);
    let history = timeout(ANSWERED_WITHIN, store.has_history(prefix, mark));
    Box::pin(async move {
        let (delta, history) = tokio::join!(written, history);
        let other_history = matches!(history, Ok(Ok(false)));
        Ok(SinceMark { delta: delta?, other_history })
    })
}
