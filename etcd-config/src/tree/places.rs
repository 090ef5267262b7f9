//! Something for some of the places of a tree of keys.

use std::collections::BTreeMap;

/// A place, and those below it.
#[derive(Clone, Debug)]
pub(crate) struct Places<V> {
    /// What is noted for this very place.
    pub(crate) here: Option<V>,
    pub(crate) children: BTreeMap<Box<str>, Places<V>>,
}

impl<V> Default for Places<V> {
    fn default() -> Self {
        Self { here: None, children: BTreeMap::new() }
    }
}

impl<V> Places<V> {
    pub(crate) fn is_empty(&self) -> bool {
        self.here.is_none() && self.children.is_empty()
    }

    /// The place at a path below this one; the empty path is this one.
    pub(crate) fn descend(&self, path: &str) -> Option<&Self> {
        if path.is_empty() {
            return Some(self);
        }
        path.split('/').try_fold(self, |place, segment| place.children.get(segment))
    }

    /// Notes something for the place at a path, of which nothing is noted yet. Returns whether that was so.
    pub(super) fn note(&mut self, path: &str, value: V) -> bool {
        let place = path.split('/').fold(self, |place, segment| place.child(segment));
        let is_new = place.here.is_none();
        place.here.get_or_insert(value);
        is_new
    }

    /// Calls back for all that is noted below, with the paths, which continue `path`.
    pub(super) fn visit(&self, path: &mut String, visit: &mut impl FnMut(&str, &V)) {
        for (name, child) in &self.children {
            let length = path.len();
            path.push_str(name);
            if let Some(value) = &child.here {
                visit(path, value);
            }
            path.push('/');
            child.visit(path, visit);
            path.truncate(length);
        }
    }

    /// Forgets what is not to be kept, and returns how many are; the paths continue `path`.
    pub(super) fn retain(&mut self, path: &mut String, keep: &mut impl FnMut(&str, &V) -> bool) -> usize {
        let mut kept = 0;
        self.children.retain(|name, child| {
            let length = path.len();
            path.push_str(name);
            child.here.take_if(|value| !keep(path, value));
            kept += usize::from(child.here.is_some());
            path.push('/');
            kept += child.retain(path, keep);
            path.truncate(length);
            !child.is_empty()
        });
        kept
    }

    /// The same places, with nothing but that they are there.
    pub(super) fn outline(&self) -> Places<()> {
        let mut outline = Places { here: self.here.as_ref().map(drop), children: BTreeMap::new() };
        // Most often there is one, for which `collect` would sort a list.
        for (name, child) in &self.children {
            outline.children.insert(name.clone(), child.outline());
        }
        outline
    }

    fn child(&mut self, segment: &str) -> &mut Self {
        self.children.entry(segment.into()).or_default()
    }
}

impl<V: Clone> Places<V> {
    /// Takes over what is noted for places of which nothing is noted here; returns for how many.
    pub(super) fn merge(&mut self, later: &Self) -> usize {
        let mut new = 0;
        if self.here.is_none() && later.here.is_some() {
            self.here.clone_from(&later.here);
            new += 1;
        }
        for (name, child) in &later.children {
            new += match self.children.get_mut(name) {
                Some(place) => place.merge(child),
                None => self.child(name).merge(child),
            };
        }
        new
    }
}
