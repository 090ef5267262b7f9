//! The keys of a directory as a listing brought them.

use std::collections::{BTreeMap, btree_map};
use std::iter::Take;
use std::sync::Arc;

use etcd_client_core::{PackedEntries, PackedListing};

use super::{Node, NodeBuf};
use crate::tree::name::Name;
use crate::tree::raw::Raw;

/// So few places that have changed are kept beside the listing, however small that is.
const FEW: usize = 64;

/// Keys of one directory that follow one another in a listing: they are read there, and take no memory here. What has
/// changed since is kept beside it.
#[derive(Clone)]
pub(in crate::tree) struct Listed {
    listing: Arc<PackedListing>,
    /// The first of them, and how many there are.
    first: usize,
    count: usize,
    layer: u8,
    /// The places that are not as they were listed; `None` where there is nothing any more.
    changed: BTreeMap<Name, Option<NodeBuf>>,
    /// How many places there are.
    len: usize,
}

/// The names and places, in the order of the names.
#[derive(Clone)]
pub(super) struct Iter<'a> {
    directory: &'a Listed,
    listed: Take<PackedEntries<'a>>,
    /// How many of these are left.
    left: usize,
    changed: btree_map::Iter<'a, Name, Option<NodeBuf>>,
    next: Option<Changed<'a>>,
}

/// The next place that is not as it was listed.
#[derive(Clone, Copy)]
struct Changed<'a> {
    /// How many of the listed ones are left when it is its turn.
    left: usize,
    /// Whether it was listed.
    is_listed: bool,
    name: &'a Name,
    now: Option<&'a NodeBuf>,
}

impl Listed {
    /// The entries of so many places from the first one on: all of one directory, each with a name that is text.
    pub(in crate::tree) fn new(listing: Arc<PackedListing>, first: usize, count: usize, layer: u8) -> Self {
        Self { listing, first, count, layer, changed: BTreeMap::new(), len: count }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many values there are.
    pub(super) fn values(&self) -> usize {
        let listed = self.changed.keys().filter(|name| self.listed(name).is_some()).count();
        let changed = self.changed.values().flatten().map(|node| node.read().count()).sum::<usize>();
        self.count - listed + changed
    }

    pub(super) fn get(&self, name: &str) -> Option<Node<'_>> {
        match self.changed.get(name) {
            Some(now) => now.as_ref().map(NodeBuf::read),
            None => self.listed(name),
        }
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        let listed = self.listing.from(self.first).take(self.count);
        let mut iter =
            Iter { directory: self, listed, left: self.count, changed: self.changed.iter(), next: None };
        iter.go_on();
        iter
    }

    /// Whether so much has changed that it is no longer of use to keep the rest in the listing.
    pub(super) fn has_changed_much(&self) -> bool {
        self.changed.len() > FEW.max(self.count / 4)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut NodeBuf> {
        if !self.changed.contains_key(name) {
            let listed = self.listed(name)?.to_buf();
            self.changed.insert(name.into(), Some(listed));
        }
        self.changed.get_mut(name)?.as_mut()
    }

    /// The place with a name; a new one, if there is none.
    pub(super) fn child(&mut self, name: &str) -> &mut NodeBuf {
        let listed = if self.changed.contains_key(name) { None } else { self.listed(name).map(Node::to_buf) };
        self.len += usize::from(listed.is_none() && self.get(name).is_none());
        let slot = self.changed.entry(name.into()).or_insert(listed);
        slot.get_or_insert_default()
    }

    pub(super) fn remove(&mut self, name: &str) {
        if self.get(name).is_none() {
            return;
        }
        self.len -= 1;
        if self.listed(name).is_some() {
            self.changed.insert(name.into(), None);
        } else {
            self.changed.remove(name);
        }
    }

    /// The place as it was listed, whatever has changed since.
    fn listed(&self, name: &str) -> Option<Node<'_>> {
        let (place, entry) = self.listing.beside(self.first, name.as_bytes()).ok()?;
        let is_among = (self.first..self.first + self.count).contains(&place);
        is_among.then(|| Node::leaf(Raw::of(entry, self.layer)))
    }
}

impl Iter<'_> {
    /// Looks for the next place that has changed. So no entry has to be looked at before it is its turn.
    fn go_on(&mut self) {
        let Listed { listing, first, count, .. } = self.directory;
        self.next = self.changed.next().map(|(name, now)| {
            let found = listing.beside(*first, name.as_bytes()).map(|(place, _)| place);
            let (Ok(place) | Err(place)) = found;
            let before = place.clamp(*first, first + count) - first;
            let is_listed = found.is_ok() && before < *count && place >= *first;
            Changed { left: count - before, is_listed, name, now: now.as_ref() }
        });
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, Node<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(Changed { is_listed, name, now, .. }) =
            self.next.filter(|changed| changed.left == self.left)
        {
            if is_listed {
                self.listed.next();
                self.left -= 1;
            }
            self.go_on();
            if let Some(node) = now {
                return Some((name, node.read()));
            }
        }
        let entry = self.listed.next()?;
        self.left -= 1;
        // It is text, or it would not be here.
        let name = std::str::from_utf8(entry.name).unwrap_or_default();
        Some((name, Node::leaf(Raw::of(entry, self.directory.layer))))
    }
}
