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
}

/// The first field that reads the key at a path below the prefix.
pub(crate) fn reader(branch: &Branch, prefix: &Prefix, path: &str) -> Option<Reader> {
    let mut search = Search { prefix, path, chain: vec![branch], found: None };
    search.members(&Way { path: String::new(), field: String::new(), restart: false, is_entry: false });
    search.found
}

/// How far the search has come.
struct Way {
    path: String,
    field: String,
    restart: bool,
    /// Within an entry of a map.
    is_entry: bool,
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
            for path in member.field.names().filter_map(|name| name.path(&at.path, self.prefix)) {
                if self.found.is_some() {
                    return;
                }
                let field = field_path(&at.field, member.field.name);
                let way =
                    Way { path, field, restart: at.restart || member.field.restart, is_entry: at.is_entry };
                self.content(member.field, &member.content, &way, at);
            }
        }
    }

    fn content(&mut self, written: &'static layout::Field, content: &'s Content, at: &Way, outer: &Way) {
        let found = |field, is_entry| Reader { field, written, restart: at.restart, is_entry };
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
                    self.content(written, inner, &Way { path, field, is_entry: true, ..*at }, outer);
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
