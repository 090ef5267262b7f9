//! What is in a directory.

use std::collections::{BTreeMap, btree_map};
use std::fmt;

use super::Node;
use super::name::Name;

type Names = BTreeMap<Name, Node>;

static NONE: Names = Names::new();

/// The places in a directory by their names, in order. Where there are none it takes one word: most nodes are keys
/// without anything below.
#[derive(Clone, Default)]
pub struct Children(Option<Box<Names>>);

/// The names and places of a directory.
#[derive(Clone)]
pub struct Iter<'a>(btree_map::Iter<'a, Name, Node>);

impl Children {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.names().len()
    }

    /// The place with a name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.names().get(name.as_bytes())
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.names().iter())
    }

    /// The names, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Node> {
        self.names().values()
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.0.as_mut()?.get_mut(name.as_bytes())
    }

    /// The place with a name; a new one, if there is none.
    pub(super) fn child(&mut self, name: &str) -> &mut Node {
        self.0.get_or_insert_default().entry(name.into()).or_default()
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(names) = &mut self.0 {
            names.remove(name.as_bytes());
        }
        self.0.take_if(|names| names.is_empty());
    }

    /// Those of a directory whose names may be in no order, and come more than once.
    pub(super) fn gathered(level: Vec<(Name, Node)>) -> Self {
        if level.is_empty() {
            return Self::default();
        }
        if level.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return Self(Some(Box::new(level.into_iter().collect())));
        }
        let mut merged = Self::default();
        for (name, node) in level {
            merged.child(&name).merge(node);
        }
        merged
    }

    /// Takes over what is in another directory.
    pub(super) fn merge(&mut self, from: Self) {
        for (name, node) in from.0.map(|names| *names).unwrap_or_default() {
            self.child(&name).merge(node);
        }
    }

    fn names(&self) -> &Names {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

/// One place.
impl FromIterator<(&'static str, Node)> for Children {
    fn from_iter<I: IntoIterator<Item = (&'static str, Node)>>(places: I) -> Self {
        Self::gathered(places.into_iter().map(|(name, node)| (name.into(), node)).collect())
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a Node);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, node)| (&**name, node))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<'a> IntoIterator for &'a Children {
    type Item = (&'a str, &'a Node);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Children {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}
