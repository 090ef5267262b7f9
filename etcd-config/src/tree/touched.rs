//! Which values changed, as paths for the decoder and as whole keys for people.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

/// The places of a [`KeyTree`](super::KeyTree) whose values have changed.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    root: Mark,
    keys: Vec<Arc<str>>,
    strays: bool,
}

/// A place on the way to something touched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark {
    /// The value of this very place has changed.
    pub here: bool,
    pub children: BTreeMap<Box<str>, Mark>,
}

impl Touched {
    /// Whether no value changed.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The whole keys, sorted.
    pub fn keys(&self) -> &[Arc<str>] {
        &self.keys
    }

    /// Takes what another one touched in as well.
    pub fn merge(&mut self, other: &Self) {
        self.root.merge(&other.root);
        self.keys.extend(other.keys.iter().cloned());
        self.strays |= other.strays;
        self.seal();
    }

    /// Whether the key at this path below the prefix is among them.
    pub fn contains(&self, path: &str) -> bool {
        self.root.descend(path).is_some_and(|mark| mark.here)
    }

    pub(crate) fn root(&self) -> &Mark {
        &self.root
    }

    /// Whether a key that is no path is among them.
    pub(crate) fn has_strays(&self) -> bool {
        self.strays
    }

    pub(super) fn touch(&mut self, path: &str, key: &Bytes) {
        path.split('/').fold(&mut self.root, Mark::child).here = true;
        self.keys.push(String::from_utf8_lossy(key).into());
    }

    pub(super) fn stray(&mut self, key: &Bytes) {
        self.strays = true;
        self.keys.push(String::from_utf8_lossy(key).into());
    }

    pub(super) fn seal(&mut self) {
        self.keys.sort_unstable();
        self.keys.dedup();
    }
}

impl Mark {
    pub(crate) fn descend(&self, path: &str) -> Option<&Mark> {
        if path.is_empty() {
            return Some(self);
        }
        path.split('/').try_fold(self, |mark, segment| mark.children.get(segment))
    }

    fn child(&mut self, segment: &str) -> &mut Mark {
        self.children.entry(segment.into()).or_default()
    }

    fn merge(&mut self, other: &Self) {
        self.here |= other.here;
        for (name, mark) in &other.children {
            self.child(name).merge(mark);
        }
    }
}
