//! One long poll: its headers come at once, its body with the next change.

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

/// A poll that ends sooner without a change is not repeated before this time has passed.
const SHORTEST: Duration = Duration::from_secs(1);

/// What is watched.
#[derive(Clone, Debug)]
pub(in crate::v2) struct Target {
    path: Arc<str>,
    /// The key, slash at its beginning, none at its end; empty for the root.
    key: Arc<str>,
    recursive: bool,
}

/// A poll that the server has registered.
pub(in crate::v2) struct Poll {
    pub(in crate::v2) headers: Headers,
    /// The index of the store when the poll was registered.
    pub(in crate::v2) index: u64,
    pub(in crate::v2) generation: u64,
    pub(in crate::v2) opened: Instant,
    /// The change, or nothing where somebody on the way has ended the poll.
    pub(in crate::v2) change: BoxFuture<Result<Option<Answer>, Error>>,
    begun: Arc<AtomicBool>,
}

impl Target {
    pub(in crate::v2) fn new(key: &str, recursive: bool) -> Result<Self, Error> {
        let path = key_path(key, recursive)?;
        let segments: Vec<_> = key.split('/').filter(|segment| !segment.is_empty()).collect();
        let key = segments.iter().fold(String::new(), |key, segment| key + "/" + segment);
        Ok(Self { path: path.into(), key: key.into(), recursive })
    }

    /// Whether live watches leave this key out: something below the target begins with `_`.
    /// Watches that read the history do not, so the client does.
    pub(in crate::v2) fn hides(&self, key: &str) -> bool {
        self.recursive && key.strip_prefix(&*self.key).is_some_and(|below| below.contains("/_"))
    }

    /// Whether a change of this key is one of the target. etcd's history takes `/app` for a directory
    /// around `/apple`.
    pub(in crate::v2) fn concerns(&self, key: &str) -> bool {
        let lies_in = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        lies_in(key, &self.key) || lies_in(&self.key, key)
    }

    /// Whether etcd could tell who watches the target of a change of this key.
    pub(in crate::v2) fn may_hear_of(&self, key: &str) -> bool {
        self.concerns(key) || self.key.starts_with(key)
    }

    /// Whether etcd could have answered so, at this index of its store: with the target itself, each key
    /// below where it is, and nothing that was changed later.
    pub(in crate::v2) fn check(&self, root: &Node, index: u64) -> Result<(), Error> {
        let lie = |what: String| Err(Error::new(Kind::Protocol, what));
        if root.key.trim_end_matches('/') != &*self.key {
            return lie(format!("asked for {:?}, and got {:?}", self.key, excerpt(root.key.as_bytes())));
        }
        for node in root.walk() {
            if node.modified_index > index || node.created_index > node.modified_index {
                return lie(format!(
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
                return lie(format!("the key {stray} does not lie in the directory {directory}/"));
            }
        }
        Ok(())
    }

    /// Reads the target as all members agree that it is.
    pub(in crate::v2) fn read(&self) -> Result<Request, Error> {
        let mut flags = vec![("quorum", true.to_string())];
        if self.recursive {
            flags.push(("recursive", true.to_string()));
        }
        Request::get(&*self.path, &flags)
    }

    /// Reads as little as possible, at an index that all members agree on.
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

impl Poll {
    /// Waits for the first change from an index on, or from now on. Resolves with the headers.
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
        let begun = Arc::new(AtomicBool::default());
        let noted = Arc::clone(&begun);
        let change = Box::pin(async move {
            // A change may be long in coming; once it comes, it must not stop half-way.
            let reply = opened.read_noting(None, pool.options(), &noted).await;
            let reply = reply.map_err(|failure| failure.error.at(&name))?;
            if reply.body.iter().all(u8::is_ascii_whitespace) {
                return Ok(None);
            }
            parse(&reply.body).map(Some).map_err(|error| error.at(&name))
        });
        let index = headers.etcd_index().ok_or_else(Failure::without_index)?;
        Ok(Self { headers, index, generation, opened: Instant::now(), change, begun })
    }

    /// Whether a part of the change is there: over a slow link a large one takes its time.
    pub(in crate::v2) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// When another poll may follow one that ended without a change.
    pub(in crate::v2) fn next_at(&self) -> Instant {
        self.opened + SHORTEST
    }
}

impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poll").field("index", &self.index).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_concerned_by_what_lies_in_it_or_around_it() {
        let target = Target::new("/app/cfg", true).unwrap();
        for key in ["/app/cfg", "/app/cfg/a", "/app", "/"] {
            assert!(target.concerns(key), "{key}");
        }
        for key in ["/app/cf", "/app/cfgs", "/ap", "/apple", "/other"] {
            assert!(!target.concerns(key), "{key}");
        }
        assert!(Target::new("", true).unwrap().concerns("/any"));
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
