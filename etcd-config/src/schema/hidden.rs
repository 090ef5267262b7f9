//! Keys that a store may hide: those with a name that begins with `_`.

use etcd_client_core::Prefix;

use super::ENTRY;
use super::branch::{Branch, Part};

/// The places of the tree of keys in which there may be hidden keys, as paths below the prefix.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hidden {
    /// What fields name, and a store can be asked for.
    pub(crate) named: Vec<String>,
    /// What fields name in the entries of maps: nobody knows of which.
    pub(crate) in_entries: Vec<String>,
    /// The directories whose keys are the entries of maps.
    pub(crate) maps: Vec<String>,
}

impl Hidden {
    /// Of all fields of a configuration that is read from a prefix.
    pub(crate) fn of(branch: &Branch, prefix: &Prefix) -> Self {
        let mut hidden = Self::default();
        hidden.branch(branch, "", prefix);
        hidden
    }

    fn branch(&mut self, branch: &Branch, directory: &str, prefix: &Prefix) {
        for member in &branch.members {
            for key in member.field.names() {
                let path = match key.strip_prefix(prefix.directory()) {
                    Some(path) if key.starts_with('/') => path.to_owned(),
                    _ if key.starts_with('/') => continue, // it lies elsewhere, which is refused
                    _ => join(directory, key),
                };
                self.part(&member.part, path, prefix);
            }
        }
    }

    fn part(&mut self, part: &Part, path: String, prefix: &Prefix) {
        match part {
            Part::Leaf(_) => self.name(path),
            Part::Map { .. } => {
                self.name(path.clone());
                self.maps.push(path);
            }
            Part::Directory(branch) => self.branch(branch, &path, prefix),
            Part::Optional(inner) => self.part(inner, path, prefix),
            Part::Each(inner) => {
                self.name(path.clone());
                self.part(inner, join(&path, ENTRY), prefix);
                self.maps.push(path);
            }
            // A recursive type has no last level.
            Part::Above(_) => {}
        }
    }

    fn name(&mut self, path: String) {
        let is_hidden = |path: &str| path.split('/').any(|name| name.starts_with('_'));
        match path.split_once(ENTRY) {
            Some((_, below)) if is_hidden(below) => self.in_entries.push(path),
            None if is_hidden(&path) => self.named.push(path),
            _ => {}
        }
    }
}

fn join(directory: &str, key: &str) -> String {
    match (directory, key) {
        (_, "") => directory.to_owned(),
        ("", _) => key.to_owned(),
        _ => format!("{directory}/{key}"),
    }
}
