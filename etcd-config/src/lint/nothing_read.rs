//! Whether what lies below the prefix is this configuration at all.

use etcd_client_core::Printable;

use crate::lint::findings::is_all_unknown;
use crate::problem::{Kind, Problem};
use crate::schema::{ENTRY, Field, Schema};
use crate::tree::{KeyTree, Node};

/// The most directories that are tried for being the prefix that was meant.
const TRIED: usize = 100;

/// No field reads any key: what is to be said of that.
#[derive(Clone, Debug)]
pub(crate) struct NothingRead {
    what: String,
    /// There is no key at all.
    is_empty: bool,
    /// Others would be read: the prefix is the wrong one, rather than that nobody has written its keys.
    is_elsewhere: bool,
}

/// What the store has said of an empty prefix.
#[derive(Clone, Debug)]
pub(crate) struct Neighbours {
    /// For a person.
    pub(crate) what: String,
    /// They may be what was meant.
    pub(crate) is_meant: bool,
}

impl NothingRead {
    /// Where that is so.
    pub(crate) fn find(schema: &Schema, tree: &KeyTree, neighbours: Option<&Neighbours>) -> Option<Self> {
        if tree.is_empty() {
            let nothing = "there is no key at all below this prefix";
            let what = neighbours
                .map_or_else(|| nothing.to_owned(), |neighbours| format!("{nothing}: {}", neighbours.what));
            let is_elsewhere = neighbours.is_some_and(|neighbours| neighbours.is_meant);
            return Some(Self { what, is_empty: true, is_elsewhere });
        }
        if reads_any(schema, tree.root()) {
            return None;
        }
        let mut directories = tree.root().children.iter().filter(|(name, _)| !name.is_empty()).take(TRIED);
        let (name, _) = directories.find(|(_, node)| reads_any(schema, *node))?;
        let meant = tree.prefix().join(name);
        let meant = Printable::line(&meant);
        let what = format!(
            "no field reads any of the keys below this prefix; those below {meant} would be read: is that the prefix?"
        );
        is_all_unknown(schema, tree).then_some(Self { what, is_empty: false, is_elsewhere: true })
    }

    /// For a person.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Whether the keys seem to be below another prefix.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.is_elsewhere
    }

    /// Whether it holds no more when a key has come that no field reads: as it says that there is no key at all.
    pub(crate) fn ends_with_any_key(&self) -> bool {
        self.is_empty
    }

    /// The same as a warning.
    pub(crate) fn warning(&self, tree: &KeyTree) -> Problem {
        Problem::of_key(Kind::NothingRead, tree.prefix().path(), &*self.what)
    }
}

fn reads_any(schema: &Schema, node: Node<'_>) -> bool {
    schema.fields().iter().any(|field| is_there(field, node))
}

/// Whether there is a key of a field in a directory; of the fields of a map's entries, whether there is any
/// entry.
fn is_there(field: &Field, node: Node<'_>) -> bool {
    match field.relative.split_once(ENTRY) {
        Some((directory, _)) => {
            let directory = node.descend(directory.trim_end_matches('/'));
            directory.is_some_and(|directory| !directory.children.is_empty())
        }
        None => node.descend(&field.relative).is_some_and(|node| node.value.is_some()),
    }
}
