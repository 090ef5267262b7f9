//! The headers of a reply.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};

/// Whether this can be an index: a store counts up from 1.
pub(in crate::v2) fn is_index(index: u64) -> bool {
    index <= i64::MAX.unsigned_abs()
}

/// The headers of a reply, with etcd's own as numbers. [`etcd_index`](Self::etcd_index) is what a watch begins after.
#[derive(Clone)]
pub struct Headers {
    status: StatusCode,
    map: Arc<HeaderMap>,
}

impl Headers {
    pub(in crate::v2) fn new(status: StatusCode, map: HeaderMap) -> Self {
        Self { status, map: Arc::new(map) }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The index of the newest change in the whole store (`X-Etcd-Index`). `None` for errors that did not come
    /// from the store, and if the number cannot be an index.
    ///
    /// On a watch this is the index when the watch was registered.
    pub fn etcd_index(&self) -> Option<u64> {
        self.number("x-etcd-index").filter(|index| *index != 0 && is_index(*index))
    }

    /// The index of the newest entry in the raft log (`X-Raft-Index`).
    pub fn raft_index(&self) -> Option<u64> {
        self.number("x-raft-index")
    }

    /// The raft term (`X-Raft-Term`), which grows with each election.
    pub fn raft_term(&self) -> Option<u64> {
        self.number("x-raft-term")
    }

    /// The id of the cluster that answered (`X-Etcd-Cluster-Id`).
    pub fn cluster_id(&self) -> Option<u64> {
        self.get("x-etcd-cluster-id").and_then(|id| u64::from_str_radix(id, 16).ok())
    }

    /// The header of this name, in any case; `None` if it is missing or not text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.map.get(name).and_then(|value| value.to_str().ok())
    }

    /// All headers that are text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.map.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    pub(in crate::v2) fn http_status(&self) -> StatusCode {
        self.status
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.trim().parse().ok()
    }
}

impl fmt::Debug for Headers {
    /// Shows the status and etcd's index; other headers may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Headers");
        out.field("status", &self.status()).field("etcd_index", &self.etcd_index());
        out.finish_non_exhaustive()
    }
}
