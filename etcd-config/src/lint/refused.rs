//! What is said of a directory that a check refuses: which key was written last.

use std::collections::HashSet;

use etcd_client_core::Printable;

use crate::lint::findings::{Finding, find};
use crate::problem::{Kind, Problem};
use crate::schema::Schema;
use crate::tree::{KeyTree, Node};

/// Names the newest key of what is refused as a whole: that is most often the one to look at.
pub(crate) fn name_newest(problems: &mut [Problem], schema: &Schema, tree: &KeyTree) {
    let mut unread = None;
    for problem in problems {
        if problem.kind != Kind::Refused || problem.revision.is_some() {
            continue;
        }
        let root = tree.prefix().directory();
        let (node, mut directory) = match problem.key.trim_end_matches('/') {
            key if key == root.trim_end_matches('/') => (Some(tree.root()), root.to_owned()),
            key => (tree.at(key), format!("{key}/")),
        };
        let Some(node) = node.filter(|node| !node.children.is_empty()) else { continue };
        let unread = unread.get_or_insert_with(|| {
            let findings = find(schema, tree, None).into_iter().filter(Finding::is_unread);
            findings.map(|finding| tree.prefix().join(&finding.path)).collect()
        });
        let mut newest = Newest { unread, key: String::new(), revision: 0 };
        newest.look(node, &mut directory);
        if newest.revision > 0 {
            let key = Printable::line(&tree.real_key(&newest.key)).at_most(Printable::LINE).to_string();
            let set_at = set_at(newest.revision);
            problem.what = format!("{}; the newest of its keys is {key}{set_at}", problem.what);
        }
    }
}

/// What follows the newest key.
pub(crate) fn set_at(revision: u64) -> String {
    format!(", set at revision {revision}")
}

struct Newest<'u> {
    /// The keys that no field reads.
    unread: &'u HashSet<String>,
    key: String,
    revision: u64,
}

impl Newest<'_> {
    /// `key` is that of the directory, with the slash at its end.
    fn look(&mut self, node: Node<'_>, key: &mut String) {
        for (name, child) in node.children {
            let length = key.len();
            key.push_str(name);
            if let Some(raw) = child.value
                && raw.revision() > self.revision
                && !self.unread.contains(key.as_str())
            {
                self.key.clone_from(key);
                self.revision = raw.revision();
            }
            key.push('/');
            self.look(child, key);
            key.truncate(length);
        }
    }
}
