//! A place of the configuration, in each state of the keys that an explanation compares.

use crate::leaf::{cut, quote};
use crate::shape::path::{field_path, whole_key};
use crate::tree::{Node, Raw};

/// The place of a field, of a struct, or of a map's entry. A state is `None` where it has no such struct or
/// entry; that is not the same as a struct without keys, which may be read from defaults.
#[derive(Clone)]
pub(super) struct ComparedPlace<'a> {
    /// The path of the field.
    pub(super) field: String,
    pub(super) secret: bool,
    pub(super) note: Option<String>,
    /// It stays as it was at the start.
    pub(super) is_pinned: bool,
    /// What the next snapshot would be read from.
    pub(super) next: Option<Side<'a>>,
    /// What the published snapshot was read from.
    pub(super) published: Option<Side<'a>>,
    /// What the store has, and a restart would read.
    pub(super) stored: Option<Side<'a>>,
}

/// What one state of the keys has at a place.
#[derive(Clone)]
pub(super) struct Side<'a> {
    /// The whole key.
    pub(super) key: String,
    pub(super) node: Option<Node<'a>>,
}

impl<'a> Side<'a> {
    pub(super) fn child(&self, key: &str, node: Option<Node<'a>>) -> Self {
        Self { key: whole_key(&self.key, key), node }
    }

    fn raw(&self) -> Option<Raw<'a>> {
        self.node?.value
    }
}

impl<'a> ComparedPlace<'a> {
    /// The whole key, as the newest state that has one names it.
    pub(super) fn key(&self) -> &str {
        self.sides().next().map_or("", |side| side.key.trim_end_matches('/'))
    }

    /// The states that have it.
    pub(super) fn sides(&self) -> impl Iterator<Item = &Side<'a>> {
        [&self.next, &self.published, &self.stored].into_iter().flatten()
    }

    pub(super) fn next_raw(&self) -> Option<Raw<'a>> {
        self.next.as_ref()?.raw()
    }

    pub(super) fn published_raw(&self) -> Option<Raw<'a>> {
        self.published.as_ref()?.raw()
    }

    pub(super) fn stored_raw(&self) -> Option<Raw<'a>> {
        self.stored.as_ref()?.raw()
    }

    /// Whether the snapshot was read from something else than the next one would be, which `has_value` here, if
    /// only a default.
    pub(super) fn differs(&self, has_value: bool) -> bool {
        match (&self.next, &self.published) {
            (Some(next), Some(published)) => {
                let is_moved = next.key != published.key && next.raw().is_some();
                is_moved || value_of(next.raw()) != value_of(published.raw())
            }
            (Some(_), None) => has_value,
            (None, published) => published.as_ref().and_then(Side::raw).is_some(),
        }
    }

    /// Whether a restart would read something else.
    pub(super) fn waits(&self) -> bool {
        self.is_pinned && value_of(self.stored_raw()) != value_of(self.next_raw())
    }

    /// The names of the entries in this directory: those of the next snapshot, then those that it would not
    /// have any more, then those that wait for a restart.
    pub(super) fn entry_names(&self, is_entry: impl Fn(Node<'_>) -> bool) -> Vec<&'a str> {
        let states = [&self.next, &self.published, &self.stored].map(|side| side.as_ref()?.node);
        let has = |node: Option<Node<'_>>, name: &str| {
            node.and_then(|node| node.children.get(name)).is_some_and(&is_entry)
        };
        let mut names = Vec::new();
        for (number, state) in states.iter().enumerate() {
            let children = state.iter().flat_map(|node| node.children);
            let new = children
                .filter(|(name, node)| !name.is_empty() && is_entry(*node))
                .map(|(name, _)| name)
                .filter(|name| !states[..number].iter().any(|earlier| has(*earlier, name)));
            names.extend(new);
        }
        names
    }

    pub(super) fn entry(&self, name: &str, is_entry: impl Fn(Node<'_>) -> bool) -> Self {
        let of = |side: &Option<Side<'a>>| {
            let side = side.as_ref()?;
            let node = side.node?.children.get(name).filter(|node| is_entry(*node))?;
            Some(side.child(name, Some(node)))
        };
        Self {
            field: field_path(&self.field, name),
            secret: self.secret,
            note: self.note.clone(),
            is_pinned: self.is_pinned,
            next: of(&self.next),
            published: of(&self.published),
            stored: of(&self.stored),
        }
    }

    /// The same place in those states only in which `is_there` holds of it.
    pub(super) fn only(&self, is_there: impl Fn(Node<'_>) -> bool) -> Self {
        let of = |side: &Option<Side<'a>>| side.clone().filter(|side| side.node.is_some_and(&is_there));
        Self {
            next: of(&self.next),
            published: of(&self.published),
            stored: of(&self.stored),
            ..self.clone()
        }
    }
}

pub(super) fn quoted(raw: Raw<'_>) -> String {
    format!("{} (set at revision {})", quote(&String::from_utf8_lossy(raw.value)), raw.revision())
}

pub(super) fn text(raw: Raw<'_>) -> String {
    cut(&String::from_utf8_lossy(raw.value))
}

fn value_of(raw: Option<Raw<'_>>) -> Option<&[u8]> {
    raw.map(|raw| raw.value)
}
