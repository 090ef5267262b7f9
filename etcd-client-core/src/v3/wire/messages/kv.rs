//! Keys, values and transactions. What holds a value has a `Debug` that is written by hand, to keep the
//! value out.

use std::fmt;

use bytes::Bytes;
use prost::{Message, Oneof};

use crate::printable::{Key, Length};

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct ResponseHeader {
    #[prost(uint64, tag = "1")]
    pub(in crate::v3) cluster_id: u64,
    #[prost(uint64, tag = "2")]
    pub(in crate::v3) member_id: u64,
    #[prost(int64, tag = "3")]
    pub(in crate::v3) revision: i64,
    #[prost(uint64, tag = "4")]
    pub(in crate::v3) raft_term: u64,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(in crate::v3) struct KeyValue {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::v3) key: Bytes,
    #[prost(int64, tag = "2")]
    pub(in crate::v3) create_revision: i64,
    #[prost(int64, tag = "3")]
    pub(in crate::v3) mod_revision: i64,
    #[prost(int64, tag = "4")]
    pub(in crate::v3) version: i64,
    #[prost(bytes = "bytes", tag = "5")]
    pub(in crate::v3) value: Bytes,
    #[prost(int64, tag = "6")]
    pub(in crate::v3) lease: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct RangeRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::v3) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::v3) range_end: Bytes,
    #[prost(int64, tag = "3")]
    pub(in crate::v3) limit: i64,
    #[prost(int64, tag = "4")]
    pub(in crate::v3) revision: i64,
    #[prost(bool, tag = "7")]
    pub(in crate::v3) serializable: bool,
    #[prost(bool, tag = "8")]
    pub(in crate::v3) keys_only: bool,
    #[prost(bool, tag = "9")]
    pub(in crate::v3) count_only: bool,
    #[prost(int64, tag = "10")]
    pub(in crate::v3) min_mod_revision: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct RangeResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    #[prost(message, repeated, tag = "2")]
    pub(in crate::v3) kvs: Vec<KeyValue>,
    #[prost(bool, tag = "3")]
    pub(in crate::v3) more: bool,
    #[prost(int64, tag = "4")]
    pub(in crate::v3) count: i64,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(in crate::v3) struct PutRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::v3) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::v3) value: Bytes,
    #[prost(int64, tag = "3")]
    pub(in crate::v3) lease: i64,
    #[prost(bool, tag = "4")]
    pub(in crate::v3) prev_kv: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct PutResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::v3) prev_kv: Option<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct DeleteRangeRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::v3) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::v3) range_end: Bytes,
    #[prost(bool, tag = "3")]
    pub(in crate::v3) prev_kv: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct DeleteRangeResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    #[prost(int64, tag = "2")]
    pub(in crate::v3) deleted: i64,
    #[prost(message, repeated, tag = "3")]
    pub(in crate::v3) prev_kvs: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct Compare {
    /// 0 equal, 1 greater, 2 less, 3 not equal.
    #[prost(int32, tag = "1")]
    pub(in crate::v3) result: i32,
    /// 0 version, 1 create revision, 2 mod revision, 3 value, 4 lease.
    #[prost(int32, tag = "2")]
    pub(in crate::v3) target: i32,
    #[prost(bytes = "bytes", tag = "3")]
    pub(in crate::v3) key: Bytes,
    #[prost(oneof = "CompareTo", tags = "4, 5, 6, 7, 8")]
    pub(in crate::v3) to: Option<CompareTo>,
    #[prost(bytes = "bytes", tag = "64")]
    pub(in crate::v3) range_end: Bytes,
}

#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub(in crate::v3) enum CompareTo {
    #[prost(int64, tag = "4")]
    Version(i64),
    #[prost(int64, tag = "5")]
    CreateRevision(i64),
    #[prost(int64, tag = "6")]
    ModRevision(i64),
    #[prost(bytes = "bytes", tag = "7")]
    Value(Bytes),
    #[prost(int64, tag = "8")]
    Lease(i64),
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct RequestOp {
    #[prost(oneof = "Request", tags = "1, 2, 3, 4")]
    pub(in crate::v3) request: Option<Request>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(in crate::v3) enum Request {
    #[prost(message, tag = "1")]
    Range(RangeRequest),
    #[prost(message, tag = "2")]
    Put(PutRequest),
    #[prost(message, tag = "3")]
    DeleteRange(DeleteRangeRequest),
    #[prost(message, tag = "4")]
    Txn(TxnRequest),
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct ResponseOp {
    #[prost(oneof = "Response", tags = "1, 2, 3, 4")]
    pub(in crate::v3) response: Option<Response>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(in crate::v3) enum Response {
    #[prost(message, tag = "1")]
    Range(RangeResponse),
    #[prost(message, tag = "2")]
    Put(PutResponse),
    #[prost(message, tag = "3")]
    DeleteRange(DeleteRangeResponse),
    #[prost(message, tag = "4")]
    Txn(TxnResponse),
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct TxnRequest {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::v3) compare: Vec<Compare>,
    #[prost(message, repeated, tag = "2")]
    pub(in crate::v3) success: Vec<RequestOp>,
    #[prost(message, repeated, tag = "3")]
    pub(in crate::v3) failure: Vec<RequestOp>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct TxnResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    #[prost(bool, tag = "2")]
    pub(in crate::v3) succeeded: bool,
    #[prost(message, repeated, tag = "3")]
    pub(in crate::v3) responses: Vec<ResponseOp>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct CompactionRequest {
    #[prost(int64, tag = "1")]
    pub(in crate::v3) revision: i64,
    #[prost(bool, tag = "2")]
    pub(in crate::v3) physical: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct CompactionResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
}

impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyValue")
            .field("key", &Key(&self.key))
            .field("value", &Length::of(&self.value))
            .field("create_revision", &self.create_revision)
            .field("mod_revision", &self.mod_revision)
            .field("version", &self.version)
            .field("lease", &self.lease)
            .finish()
    }
}

impl fmt::Debug for PutRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutRequest")
            .field("key", &Key(&self.key))
            .field("value", &Length::of(&self.value))
            .field("lease", &self.lease)
            .field("prev_kv", &self.prev_kv)
            .finish()
    }
}

impl fmt::Debug for CompareTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(number) => write!(f, "Version({number})"),
            Self::CreateRevision(number) => write!(f, "CreateRevision({number})"),
            Self::ModRevision(number) => write!(f, "ModRevision({number})"),
            Self::Value(value) => f.debug_tuple("Value").field(&Length::of(value)).finish(),
            Self::Lease(id) => write!(f, "Lease({id})"),
        }
    }
}
