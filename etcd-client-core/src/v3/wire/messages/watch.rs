//! Watches.

use bytes::Bytes;
use prost::{Message, Oneof};

use crate::v3::wire::messages::kv::{KeyValue, ResponseHeader};

/// The id of no watch: in an answer to a request for progress, which is for all, and in most refusals.
pub(in crate::v3) const NO_WATCH: i64 = -1;

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct WatchRequest {
    #[prost(oneof = "WatchAction", tags = "1, 2, 3")]
    pub(in crate::v3) action: Option<WatchAction>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(in crate::v3) enum WatchAction {
    #[prost(message, tag = "1")]
    Create(WatchCreateRequest),
    #[prost(message, tag = "2")]
    Cancel(WatchCancelRequest),
    #[prost(message, tag = "3")]
    Progress(WatchProgressRequest),
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct WatchCreateRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::v3) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::v3) range_end: Bytes,
    #[prost(int64, tag = "3")]
    pub(in crate::v3) start_revision: i64,
    #[prost(bool, tag = "4")]
    pub(in crate::v3) progress_notify: bool,
    /// 0 no puts, 1 no deletions.
    #[prost(int32, repeated, tag = "5")]
    pub(in crate::v3) filters: Vec<i32>,
    #[prost(bool, tag = "6")]
    pub(in crate::v3) prev_kv: bool,
    /// 0 for an id that the server chooses. Servers before 3.4 and etcd's gRPC proxy choose it in any case.
    #[prost(int64, tag = "7")]
    pub(in crate::v3) watch_id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct WatchCancelRequest {
    #[prost(int64, tag = "1")]
    pub(in crate::v3) watch_id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct WatchProgressRequest {}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct WatchResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    /// −1 if it is for all watches of the stream.
    #[prost(int64, tag = "2")]
    pub(in crate::v3) watch_id: i64,
    #[prost(bool, tag = "3")]
    pub(in crate::v3) created: bool,
    #[prost(bool, tag = "4")]
    pub(in crate::v3) canceled: bool,
    #[prost(int64, tag = "5")]
    pub(in crate::v3) compact_revision: i64,
    #[prost(string, tag = "6")]
    pub(in crate::v3) cancel_reason: String,
    /// More of the same revision follows in the next frame.
    #[prost(bool, tag = "7")]
    pub(in crate::v3) fragment: bool,
    #[prost(message, repeated, tag = "11")]
    pub(in crate::v3) events: Vec<Event>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct Event {
    /// 0 put, 1 delete.
    #[prost(int32, tag = "1")]
    pub(in crate::v3) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(in crate::v3) kv: Option<KeyValue>,
    #[prost(message, optional, tag = "3")]
    pub(in crate::v3) prev_kv: Option<KeyValue>,
}
