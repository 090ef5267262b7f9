//! The entries of a listing in little memory.

use std::cmp::Ordering;
use std::fmt;
use std::slice;

use bytes::Bytes;

use super::listing::{Entry, Listing};

/// The most entries in a block: its memory stays as long as any of its values is in use.
const ENTRIES: usize = 256;
/// About the most bytes in a block, if it has several entries.
const BYTES: usize = 64 << 10;
/// So many keys in one directory, one after the other, are a block of their own, in which the directory is kept once.
const FLAT: usize = 8;
/// Of so many entries of a block it is known where the first one begins; the others are read on the way from there.
const GROUP: usize = 16;

/// The entries of a listing, in a hundredth of the allocations: keys, values and revisions lie together in blocks, and what
/// they take beside their own bytes is a few bytes each.
///
/// From [`Watcher::listed`](crate::Watcher::listed), which shares it with the watcher.
#[derive(Default)]
pub struct Packed {
    revision: u64,
    cluster: u64,
    blocks: Vec<Block>,
    len: usize,
}

/// Some entries that follow one another.
struct Block {
    /// What all keys of the block begin with, and then of each entry its [`Numbers`], the rest of its key and its value.
    bytes: Bytes,
    /// How long the common part is: a directory with its slash, or nothing.
    directory: usize,
    /// Where the groups of entries begin.
    starts: Box<[u32]>,
    /// How many entries there are, and how many in the blocks before.
    len: usize,
    before: usize,
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

/// An entry of a [`Packed`] listing.
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
    memory: &'p Bytes,
}

/// Entries of a [`Packed`] listing that follow one another.
#[derive(Clone)]
pub struct PackedEntries<'p> {
    blocks: slice::Iter<'p, Block>,
    block: Option<BlockEntries<'p>>,
}

/// Those of one block.
#[derive(Clone)]
struct BlockEntries<'p> {
    block: &'p Block,
    /// The place of the next one in the block.
    place: usize,
    /// Its bytes, and all after it.
    rest: &'p [u8],
    before: Numbers,
}

impl Packed {
    /// Packs a listing, whose entries are in ascending order of their keys.
    pub fn of(listing: &Listing) -> Self {
        Self::new(listing.revision, listing.cluster, &listing.entries)
    }

    fn new(revision: u64, cluster: u64, entries: &[Entry]) -> Self {
        let (mut blocks, mut rest) = (Vec::new(), entries);
        while !rest.is_empty() {
            let (length, directory) = next_block(rest);
            let (block, after) = rest.split_at(length);
            blocks.push(Block::of(block, directory, entries.len() - rest.len()));
            rest = after;
        }
        blocks.shrink_to_fit();
        Self { revision, cluster, blocks, len: entries.len() }
    }

    /// The revision of the whole store at which it was listed.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The id of the cluster that answered, 0 if it is unknown.
    pub fn cluster(&self) -> u64 {
        self.cluster
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The same as a listing; values share the memory of this one.
    pub fn listing(&self) -> Listing {
        let entries = self.iter().map(PackedEntry::entry).collect();
        Listing { revision: self.revision, cluster: self.cluster, entries }
    }

    /// All entries, in ascending order of their keys.
    pub fn iter(&self) -> PackedEntries<'_> {
        self.from(0)
    }

