//! One long poll: the headers come at once, the body with the next change.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::printable::excerpt;
use crate::v2::net::endpoint_client::EndpointClient;
use crate::v2::net::failure::Failure;
use crate::v2::net::pool::Pool;
use crate::v2::wire::encoding::key_path;
use crate::v2::wire::headers::Headers;
use crate::v2::wire::request::Request;
use crate::v2::wire::response::{Answer, Node, parse};
use crate::{BoxFuture, Error, Kind};

/// The shortest time from one poll to the next if it has ended without a change.
const SHORTEST: Duration = Duration::from_secs(1);

/// The key or directory that is watched.
#[derive(Clone, Debug)]
pub(in crate::v2) struct Target {
    path: Arc<str>,
    /// The key, with a slash at its beginning and none at its end; empty for the root.
    key: Arc<str>,
    recursive: bool,
}

/// A long poll that the server has registered.
pub(in crate::v2) struct LongPoll {
    pub(in crate::v2) headers: Headers,
    /// The index of the store when the poll was registered.
    pub(in crate::v2) index: u64,
    pub(in crate::v2) generation: u64,
    pub(in crate::v2) opened: Instant,
    /// The change; `None` if the server or a proxy has ended the poll without one.
    pub(in crate::v2) change: BoxFuture<Result<Option<Answer>, Error>>,
    arriving: Arc<AtomicBool>,
}

impl Target {
    pub(in crate::v2) fn new(key: &str, recursive: bool) -> Result<Self, Error> {
        let path = key_path(key, recursive)?;
        let segments: Vec<_> = key.split('/').filter(|segment| !segment.is_empty()).collect();
        let key = segments.iter().fold(String::new(), |key, segment| key + "/" + segment);
        Ok(Self { path: path.into(), key: key.into(), recursive })
    }

    /// Whether live watches leave this key out, because a name below the target begins with `_`. Watches that
    /// read the history send it, so the client must leave it out.
    pub(in crate::v2) fn hides(&self, key: &str) -> bool {
        self.recursive && key.strip_prefix(&*self.key).is_some_and(|below| below.contains("/_"))
    }

    /// Whether a change of this key changes the target: it is in the target, or a directory around it.
    pub(in crate::v2) fn is_affected_by(&self, key: &str) -> bool {
        let lies_in = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        lies_in(key, &self.key) || lies_in(&self.key, key)
    }

    /// Whether etcd may send a change of this key to a watch of the target. Its history also sends changes of
    /// `/app` to a watch of `/apple`.
    pub(in crate::v2) fn may_be_sent_for(&self, key: &str) -> bool {
        self.is_affected_by(key) || self.key.starts_with(key)
    }

    /// Whether etcd can have answered with this tree at this index: the root is the target, each node lies in
    /// its parent, and none was changed later.
    pub(in crate::v2) fn check(&self, root: &Node, index: u64) -> Result<(), Error> {
        let impossible = |what: String| Err(Error::new(Kind::Protocol, what));
        if root.key.trim_end_matches('/') != &*self.key {
            return impossible(format!(
                "asked for {:?}, and got {:?}",
                self.key,
                excerpt(root.key.as_bytes())
            ));
        }
        for node in root.walk() {
            if node.modified_index > index || node.created_index > node.modified_index {
                return impossible(format!(
                    "at index {index} no key can have been changed at {}: {}",
                    node.modified_index,
                    excerpt(node.key.as_bytes())
                ));
            }
            let directory = node.key.trim_end_matches('/');
            let is_in = |inner: &Node| {
                let name = inner.key.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/'));
                name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
            };
            if let Some(stray) = node.nodes.iter().find(|inner| !is_in(inner)) {
                let (stray, directory) = (excerpt(stray.key.as_bytes()), excerpt(directory.as_bytes()));
                return impossible(format!("the key {stray} does not lie in the directory {directory}/"));
            }
        }
        Ok(())
    }

    /// A quorum read of the target.
    pub(in crate::v2) fn read(&self) -> Result<Request, Error> {
        let mut flags = vec![("quorum", true.to_string())];
        if self.recursive {
            flags.push(("recursive", true.to_string()));
        }
        Request::get(&*self.path, &flags)
    }

    /// A quorum read of as little as possible, for the index.
    pub(in crate::v2) fn probe(&self) -> Result<Request, Error> {
        Request::get(&*self.path, &[("quorum", true.to_string())])
    }

    fn wait(&self, from: Option<u64>) -> Result<Request, Error> {
        let mut flags = vec![("wait", true.to_string())];
        if self.recursive {
            flags.push(("recursive", true.to_string()));
        }
        flags.extend(from.map(|index| ("waitIndex", index.to_string())));
        Request::get(&*self.path, &flags)
    }
}

impl LongPoll {
    /// Waits for the first change from an index on, or from now on. Resolves when the headers have come.
    pub(in crate::v2) async fn open(
        pool: &Arc<Pool>,
        endpoint: &EndpointClient,
        target: &Target,
        from: Option<u64>,
    ) -> Result<Self, Failure> {
        let request = target.wait(from).map_err(Failure::of_input)?;
        let opened = pool.open(endpoint, &request).await?;
        let (headers, generation) = (opened.headers.clone(), opened.generation);
        let (pool, name) = (pool.clone(), endpoint.name().clone());
        let arriving = Arc::new(AtomicBool::default());
        let noted = Arc::clone(&arriving);
        let change = Box::pin(async move {
            // There is no time limit for the first byte of a change; after it, the client's limit applies.
            let reply = opened.read_noting(None, pool.options(), &noted).await;
            let reply = reply.map_err(|failure| failure.error.at(&name))?;
            if reply.body.iter().all(u8::is_ascii_whitespace) {
                return Ok(None);
            }
            parse(&reply.body).map(Some).map_err(|error| error.at(&name))
        });
        let index = headers.etcd_index().ok_or_else(Failure::without_index)?;
        Ok(Self { headers, index, generation, opened: Instant::now(), change, arriving })
    }

    /// Whether a part of the change has arrived: a large one takes long over a slow link.
    pub(in crate::v2) fn is_arriving(&self) -> bool {
        self.arriving.load(Ordering::Relaxed)
    }

    /// When the next poll may be opened if this one has ended without a change.
    pub(in crate::v2) fn next_at(&self) -> Instant {
        self.opened + SHORTEST
    }
}

impl fmt::Debug for LongPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongPoll").field("index", &self.index).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_concerned_by_what_lies_in_it_or_around_it() {
        let target = Target::new("/app/cfg", true).unwrap();
        for key in ["/app/cfg", "/app/cfg/a", "/app", "/"] {
            assert!(target.is_affected_by(key), "{key}");
        }
        for key in ["/app/cf", "/app/cfgs", "/ap", "/apple", "/other"] {
            assert!(!target.is_affected_by(key), "{key}");
        }
        assert!(Target::new("", true).unwrap().is_affected_by("/any"));
    }

    #[test]
    fn a_target_hides_what_live_watches_hide() {
        let target = Target::new("/app/", true).unwrap();
        assert!(target.hides("/app/_x") && target.hides("/app/a/_x/b"));
        assert!(!target.hides("/app/a_x") && !target.hides("/app") && !target.hides("/_other/x"));
        let hidden = Target::new("_app", true).unwrap();
        assert!(!hidden.hides("/_app/x") && hidden.hides("/_app/_x"));
        assert!(Target::new("", true).unwrap().hides("/_x"));
    }
}
