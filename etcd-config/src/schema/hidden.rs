//! Keys that a store may hide: those with a name that begins with `_`.

use etcd_client_core::Prefix;

use super::ENTRY;
use crate::shape::branch::{Branch, Content};
use crate::shape::path::whole_key;

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
            // A key that is not below the prefix is refused elsewhere.
            for path in member.field.names().filter_map(|name| name.path(directory, prefix)) {
                self.content(&member.content, path, prefix);
            }
        }
    }

    fn content(&mut self, content: &Content, path: String, prefix: &Prefix) {
        match content {
            Content::Leaf(_) => self.name(path),
            Content::Map { .. } => {
                self.name(path.clone());
                self.maps.push(path);
            }
            Content::Directory(branch) => self.branch(branch, &path, prefix),
            Content::Optional(inner) => self.content(inner, path, prefix),
            Content::Each(inner) => {
                self.name(path.clone());
                self.content(inner, whole_key(&path, ENTRY), prefix);
                self.maps.push(path);
            }
            // A recursive type has no last level.
            Content::Above(_) => {}
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::leaf::Expectation;
    use crate::shape::branch::Member;
    use crate::shape::layout::{Field, Layout};

    fn leaf() -> Content {
        Content::Leaf(Expectation::unknown())
    }

    fn branch(members: Vec<(&'static Field, Content)>) -> Branch {
        static LAYOUT: Layout = Layout::new("Service", &[]);
        let members = members.into_iter().map(|(field, content)| Member { field, content }).collect();
        Branch { layout: &LAYOUT, members }
    }

    #[test]
    fn what_fields_name_is_told_from_what_lies_in_maps() {
        static TOKEN: Field = Field { aliases: &["_old"], ..Field::new("token", "token", "String") };
        static NOTE: Field = Field::new("note", "_note", "String");
        static ROOT: Field = Field::new("root", "/app/_root", "String");
        static ELSEWHERE: Field = Field::new("elsewhere", "/other/_root", "String");
        static POOLS: Field = Field::new("pools", "pools", "HashMap<String, Pool>");
        static LIMITS: Field = Field::new("limits", "_limits", "HashMap<String, u32>");
        static DATABASE: Field = Field::new("database", "db", "Option<Database>");
        let pool = Content::Directory(Arc::new(branch(vec![(&NOTE, leaf())])));
        let database = Content::Directory(Arc::new(branch(vec![(&TOKEN, leaf()), (&NOTE, leaf())])));
        let limits = Content::Map { entry: Expectation::unknown(), ty: "u32".to_owned() };
        let service = branch(vec![
            (&TOKEN, leaf()),
            (&ROOT, leaf()),
            (&ELSEWHERE, leaf()),
            (&POOLS, Content::Each(Box::new(pool))),
            (&LIMITS, limits),
            (&DATABASE, Content::Optional(Box::new(database))),
        ]);
        let Hidden { named, in_entries, maps } = Hidden::of(&service, &Prefix::new("/app"));
        assert_eq!(named, ["_old", "_root", "_limits", "db/_old", "db/_note"]);
        assert_eq!(in_entries, ["pools/<name>/_note"]);
        assert_eq!(maps, ["pools", "_limits"]);
    }
}
