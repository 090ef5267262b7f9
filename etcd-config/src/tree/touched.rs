//! Which values have changed, for the decoder.

use std::collections::BTreeSet;
use std::sync::Arc;

use etcd_client_core::Prefix;

use super::places::Places;

/// The places of a [`KeyTree`](super::KeyTree) whose values have changed since something was read from it.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    places: Places<()>,
    /// Keys that are no path.
    strays: BTreeSet<Arc<str>>,
    /// How many keys there are.
    len: usize,
}

impl Touched {
    /// Of so many places.
    pub(super) fn new(places: Places<()>, count: usize, strays: BTreeSet<Arc<str>>) -> Self {
        Self { places, len: count + strays.len(), strays }
    }

    /// These whole keys, as if they had changed; one whose name was no text is any key that looks like it.
    pub(crate) fn of(prefix: &Prefix, keys: &[String]) -> Self {
        let (mut places, mut count, mut strays) = (Places::default(), 0, BTreeSet::new());
        for key in keys {
            let path = prefix.relative(key.as_bytes()).and_then(super::as_path);
            if let Some(path) = path {
                count += usize::from(places.note(path, ()));
            }
            if path.is_none_or(|path| path.contains(char::REPLACEMENT_CHARACTER)) {
                strays.insert(key.as_str().into());
            }
        }
        Self::new(places, count, strays)
    }

    /// Whether no value has changed.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many values have changed.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds what has changed later.
    pub fn merge(&mut self, later: &Self) {
        let strays = self.strays.len();
        self.len += self.places.merge(&later.places);
        self.strays.extend(later.strays.iter().cloned());
        self.len += self.strays.len() - strays;
    }

    /// Whether the key at this path below the prefix is among them.
    pub fn contains(&self, path: &str) -> bool {
        self.places.descend(path).is_some_and(|place| place.here.is_some())
    }

    /// What of it is at paths that matter; of keys that are no path all, or none.
    pub(crate) fn only(self, strays: bool, matters: impl Fn(&str) -> bool) -> Self {
        let Self { mut places, strays: all, .. } = self;
        let count = places.retain(&mut String::new(), &mut |path, ()| matters(path));
        Self::new(places, count, if strays { all } else { BTreeSet::new() })
    }

    /// Calls back for each whole key.
    pub(crate) fn visit_keys(&self, prefix: &Prefix, mut visit: impl FnMut(&str)) {
        self.strays.iter().for_each(|key| visit(key));
        self.places.visit(&mut prefix.directory().to_owned(), &mut |key, ()| visit(key));
    }

    pub(crate) fn places(&self) -> &Places<()> {
        &self.places
    }

    /// Whether a key that is no path is among them.
    pub(crate) fn has_strays(&self) -> bool {
        !self.strays.is_empty()
    }
}
