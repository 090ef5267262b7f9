//! Which keys have to be conditions of a transaction before others, where it has no room for all.

use bytes::Bytes;
use etcd_client_core::Prefix;

use crate::shape::branch::{Branch, Content};

/// The keys of fields that are no entries of maps, by all names: what a check between fields reads. Entries are many, and
/// one that is missing is seldom anything that is refused.
pub(super) fn foremost(branch: &Branch, prefix: &Prefix) -> Vec<Bytes> {
    let mut keys = Vec::new();
    of_struct(branch, "", prefix, &mut keys);
    keys
}

fn of_struct(branch: &Branch, directory: &str, prefix: &Prefix, keys: &mut Vec<Bytes>) {
    for member in &branch.members {
        for path in member.field.names().filter_map(|name| name.path(directory, prefix)) {
            of_content(&member.content, &path, prefix, keys);
        }
    }
}

fn of_content(content: &Content, path: &str, prefix: &Prefix, keys: &mut Vec<Bytes>) {
    match content {
        Content::Leaf(_) => keys.push(prefix.join(path).into()),
        Content::Directory(branch) => of_struct(branch, path, prefix, keys),
        Content::Optional(inner) => of_content(inner, path, prefix, keys),
        Content::Map { .. } | Content::Each(_) | Content::Above(_) => {}
    }
}
