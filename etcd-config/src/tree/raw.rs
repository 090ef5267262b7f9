//! What is stored at a key, and in which layer.

use std::fmt;

use bytes::Bytes;
use etcd_client_core::{Entry, PackedEntry};

/// The bits of a revision; those above are the number of the layer. At a million writes a second they last for two
/// thousand years.
const REVISION: u32 = 56;

/// What is stored at a key, where the tree has it. `Debug` does not show the value.
#[derive(Clone, Copy)]
pub struct Raw<'t> {
    pub value: &'t [u8],
    stamp: Stamp,
    /// The memory that the value is a part of.
    memory: &'t Bytes,
}

/// The same as a value of its own.
#[derive(Clone)]
pub(crate) struct RawBuf {
    pub value: Bytes,
    stamp: Stamp,
}

/// The revision and the layer, in one word: a large map may have one for each entry.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp(u64);

impl Stamp {
    fn new(revision: u64, layer: u8) -> Self {
        Self(u64::from(layer) << REVISION | revision.min((1 << REVISION) - 1))
    }
}

impl<'t> Raw<'t> {
    /// A packed entry, of the layer with this number.
    pub(super) fn of(entry: PackedEntry<'t>, layer: u8) -> Self {
        Self { value: entry.value, stamp: Stamp::new(entry.revision, layer), memory: entry.memory() }
    }

    /// The revision of the last write.
    pub(crate) fn revision(self) -> u64 {
        self.stamp.0 & ((1 << REVISION) - 1)
    }

    /// The number of the layer that has it.
    pub(crate) fn layer(self) -> usize {
        usize::try_from(self.stamp.0 >> REVISION).unwrap_or_default()
    }

    /// Whether it is the very same: the value, its revision and its layer.
    pub(super) fn is(self, other: &RawBuf) -> bool {
        self.stamp == other.stamp && self.value == other.value
    }

    /// The same as a value of its own, which shares the memory.
    pub(crate) fn to_buf(self) -> RawBuf {
        RawBuf { value: self.memory.slice_ref(self.value), stamp: self.stamp }
    }

    pub(super) fn entry(self, key: Bytes) -> Entry {
        Entry { key, value: self.memory.slice_ref(self.value), revision: self.revision() }
    }
}

impl RawBuf {
    /// An entry of the layer with this number; 0 is the lowest one, and that of a configuration without layers.
    pub(super) fn of(entry: &Entry, layer: u8) -> Self {
        Self { value: entry.value.clone(), stamp: Stamp::new(entry.revision, layer) }
    }

    pub(crate) fn read(&self) -> Raw<'_> {
        Raw { value: &self.value, stamp: self.stamp, memory: &self.value }
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes, revision {})", self.value.len(), self.revision())
    }
}

impl fmt::Debug for RawBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_takes_no_memory_and_spoils_no_revision() {
        assert_eq!(size_of::<Option<RawBuf>>(), size_of::<Bytes>() + size_of::<u64>());
        for (revision, kept) in [(0, 0), (7, 7), (u64::MAX, (1 << 56) - 1)] {
            for layer in [0, 1, u8::MAX] {
                let raw = RawBuf::of(&Entry { key: Bytes::new(), value: Bytes::new(), revision }, layer);
                assert_eq!((raw.read().revision(), raw.read().layer()), (kept, usize::from(layer)));
            }
        }
    }
}