    /// The entries of one block after the other; all of a block have the same
    /// [`directory`](PackedEntry::directory).
    pub fn blocks(&self) -> impl Iterator<Item = impl ExactSizeIterator<Item = PackedEntry<'_>> + Clone> {
        self.blocks.iter().map(|block| block.from(0))
    }

    /// The entry in a place, counted from 0.
    pub fn get(&self, place: usize) -> Option<PackedEntry<'_>> {
        self.from(place).next()
    }

    /// The entries from a place on.
    pub fn from(&self, place: usize) -> PackedEntries<'_> {
        let number = self.blocks.partition_point(|block| block.before <= place).saturating_sub(1);
        let mut blocks = self.blocks.get(number..).unwrap_or_default().iter();
        let block = blocks.next().map(|block| block.from(place - block.before));
        PackedEntries { blocks, block }
    }

    /// The place of a key, or else where it would be.
    pub fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.search(key).map(|(place, _)| place)
    }

    /// The entry of a key.
    pub fn entry(&self, key: &[u8]) -> Option<PackedEntry<'_>> {
        self.search(key).ok().map(|(_, entry)| entry)
    }

    /// The place and the entry of a key in the directory of the entry in this place, by its name, or else where it would
    /// be.
    pub fn beside(&self, place: usize, name: &[u8]) -> Result<(usize, PackedEntry<'_>), usize> {
        let directory = self.get(place).map_or(&b""[..], |entry| entry.directory);
        let compare = |entry: PackedEntry<'_>| {
            if entry.directory == directory {
                return entry.name.cmp(name);
            }
            entry.directory.iter().chain(entry.name).cmp(directory.iter().chain(name))
        };
        self.search_by(compare)
    }

    fn search(&self, key: &[u8]) -> Result<(usize, PackedEntry<'_>), usize> {
        self.search_by(|entry| entry.cmp_key(key))
    }

    fn search_by(
        &self,
        compare: impl Fn(PackedEntry<'_>) -> Ordering,
    ) -> Result<(usize, PackedEntry<'_>), usize> {
        let is_before = |block: &Block| block.from(0).next().is_some_and(|first| compare(first).is_le());
        let number = self.blocks.partition_point(is_before).saturating_sub(1);
        let Some(block) = self.blocks.get(number) else { return Err(0) };
        block.search_by(compare)
    }
}

impl<'p> IntoIterator for &'p Packed {
    type Item = PackedEntry<'p>;
    type IntoIter = PackedEntries<'p>;

    fn into_iter(self) -> PackedEntries<'p> {
        self.iter()
    }
}

/// How many of the entries are the next block, and how long the directory is that they have in common.
fn next_block(entries: &[Entry]) -> (usize, usize) {
    let length = within(entries, ENTRIES);
    let flat = flat(&entries[..length]);
    if flat.0 >= FLAT {
        return flat;
    }
    // Up to where a directory begins with many keys.
    let mut end = flat.0;
    while end < length {
        let (next, _) = self::flat(&entries[end..(end + FLAT).min(entries.len())]);
        if next >= FLAT {
            break;
        }
        end += next;
    }
    (end.clamp(1, length), 0)
}

/// How many entries are in the directory of the first one, and the length of its name.
fn flat(entries: &[Entry]) -> (usize, usize) {
    let Some(first) = entries.first() else { return (0, 0) };
    let slash = first.key.iter().rposition(|byte| *byte == b'/');
    let directory = first.key.get(..slash.map_or(0, |slash| slash + 1)).unwrap_or_default();
    let is_in = |entry: &&Entry| entry.key.strip_prefix(directory).is_some_and(|name| !name.contains(&b'/'));
    (entries.iter().take_while(is_in).count(), directory.len())
}

/// How many entries are no more bytes than a block is to have.
fn within(entries: &[Entry], most: usize) -> usize {
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        let is_first = bytes == 0;
        bytes += entry.key.len() + entry.value.len() + 1;
        is_first || bytes <= BYTES
    };
    entries.iter().take(most).take_while(fits).count()
}

impl Block {
    fn of(entries: &[Entry], directory: usize, before: usize) -> Self {
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

    fn from(&self, place: usize) -> BlockEntries<'_> {
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

    fn search_by(
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

/// The first bytes, and the others.
#[inline]
fn cut(bytes: &[u8], length: u64) -> (&[u8], &[u8]) {
    usize::try_from(length).ok().and_then(|length| bytes.split_at_checked(length)).unwrap_or_default()
}

impl<'p> Iterator for PackedEntries<'p> {
    type Item = PackedEntry<'p>;

    #[inline]
    fn next(&mut self) -> Option<PackedEntry<'p>> {
        loop {
            if let Some(entry) = self.block.as_mut()?.next() {
                return Some(entry);
            }
            self.block = self.blocks.next().map(|block| block.from(0));
        }
    }
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

/// Shows how many there are.
impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed({} entries, revision {})", self.len, self.revision)
    }
}

impl fmt::Debug for PackedEntries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedEntries").finish_non_exhaustive()
    }
}

