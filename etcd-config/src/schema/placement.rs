//! Whether what lies below the prefix is this configuration at all.

use etcd_client_core::Printable;

use super::unknown::is_all_unknown;
use super::{ENTRY, Field, Schema};
use crate::problem::{Kind, Problem};
use crate::tree::{KeyTree, Node};

/// The most directories that are tried for being the prefix that was meant.
const TRIED: usize = 100;

/// What is to be said where no field reads any key. `hint` is what the store has said of an empty prefix.
pub(crate) fn nothing_read(schema: &Schema, tree: &KeyTree, hint: Option<&str>) -> Option<String> {
    if tree.is_empty() {
        let nothing = "there is no key at all below this prefix";
        return Some(hint.map_or_else(|| nothing.to_owned(), |hint| format!("{nothing}: {hint}")));
    }
    if reads_any(schema, tree.root()) {
        return None;
    }
    let mut directories = tree.root().children.iter().filter(|(name, _)| !name.is_empty()).take(TRIED);
    let (name, _) = directories.find(|(_, node)| reads_any(schema, node))?;
    is_all_unknown(schema, tree).then(|| {
        let meant = tree.prefix().join(name);
        format!(
            "no field reads any key below this prefix, but there are such keys below {}; is that the prefix?",
            Printable::line(&meant)
        )
    })
}

/// The same as a warning.
pub(crate) fn warning(tree: &KeyTree, what: String) -> Problem {
    Problem {
        kind: Kind::NothingRead,
        key: tree.prefix().path().to_owned(),
        field: String::new(),
        expected: String::new(),
        what,
        value: None,
        revision: None,
    }
}

fn reads_any(schema: &Schema, node: &Node) -> bool {
    schema.fields().iter().any(|field| is_there(field, node))
}

/// Whether there is a key of a field in a directory; of the fields of a map's entries, whether there is any
/// entry.
fn is_there(field: &Field, node: &Node) -> bool {
    match field.relative.split_once(ENTRY) {
        Some((directory, _)) => {
            let directory = node.descend(directory.trim_end_matches('/'));
            directory.is_some_and(|directory| !directory.children.is_empty())
        }
        None => node.descend(&field.relative).is_some_and(|node| node.value.is_some()),
    }
}
