//! From the way to a field, by its names in Rust, to the keys that it is read from.

use etcd_client_core::Printable;

use super::field_path::{Step, named};
use crate::leaf::{Expectation, Shape};
use crate::schema::Schema;
use crate::shape::branch::{Branch, Content, Member};
use crate::shape::path::whole_key;
use crate::tree::{KeyTree, Node};

/// What is at the end of the way.
pub(super) struct Target<'s> {
    /// The path below the prefix of its key, or of its directory: that which it is read from.
    pub(super) path: String,
    /// All paths that it may be read from.
    names: Vec<String>,
    /// It has a directory of its own, and is not one of the fields of another struct.
    is_apart: bool,
    pub(super) what: What<'s>,
}

/// What a field is.
#[derive(Clone, Copy)]
pub(super) enum What<'s> {
    /// One key.
    Key(&'s Expectation),
    /// More than that.
    Keys(&'s Content),
}

impl<'s> Target<'s> {
    /// Goes the way from the outermost struct. The error is for a person.
    pub(super) fn find(schema: &'s Schema, tree: &KeyTree, way: &[Step]) -> Result<Self, String> {
        let mut walk = Walk { tree, chain: vec![schema.branch()] };
        let mut at = Self { path: String::new(), names: Vec::new(), is_apart: true, what: What::Keys(&ROOT) };
        let mut is_first = true;
        for (number, step) in way.iter().enumerate() {
            let so_far = &way[..number];
            at = walk.step(&at, step, so_far, std::mem::take(&mut is_first))?;
        }
        walk.in_newtypes(at)
    }

    /// All paths that it may be read from, unless there are others at the same places.
    pub(super) fn places(&self) -> Option<&[String]> {
        (self.is_apart && !self.names.is_empty()).then_some(&self.names[..])
    }

    /// The keys in the tree that make the field, by whatever name.
    pub(super) fn keys(&self, tree: &KeyTree) -> Vec<String> {
        let mut keys = Vec::new();
        for name in &self.names {
            let Some(node) = tree.root().descend(name) else { continue };
            match self.what {
                What::Key(_) => keys.extend(node.value.as_ref().map(|_| name.clone())),
                What::Keys(content) => collect(content, self.is_apart, name, node, tree, &mut keys),
            }
        }
        keys
    }
}

/// Stands for the outermost struct, which is found in the chain.
static ROOT: Content = Content::Above(0);

/// Whether the type takes whatever the text looks like.
pub(super) fn is_untyped(expectation: &Expectation) -> bool {
    matches!(expectation.shape, Shape::Any)
}

struct Walk<'s, 'a> {
    tree: &'a KeyTree,
    /// The structs from the outermost to the one at hand.
    chain: Vec<&'s Branch>,
}

impl<'s> Walk<'s, '_> {
    fn step(
        &mut self,
        at: &Target<'s>,
        step: &Step,
        so_far: &[Step],
        is_first: bool,
    ) -> Result<Target<'s>, String> {
        let what = match at.what {
            What::Keys(content) => inner(content),
            What::Key(_) => {
                let (field, key) = (named(so_far), Printable::line(&at.path).to_string());
                return Err(format!(
                    "{field} is one key, {key}: what is in its value is set with the whole of it"
                ));
            }
        };
        match (what, step) {
            (Content::Map { entry, .. }, Step::Entry(name)) => {
                let what = What::Key(entry);
                Ok(Target { what, ..entry_of(at, name, so_far)? })
            }
            (Content::Each(content), Step::Entry(name)) => {
                let what = What::Keys(content);
                Ok(Target { what, ..entry_of(at, name, so_far)? })
            }
            (Content::Directory(_) | Content::Above(_), Step::Field(name)) => {
                if !is_first {
                    self.enter(what);
                }
                self.field(&at.path, name, so_far)
            }
            (Content::Leaf(_), _) => Err(format!("{} is one key", named(so_far))),
            (_, Step::Field(name)) => Err(format!("{} has no field {name}", named(so_far))),
            (_, Step::Entry(_)) => Err(format!("{} is no map", named(so_far))),
        }
    }

    /// Goes into the struct that is read at the place.
    fn enter(&mut self, content: &'s Content) {
        match content {
            Content::Directory(branch) => self.chain.push(branch),
            Content::Above(levels) => self.chain.truncate(self.chain.len().saturating_sub(*levels).max(1)),
            _ => {}
        }
    }

    fn field(&self, directory: &str, name: &str, so_far: &[Step]) -> Result<Target<'s>, String> {
        let branch = *self.chain.last().ok_or("there is no struct")?;
        let is_meant = |member: &&Member| branch.layout.newtype || member.field.name == name;
        let Some(member) = branch.members.iter().find(is_meant) else {
            let outer = if so_far.is_empty() { branch.layout.name.to_owned() } else { named(so_far) };
            return Err(format!("{name} of {outer} is read from no key, as `skip` says"));
        };
        let prefix = self.tree.base();
        let look = |name: crate::shape::field_key::FieldKey| name.path(directory, prefix);
        let is_there = |path: &String| {
            self.tree.root().descend(path).is_some_and(|node| member.content.is_present(node))
        };
        let Some((_, path)) = member.field.resolve(look, is_there) else {
            return Err(format!(
                "{} is outside of {prefix}, and cannot be written from there",
                member.field.key
            ));
        };
        let names = member.field.names().filter_map(look).collect();
        let what = match &member.content {
            Content::Leaf(expectation) => What::Key(expectation),
            content => What::Keys(content),
        };
        Ok(Target { path, names, is_apart: !member.field.key.is_empty(), what })
    }

    /// A newtype is the one field in it.
    fn in_newtypes(&mut self, mut at: Target<'s>) -> Result<Target<'s>, String> {
        while let What::Keys(content) = at.what
            && let Content::Directory(branch) = inner(content)
            && branch.layout.newtype
        {
            self.chain.push(branch);
            at = self.field(&at.path, "0", &[])?;
        }
        Ok(at)
    }
}

