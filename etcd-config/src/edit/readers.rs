//! Which field reads a key.

use etcd_client_core::Prefix;

use crate::shape::branch::{Branch, Content};
use crate::shape::layout;
use crate::shape::path::{field_path, whole_key};

/// A field that reads a key, by any of its names.
pub(crate) struct Reader {
    /// Its path in Rust, with the names of entries.
    pub(crate) field: String,
    pub(crate) written: &'static layout::Field,
    /// What it reads waits for a restart.
    pub(crate) restart: bool,
    /// The key belongs to an entry of a map: without it there may be no such entry, and then its default counts for nothing.
    pub(crate) is_entry: bool,
    /// Of the field, and of what it is in, each that has several names: the outermost one first.
    pub(crate) named: Vec<Names>,
}

/// The names of a field that has several.
#[derive(Clone)]
pub(crate) struct Names {
    /// As paths below the prefix, in the order in which they are looked for.
    pub(crate) paths: Vec<String>,
    /// By which of them the key is read.
    pub(crate) own: usize,
    /// It is one key, and no directory.
    pub(crate) is_leaf: bool,
}

impl Names {
    /// The one by which the key is read.
    pub(crate) fn own_path(&self) -> &str {
        &self.paths[self.own]
    }

    pub(crate) fn others(&self) -> impl Iterator<Item = &String> {
        self.paths.iter().enumerate().filter(|(number, _)| *number != self.own).map(|(_, path)| path)
    }
}

/// The first field that reads the key at a path below the prefix.
pub(crate) fn reader(branch: &Branch, prefix: &Prefix, path: &str) -> Option<Reader> {
    let mut search = Search { prefix, path, chain: vec![branch], found: None };
    search.members(&Way::default());
    search.found
}

fn is_leaf(content: &Content) -> bool {
    match content {
        Content::Leaf(_) => true,
        Content::Optional(inner) => is_leaf(inner),
        Content::Directory(branch) if branch.layout.newtype => {
            branch.members.iter().all(|member| is_leaf(&member.content))
        }
        Content::Map { .. } | Content::Directory(_) | Content::Each(_) | Content::Above(_) => false,
    }
}

/// How far the search has come.
#[derive(Default)]
struct Way {
    path: String,
    field: String,
    restart: bool,
    /// Within an entry of a map.
    is_entry: bool,
    named: Vec<Names>,
}

struct Search<'s> {
    prefix: &'s Prefix,
    path: &'s str,
    /// The structs from the outermost to the one at hand.
    chain: Vec<&'s Branch>,
    found: Option<Reader>,
}

impl<'s> Search<'s> {
    fn members(&mut self, at: &Way) {
        let Some(branch) = self.chain.last().copied() else { return };
        for member in &branch.members {
            let names = member.field.names().filter_map(|name| name.path(&at.path, self.prefix));
            let paths: Vec<String> = names.collect();
            for (own, path) in paths.iter().enumerate() {
                if self.found.is_some() {
                    return;
                }
                let mut all_named = at.named.clone();
                if paths.len() > 1 {
                    all_named.push(Names { paths: paths.clone(), own, is_leaf: is_leaf(&member.content) });
                }
                let field = field_path(&at.field, member.field.name);
                let restart = at.restart || member.field.restart;
                let way = Way { path: path.clone(), field, restart, is_entry: at.is_entry, named: all_named };
                self.content(member.field, &member.content, &way, at);
            }
        }
    }

    fn content(&mut self, written: &'static layout::Field, content: &'s Content, at: &Way, outer: &Way) {
        let named = || at.named.clone();
        let found =
            |field, is_entry| Reader { field, written, restart: at.restart, is_entry, named: named() };
        match content {
            Content::Leaf(_) if at.path == self.path => {
                self.found = Some(found(at.field.clone(), at.is_entry));
            }
            Content::Map { .. } => {
                let name = self.rest(&at.path).filter(|name| !name.is_empty() && !name.contains('/'));
                self.found = name.map(|name| found(field_path(&at.field, name), true));
            }
            // Absolute keys in it may be anywhere.
            Content::Directory(branch) => {
                self.chain.push(branch);
                self.members(at);
                self.chain.pop();
            }
            Content::Optional(inner) => self.content(written, inner, at, outer),
            Content::Each(inner) => {
                let Some(name) = self.rest(&at.path).and_then(|rest| rest.split('/').next()) else { return };
                if !name.is_empty() {
                    let (path, field) = (whole_key(&at.path, name), field_path(&at.field, name));
                    let way = Way { path, field, restart: at.restart, is_entry: true, named: named() };
                    self.content(written, inner, &way, outer);
                }
            }
            // One that is no deeper would never end.
            Content::Above(levels) if self.rest(&at.path).is_some() && at.path.len() > outer.path.len() => {
                let around = self.chain.split_off(self.chain.len().saturating_sub(*levels).max(1));
                self.members(at);
                self.chain.extend(around);
            }
            Content::Leaf(_) | Content::Above(_) => {}
        }
    }

    /// What comes after a directory in the path that is looked for.
    fn rest(&self, directory: &str) -> Option<&'s str> {
        if directory.is_empty() {
            return Some(self.path);
        }
        self.path.strip_prefix(directory)?.strip_prefix('/')
    }
}
