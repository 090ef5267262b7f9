//! The tree of a packed listing.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use etcd_client_core::{PackedEntry, PackedListing, Prefix};

use super::node::{Children, Listed, NodeBuf, split};
use super::{KeyTree, Raw, RawBuf, as_path};

/// The keys of a listing, by how they come into the tree.
#[derive(Default)]
struct Sorted<'p> {
    /// Paths, in the order of the listing.
    paths: Vec<(&'p str, Raw<'p>)>,
    /// Many keys of one directory.
    runs: Vec<Run<'p>>,
    /// Such that are among these, and not what they are: of most listings there are none.
    others: Vec<(String, Raw<'p>)>,
    /// Keys that are no path.
    strays: BTreeMap<Bytes, RawBuf>,
}

/// Keys of one directory that follow one another in the listing.
struct Run<'p> {
    /// The path of the directory, with its slash; empty for that of the tree.
    directory: &'p str,
    first: usize,
    count: usize,
    /// The name of the last one.
    last: &'p [u8],
}

impl KeyTree {
    /// The tree of one directory; `base` is the lowest layer.
    pub(super) fn of_layer(base: Prefix, prefix: Prefix, layer: u8, listing: &Arc<PackedListing>) -> Self {
        let Sorted { paths, runs, others, strays } = Sorted::of(listing, &prefix, layer);
        let mut root = NodeBuf { value: None, children: grow(&paths, 0) };
        for Run { directory, first, count, .. } in runs {
            let place = match directory.strip_suffix('/') {
                Some(path) => root.place(path),
                None => &mut root,
            };
            place.children.merge(Children::of(Listed::new(Arc::clone(listing), first, count, layer)));
        }
        for (path, raw) in others {
            root.place(&path).value = Some(raw.to_buf());
        }
        let values = root.read().count();
        Self { prefix, base, root, values, strays, layer, layered: None }
    }
}

impl<'p> Sorted<'p> {
    fn of(listing: &'p PackedListing, prefix: &Prefix, layer: u8) -> Self {
        let (mut sorted, mut place) = (Self::default(), 0);
        for block in listing.blocks() {
            let count = block.len();
            sorted.add(block, place, prefix, layer);
            place += count;
        }
        sorted
    }

    fn add(
        &mut self,
        block: impl ExactSizeIterator<Item = PackedEntry<'p>> + Clone,
        place: usize,
        prefix: &Prefix,
        layer: u8,
    ) {
        let directory = block.clone().next().map_or(&b""[..], |first| first.directory);
        if directory.is_empty() {
            for entry in block {
                let Some(relative) = prefix.relative(entry.name) else { continue };
                match as_path(relative) {
                    Some(path) => self.paths.push((path, Raw::of(entry, layer))),
                    None => self.stray(entry, layer),
                }
            }
            return;
        }
        // Names in it have no slash: it is in the prefix with all of them, or with none.
        let Some(relative) = prefix.relative(directory) else { return };
        let Some(directory) = as_path(relative) else {
            return block.for_each(|entry| self.stray(entry, layer));
        };
        if let Some(last) = last_of_texts_in_order(block.clone()) {
            return self.run(directory, place, block, last);
        }
        for entry in block {
            match std::str::from_utf8(entry.name) {
                Ok(name) => self.others.push((format!("{directory}{name}"), Raw::of(entry, layer))),
                Err(_) => self.stray(entry, layer),
            }
        }
    }

    /// Adds a whole block, or continues the last one with it.
    fn run(
        &mut self,
        directory: &'p str,
        first: usize,
        mut block: impl ExactSizeIterator<Item = PackedEntry<'p>>,
        last: &'p [u8],
    ) {
        let count = block.len();
        let name = block.next().map_or(&b""[..], |entry| entry.name);
        let follows = |run: &&mut Run<'p>| {
            run.directory == directory && run.first + run.count == first && run.last < name
        };
        if let Some(run) = self.runs.last_mut().filter(follows) {
            (run.count, run.last) = (run.count + count, last);
        } else {
            self.runs.push(Run { directory, first, count, last });
        }
    }

    fn stray(&mut self, entry: PackedEntry<'p>, layer: u8) {
        self.strays.insert(entry.key(), Raw::of(entry, layer).to_buf());
    }
}

/// The last of the names, if all are texts in ascending order.
fn last_of_texts_in_order<'p>(entries: impl Iterator<Item = PackedEntry<'p>>) -> Option<&'p [u8]> {
    let mut last = None;
    for entry in entries {
        let is_next = last.is_none_or(|last| last < entry.name);
        if !is_next || std::str::from_utf8(entry.name).is_err() {
            return None;
        }
        last = Some(entry.name);
    }
    last
}

/// One level of the tree, from paths in ascending order, of which so many bytes are above it.
///
/// What has the same first segment follows one another, except for the key of a directory itself:
/// `a`, `a-b`, `a/c`.
fn grow(paths: &[(&str, Raw<'_>)], above: usize) -> Children {
    let mut level = Children::default();
    let mut rest = paths;
    while let Some((&(path, raw), after)) = rest.split_first() {
        let more = rest.len();
        let (head, below) = split(&path[above..]);
        if below.is_none() {
            let leaf = NodeBuf { value: Some(raw.to_buf()), children: Children::default() };
            level.add(head, leaf, more);
            rest = after;
            continue;
        }
        let is_inside = |(path, _): &&(&str, Raw<'_>)| {
            path[above..].strip_prefix(head).is_some_and(|rest| rest.starts_with('/'))
        };
        let length = rest.iter().take_while(is_inside).count();
        let (inside, after) = rest.split_at(length);
        level.add(head, NodeBuf { value: None, children: grow(inside, above + head.len() + 1) }, more);
        rest = after;
    }
    level.fit();
    level
}
