//! Reading, writing and deleting keys, and forgetting history.

use std::sync::Arc;

use bytes::Bytes;

use crate::v3::net::pool::Pool;
use crate::v3::wire::key_range::{KeyRange, range_options};
use crate::v3::wire::messages as wire;
use crate::v3::wire::response::{Header, KeyValue, LeaseId, keys_and_values, signed, unsigned};
use crate::{BoxFuture, Error};

/// A read of one key, or of several at one revision. Await it.
///
/// It sees every write that was confirmed before it began, unless it is [`serializable`](Self::serializable).
///
/// ```no_run
/// # use etcd_client_core::{Error, v3::Client};
/// # async fn example(client: Client) -> Result<(), Error> {
/// let one = client.get("/app/level").await?;
/// if let Some(kv) = one.kv() {
///     println!("{:?} since revision {}", kv.value, kv.mod_revision);
/// }
/// let all = client.get("/app/").prefix().await?;
/// let earlier = client.get("/app/").prefix().revision(all.header.revision - 1).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Kind::Compacted`](crate::Kind::Compacted) and [`Kind::FutureRevision`](crate::Kind::FutureRevision) for a
/// [`revision`](Self::revision) that the store does not have (any more, or yet).
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is awaited"]
pub struct Get {
    pool: Arc<Pool>,
    range: KeyRange,
    request: wire::RangeRequest,
}

impl Get {
    pub(in crate::v3) fn new(pool: Arc<Pool>, range: KeyRange) -> Self {
        Self { pool, range, request: wire::RangeRequest::default() }
    }

    range_options!();

    /// At most this many keys, the smallest; 0, the default, for all. [`more`](GetResponse::more) says whether there are
    /// others.
    pub fn limit(mut self, keys: u64) -> Self {
        self.request.limit = signed(keys);
        self
    }

    /// As the store was at this revision; 0 for now.
    pub fn revision(mut self, revision: u64) -> Self {
        self.request.revision = signed(revision);
        self
    }

    /// Only keys that were last written at this revision or later.
    ///
    /// [`count`](GetResponse::count) remains that of all keys, so that deletions can be noticed.
    pub fn min_mod_revision(mut self, revision: u64) -> Self {
        self.request.min_mod_revision = signed(revision);
        self
    }

    /// Without the values.
    pub fn keys_only(mut self) -> Self {
        self.request.keys_only = true;
        self
    }

    /// Only how many there are, in [`count`](GetResponse::count): no keys are sent.
    pub fn count_only(mut self) -> Self {
        self.request.count_only = true;
        self
    }

    /// From what the member that answers knows, which may be stale; works without a quorum.
    pub fn serializable(mut self) -> Self {
        self.request.serializable = true;
        self
    }

    fn into_parts(self) -> (Arc<Pool>, wire::RangeRequest) {
        let KeyRange { start: key, end: range_end } = self.range;
        (self.pool, wire::RangeRequest { key, range_end, ..self.request })
    }

    pub(in crate::v3) fn into_request(self) -> wire::RangeRequest {
        self.into_parts().1
    }
}

/// What a [`Get`] found. That there is no such key is no error: then [`kvs`](Self::kvs) is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GetResponse {
    /// The member that answered, and the store's revision then.
    pub header: Header,
    /// The keys, in ascending order.
    pub kvs: Vec<KeyValue>,
    /// Whether a limit has left some out.
    pub more: bool,
    /// How many keys there are, whatever the limit.
    pub count: u64,
}

impl GetResponse {
    /// The first key, for reads of one key.
    pub fn kv(&self) -> Option<&KeyValue> {
        self.kvs.first()
    }
}

impl From<wire::RangeResponse> for GetResponse {
    fn from(answer: wire::RangeResponse) -> Self {
        let wire::RangeResponse { header, kvs, more, count } = answer;
        Self { header: header.into(), kvs: keys_and_values(kvs), more, count: unsigned(count) }
    }
}

/// A write of one key. Await it. For a write that depends on what there is: [`Client::txn`](crate::v3::Client::txn).
///
/// ```no_run
/// # use etcd_client_core::{Error, v3::Client};
/// # async fn example(client: Client) -> Result<(), Error> {
/// let lease = client.lease_grant(60).await?;
/// let written = client.put("/app/level", "debug").lease(lease.id).prev_kv().await?;
/// println!("revision {}", written.header.revision);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// It is sent again only if no server can have acted on it. If one may have, the error says
/// [`maybe_applied`](crate::Error::maybe_applied). [`Kind::TooLarge`](crate::Kind::TooLarge) for a value beyond the
/// server's limit, 1.5 MiB by default; [`Kind::NoSpace`](crate::Kind::NoSpace) if its quota is used up;
/// [`Kind::NotFound`](crate::Kind::NotFound) if there is no such [`lease`](Self::lease).
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is awaited"]
pub struct Put {
    pool: Arc<Pool>,
    request: wire::PutRequest,
}

