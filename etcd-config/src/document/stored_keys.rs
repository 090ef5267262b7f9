//! The keys that the fields are read from, with the names that a document has for them.

use std::collections::{BTreeMap, HashSet};

use crate::decode::DEEPEST;
use crate::leaf::Expectation;
use crate::schema::Schema;
use crate::schema::secrecy::Secrecy;
use crate::shape::branch::{Branch, Content, Member};
use crate::shape::path::whole_key;
use crate::tree::{KeyTree, Node};

/// A key that is there, and that a field is read from.
pub(super) struct StoredKey<'s, 't> {
    /// Its path below the prefix by the present names of all fields on the way.
    pub(super) name: String,
    /// The path that it is read from, which may be an old name.
    pub(super) path: String,
    pub(super) text: &'t [u8],
    pub(super) expectation: &'s Expectation,
    pub(super) docs: &'static str,
    pub(super) secret: bool,
}

/// All of them, in the order of the source.
pub(super) struct StoredKeys<'s, 't> {
    pub(super) keys: Vec<StoredKey<'s, 't>>,
    /// The documentation of what is a directory, by its name.
    pub(super) directories: BTreeMap<String, &'static str>,
}

impl<'s, 't> StoredKeys<'s, 't> {
    pub(super) fn find(schema: &'s Schema, tree: &'t KeyTree) -> Self {
        let secrecy = Secrecy::of(schema.branch(), tree.base());
        let found = Self { keys: Vec::new(), directories: BTreeMap::new() };
        let chain = vec![schema.branch()];
        let mut walk = Walk { tree, secrecy, chain, depth: 0, seen: HashSet::new(), found };
        walk.members(&At { name: String::new(), path: String::new() });
        walk.found
    }
}

/// A place, by its name and by where it is read from.
struct At {
    name: String,
    path: String,
}

struct Walk<'s, 't> {
    tree: &'t KeyTree,
    secrecy: Secrecy<'s>,
    /// The structs from the outermost to the one at hand.
    chain: Vec<&'s Branch>,
    depth: usize,
    /// Two fields may read one key.
    seen: HashSet<String>,
    found: StoredKeys<'s, 't>,
}

impl<'s, 't> Walk<'s, 't> {
    fn members(&mut self, at: &At) {
        let Some(branch) = self.chain.last().copied() else { return };
        // An absolute key may lead to the same place again and again.
        if self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        for member in &branch.members {
            if let Some(below) = located(self.tree, member, at) {
                let name = &below.name;
                if !member.field.docs.is_empty() && !member.field.key.is_empty() && !is_leaf(&member.content)
                {
                    self.found.directories.insert(name.clone(), member.field.docs);
                }
                self.content(&member.content, member.field.docs, &below);
            }
        }
        self.depth -= 1;
    }

    fn content(&mut self, content: &'s Content, docs: &'static str, at: &At) {
        let Some(node) = self.tree.root().descend(&at.path) else { return };
        match content {
            Content::Leaf(expectation) => self.key(node, expectation, docs, at),
            Content::Map { entry, .. } => {
                for (name, child) in named(node) {
                    self.key(child, entry, "", &entry_of(at, name));
                }
            }
            Content::Directory(branch) => {
                self.chain.push(branch);
                self.members(at);
                self.chain.pop();
            }
            Content::Optional(inner) if inner.is_present(node) => self.content(inner, docs, at),
            Content::Each(inner) => {
                for (name, child) in named(node) {
                    if inner.is_present(child) {
                        self.content(inner, "", &entry_of(at, name));
                    }
                }
            }
            Content::Above(levels) => {
                let around = self.chain.split_off(self.chain.len().saturating_sub(*levels).max(1));
                self.members(at);
                self.chain.extend(around);
            }
            Content::Optional(_) => {}
        }
    }

    fn key(&mut self, node: &'t Node, expectation: &'s Expectation, docs: &'static str, at: &At) {
        let Some(raw) = &node.value else { return };
        if self.seen.insert(at.path.clone()) {
            self.found.keys.push(StoredKey {
                name: at.name.clone(),
                path: at.path.clone(),
                text: &raw.value,
                expectation,
                docs,
                secret: self.secrecy.is_secret(at.path.as_bytes()),
            });
        }
    }
}

fn named(node: &Node) -> impl Iterator<Item = (&str, &Node)> {
    node.children.iter().filter(|(name, _)| !name.is_empty())
}

fn is_leaf(content: &Content) -> bool {
    matches!(content, Content::Leaf(_))
}

fn entry_of(at: &At, name: &str) -> At {
    At { name: whole_key(&at.name, name), path: whole_key(&at.path, name) }
}

/// Where a field is; `None` if that is not below the prefix.
fn located(tree: &KeyTree, member: &Member, at: &At) -> Option<At> {
    let path = read_from(tree, member, &at.path)?;
    let own = member.field.names().next()?;
    Some(At { name: own.path(&at.name, tree.base())?, path })
}

/// The path below the prefix that a field of the struct at `directory` is read from.
pub(super) fn read_from(tree: &KeyTree, member: &Member, directory: &str) -> Option<String> {
    let is_there =
        |path: &String| tree.root().descend(path).is_some_and(|node| member.content.is_present(node));
    member.field.resolve(|name| name.path(directory, tree.base()), is_there).map(|(_, path)| path)
}
