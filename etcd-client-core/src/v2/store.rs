//! The client as a [`Store`]: listings at etcd's index, and watches by long polls from there.

mod commit;
mod hidden;
mod hidden_watch;
mod listing;
mod several;

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use self::hidden::Hidden;
use self::hidden_watch::HiddenWatch;
use self::listing::{directory_below, entry, key_below, list};
use super::client::Client;
use crate::store::{
    Batch, BoxFuture, Change, Committed, GuardedWrites, Listing, Opened, Prefix, Signal, Store, Watch,
    merged_watch,
};
use crate::transport::keys_in_other_api;
use crate::v2::net::refusal::Refusal;
use crate::v2::watch::feed::{Feed, FeedSignal};
use crate::v2::watch::long_poll::Target;
use crate::v2::wire::response::{Action, Answer, Node};
use crate::{Error, FailingEndpoint, Kind, OneLine};

impl Store for Client {
    /// One linearizable read, and two more if the prefix [names](Prefix::named) hidden keys. A directory that
    /// does not exist, or is below a key, is an empty one.
    ///
    /// Several directories are read until two rounds agree, as the API reads one at a time.
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        if prefix.has_several() {
            return Box::pin(several::list(self.clone(), prefix.clone()));
        }
        let (pool, prefix) = (self.pool().clone(), prefix.clone());
        Box::pin(async move {
            let target = target(&prefix)?;
            match Hidden::of(&pool, &prefix)? {
                Some(hidden) => hidden.list_with(&target).await,
                None => list(&pool, &prefix, &target).await,
            }
        })
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        if prefix.has_several() {
            return match several::check_spelling(prefix) {
                Ok(()) => merged_watch::open(self, prefix, after),
                Err(error) => Box::pin(std::future::ready(Err(error))),
            };
        }
        let (pool, prefix) = (self.pool().clone(), prefix.clone());
        Box::pin(async move {
            let hidden = Hidden::of(&pool, &prefix)?;
            let feed = Feed::open_with_leader_probe(&pool, &target(&prefix)?, after).await?;
            let (head, cluster) = (feed.head(), feed.headers().cluster_id().unwrap_or_default());
            let reported = feed.position();
            let mut watch: Box<dyn Watch> = Box::new(StoreWatch { feed, prefix, reported });
            if let Some(hidden) = hidden {
                watch = Box::new(HiddenWatch::open(hidden, watch, reported).await?);
            }
            Ok(Opened { watch, head, cluster })
        })
    }

    fn commit(&self, writes: GuardedWrites) -> BoxFuture<Result<Committed, Error>> {
        let client = self.clone();
        Box::pin(async move { commit::commit(&client, writes).await })
    }

    fn writes_at_once(&self) -> usize {
        1
    }

    fn hides_keys(&self) -> bool {
        true
    }

    fn names(&self, directory: &Prefix, limit: usize) -> BoxFuture<Result<Vec<String>, Error>> {
        let (client, directory) = (self.clone(), directory.clone());
        Box::pin(async move {
            let answer = match client.get(directory.directory()).max_retries(0).await {
                // No directory, and so no names.
                Err(error) if Refusal::of(&error).is_some_and(|it| it.index_of_nothing().is_some()) => {
                    return Ok(Vec::new());
                }
                answer => answer?.into_body(),
            };
            let nodes = answer.node.map(|node| node.nodes).unwrap_or_default();
            let mut names: Vec<String> = nodes.iter().filter_map(name).collect();
            names.sort_unstable();
            names.truncate(limit);
            Ok(names)
        })
    }

    fn other_api(&self, prefix: &Prefix) -> BoxFuture<Option<&'static str>> {
        let (options, prefix) = (self.pool().options().clone(), prefix.clone());
        Box::pin(async move { keys_in_other_api::holds_v3_keys(&options, &prefix).await.then_some("v3") })
    }

    fn outage(&self) -> Option<Error> {
        Some(self.pool().outage())
    }

    fn check_idle_endpoints(&self, _: u64) -> BoxFuture<()> {
        let pool = self.pool().clone();
        Box::pin(async move { pool.check_idle_endpoints().await })
    }

    fn failing_endpoints(&self) -> Vec<FailingEndpoint> {
        self.pool().failing()
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.with_own_connections())
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(self.pool()).addr()
    }
}

/// The last name of a key, with a slash at its end for a directory.
fn name(node: &Node) -> Option<String> {
    let name = node.key.rsplit('/').next()?;
    Some(if node.dir { format!("{name}/") } else { name.to_owned() })
}

fn target(prefix: &Prefix) -> Result<Target, Error> {
    Target::new(prefix.directory(), true)
}

/// Reads an answer that may hold anything, as a listing and as a change.
#[cfg(fuzzing)]
pub(super) fn fuzz(prefix: &Prefix, answer: &Answer) {
    let below = |key: &bytes::Bytes| prefix.relative(key).is_some();
    if let Some(root) = &answer.node {
        assert!(self::listing::entries(prefix, root).iter().all(|entry| below(&entry.key)));
    }
    for change in changes(prefix, answer) {
        match change {
            Change::Put(crate::Entry { key, .. }) | Change::Delete(key) => assert!(below(&key), "{key:?}"),
            Change::DeleteBelow(_) => {}
        }
    }
}

#[derive(Debug)]
struct StoreWatch {
    feed: Feed,
    prefix: Prefix,
    /// The index up to which changes or progress have been reported.
    reported: u64,
}

