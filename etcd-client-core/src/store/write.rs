//! Changes that are made only if what they were decided on still holds.

use std::fmt;

use bytes::Bytes;

use super::{Known, Prefix};
use crate::printable::{Key, Length};

/// Writes that were decided on a state of a prefix, for [`Store::commit`](crate::Store::commit): all of them, or none if
/// that state has changed.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use etcd_client_core::{Committed, GuardedWrites, MemoryStore, Prefix, Store, Write};
///
/// let store = MemoryStore::from([("/app/least", "1"), ("/app/most", "9")]);
/// let prefix = Prefix::new("/app");
/// let listing = store.list(&prefix).await?;
///
/// let entry = &listing.entries[1];
/// let write = Write { key: entry.key.clone(), value: Some("12".into()), read_at: Some(entry.revision) };
/// let writes = GuardedWrites::after(&prefix, &listing, vec![write]);
/// assert!(matches!(store.commit(writes.clone()).await?, Committed::At { proven: true, .. }));
///
/// // What it was decided on is no longer so.
/// assert_eq!(store.commit(writes).await?, Committed::Conflict);
/// # Ok::<_, etcd_client_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardedWrites {
    /// What was read. Nothing below it, in any of its directories, must have been written since.
    pub prefix: Prefix,
    /// The state of the prefix that was read.
    pub known: Known,
    /// Keys that were read, and must still be there, the most important first. Where a store cannot make a condition of
    /// all of them, it finds out afterwards whether one was missing: see [`Committed::At`].
    pub present: Vec<Bytes>,
    /// What is to be written; no key twice.
    pub writes: Vec<Write>,
}

/// The write of one key, in [`GuardedWrites`]. `Debug` does not show the value, which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    /// The whole key, prefix included.
    pub key: Bytes,
    /// The new value; `None` deletes the key.
    pub value: Option<Bytes>,
    /// The [revision](crate::Entry::revision) of the key in the state that was read; `None` if there was no such key.
    pub read_at: Option<u64>,
}

/// What came of [`Store::commit`](crate::Store::commit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Everything is written.
    At {
        /// The revision of the writes; that of the store, if they changed nothing.
        revision: u64,
        /// Whether it is certain that the prefix was, until the writes, as it was read. If not, something may have been
        /// changed in between: read the prefix again.
        proven: bool,
    },
    /// Nothing is written: what was read has changed.
    Conflict,
}

impl GuardedWrites {
    /// Writes that were decided on a listing of the prefix, all of whose keys must still be there.
    pub fn after(prefix: &Prefix, listing: &crate::Listing, writes: Vec<Write>) -> Self {
        let crate::Listing { revision, cluster, ref entries } = *listing;
        let known = Known { revision, cluster, count: entries.len() };
        let present = entries.iter().map(|entry| entry.key.clone()).collect();
        Self { prefix: prefix.clone(), known, present, writes }
    }

    /// How many keys there are below the prefix afterwards, if nothing else has changed there.
    pub fn count_after(&self) -> usize {
        let (mut made, mut deleted) = (0, 0);
        for write in self.writes.iter().filter(|write| self.prefix.directory_of(&write.key).is_some()) {
            match (&write.value, write.read_at) {
                (Some(_), None) => made += 1,
                (None, Some(_)) => deleted += 1,
                _ => {}
            }
        }
        (self.known.count + made).saturating_sub(deleted)
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write")
            .field("key", &Key(&self.key))
            .field("value", &self.value.as_ref().map(Length::of))
            .field("read_at", &self.read_at)
            .finish()
    }
}
