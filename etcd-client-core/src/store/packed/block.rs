//! Some entries in one piece of memory, and how they lie there.

use std::cmp::Ordering;

use bytes::Bytes;

use super::entry::PackedEntry;
use crate::store::listing::Entry;

/// Of so many entries of a block it is known where the first one begins; the others are read on the way from there.
const GROUP: usize = 16;

/// Some entries that follow one another.
pub(super) struct Block {
    /// What all keys of the block begin with, and then of each entry its [`Numbers`], the rest of its key and its value.
    bytes: Bytes,
    /// How long the common part is: a directory with its slash, or nothing.
    directory: usize,
    /// Where the groups of entries begin.
    starts: Box<[u32]>,
    /// How many entries there are, and how many in the blocks before.
    len: usize,
    pub(super) before: usize,
}

/// The entries of a block, from one of them on.
#[derive(Clone)]
pub(super) struct BlockEntries<'p> {
    block: &'p Block,
    /// The place of the next one in the block.
    place: usize,
    /// Its bytes, and all after it.
    rest: &'p [u8],
    before: Numbers,
}

/// What is kept of an entry beside its bytes. A byte says which of them differ from those of the entry before, and
/// these follow; in most listings there are few.
#[derive(Clone, Copy, Default)]
struct Numbers {
    revision: u64,
    /// Lengths.
    name: u64,
    value: u64,
}

impl Block {
    /// Of entries whose keys begin with a directory of this length, after so many others.
    pub(super) fn of(entries: &[Entry], directory: usize, before: usize) -> Self {
        let own = entries.iter().map(|entry| entry.key.len() - directory + entry.value.len());
        let mut bytes = Vec::with_capacity(directory + own.sum::<usize>() + 4 * entries.len());
        let mut starts = Vec::with_capacity(entries.len().div_ceil(GROUP));
        bytes.extend_from_slice(entries.first().map_or(&[], |first| &first.key[..directory]));
        for group in entries.chunks(GROUP) {
            // A block of several entries is small.
            starts.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            let mut last = Numbers::default();
            for Entry { key, value, revision } in group {
                let name = key.get(directory..).unwrap_or_default();
                let numbers =
                    Numbers { revision: *revision, name: name.len() as u64, value: value.len() as u64 };
                numbers.push(last, &mut bytes);
                bytes.extend_from_slice(name);
                bytes.extend_from_slice(value);
                last = numbers;
            }
        }
        bytes.shrink_to_fit();
        Self { bytes: bytes.into(), directory, starts: starts.into(), len: entries.len(), before }
    }

    /// The entries from a place in the block on.
    pub(super) fn from(&self, place: usize) -> BlockEntries<'_> {
        let group = place / GROUP;
        let mut entries = match self.starts.get(group) {
            Some(start) => self.group(group, *start),
            None => BlockEntries { block: self, place: self.len, rest: &[], before: Numbers::default() },
        };
        while entries.place < place.min(self.len) {
            entries.next();
        }
        entries
    }

    /// The entries from a group on, which begins there.
    fn group(&self, group: usize, start: u32) -> BlockEntries<'_> {
        let rest = self.bytes.get(start as usize..).unwrap_or_default();
        BlockEntries { block: self, place: group * GROUP, rest, before: Numbers::default() }
    }

    /// The place in the whole listing, and the entry, or else where it would be.
    pub(super) fn search_by(
        &self,
        compare: impl Fn(PackedEntry<'_>) -> Ordering,
    ) -> Result<(usize, PackedEntry<'_>), usize> {
        let (mut low, mut high) = (0, self.starts.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let first = self.from(middle * GROUP).next();
            if first.is_some_and(|first| compare(first).is_le()) { low = middle + 1 } else { high = middle }
        }
        let mut entries = self.from(low.saturating_sub(1) * GROUP);
        loop {
            let place = self.before + entries.place;
            let Some(entry) = entries.next() else { return Err(place) };
            match compare(entry) {
                Ordering::Less => {}
                Ordering::Equal => return Ok((place, entry)),
                Ordering::Greater => return Err(place),
            }
        }
    }

    /// How much memory it takes.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + 4 * self.starts.len() + size_of::<Self>()
    }
}

impl<'p> Iterator for BlockEntries<'p> {
    type Item = PackedEntry<'p>;

    #[inline]
    fn next(&mut self) -> Option<PackedEntry<'p>> {
        let block = self.block;
        if self.place >= block.len {
            return None;
        }
        if self.place.is_multiple_of(GROUP) {
            self.before = Numbers::default();
        }
        let numbers = Numbers::take(self.before, &mut self.rest);
        let directory = block.bytes.get(..block.directory).unwrap_or_default();
        let (name, rest) = cut(self.rest, numbers.name);
        let (value, rest) = cut(rest, numbers.value);
        (self.place, self.rest, self.before) = (self.place + 1, rest, numbers);
        Some(PackedEntry { directory, name, value, revision: numbers.revision, memory: &block.bytes })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.block.len - self.place;
        (left, Some(left))
    }
}

impl ExactSizeIterator for BlockEntries<'_> {}

/// The first bytes, and the others.
#[inline]
fn cut(bytes: &[u8], length: u64) -> (&[u8], &[u8]) {
    usize::try_from(length).ok().and_then(|length| bytes.split_at_checked(length)).unwrap_or_default()
}

impl Numbers {
    /// Writes what is not as before.
    fn push(self, before: Self, bytes: &mut Vec<u8>) {
        let differs =
            [self.revision != before.revision, self.name != before.name, self.value != before.value];
        let [revision, name, value] = differs.map(u8::from);
        bytes.push(revision | name << 1 | value << 2);
        if differs[0] {
            let more = self.revision.wrapping_sub(before.revision).cast_signed();
            // Small numbers stay small, whatever their sign.
            push(bytes, (more << 1 ^ more >> 63).cast_unsigned());
        }
        if differs[1] {
            push(bytes, self.name);
        }
        if differs[2] {
            push(bytes, self.value);
        }
    }

    #[inline]
    fn take(mut before: Self, bytes: &mut &[u8]) -> Self {
        let Some((which, rest)) = bytes.split_first() else { return before };
        *bytes = rest;
        if which & 1 != 0 {
            let more = take(bytes);
            before.revision = before.revision.wrapping_add(more >> 1 ^ (more & 1).wrapping_neg());
        }
        if which & 2 != 0 {
            before.name = take(bytes);
        }
        if which & 4 != 0 {
            before.value = take(bytes);
        }
        before
    }
}

/// Writes a number, seven bits a byte; the last one has no eighth bit.
fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

#[inline]
fn take(bytes: &mut &[u8]) -> u64 {
    if let Some((byte, rest)) = bytes.split_first()
        && *byte < 0x80
    {
        *bytes = rest;
        return u64::from(*byte);
    }
    let (mut number, mut shift) = (0, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (shift & 63);
        shift += 7;
        if *byte < 0x80 {
            break;
        }
    }
    number
}
