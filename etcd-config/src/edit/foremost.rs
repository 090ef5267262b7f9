//! Which keys have to be conditions of a transaction before others, where it has no room for all.

use bytes::Bytes;
use etcd_client_core::Prefix;

use crate::shape::branch::{Branch, Content};
use crate::tree::directories::directories;

/// The keys of fields that are no entries of maps, by all names and in all layers: what a check between fields reads.
/// Entries are many, and one that is missing is seldom anything that is refused.
pub(super) fn foremost(branch: &Branch, prefix: &Prefix) -> Vec<Bytes> {
    let mut paths = Vec::new();
    of_struct(branch, "", prefix, &mut paths);
    let in_layer = |layer| paths.iter().map(move |path| format!("{layer}{path}").into());
    directories(prefix).flat_map(in_layer).collect()
}

fn of_struct(branch: &Branch, directory: &str, prefix: &Prefix, paths: &mut Vec<String>) {
    for member in &branch.members {
        for path in member.field.names().filter_map(|name| name.path(directory, prefix)) {
            of_content(&member.content, path, prefix, paths);
        }
    }
}

fn of_content(content: &Content, path: String, prefix: &Prefix, paths: &mut Vec<String>) {
    match content {
        Content::Leaf(_) => paths.push(path),
        Content::Directory(branch) => of_struct(branch, &path, prefix, paths),
        Content::Optional(inner) => of_content(inner, path, prefix, paths),
        Content::Map { .. } | Content::Each(_) | Content::Above(_) => {}
    }
}
