//! Several operations in one revision.

use std::sync::Arc;

use bytes::Bytes;

use crate::v3::calls::kv::{Delete, DeleteResponse, Get, GetResponse, Put, PutResponse};
use crate::v3::net::pool::Pool;
use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::messages as wire;
use crate::v3::wire::response::{Header, LeaseId, signed};
use crate::{BoxFuture, Error, Kind};

/// A transaction: if all comparisons hold, one list of operations is carried out, otherwise the
/// other; either in one revision. Await it.
///
/// etcd takes 128 operations (`--max-txn-ops`), and no key twice in the writes. Without [`when`](Self::when) the first
/// list is carried out. That a comparison does not hold is no error: [`TxnResponse::succeeded`] says it.
///
/// ```no_run
/// # use etcd_client_core::{Error, v3::{Client, Compare, OperationResponse}};
/// # async fn example(client: Client) -> Result<(), Error> {
/// let taken = client
///     .txn()
///     .when(Compare::version("/app/owner").equals(0))
///     .then(client.put("/app/owner", "me"))
///     .or_else(client.get("/app/owner"))
///     .await?;
/// match &taken.responses[..] {
///     [OperationResponse::Get(found)] => println!("owned by {:?}", found.kv()),
///     _ => println!("mine"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Kind::InvalidRequest`](crate::Kind::InvalidRequest) for too many operations, and for a key that is written twice.
/// One that only reads is sent again as a [`Get`] is. One that may write is sent again only if no server can have acted
/// on it; otherwise the error says [`maybe_applied`](crate::Error::maybe_applied).
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is awaited"]
pub struct Txn {
    pool: Arc<Pool>,
    request: wire::TxnRequest,
}

impl Txn {
    pub(in crate::v3) fn new(pool: Arc<Pool>) -> Self {
        Self { pool, request: wire::TxnRequest::default() }
    }

    /// One more thing that must hold.
    pub fn when(mut self, compare: Compare) -> Self {
        self.request.compare.push(compare.0);
        self
    }

    /// One more operation for when everything holds: a [`Get`], a [`Put`], a [`Delete`] or a `Txn`.
    pub fn then(mut self, operation: impl Into<Operation>) -> Self {
        self.request.success.push(operation.into().0);
        self
    }

    /// One more operation for when something does not hold.
    pub fn or_else(mut self, operation: impl Into<Operation>) -> Self {
        self.request.failure.push(operation.into().0);
        self
    }
}

impl IntoFuture for Txn {
    type Output = Result<TxnResponse, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.pool.call(self.request).await.and_then(TxnResponse::read) })
    }
}

/// An operation of a transaction, made from a [`Get`], a [`Put`], a [`Delete`] or a [`Txn`] that is not awaited.
#[derive(Clone, Debug)]
pub struct Operation(wire::RequestOp);

impl Operation {
    fn new(request: wire::Request) -> Self {
        Self(wire::RequestOp { request: Some(request) })
    }
}

impl From<Get> for Operation {
    fn from(get: Get) -> Self {
        Self::new(wire::Request::Range(get.into_request()))
    }
}

impl From<Put> for Operation {
    fn from(put: Put) -> Self {
        Self::new(wire::Request::Put(put.into_request()))
    }
}

impl From<Delete> for Operation {
    fn from(delete: Delete) -> Self {
        Self::new(wire::Request::DeleteRange(delete.into_request()))
    }
}

impl From<Txn> for Operation {
    fn from(txn: Txn) -> Self {
        Self::new(wire::Request::Txn(txn.request))
    }
}

/// Something about a key that must hold, for [`Txn::when`]. First what of the key, then how it compares, and then maybe
/// for [which keys](Self::prefix).
///
/// ```
/// use etcd_client_core::v3::Compare;
///
/// let unchanged = Compare::mod_revision("/app/level").equals(41);
/// let absent = Compare::version("/app/level").equals(0);
/// let all_debug = Compare::value("/app/levels/").equals("debug").prefix();
/// ```
#[derive(Clone, Debug)]
pub struct Compare(wire::Compare);

impl Compare {
    /// The value.
    pub fn value(key: impl Into<Vec<u8>>) -> CompareValue {
        CompareValue(Bytes::from(key.into()))
    }

    /// How often the key was written since it was created; 0 if it does not exist.
    pub fn version(key: impl Into<Vec<u8>>) -> CompareNumber {
        let to = |number| (0, wire::CompareTo::Version(signed(number)));
        CompareNumber { key: Bytes::from(key.into()), to }
    }

    /// The revision that created the key; 0 if it does not exist.
    pub fn create_revision(key: impl Into<Vec<u8>>) -> CompareNumber {
        let to = |number| (1, wire::CompareTo::CreateRevision(signed(number)));
        CompareNumber { key: Bytes::from(key.into()), to }
    }

