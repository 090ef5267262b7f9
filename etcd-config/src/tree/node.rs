//! A place in the tree: a key, a directory, or both.

mod children;
mod listed;

use bytes::Bytes;
use etcd_client_core::Entry;

pub(crate) use self::children::Children;
use self::children::NONE;
pub(super) use self::listed::Listed;
use super::raw::{Raw, RawBuf};

/// A place in the tree, to be read. What a listing brought is read where that is kept.
#[derive(Clone, Copy, Debug)]
pub struct Node<'t> {
    pub value: Option<Raw<'t>>,
    pub children: &'t Children,
}

/// A place with memory of its own, to be changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeBuf {
    pub value: Option<RawBuf>,
    pub children: Children,
}

impl<'t> Node<'t> {
    /// A key without anything below.
    pub(super) fn leaf(raw: Raw<'t>) -> Self {
        Self { value: Some(raw), children: &NONE }
    }

    /// The place at a path below this one; the empty path is this one.
    pub(crate) fn descend(self, path: &str) -> Option<Self> {
        if path.is_empty() {
            return Some(self);
        }
        path.split('/').try_fold(self, |node, segment| node.children.get(segment))
    }

    pub(super) fn is_empty(self) -> bool {
        self.value.is_none() && self.children.is_empty()
    }

    /// The newest revision of the keys at a place and below it.
    pub(crate) fn newest(self) -> u64 {
        let own = self.value.map_or(0, Raw::revision);
        self.children.values().map(Self::newest).fold(own, u64::max)
    }

    /// Whether two places hold the same values; a value may have been written again.
    pub(crate) fn same_values(left: Option<Node<'_>>, right: Option<Node<'_>>) -> bool {
        let (Some(left), Some(right)) = (left, right) else { return left.is_none() && right.is_none() };
        left.value.map(|raw| raw.value) == right.value.map(|raw| raw.value)
            && left.children.len() == right.children.len()
            && left
                .children
                .iter()
                .all(|(name, child)| Self::same_values(Some(child), right.children.get(name)))
    }

    /// The same with memory of its own.
    pub(crate) fn to_buf(self) -> NodeBuf {
        NodeBuf { value: self.value.map(Raw::to_buf), children: self.children.clone() }
    }

    /// Whether any value below is such.
    pub(super) fn any(self, is_such: &impl Fn(Raw<'t>) -> bool) -> bool {
        self.value.is_some_and(is_such) || self.children.values().any(|child| child.any(is_such))
    }

    pub(super) fn count(self) -> usize {
        usize::from(self.value.is_some()) + self.children.count()
    }

    /// The paths of all values below; `path` is that of this directory, with its slash.
    pub(super) fn paths(self, path: &mut String, paths: &mut Vec<String>) {
        for (name, child) in self.children {
            let length = path.len();
            path.push_str(name);
            if child.value.is_some() {
                paths.push(path.clone());
            }
            path.push('/');
            child.paths(path, paths);
            path.truncate(length);
        }
    }

    /// All values below, with their whole keys; `path` is that of this directory.
    pub(super) fn collect(self, path: &mut String, entries: &mut Vec<Entry>) {
        for (name, child) in self.children {
            let length = path.len();
            path.push_str(name);
            if let Some(raw) = child.value {
                entries.push(raw.entry(Bytes::copy_from_slice(path.as_bytes())));
            }
            path.push('/');
            child.collect(path, entries);
            path.truncate(length);
        }
    }
}

impl NodeBuf {
    pub(crate) fn read(&self) -> Node<'_> {
        Node { value: self.value.as_ref().map(RawBuf::read), children: &self.children }
    }

    /// The place at a path below this one, which is made if there is none.
    pub(super) fn place(&mut self, path: &str) -> &mut Self {
        path.split('/').fold(self, |node, segment| node.children.child(segment))
    }

    /// Takes the value at `path` away, and the directories that become empty with it.
    pub(super) fn remove(&mut self, path: &str) -> Option<RawBuf> {
        let (head, rest) = split(path);
        let child = self.children.get_mut(head)?;
        let removed = match rest {
            Some(rest) => child.remove(rest),
            None => child.value.take(),
        };
        if child.read().is_empty() {
            self.children.remove(head);
        }
        removed
    }

    /// Takes over what is at another place.
    pub(super) fn merge(&mut self, from: Self) {
        if from.value.is_some() {
            self.value = from.value;
        }
        self.children.merge(from.children);
    }
}

/// The first name of a path, and the rest.
pub(super) fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((head, rest)) => (head, Some(rest)),
        None => (path, None),
    }
}
