//! Several changes at one revision.

use bytes::Bytes;

use super::MemoryStore;
use crate::printable::{Key, Length};

/// Several changes that become one revision, made by [`MemoryStore::transaction`]. Whoever watches sees all of them or
/// none.
///
/// ```
/// use etcd_client_core::MemoryStore;
///
/// let store = MemoryStore::from([("/app/host", "a"), ("/app/port", "1"), ("/app/old", "x")]);
/// let transaction = store.transaction().put("/app/host", "b").put("/app/port", "2").delete("/app/old");
/// assert_eq!(store.get("/app/host").as_deref(), Some(&b"a"[..])); // not before `commit`
/// assert_eq!(transaction.commit(), store.revision());
/// assert_eq!(store.get("/app/host").as_deref(), Some(&b"b"[..]));
/// assert_eq!(store.get("/app/old"), None);
/// ```
#[must_use = "nothing happens before `commit`"]
pub struct Transaction {
    store: MemoryStore,
    changes: Vec<(Bytes, Option<Bytes>)>,
}

impl Transaction {
    pub(super) fn of(store: MemoryStore) -> Self {
        Self { store, changes: Vec::new() }
    }

    /// Writes a key.
    pub fn put(mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.changes.push((Bytes::from(key.into()), Some(Bytes::from(value.into()))));
        self
    }

    /// Deletes a key. That there is no such key is no error.
    pub fn delete(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.changes.push((Bytes::from(key.into()), None));
        self
    }

    /// Makes all changes at one revision, and returns it. If a key occurs more than once, its last change
    /// counts. If nothing changes, because there are only deletions of keys that are not there, the revision stays.
    pub fn commit(self) -> u64 {
        self.store.change(|state| state.keyspace.commit(self.changes))
    }
}

/// Shows the keys, and the lengths of the values, which may be secret.
impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let changes = self.changes.iter().map(|(key, value)| (Key(key), value.as_ref().map(Length::of)));
        f.debug_map().entries(changes).finish()
    }
}