/// What is inside of an `Option`.
fn inner(content: &Content) -> &Content {
    match content {
        Content::Optional(content) => inner(content),
        content => content,
    }
}

fn entry_of<'s>(map: &Target<'s>, name: &str, so_far: &[Step]) -> Result<Target<'s>, String> {
    if name.is_empty() || name.contains('/') {
        let (map, name) = (named(so_far), Printable::line(name).to_string());
        return Err(format!(
            "{name:?} cannot be the name of an entry of {map}: it is empty, or has a slash in it"
        ));
    }
    let below = |path: &String| whole_key(path, name);
    Ok(Target {
        path: below(&map.path),
        names: map.names.iter().map(below).collect(),
        is_apart: true,
        what: map.what,
    })
}

/// The keys in the place of a struct or a map. Whatever lies in a directory of its own is part of it, read or not; of
/// fields that lie among others, what they read.
fn collect(
    content: &Content,
    is_apart: bool,
    path: &str,
    node: &Node,
    tree: &KeyTree,
    keys: &mut Vec<String>,
) {
    match inner(content) {
        Content::Leaf(_) => keys.extend(node.value.as_ref().map(|_| path.to_owned())),
        Content::Directory(branch) if !is_apart => {
            for member in &branch.members {
                let names = member.field.names().filter_map(|name| name.path(path, tree.base()));
                for name in names {
                    if let Some(node) = tree.root().descend(&name) {
                        let is_apart = !member.field.key.is_empty();
                        collect(&member.content, is_apart, &name, node, tree, keys);
                    }
                }
            }
        }
        _ => below(path, node, keys),
    }
}

/// All keys below a place.
fn below(path: &str, node: &Node, keys: &mut Vec<String>) {
    for (name, child) in &node.children {
        let path = whole_key(path, name);
        keys.extend(child.value.as_ref().map(|_| path.clone()));
        below(&path, child, keys);
    }
}
