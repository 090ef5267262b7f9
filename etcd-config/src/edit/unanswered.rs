//! What has become of a write whose answer was lost.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use etcd_client_core::{Change, Kind, Signal, Store, Write};
use tokio::time::{Instant, sleep, timeout_at};

use super::expected::Expected;

/// How long a write that is not to be seen may still be on its way before that is said.
const GRACE: Duration = Duration::from_secs(1);
/// How long a store that does not answer is asked.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// What is known of the write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Applied(u64),
    /// Somebody else was first, so it was not applied, and never will be.
    Overtaken,
    /// It is not to be seen, and may still be carried out; or it cannot be read. The words say which.
    Unknown(String),
}

/// Reads until it is known what has become of these writes. Their condition is that nothing was written since, so
/// the first write after that is either they, or what keeps them from being made. Where a store takes one key at a time,
/// as over etcd's v2 API, the condition is of that key alone.
pub(super) async fn find_out(store: &dyn Store, expected: &Expected, part: &[Write]) -> Fate {
    let begin = Instant::now();
    loop {
        let silence = match store.list(&expected.prefix).await {
            Ok(listing) if listing.revision < expected.known.revision => {
                return Fate::Unknown("the history of the store was rewound meanwhile".to_owned());
            }
            Ok(listing) => {
                let is_new = |revision: u64| revision > expected.known.revision;
                let has_changed = listing.entries.iter().any(|entry| is_new(entry.revision))
                    || listing.entries.len() != expected.values.len();
                if has_changed && let Some(fate) = first_write(store, expected, part, listing.revision).await
                {
                    return fate;
                }
                if begin.elapsed() >= GRACE {
                    return Fate::Unknown("it is not to be seen in the store so far".to_owned());
                }
                None
            }
            Err(error) => Some(error),
        };
        if let Some(error) = silence
            && begin.elapsed() >= PATIENCE
        {
            return Fate::Unknown(format!("the store cannot be read either: {error}"));
        }
        sleep(PAUSE).await;
    }
}

/// Looks for the first write after the state that was read, up to a revision; `None` if there is nothing up to there
/// that has kept it from being made.
async fn first_write(store: &dyn Store, expected: &Expected, part: &[Write], up_to: u64) -> Option<Fate> {
    let unreadable =
        |why: String| Some(Fate::Unknown(format!("what was written meanwhile cannot be read: {why}")));
    let mut opened = match store.watch(&expected.prefix, Some(expected.known.revision)).await {
        Ok(opened) => opened,
        Err(error) => return unreadable(error.to_string()),
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let next = timeout_at(deadline, poll_fn(|cx| opened.watch.poll_next(cx))).await;
        match next {
            Ok(Ok(Signal::Batch(batch))) => {
                if is_made_of(&batch.changes, part) {
                    return Some(Fate::Applied(batch.revision));
                }
                if forbids(&batch.changes, part, store.writes_at_once() > 1) {
                    return Some(Fate::Overtaken);
                }
                if batch.revision >= up_to {
                    return None;
                }
            }
            Ok(Ok(Signal::Progress(revision))) if revision >= up_to => return None,
            Ok(Ok(Signal::Stale)) => return unreadable("it came out of order".to_owned()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.kind() == Kind::Compacted => {
                return unreadable("it is compacted".to_owned());
            }
            Ok(Err(error)) => return unreadable(error.to_string()),
            Err(_) => return unreadable(format!("it has not come within {PATIENCE:?}")),
        }
    }
}

/// Whether these changes of others keep the writes from being made from then on. A deletion elsewhere need not be seen
/// by their conditions.
fn forbids(changes: &[Change], part: &[Write], is_of_all: bool) -> bool {
    let is_own = |key: &Bytes| part.iter().any(|write| write.key == *key);
    changes.iter().any(|change| match change {
        Change::Put(entry) => is_of_all || is_own(&entry.key),
        Change::Delete(key) => is_own(key),
        Change::DeleteBelow(start) => part.iter().any(|write| write.key.starts_with(start)),
    })
}

/// Whether the changes of one revision are these writes.
fn is_made_of(changes: &[Change], part: &[Write]) -> bool {
    changes.len() == part.len()
        && part.iter().all(|write| {
            changes.iter().any(|change| match (change, &write.value) {
                (Change::Put(entry), Some(value)) => entry.key == write.key && entry.value == *value,
                (Change::Delete(key), None) => *key == write.key,
                _ => false,
            })
        })
}
