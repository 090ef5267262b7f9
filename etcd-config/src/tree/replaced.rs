//! The values that others have replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use etcd_client_core::Prefix;

use super::directories::directories;
use super::places::Places;
use super::touched::Touched;
use super::{KeyTree, Node, NodeBuf, Raw, RawBuf};

/// The places of a [`KeyTree`](super::KeyTree) whose values have changed, each with the value that it had
/// before the first of its changes: what the tree was like then.
#[derive(Clone, Debug, Default)]
pub struct Replaced {
    /// `None` where there was no value.
    places: Places<Option<RawBuf>>,
    /// How many places are noted.
    count: usize,
    /// Keys that are no path, of which the values are not kept.
    strays: BTreeSet<Arc<str>>,
    /// What has been replaced in each layer, where there are layers: also what was not to be seen.
    #[expect(
        clippy::box_collection,
        reason = "few configurations have layers, and this is copied with every change"
    )]
    layers: Option<Box<Vec<Replaced>>>,
}

impl Replaced {
    /// Whether no value has changed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values have changed.
    pub fn len(&self) -> usize {
        self.count + self.strays.len()
    }

    /// Adds what has been replaced later.
    pub fn merge(&mut self, later: &Self) {
        self.count += self.places.merge(&later.places);
        self.strays.extend(later.strays.iter().cloned());
        match (&mut self.layers, &later.layers) {
            (Some(layers), Some(later)) => {
                layers.iter_mut().zip(&**later).for_each(|(layer, later)| layer.merge(later));
            }
            (None, Some(later)) => self.layers = Some(later.clone()),
            (_, None) => {}
        }
    }

    /// The same with what has been replaced in each layer.
    pub(super) fn with_layers(self, layers: Vec<Self>) -> Self {
        Self { layers: Some(Box::new(layers)), ..self }
    }

    pub(super) fn layers(&self) -> &[Self] {
        self.layers.as_deref().map_or(&[], Vec::as_slice)
    }

    /// Which values have changed.
    pub fn touched(&self) -> Touched {
        Touched::new(self.places.outline(), self.count, self.strays.clone())
    }

    /// The whole keys, in order; those of all layers.
    pub fn keys(&self, prefix: &Prefix) -> Vec<Arc<str>> {
        let mut keys = Vec::new();
        if self.layers().is_empty() {
            self.visit_keys(prefix.directory(), &mut keys);
        }
        for (layer, directory) in self.layers().iter().zip(directories(prefix)) {
            layer.visit_keys(directory, &mut keys);
        }
        keys.sort_unstable();
        keys
    }

    fn visit_keys(&self, directory: &str, keys: &mut Vec<Arc<str>>) {
        keys.extend(self.strays.iter().cloned());
        self.places.visit(&mut directory.to_owned(), &mut |key, _| keys.push(key.into()));
    }

    pub(crate) fn places(&self) -> &Places<Option<RawBuf>> {
        &self.places
    }

    /// Forgets of it what is again as it was, where `now` is the root of the tree.
    pub(super) fn forget_changed_back(&mut self, now: Node<'_>, layers: &[KeyTree]) {
        for (replaced, layer) in self.layers.iter_mut().flat_map(|all| all.iter_mut()).zip(layers) {
            replaced.forget_changed_back(layer.root(), &[]);
        }
        if !self.places.has_any_back(Some(now)) {
            return;
        }
        self.count = self
            .places
            .retain(&mut String::new(), &mut |path, was| !is_back(was.as_ref(), now.descend(path)));
    }

    /// What was at whole keys, in the tree of this directory.
    pub(super) fn before(&self, directory: &str) -> BTreeMap<Bytes, Option<RawBuf>> {
        let mut before = BTreeMap::new();
        let mut note = |key: &str, was: &Option<RawBuf>| {
            before.insert(Bytes::copy_from_slice(key.as_bytes()), was.clone());
        };
        self.places.visit(&mut directory.to_owned(), &mut note);
        before
    }

    /// Makes the root of the tree what it was.
    pub(super) fn restore(&self, root: &mut NodeBuf) {
        self.places.restore(root);
    }

    pub(super) fn note(&mut self, path: &str, was: Option<RawBuf>) {
        self.count += usize::from(self.places.note(path, was));
    }

    pub(super) fn note_stray(&mut self, key: &Bytes) {
        self.strays.insert(String::from_utf8_lossy(key).into());
    }
}

/// Whether a value is what it was, where `now` is what there is at its place.
fn is_back(was: Option<&RawBuf>, now: Option<Node<'_>>) -> bool {
    let now = now.and_then(|node| node.value);
    now.map(|now| now.value) == was.map(|was| &was.value[..])
}

impl Places<Option<RawBuf>> {
    /// What the value of this very place was, if it is `now` this one.
    pub(crate) fn before<'a>(&'a self, now: Option<Raw<'a>>) -> Option<Raw<'a>> {
        self.here.as_ref().map_or(now, |was| was.as_ref().map(RawBuf::read))
    }

    /// Whether any value is again what it was, where `now` is what there is at this place.
    fn has_any_back(&self, now: Option<Node<'_>>) -> bool {
        self.here.as_ref().is_some_and(|was| is_back(was.as_ref(), now))
            || self
                .children
                .iter()
                .any(|(name, place)| place.has_any_back(now.and_then(|node| node.children.get(name))))
    }

    fn restore(&self, node: &mut NodeBuf) {
        for (name, place) in &self.children {
            let child = node.children.child(name);
            if let Some(was) = &place.here {
                child.value.clone_from(was);
            }
            place.restore(child);
            if child.read().is_empty() {
                node.children.remove(name);
            }
        }
    }
}
