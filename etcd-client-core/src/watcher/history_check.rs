//! Whether a store still has the history that a watch is to go on in (rule 6).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::store::{BoxFuture, HistoryMark, Opened, Prefix, Store};
use crate::{Error, Kind};

/// How long a store may take to recognize its past; then it is left to the audit.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// A stream may only begin after a past that the store still knows as its own. What would replace
/// that past, or forget it, ends the stream or comes before it, so the question follows its opening.
///
/// A member that `may_lag` may be behind that past itself.
pub(super) fn required(
    call: BoxFuture<Result<Opened, Error>>,
    store: &Arc<dyn Store>,
    prefix: &Prefix,
    past: HistoryMark,
    may_lag: bool,
) -> BoxFuture<Result<Opened, Error>> {
    let (store, prefix) = (Arc::clone(store), prefix.clone());
    Box::pin(async move {
        let mut opened = call.await?;
        let revision = past.revision;
        match timeout(ANSWERED_WITHIN, store.has_history(&prefix, past)).await {
            Ok(Ok(false)) => {
                let message = format!("{prefix} was not at revision {revision} what it was seen to be");
                Err(Error::new(Kind::FutureRevision, message))
            }
            // The member that has the stream is behind the others; it will come to it.
            Ok(Ok(true)) if may_lag => {
                opened.head = opened.head.max(revision);
                Ok(opened)
            }
            // The stream begins at the very revision of the compaction, where etcd before the autumn
            // of 2024 leaves out the deletions (etcd-io/etcd#18089).
            Ok(Err(error)) if error.kind() == Kind::Compacted => Err(error),
            _ => Ok(opened),
        }
    })
}