    /// The revision that wrote the key last; 0 if it does not exist.
    pub fn mod_revision(key: impl Into<Vec<u8>>) -> CompareNumber {
        let to = |number| (2, wire::CompareTo::ModRevision(signed(number)));
        CompareNumber { key: Bytes::from(key.into()), to }
    }

    /// The lease is this one, or [`LeaseId::NONE`].
    pub fn lease_is(key: impl Into<Vec<u8>>, id: LeaseId) -> Self {
        Self::new(Bytes::from(key.into()), Relation::Equal, 4, wire::CompareTo::Lease(id.0))
    }

    /// For all keys that begin with the key given.
    #[must_use]
    pub fn prefix(mut self) -> Self {
        let KeyRange { start, end } = KeyRange::prefix(self.0.key);
        (self.0.key, self.0.range_end) = (start, end);
        self
    }

    fn new(key: Bytes, relation: Relation, target: i32, to: wire::CompareTo) -> Self {
        let range_end = Bytes::new();
        Self(wire::Compare { result: relation as i32, target, key, to: Some(to), range_end })
    }
}

/// In etcd's numbering.
#[derive(Clone, Copy)]
enum Relation {
    Equal = 0,
    Greater = 1,
    Less = 2,
    NotEqual = 3,
}

/// The first half of a [`Compare`]: the value of a key. Its methods say how it must compare, and to what.
#[derive(Clone, Debug)]
#[must_use]
pub struct CompareValue(Bytes);

impl CompareValue {
    /// It is this.
    pub fn equals(self, value: impl Into<Vec<u8>>) -> Compare {
        self.relates(Relation::Equal, value.into())
    }

    /// It is something else.
    pub fn differs_from(self, value: impl Into<Vec<u8>>) -> Compare {
        self.relates(Relation::NotEqual, value.into())
    }

    /// It is greater, byte by byte.
    pub fn is_greater_than(self, value: impl Into<Vec<u8>>) -> Compare {
        self.relates(Relation::Greater, value.into())
    }

    /// It is less, byte by byte.
    pub fn is_less_than(self, value: impl Into<Vec<u8>>) -> Compare {
        self.relates(Relation::Less, value.into())
    }

    fn relates(self, relation: Relation, value: Vec<u8>) -> Compare {
        Compare::new(self.0, relation, 3, wire::CompareTo::Value(value.into()))
    }
}

/// The first half of a [`Compare`]: a number of a key. Its methods say how it must compare, and to what.
#[derive(Clone, Debug)]
#[must_use]
pub struct CompareNumber {
    key: Bytes,
    to: fn(u64) -> (i32, wire::CompareTo),
}

impl CompareNumber {
    /// It is this.
    pub fn equals(self, number: u64) -> Compare {
        self.relates(Relation::Equal, number)
    }

    /// It is something else.
    pub fn differs_from(self, number: u64) -> Compare {
        self.relates(Relation::NotEqual, number)
    }

    /// It is greater.
    pub fn is_greater_than(self, number: u64) -> Compare {
        self.relates(Relation::Greater, number)
    }

    /// It is less.
    pub fn is_less_than(self, number: u64) -> Compare {
        self.relates(Relation::Less, number)
    }

    fn relates(self, relation: Relation, number: u64) -> Compare {
        let (target, to) = (self.to)(number);
        Compare::new(self.key, relation, target, to)
    }
}

/// What a [`Txn`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TxnResponse {
    /// The member that answered; its revision is that of the writes, if there were any.
    pub header: Header,
    /// Whether all comparisons held.
    pub succeeded: bool,
    /// The answers to the operations that were carried out, in their order.
    pub responses: Vec<OperationResponse>,
}

/// What one operation of a transaction did, by the kind of operation. [`Txn`] has an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperationResponse {
    /// To a [`Get`].
    Get(GetResponse),
    /// To a [`Put`].
    Put(PutResponse),
    /// To a [`Delete`].
    Delete(DeleteResponse),
    /// To a [`Txn`].
    Txn(TxnResponse),
}

impl TxnResponse {
    fn read(answer: wire::TxnResponse) -> Result<Self, Error> {
        let wire::TxnResponse { header, succeeded, responses } = answer;
        let responses = responses.into_iter().map(OperationResponse::read).collect::<Result<_, _>>()?;
        Ok(Self { header: header.into(), succeeded, responses })
    }
}

impl OperationResponse {
    fn read(answer: wire::ResponseOp) -> Result<Self, Error> {
        Ok(match answer.response {
            Some(wire::Response::Range(answer)) => Self::Get(answer.into()),
            Some(wire::Response::Put(answer)) => Self::Put(answer.into()),
            Some(wire::Response::DeleteRange(answer)) => Self::Delete(answer.into()),
            Some(wire::Response::Txn(answer)) => Self::Txn(TxnResponse::read(answer)?),
            None => {
                return Err(Error::new(
                    Kind::Protocol,
                    "an operation of the transaction was answered by nothing",
                ));
            }
        })
    }
}
