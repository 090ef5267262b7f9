//! What lies in a directory, as the keys below a prefix.

use std::sync::Arc;

use bytes::Bytes;

use crate::store::{Entry, Listing, Prefix};
use crate::v2::net::pool::Pool;
use crate::v2::net::refusal::Refusal;
use crate::v2::net::reply::Reply;
use crate::v2::watch::long_poll::Target;
use crate::v2::wire::response::{Answer, Node, parse};
use crate::{Error, Kind};

/// The keys of a target that lies below the prefix or is its directory, by one linearizable read. What is
/// not there, or is below a key, is empty.
pub(in crate::v2) async fn list(
    pool: &Arc<Pool>,
    prefix: &Prefix,
    target: &Target,
) -> Result<Listing, Error> {
    match pool.call(&target.read()?, Some(0), |reply| tree(target, reply)).await {
        Ok(Tree { root, revision, cluster }) => {
            Ok(Listing { revision, cluster, entries: entries(prefix, &root) })
        }
        Err(error) => empty_listing(error),
    }
}

struct Tree {
    root: Node,
    revision: u64,
    cluster: u64,
}

fn tree(target: &Target, reply: &Reply) -> Result<Tree, Error> {
    let answer: Answer = parse(&reply.body)?;
    let (Some(revision), Some(root)) = (reply.headers.etcd_index(), answer.node) else {
        return Err(Error::new(Kind::Protocol, "a listing without an index or without a node"));
    };
    target.check(&root, revision)?;
    Ok(Tree { root, revision, cluster: reply.headers.cluster_id().unwrap_or_default() })
}

pub(in crate::v2) fn entries(prefix: &Prefix, root: &Node) -> Vec<Entry> {
    let keys = root.walk().filter(|node| !node.dir);
    let mut entries: Vec<Entry> = keys.filter_map(|node| entry(prefix, node)).collect();
    entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    entries
}

/// An empty listing, if the error is that the key does not exist. It names the index, but not the cluster.
fn empty_listing(error: Error) -> Result<Listing, Error> {
    match Refusal::of(&error).and_then(Refusal::index_of_nothing) {
        Some(revision) => Ok(Listing { revision, ..Listing::default() }),
        None => Err(error),
    }
}

pub(in crate::v2) fn entry(prefix: &Prefix, node: &Node) -> Option<Entry> {
    let key = key_below(prefix, &node.key)?;
    let value = Bytes::copy_from_slice(node.value.as_deref().unwrap_or_default().as_bytes());
    Some(Entry { key, value, revision: node.modified_index })
}

/// A key of v2, spelled as the prefix is; `None` if it is not below the prefix. In v2 each key has one slash before
/// each of its names; a prefix may be written with more, or with none at its beginning, and means the same directory.
pub(in crate::v2) fn key_below(prefix: &Prefix, key: &str) -> Option<Bytes> {
    let mut rest = key;
    for name in path_names(prefix.directory()) {
        rest = rest.strip_prefix('/')?.strip_prefix(name)?;
    }
    let relative = rest.strip_prefix('/').filter(|relative| !relative.is_empty())?;
    Some(prefix.join(relative).into())
}

/// The bytes that all keys of a deleted directory began with, if they were below the prefix.
pub(in crate::v2) fn directory_below(prefix: &Prefix, key: &str) -> Option<Bytes> {
    let mut of_prefix = path_names(prefix.directory());
    if path_names(key).all(|name| of_prefix.next() == Some(name)) {
        return Some(Bytes::copy_from_slice(prefix.directory().as_bytes()));
    }
    key_below(prefix, &format!("{}/", key.trim_end_matches('/')))
}

pub(super) fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}
