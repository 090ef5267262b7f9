//! The entries of a listing in little memory.

mod block;
mod entry;

use std::cmp::Ordering;
use std::fmt;
use std::slice;

use self::block::{Block, BlockEntries};
pub use self::entry::PackedEntry;
use super::listing::{Entry, Listing};

/// The most entries in a block: its memory stays as long as any of its values is in use.
const ENTRIES: usize = 256;
/// About the most bytes in a block, if it has several entries.
const BYTES: usize = 64 << 10;
/// So many keys in one directory, one after the other, are a block of their own, in which the directory is kept once.
const FLAT: usize = 8;

/// The entries of a listing, in a hundredth of the allocations: keys, values and revisions lie together in blocks, and what
/// they take beside their own bytes is a few bytes each.
///
/// From [`Watcher::listed`](crate::Watcher::listed), which shares it with the watcher.
#[derive(Default)]
pub struct PackedListing {
    revision: u64,
    cluster: u64,
    blocks: Vec<Block>,
    len: usize,
}

/// Entries of a [`PackedListing`] that follow one another.
#[derive(Clone)]
pub struct PackedEntries<'p> {
    blocks: slice::Iter<'p, Block>,
    block: Option<BlockEntries<'p>>,
}

impl PackedListing {
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

impl<'p> IntoIterator for &'p PackedListing {
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

/// Shows how many there are.
impl fmt::Debug for PackedListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackedListing({} entries, revision {})", self.len, self.revision)
    }
}

impl fmt::Debug for PackedEntries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedEntries").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

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
        let packed = PackedListing::of(listing);
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
        let packed = PackedListing::of(&Listing { entries, ..Listing::default() });
        let bytes: usize = packed.blocks.iter().map(Block::size).sum();
        assert!(bytes / 10_000 <= 106 + 2, "{}", bytes / 10_000);
    }

    #[test]
    fn a_value_keeps_no_more_than_its_block() {
        let large = Entry { key: "/a/1".into(), value: vec![0; 1 << 20].into(), revision: 1 };
        let small =
            |number: usize| Entry { key: format!("/a/2{number}").into(), value: "v".into(), revision: 1 };
        let mut entries = vec![large];
        entries.extend((0..9).map(small));
        let packed = PackedListing::of(&Listing { entries, ..Listing::default() });
        assert_eq!(packed.blocks().map(|block| block.len()).collect::<Vec<_>>(), [1, 9]);
        assert_eq!(packed.get(5).map(|entry| entry.memory().len() < 100), Some(true));
    }
}