impl fmt::Debug for PackedEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(keys: &[&str]) -> Listing {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        let entry = |(number, key): (usize, &&str)| Entry {
            key: Bytes::copy_from_slice(key.as_bytes()),
            value: "v".repeat(number % 300).into(),
            revision: [0, 1, 127, 128, 70_000, u64::MAX][number % 6],
        };
        Listing { revision: 9, cluster: 3, entries: keys.iter().enumerate().map(entry).collect() }
    }

    fn check(listing: &Listing) {
        let packed = Packed::of(listing);
        assert_eq!(packed.listing(), *listing);
        assert_eq!((packed.len(), packed.is_empty()), (listing.entries.len(), listing.entries.is_empty()));
        for (place, entry) in listing.entries.iter().enumerate() {
            assert_eq!(packed.find(&entry.key), Ok(place));
            assert!(packed.get(place).is_some_and(|found| found.is(entry)));
            assert_eq!(packed.from(place).next().map(PackedEntry::entry).as_ref(), Some(entry));
            let beside = packed.get(place.saturating_sub(1)).filter(|beside| !beside.directory.is_empty());
            if let Some(name) = beside.and_then(|beside| entry.key.strip_prefix(beside.directory)) {
                let found =
                    packed.beside(place.saturating_sub(1), name).map(|(place, found)| (place, found.entry()));
                assert_eq!(found, Ok((place, entry.clone())));
                let later = packed.beside(place.saturating_sub(1), &[name, b"\0"].concat());
                assert_eq!(later.map(|(place, _)| place), Err(place + 1));
            }
            let later = [&entry.key[..], b"\0"].concat();
            assert_eq!(packed.find(&later), Err(place + 1));
            let found = packed.entry(&entry.key).expect("it is there");
            assert!(found.directory.is_empty() || !found.name.contains(&b'/'));
            assert!(found.is_below(&entry.key) && !found.is_below(&later));
            assert!((0..entry.key.len()).all(|length| found.is_below(&entry.key[..length])));
        }
        assert_eq!(packed.find(b""), if packed.entry(b"").is_some() { Ok(0) } else { Err(0) });
        assert!(packed.get(packed.len()).is_none());
        for block in packed.blocks() {
            let directories: Vec<_> = block.map(|entry| entry.directory).collect();
            assert!(directories.iter().all(|directory| *directory == directories[0]));
        }
    }

    #[test]
    fn is_what_was_packed_and_finds_each_key() {
        check(&listing(&[]));
        check(&listing(&["", "/", "//", "/a", "/a/", "/a/b", "/a/b/c", "/a-b", "b"]));
        for seed in 0..20 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut keys: Vec<String> = (0..rng.usize(1..900))
                .map(|_| match rng.u8(0..5) {
                    0 => format!("/app/{}", rng.u16(..)),
                    1 => format!("/app/{}/{}", rng.u8(0..20), rng.u8(..)),
                    _ => format!("/app/flat/{}", rng.u16(..)),
                })
                .collect();
            keys.sort_unstable();
            keys.dedup();
            check(&listing(&keys.iter().map(String::as_str).collect::<Vec<_>>()));
        }
    }

    #[test]
    fn many_keys_of_a_directory_take_a_few_bytes_each_beside_their_own() {
        let entry = |number: usize| Entry {
            key: format!("/some/long/directory/{number:06}").into(),
            value: vec![b'v'; 100].into(),
            revision: 100_000,
        };
        let mut entries: Vec<Entry> = (0..10_000).map(entry).collect();
        entries.insert(0, Entry { key: "/some/a".into(), ..entries[0].clone() });
        let packed = Packed::of(&Listing { entries, ..Listing::default() });
        let of_block = |block: &Block| block.bytes.len() + 4 * block.starts.len() + size_of::<Block>();
        let bytes: usize = packed.blocks.iter().map(of_block).sum();
        assert!(bytes / 10_000 <= 106 + 2, "{}", bytes / 10_000);
    }

    #[test]
    fn a_value_keeps_no_more_than_its_block() {
        let large = Entry { key: "/a/1".into(), value: vec![0; 1 << 20].into(), revision: 1 };
        let small =
            |number: usize| Entry { key: format!("/a/2{number}").into(), value: "v".into(), revision: 1 };
        let mut entries = vec![large];
        entries.extend((0..9).map(small));
        let packed = Packed::of(&Listing { entries, ..Listing::default() });
        assert_eq!(packed.blocks().map(|block| block.len()).collect::<Vec<_>>(), [1, 9]);
        assert_eq!(packed.get(5).map(|entry| entry.memory().len() < 100), Some(true));
    }
}
