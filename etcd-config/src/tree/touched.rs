//! Which values changed, as paths for the decoder and as whole keys for people.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use etcd_client_core::Prefix;

use super::{Node, Raw};

/// The places of a [`KeyTree`](super::KeyTree) whose values have changed.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    root: TouchedNode,
    keys: Vec<Arc<str>>,
    /// Keys that are no path.
    strays: Vec<Arc<str>>,
}

/// A place on the way to something touched.
#[derive(Clone, Debug, Default)]
pub(crate) struct TouchedNode {
    /// The value of this very place has changed.
    pub here: bool,
    /// What the value was before the first change, where there was one.
    was: Option<Raw>,
    pub children: BTreeMap<Box<str>, TouchedNode>,
}

impl Touched {
    /// These keys, as if they had changed; one whose name was no text is any key that looks like it.
    pub(crate) fn of(prefix: &Prefix, keys: &[String]) -> Self {
        let mut touched = Self::default();
        for key in keys {
            match path_of(prefix, key).filter(|path| super::as_path(path.as_bytes()).is_some()) {
                Some(path) if !path.contains(char::REPLACEMENT_CHARACTER) => {
                    touched.touch(path, &key.clone().into(), None);
                }
                Some(path) => {
                    touched.touch(path, &key.clone().into(), None);
                    touched.stray(&key.clone().into());
                }
                None => touched.stray(&key.clone().into()),
            }
        }
        touched.seal();
        touched
    }

    /// Whether no value changed.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The whole keys, sorted.
    pub fn keys(&self) -> &[Arc<str>] {
        &self.keys
    }

    /// Takes what was touched later in as well.
    pub fn merge(&mut self, later: &Self) {
        self.root.merge(&later.root);
        self.keys.extend(later.keys.iter().cloned());
        self.strays.extend(later.strays.iter().cloned());
        self.seal();
    }

    /// Whether the key at this path below the prefix is among them.
    pub fn contains(&self, path: &str) -> bool {
        self.root.descend(path).is_some_and(|mark| mark.here)
    }

    /// What of it is at paths that matter; of keys that are no path all, or none.
    pub(crate) fn only(self, prefix: &Prefix, strays: bool, matters: impl Fn(&str) -> bool) -> Self {
        let is_path = |key: &Arc<str>| path_of(prefix, key).is_some_and(&matters);
        // Most changes are of what is read.
        if self.strays.is_empty() && self.keys.iter().all(is_path) {
            return self;
        }
        let mut only = Self::default();
        for key in &self.keys {
            let Some(path) = path_of(prefix, key).filter(|path| matters(path)) else { continue };
            if let Some(mark) = self.root.descend(path).filter(|mark| mark.here) {
                path.split('/').fold(&mut only.root, TouchedNode::child).touch(mark.was.clone());
                only.keys.push(Arc::clone(key));
            }
        }
        if strays {
            only.strays.clone_from(&self.strays);
            only.keys.extend(self.strays.iter().cloned());
        }
        only.seal();
        only
    }

    pub(crate) fn root(&self) -> &TouchedNode {
        &self.root
    }

    /// Whether a key that is no path is among them.
    pub(crate) fn has_strays(&self) -> bool {
        !self.strays.is_empty()
    }

    /// What was at the places that were touched.
    pub(super) fn before(&self, directory: &str) -> BTreeMap<Bytes, Option<Raw>> {
        let mut before = BTreeMap::new();
        self.root.collect(&mut directory.to_owned(), &mut before);
        before
    }

    pub(super) fn touch(&mut self, path: &str, key: &Bytes, was: Option<Raw>) {
        path.split('/').fold(&mut self.root, TouchedNode::child).touch(was);
        self.keys.push(String::from_utf8_lossy(key).into());
    }

    pub(super) fn stray(&mut self, key: &Bytes) {
        let key: Arc<str> = String::from_utf8_lossy(key).into();
        self.strays.push(Arc::clone(&key));
        self.keys.push(key);
    }

    pub(super) fn seal(&mut self) {
        for keys in [&mut self.keys, &mut self.strays] {
            keys.sort_unstable();
            keys.dedup();
        }
    }

    /// Forgets what is again as it was, where `now` is the root of the tree at `directory`.
    pub(super) fn settle(&mut self, now: &Node, directory: &str) {
        self.keys = std::mem::take(&mut self.strays);
        self.strays.clone_from(&self.keys);
        self.root.settle(Some(now), &mut directory.to_owned(), &mut self.keys);
        self.seal();
    }
}

fn path_of<'k>(prefix: &Prefix, key: &'k str) -> Option<&'k str> {
    std::str::from_utf8(prefix.relative(key.as_bytes())?).ok()
}

impl TouchedNode {
    pub(crate) fn descend(&self, path: &str) -> Option<&TouchedNode> {
        if path.is_empty() {
            return Some(self);
        }
        path.split('/').try_fold(self, |mark, segment| mark.children.get(segment))
    }

    /// Whether the value of this very place differed from what it is `now`.
    pub(crate) fn differs(&self, now: Option<&Raw>) -> bool {
        self.here && now.map(|now| &now.value) != self.was.as_ref().map(|was| &was.value)
    }

    /// What the value of this very place was, where it is `now` this one.
    pub(crate) fn before<'a>(&'a self, now: Option<&'a Raw>) -> Option<&'a Raw> {
        if self.here { self.was.as_ref() } else { now }
    }

    /// Makes a place of now what it was before.
    pub(super) fn restore(&self, node: &mut Node) {
        for (name, mark) in &self.children {
            let child = node.children.entry(name.clone()).or_default();
            if mark.here {
                child.value.clone_from(&mark.was);
            }
            mark.restore(child);
            if child.is_empty() {
                node.children.remove(name);
            }
        }
    }

    fn child(&mut self, segment: &str) -> &mut TouchedNode {
        self.children.entry(segment.into()).or_default()
    }

    fn collect(&self, path: &mut String, before: &mut BTreeMap<Bytes, Option<Raw>>) {
        for (name, mark) in &self.children {
            let length = path.len();
            path.push_str(name);
            if mark.here {
                before.insert(Bytes::copy_from_slice(path.as_bytes()), mark.was.clone());
            }
            path.push('/');
            mark.collect(path, before);
            path.truncate(length);
        }
    }

    fn touch(&mut self, was: Option<Raw>) {
        if !std::mem::replace(&mut self.here, true) {
            self.was = was;
        }
    }

    fn merge(&mut self, later: &Self) {
        if later.here {
            self.touch(later.was.clone());
        }
        for (name, mark) in &later.children {
            self.child(name).merge(mark);
        }
    }

    /// `path` is that of this directory; `keys` takes those that still differ.
    fn settle(&mut self, now: Option<&Node>, path: &mut String, keys: &mut Vec<Arc<str>>) {
        self.children.retain(|name, mark| {
            let length = path.len();
            path.push_str(name);
            let now = now.and_then(|now| now.children.get(name));
            if mark.differs(now.and_then(|now| now.value.as_ref())) {
                keys.push(path.as_str().into());
            } else {
                (mark.here, mark.was) = (false, None);
            }
            path.push('/');
            mark.settle(now, path, keys);
            path.truncate(length);
            mark.here || !mark.children.is_empty()
        });
    }
}
