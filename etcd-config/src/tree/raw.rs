//! What is stored at a key, and in which layer.

use std::fmt;

use bytes::Bytes;
use etcd_client_core::Entry;

/// The bits of a revision; those above are the number of the layer. At a million writes a second they last for two
/// thousand years.
const REVISION: u32 = 56;

/// What is stored at a key. `Debug` does not show the value.
#[derive(Clone)]
pub struct Raw {
    pub value: Bytes,
    /// The revision and the layer, in one word: a large map has one for each entry.
    stamp: u64,
}

impl Raw {
    /// An entry of the layer with this number; 0 is the lowest one, and that of a configuration without layers.
    pub(super) fn of(entry: &Entry, layer: u8) -> Self {
        let revision = entry.revision.min((1 << REVISION) - 1);
        Self { value: entry.value.clone(), stamp: u64::from(layer) << REVISION | revision }
    }

    /// The revision of the last write.
    pub(crate) fn revision(&self) -> u64 {
        self.stamp & ((1 << REVISION) - 1)
    }

    /// The number of the layer that has it.
    pub(crate) fn layer(&self) -> usize {
        usize::try_from(self.stamp >> REVISION).unwrap_or_default()
    }

    /// Whether it is the very same: the value, its revision and its layer.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.stamp == other.stamp && self.value == other.value
    }

    pub(super) fn entry(&self, key: Bytes) -> Entry {
        Entry { key, value: self.value.clone(), revision: self.revision() }
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes, revision {})", self.value.len(), self.revision())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_takes_no_memory_and_spoils_no_revision() {
        assert_eq!(size_of::<Option<Raw>>(), size_of::<Bytes>() + size_of::<u64>());
        for (revision, kept) in [(0, 0), (7, 7), (u64::MAX, (1 << 56) - 1)] {
            for layer in [0, 1, u8::MAX] {
                let raw = Raw::of(&Entry { key: Bytes::new(), value: Bytes::new(), revision }, layer);
                assert_eq!((raw.revision(), raw.layer()), (kept, usize::from(layer)));
            }
        }
    }
}
