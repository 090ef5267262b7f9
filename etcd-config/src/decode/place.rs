//! Where the decoder is: in the tree of keys, and in the words of a problem.

use super::before::Before;
use super::type_name::TypeName;
use crate::shape::path::append;
use crate::tree::{Node, Places};

/// A place in the tree and what changed in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) node: Option<Node<'a>>,
    pub(super) stale: Stale<'a>,
    /// What was there when the published snapshot was read.
    pub(super) before: Before<'a>,
}

/// What of a place has to be read again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stale<'a> {
    All,
    Only(&'a Places<()>),
    Nothing,
}

/// What is being read, for problems.
#[derive(Clone, Debug)]
pub(super) struct CurrentField {
    /// The whole key; for the outermost struct the prefix with its slash.
    pub(super) key: String,
    /// The path of the field.
    pub(super) field: String,
    pub(super) ty: TypeName,
    pub(super) secret: bool,
}

/// What a subject was before it moved on.
pub(super) struct OuterField {
    /// The whole key, where the next one does not continue it.
    absolute: Option<String>,
    key: usize,
    field: usize,
    ty: TypeName,
    secret: bool,
}

impl Place<'_> {
    pub(super) fn descend(self, path: &str) -> Self {
        if !path.is_empty() && !path.as_bytes().contains(&b'/') {
            return self.child(path);
        }
        let stale = match self.stale {
            Stale::Only(touched) => touched.descend(path).map_or(Stale::Nothing, Stale::Only),
            stale => stale,
        };
        let before = self.before.descend(path);
        Self { node: self.node.and_then(|node| node.descend(path)), stale, before }
    }

    /// The same for a path of one name, as nearly all are.
    fn child(self, name: &str) -> Self {
        let stale = match self.stale {
            Stale::Only(touched) => touched.children.get(name).map_or(Stale::Nothing, Stale::Only),
            stale => stale,
        };
        let node = self.node.and_then(|node| node.children.get(name));
        Self { node, stale, before: self.before.child(name) }
    }
}

/// The text, with room for the names below it.
pub(super) fn roomy(directory: &str) -> String {
    const ROOM: usize = 64;
    let mut key = String::with_capacity(directory.len() + ROOM);
    key.push_str(directory);
    key
}

impl CurrentField {
    /// Goes on to a key below, or to an absolute one, which the field `name` reads.
    pub(super) fn move_to(&mut self, key: &str, name: &str, ty: TypeName, secret: bool) -> OuterField {
        let outer = OuterField {
            absolute: key.starts_with('/').then(|| std::mem::take(&mut self.key)),
            key: self.key.len(),
            field: self.field.len(),
            ty: std::mem::replace(&mut self.ty, ty),
            secret: self.secret,
        };
        self.secret |= secret;
        append(&mut self.key, '/', key);
        append(&mut self.field, '.', name);
        outer
    }

    pub(super) fn move_back(&mut self, outer: OuterField) {
        let OuterField { absolute, key, field, ty, secret } = outer;
        match absolute {
            Some(whole) => self.key = whole,
            None => self.key.truncate(key),
        }
        self.field.truncate(field);
        self.ty = ty;
        self.secret = secret;
    }
}