impl Put {
    pub(in crate::v3) fn new(pool: Arc<Pool>, key: Bytes, value: Bytes) -> Self {
        Self { pool, request: wire::PutRequest { key, value, ..wire::PutRequest::default() } }
    }

    /// The key is deleted when this lease ends.
    pub fn lease(mut self, id: LeaseId) -> Self {
        self.request.lease = id.0;
        self
    }

    /// Answers with what the key held before, too.
    pub fn prev_kv(mut self) -> Self {
        self.request.prev_kv = true;
        self
    }

    fn into_parts(self) -> (Arc<Pool>, wire::PutRequest) {
        (self.pool, self.request)
    }

    pub(in crate::v3) fn into_request(self) -> wire::PutRequest {
        self.request
    }
}

/// What a [`Put`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PutResponse {
    /// The member that answered; its revision is that of the write.
    pub header: Header,
    /// What the key held before, if that was asked for and there was one.
    pub prev_kv: Option<KeyValue>,
}

impl From<wire::PutResponse> for PutResponse {
    fn from(answer: wire::PutResponse) -> Self {
        Self { header: answer.header.into(), prev_kv: answer.prev_kv.map(KeyValue::from) }
    }
}

/// A deletion of one key, or of several in one revision. Await it. That there is no such key is no error.
///
/// ```no_run
/// # use etcd_client_core::{Error, v3::Client};
/// # async fn example(client: Client) -> Result<(), Error> {
/// let answer = client.delete("/app/old/").prefix().await?;
/// println!("{} keys deleted", answer.deleted);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As for a [`Put`], it is sent again only if no server can have acted on it; otherwise the error says
/// [`maybe_applied`](crate::Error::maybe_applied).
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is awaited"]
pub struct Delete {
    pool: Arc<Pool>,
    range: KeyRange,
    prev_kv: bool,
}

impl Delete {
    pub(in crate::v3) fn new(pool: Arc<Pool>, range: KeyRange) -> Self {
        Self { pool, range, prev_kv: false }
    }

    range_options!();

    /// Answers with what the keys held, too.
    pub fn prev_kv(mut self) -> Self {
        self.prev_kv = true;
        self
    }

    fn into_parts(self) -> (Arc<Pool>, wire::DeleteRangeRequest) {
        let KeyRange { start: key, end: range_end } = self.range;
        (self.pool, wire::DeleteRangeRequest { key, range_end, prev_kv: self.prev_kv })
    }

    pub(in crate::v3) fn into_request(self) -> wire::DeleteRangeRequest {
        self.into_parts().1
    }
}

/// What a [`Delete`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteResponse {
    /// The member that answered, and the store's revision then.
    pub header: Header,
    /// How many keys were deleted.
    pub deleted: u64,
    /// What they held, if that was asked for.
    pub prev_kvs: Vec<KeyValue>,
}

impl From<wire::DeleteRangeResponse> for DeleteResponse {
    fn from(answer: wire::DeleteRangeResponse) -> Self {
        let wire::DeleteRangeResponse { header, deleted, prev_kvs } = answer;
        Self { header: header.into(), deleted: unsigned(deleted), prev_kvs: keys_and_values(prev_kvs) }
    }
}

/// A compaction: reads and watches that begin below its revision fail from then on. Await it.
///
/// ```no_run
/// # use etcd_client_core::{Error, v3::Client};
/// # async fn example(client: Client) -> Result<(), Error> {
/// let now = client.get("/app/").count_only().await?.header.revision;
/// if now > 1_000 {
///     client.compact(now - 1_000).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Kind::Compacted`](crate::Kind::Compacted) if that revision has been compacted already, and
/// [`Kind::FutureRevision`](crate::Kind::FutureRevision) if the store has not come to it.
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is awaited"]
pub struct Compact {
    pool: Arc<Pool>,
    request: wire::CompactionRequest,
}

impl Compact {
    pub(in crate::v3) fn new(pool: Arc<Pool>, revision: u64) -> Self {
        Self { pool, request: wire::CompactionRequest { revision: signed(revision), physical: false } }
    }

    /// Waits until the entries are gone from the database, too.
    pub fn physical(mut self) -> Self {
        self.request.physical = true;
        self
    }

    fn into_parts(self) -> (Arc<Pool>, wire::CompactionRequest) {
        (self.pool, self.request)
    }
}

/// What a [`Compact`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactResponse {
    /// The member that answered, and the store's revision then.
    pub header: Header,
}

impl From<wire::CompactionResponse> for CompactResponse {
    fn from(answer: wire::CompactionResponse) -> Self {
        Self { header: answer.header.into() }
    }
}

macro_rules! awaited {
    ($($call:ident -> $answer:ident;)*) => {$(
        impl IntoFuture for $call {
            type Output = Result<$answer, Error>;
            type IntoFuture = BoxFuture<Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                let (pool, request) = self.into_parts();
                Box::pin(async move { pool.call(request).await.map($answer::from) })
            }
        }
    )*};
}

awaited! {
    Get -> GetResponse;
    Put -> PutResponse;
    Delete -> DeleteResponse;
    Compact -> CompactResponse;
}
