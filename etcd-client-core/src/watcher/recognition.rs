//! Whether a store still has the history that a watch was lost in (rule 6).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::store::{BoxFuture, Opened, Past, Prefix, Store};
use crate::{Error, Kind};

/// How long a store may take to recognize its past; then it is left to the audit.
const RECOGNIZED_WITHIN: Duration = Duration::from_secs(1);

/// A stream may only go on in the history that it was lost in. What would replace that history ends
/// the stream, too, so the question comes behind its opening.
pub(super) fn required(
    call: BoxFuture<Result<Opened, Error>>,
    store: &Arc<dyn Store>,
    prefix: &Prefix,
    past: Past,
) -> BoxFuture<Result<Opened, Error>> {
    let (store, prefix) = (Arc::clone(store), prefix.clone());
    Box::pin(async move {
        let mut opened = call.await?;
        let revision = past.revision;
        match timeout(RECOGNIZED_WITHIN, store.recognizes(&prefix, past)).await {
            Ok(Some(false)) => {
                let message = format!("{prefix} was not at revision {revision} what it was seen to be");
                Err(Error::new(Kind::FutureRevision, message))
            }
            // The member that has the stream may be behind the others; it will come to it.
            Ok(Some(true)) => {
                opened.head = opened.head.max(revision);
                Ok(opened)
            }
            Ok(None) | Err(_) => Ok(opened),
        }
    })
}
