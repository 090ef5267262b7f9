//! Which field a name in a document means, and which key that field is read from.

use super::stored_keys::read_from;
use crate::decode::DEEPEST;
use crate::leaf::Expectation;
use crate::schema::Schema;
use crate::shape::branch::{Branch, Content, Member};
use crate::shape::path::{field_path, whole_key};
use crate::tree::KeyTree;

/// What a field reads at a path, by whichever of its names it is given.
pub(super) struct Meant<'s> {
    /// The path that the field is read from.
    pub(super) path: String,
    /// All paths that it may be read from, if there are several.
    pub(super) others: Vec<String>,
    pub(super) expectation: &'s Expectation,
    /// The type of the field, as it is written in the source.
    pub(super) ty: &'s str,
    /// The path of the field in Rust.
    pub(super) field: String,
}

/// The first field that reads the key at `path`, by any of its names.
pub(super) fn meant<'s>(schema: &'s Schema, tree: &KeyTree, path: &str) -> Option<Meant<'s>> {
    let is_anywhere = schema.has_absolute();
    let chain = vec![schema.branch()];
    let mut search = Search { tree, wanted: path, is_anywhere, chain, depth: 0, found: None };
    search.members(&Way::default());
    search.found
}

#[derive(Default)]
struct Way {
    /// By the names that lead to what is wanted.
    name: String,
    path: String,
    /// Where else the field at hand may be read from, if it has several names.
    others: Vec<String>,
    field: String,
}

impl Way {
    fn entry(&self, name: &str) -> Self {
        let below = |path: &String| whole_key(path, name);
        let others = self.others.iter().map(below).collect();
        Self {
            name: below(&self.name),
            path: below(&self.path),
            others,
            field: field_path(&self.field, name),
        }
    }
}

struct Search<'s, 'a> {
    tree: &'a KeyTree,
    wanted: &'a str,
    /// A field may have a name that is not below that of its struct.
    is_anywhere: bool,
    /// The structs from the outermost to the one at hand.
    chain: Vec<&'s Branch>,
    depth: usize,
    found: Option<Meant<'s>>,
}

impl<'s, 'a> Search<'s, 'a> {
    fn members(&mut self, at: &Way) {
        let Some(branch) = self.chain.last().copied() else { return };
        if self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        for member in &branch.members {
            let Some(path) = read_from(self.tree, member, &at.path) else { continue };
            for name in member.field.names().filter_map(|name| name.path(&at.name, self.tree.base())) {
                if self.found.is_some() {
                    break;
                }
                let field = field_path(&at.field, member.field.name);
                let others =
                    if member.field.aliases.is_empty() { Vec::new() } else { self.names(member, at) };
                let way = Way { name, path: path.clone(), others, field };
                if self.is_anywhere || self.rest(&way.name).is_some() {
                    self.content(member, &member.content, &way, at);
                }
            }
        }
        self.depth -= 1;
    }

    fn content(&mut self, member: &'s Member, content: &'s Content, at: &Way, outer: &Way) {
        match content {
            Content::Leaf(expectation) if at.name == self.wanted => {
                self.found(expectation, member.field.ty, at);
            }
            Content::Map { entry, ty } => {
                let name = self.rest(&at.name).filter(|name| !name.is_empty() && !name.contains('/'));
                if let Some(name) = name {
                    self.found(entry, ty, &at.entry(name));
                }
            }
            Content::Directory(branch) => {
                self.chain.push(branch);
                self.members(at);
                self.chain.pop();
            }
            Content::Optional(inner) => self.content(member, inner, at, outer),
            Content::Each(inner) => {
                let name = self.rest(&at.name).and_then(|rest| rest.split('/').next());
                if let Some(name) = name.filter(|name| !name.is_empty()) {
                    self.content(member, inner, &at.entry(name), outer);
                }
            }
            // One that is no deeper would never end.
            Content::Above(levels) if self.rest(&at.name).is_some() && at.name.len() > outer.name.len() => {
                let around = self.chain.split_off(self.chain.len().saturating_sub(*levels).max(1));
                self.members(at);
                self.chain.extend(around);
            }
            Content::Leaf(_) | Content::Above(_) => {}
        }
    }

    fn found(&mut self, expectation: &'s Expectation, ty: &'s str, at: &Way) {
        if self.found.is_none() {
            let Way { path, others, field, .. } = at;
            let (path, others, field) = (path.clone(), others.clone(), field.clone());
            self.found = Some(Meant { path, others, expectation, ty, field });
        }
    }

    fn names(&self, member: &Member, at: &Way) -> Vec<String> {
        member.field.names().filter_map(|name| name.path(&at.path, self.tree.base())).collect()
    }

    /// What comes after a directory in the path that is wanted; nothing, if it is the path.
    fn rest(&self, directory: &str) -> Option<&'a str> {
        if directory.is_empty() {
            return Some(self.wanted);
        }
        let rest = self.wanted.strip_prefix(directory)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }
}