impl Watch for StoreWatch {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        let signal = match ready!(self.feed.poll_next(cx)) {
            Ok(signal) => signal,
            Err(error) => return Poll::Ready(Err(self.lost(error))),
        };
        Poll::Ready(match signal {
            FeedSignal::Progress(index) | FeedSignal::Ended { index, .. } => {
                self.reported = self.reported.max(index);
                Ok(Signal::Progress(index))
            }
            FeedSignal::Arriving => Ok(Signal::Arriving),
            FeedSignal::Change { index, .. } if index <= self.reported => {
                tracing::warn!(
                    endpoint = self.feed.endpoint(),
                    index,
                    "a change came after progress beyond it had been reported: listing"
                );
                Err(Error::compacted(self.reported))
            }
            FeedSignal::Change { index, proven: false, .. } => {
                tracing::info!(
                    endpoint = self.feed.endpoint(),
                    index,
                    "the server no longer has the changes before this one: listing"
                );
                Err(Error::compacted(self.reported))
            }
            FeedSignal::Change { index, .. } if self.feed.is_lagging() => {
                tracing::info!(
                    endpoint = self.feed.endpoint(),
                    index,
                    head = self.feed.head(),
                    "changes come faster than one by one: listing"
                );
                Err(Error::compacted(self.reported))
            }
            FeedSignal::Change { answer, index, .. } => {
                self.reported = index;
                let changes = changes(&self.prefix, &answer);
                Ok(if changes.is_empty() {
                    Signal::Progress(index)
                } else {
                    Signal::Batch(Batch { revision: index, changes })
                })
            }
        })
    }

    fn request_progress(&mut self) {
        self.feed.request_progress();
    }

    /// Progress is concluded from silence, which takes longer than to read again.
    fn proves_progress(&self) -> bool {
        false
    }

    fn is_resumable(&self) -> bool {
        self.reported <= self.feed.position()
    }

    fn endpoint(&self) -> &str {
        self.feed.endpoint()
    }

    fn abandon(self: Box<Self>) {
        self.feed.abandon();
    }
}

impl StoreWatch {
    /// Progress is concluded from the silence of a poll. When the poll is lost, the silence may have meant a
    /// dead connection, so the watcher must list instead of resuming after the reported index. When the member
    /// has lost its leader, the poll was alive.
    fn lost(&self, error: Error) -> Error {
        let poll_is_lost = error.is_transient() && error.kind() != Kind::NoLeader;
        if poll_is_lost && self.reported > self.feed.position() {
            tracing::info!(endpoint = self.feed.endpoint(), error = %OneLine(&error), "a watch was lost: listing");
            return Error::compacted(self.reported).with_source(error);
        }
        error
    }
}

/// The changes of keys below the prefix that a change of a node means.
fn changes(prefix: &Prefix, answer: &Answer) -> Vec<Change> {
    let Some(node) = &answer.node else { return Vec::new() };
    let was_directory = answer.prev_node.as_ref().is_some_and(|node| node.dir);
    match answer.action {
        Action::Delete | Action::Expire | Action::CompareAndDelete => {
            let mut changes = Vec::new();
            if node.dir || was_directory {
                changes.extend(directory_below(prefix, &node.key).map(Change::DeleteBelow));
            }
            changes.extend(key_below(prefix, &node.key).map(Change::Delete));
            changes
        }
        // A directory replaced a key, or its time to live changed.
        _ if node.dir => key_below(prefix, &node.key).map(Change::Delete).into_iter().collect(),
        _ => entry(prefix, node).map(Change::Put).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Entry;
    use crate::v2::wire::response::parse;

    fn of(prefix: &str, answer: &str) -> Vec<Change> {
        changes(&Prefix::new(prefix), &parse(answer.as_bytes()).unwrap())
    }

    fn put(key: &'static str) -> Vec<Change> {
        vec![Change::Put(Entry { key: key.into(), value: "v".into(), revision: 7 })]
    }

    const SET: &str =
        r#"{"action":"set","node":{"key":"/app/a","value":"v","modifiedIndex":7,"createdIndex":7}}"#;

    #[test]
    fn a_key_is_spelled_as_the_prefix_is() {
        assert_eq!(of("/app", SET), put("/app/a"));
        assert_eq!(of("app", SET), put("app/a"));
        assert_eq!(of("", SET), put("app/a"));
        assert_eq!(of("/", SET), put("/app/a"));
        assert_eq!(of("//app", SET), put("//app/a"));
        assert_eq!(of("//", SET), put("/app/a"));
        assert_eq!(of("/ap", SET), []);
        assert_eq!(of("/app/a", SET), []);
        assert_eq!(of("/other", SET), []);
    }

    #[test]
    fn a_deleted_directory_takes_all_below_along() {
        let deleted = r#"{"action":"delete","node":{"key":"/app","dir":true,"modifiedIndex":7,"createdIndex":7},
            "prevNode":{"key":"/app","dir":true}}"#;
        assert_eq!(of("/app/cfg", deleted), [Change::DeleteBelow("/app/cfg/".into())]);
        assert_eq!(of("app//cfg", deleted), [Change::DeleteBelow("app//cfg/".into())]);
        assert_eq!(of("/apple", deleted), []);
        assert_eq!(of("", deleted), [Change::DeleteBelow("app/".into()), Change::Delete("app".into())]);
        let expired = r#"{"action":"expire","node":{"key":"/app/a","modifiedIndex":7,"createdIndex":7},
            "prevNode":{"key":"/app/a","value":"v"}}"#;
        assert_eq!(of("/app", expired), [Change::Delete("/app/a".into())]);
    }

    #[test]
    fn a_directory_in_the_place_of_a_key_deletes_the_key() {
        let made =
            r#"{"action":"set","node":{"key":"/app/a","dir":true,"modifiedIndex":7,"createdIndex":7}}"#;
        assert_eq!(of("/app", made), [Change::Delete("/app/a".into())]);
    }
}
