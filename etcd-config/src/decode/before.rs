//! What was at a place when the published snapshot was read.

use crate::tree::{Children, Node, NodeBuf, Places, Raw, RawBuf};

/// The keys of now at a place, and which values of them have been replaced since.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before<'a> {
    node: Option<Node<'a>>,
    replaced: Option<&'a Places<Option<RawBuf>>>,
    /// The field was read from another place than it is now.
    moved: bool,
}

impl<'a> Before<'a> {
    pub(super) fn new(node: Node<'a>, replaced: &'a Places<Option<RawBuf>>) -> Self {
        Self { node: Some(node), replaced: Some(replaced), moved: false }
    }

    /// Of a field that is read from another place now.
    pub(super) fn moved(self) -> Self {
        Self { moved: true, ..self }
    }

    pub(super) fn is_moved(self) -> bool {
        self.moved
    }

    /// Whether there may be a difference to now.
    pub(super) fn may_differ(self) -> bool {
        self.moved || self.replaced.is_some()
    }

    pub(super) fn descend(self, path: &str) -> Self {
        Self {
            node: self.node.and_then(|node| node.descend(path)),
            replaced: self.replaced.and_then(|places| places.descend(path)),
            moved: self.moved,
        }
    }

    /// What was stored at the very place.
    pub(super) fn raw(self) -> Option<Raw<'a>> {
        let now = self.node.and_then(|node| node.value);
        self.replaced.map_or(now, |places| places.before(now))
    }

    /// The names below that have changed.
    pub(super) fn touched_names(self) -> impl Iterator<Item = &'a str> {
        self.replaced.into_iter().flat_map(|places| places.children.keys().map(AsRef::as_ref))
    }

    /// Whether there was anything.
    pub(super) fn existed(self) -> bool {
        self.raw().is_some() || self.had_children()
    }

    /// The place as it was, with a child in it where there were any.
    pub(super) fn outline(self) -> Option<NodeBuf> {
        let had_children = self.had_children();
        let value = self.raw().map(Raw::to_buf);
        let mut children = Children::default();
        if had_children {
            children.child("");
        }
        (had_children || value.is_some()).then(|| NodeBuf { value, children })
    }

    fn had_children(self) -> bool {
        let Some(replaced) = self.replaced else {
            return self.node.is_some_and(|node| !node.children.is_empty());
        };
        let now = self.node.into_iter().flat_map(|node| node.children.keys());
        // The first one that has not changed decides.
        now.chain(replaced.children.keys().map(AsRef::as_ref)).any(|name| self.child(name).existed())
    }

    pub(super) fn child(self, name: &str) -> Self {
        Self {
            node: self.node.and_then(|node| node.children.get(name)),
            replaced: self.replaced.and_then(|places| places.children.get(name)),
            moved: self.moved,
        }
    }
}
