//! What lies below a prefix at one revision, or as much of it as was written since another.

use std::fmt;

use bytes::Bytes;

use crate::printable::{Key, Length};

/// The state of a prefix at one revision, from [`Store::list`](crate::Store::list). Changes after it come as
/// [`Batch`](crate::Batch)es.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The revision of the whole store at which this was its state.
    pub revision: u64,
    /// The id of the cluster that answered, 0 if it is unknown.
    pub cluster: u64,
    /// The keys with their values, in ascending order of the keys.
    pub entries: Vec<Entry>,
}

/// What was written below a prefix, from [`Store::written_since`](crate::Store::written_since). Deleted keys show in
/// the count only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The revision of the whole store at which this was its state.
    pub revision: u64,
    /// The id of the cluster that answered, 0 if it is unknown.
    pub cluster: u64,
    /// How many keys there were below the prefix, with those that were not written.
    pub count: usize,
    /// The keys that were written, with their values, in ascending order of the keys.
    pub entries: Vec<Entry>,
}

/// A key and its value, as bytes. `Debug` does not show the value, which may be secret; for people there is
/// [`Printable`](crate::Printable). Clones share the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The whole key, prefix included.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// The revision of the last write to this key (`mod_revision`; v2: `modifiedIndex`).
    pub revision: u64,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &Key(&self.key))
            .field("value", &Length::of(&self.value))
            .field("revision", &self.revision)
            .finish()
    }
}
