//! What has become of a write whose answer was lost.

use std::collections::HashSet;
use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use etcd_client_core::{Change, Entry, Kind, Signal, Store, Write};
use tokio::time::{Instant, sleep, timeout_at};

use super::expected::Expected;
use crate::reading::writes_at_once;

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
/// the first write after that is either they, or what keeps them from being made: for ever if it is of a key that has to
/// be as it was read, and else as long as the key is there. Where a store takes one key at a time, as over etcd's v2 API,
/// the condition is of that key alone.
pub(super) async fn find_out(store: &dyn Store, expected: &Expected, part: &[Write]) -> Fate {
    let begin = Instant::now();
    loop {
        match look(store, expected, part).await {
            Ok(Some(fate)) => return fate,
            Ok(None) if begin.elapsed() >= GRACE => {
                return Fate::Unknown("the store does not show it so far".to_owned());
            }
            Err(why) if begin.elapsed() >= PATIENCE => return Fate::Unknown(why),
            Ok(None) | Err(_) => sleep(PAUSE).await,
        }
    }
}

/// What the store shows of them now; `None` is nothing. An error says what cannot be read.
async fn look(store: &dyn Store, expected: &Expected, part: &[Write]) -> Result<Option<Fate>, String> {
    let listing = store.list(&expected.prefix).await;
    let listing = listing.map_err(|error| format!("the store cannot be read either: {error}"))?;
    if listing.revision < expected.known.revision {
        return Ok(Some(Fate::Unknown("the history of the store was rewound meanwhile".to_owned())));
    }
    let is_new = |revision: u64| revision > expected.known.revision;
    let has_changed = listing.entries.iter().any(|entry| is_new(entry.revision))
        || listing.entries.len() != expected.values.len();
    if !has_changed {
        return Ok(None);
    }
    let needed = expected.needed(part, writes_at_once(store, &expected.prefix));
    first_write(store, expected, part, &needed, listing.revision).await
}

/// Looks through what was written after the state that was read, up to a revision, for these writes, or for what keeps
/// them from ever being made.
async fn first_write(
    store: &dyn Store,
    expected: &Expected,
    part: &[Write],
    needed: &HashSet<Bytes>,
    up_to: u64,
) -> Result<Option<Fate>, String> {
    let unreadable = |why: String| format!("what was written meanwhile cannot be read: {why}");
    let opened = store.watch(&expected.prefix, Some(expected.known.revision)).await;
    let failed = |error: etcd_client_core::Error| match error.kind() {
        // Later it is no better.
        Kind::Compacted => Ok(Some(Fate::Unknown(unreadable("it is compacted".to_owned())))),
        _ => Err(unreadable(error.to_string())),
    };
    let mut opened = match opened {
        Ok(opened) => opened,
        Err(error) => return failed(error),
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let next = timeout_at(deadline, poll_fn(|cx| opened.watch.poll_next(cx))).await;
        match next {
            Ok(Ok(Signal::Batch(batch))) => {
                if is_made_of(&batch.changes, part) {
                    return Ok(Some(Fate::Applied(batch.revision)));
                }
                if forbids(&batch.changes, needed) {
                    return Ok(Some(Fate::Overtaken));
                }
                if batch.revision >= up_to {
                    return Ok(None);
                }
            }
            Ok(Ok(Signal::Progress(revision))) if revision >= up_to => return Ok(None),
            Ok(Ok(Signal::Stale)) => return Err(unreadable("it came out of order".to_owned())),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return failed(error),
            Err(_) => return Err(unreadable(format!("it has not come within {PATIENCE:?}"))),
        }
    }
}

/// Whether these changes of others keep the writes from ever being made: a key that has to be as it was read has changed.
/// A new key does so only until it is gone again.
fn forbids(changes: &[Change], needed: &HashSet<Bytes>) -> bool {
    changes.iter().any(|change| match change {
        Change::Put(Entry { key, .. }) | Change::Delete(key) => needed.contains(key),
        Change::DeleteBelow(start) => needed.iter().any(|key| key.starts_with(start)),
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
