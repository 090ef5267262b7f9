//! An entry as a part of the memory that it lies in.

use std::cmp::Ordering;
use std::fmt;

use bytes::Bytes;

use crate::store::listing::Entry;

/// An entry of a [`PackedListing`](crate::PackedListing).
#[derive(Clone, Copy)]
pub struct PackedEntry<'p> {
    /// What the keys around it begin with, too: a directory with its slash, or nothing.
    pub directory: &'p [u8],
    /// The rest of the key. If [`directory`](Self::directory) is not empty, there is no slash in it.
    pub name: &'p [u8],
    /// The value.
    pub value: &'p [u8],
    /// The revision of the last write to this key.
    pub revision: u64,
    /// The memory that the value is a part of.
    pub(super) memory: &'p Bytes,
}

impl<'p> PackedEntry<'p> {
    /// The view of an entry that is not packed.
    pub(crate) fn of(entry: &'p Entry) -> Self {
        let Entry { key, value, revision } = entry;
        Self { directory: &[], name: key, value, revision: *revision, memory: value }
    }

    /// The whole key.
    pub fn key(self) -> Bytes {
        [self.directory, self.name].concat().into()
    }

    /// How the whole key compares with another one.
    pub fn cmp_key(self, other: &[u8]) -> Ordering {
        let (start, rest) = other.split_at(self.directory.len().min(other.len()));
        self.directory.cmp(start).then_with(|| self.name.cmp(rest))
    }

    /// Whether the whole key begins with these bytes.
    pub fn is_below(self, start: &[u8]) -> bool {
        let (here, rest) = start.split_at(self.directory.len().min(start.len()));
        self.directory.starts_with(here) && self.name.starts_with(rest)
    }

    /// The value, which shares the memory of its block.
    pub fn value(self) -> Bytes {
        self.memory.slice_ref(self.value)
    }

    /// The memory that the value is a part of, of which [`Bytes::slice_ref`] makes it.
    #[inline]
    pub fn memory(self) -> &'p Bytes {
        self.memory
    }

    /// The same as an entry of its own.
    pub fn entry(self) -> Entry {
        Entry { key: self.key(), value: self.value(), revision: self.revision }
    }

    /// The length of the whole key.
    pub(crate) fn key_len(self) -> usize {
        self.directory.len() + self.name.len()
    }

    /// Whether it is this entry: key, value and revision.
    pub(crate) fn is(self, entry: &Entry) -> bool {
        self.revision == entry.revision && self.value == entry.value && self.cmp_key(&entry.key).is_eq()
    }
}

impl fmt::Debug for PackedEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry().fmt(f)
    }
}
