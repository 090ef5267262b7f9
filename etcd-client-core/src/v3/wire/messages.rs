//! etcd's messages in protobuf, as far as this client uses them.
//!
//! Written by hand, so that no `protoc` is needed to build it; the tags are those of etcd's `rpc.proto`,
//! `kv.proto` and `auth.proto`. Keys and values are slices of the frame that they came in.

mod auth;
mod cluster;
mod kv;
mod lease;
mod watch;

pub(in crate::v3) use self::auth::{AuthenticateRequest, AuthenticateResponse};
pub(in crate::v3) use self::cluster::{
    Member, MemberListRequest, MemberListResponse, StatusRequest, StatusResponse,
};
pub(in crate::v3) use self::kv::{
    CompactionRequest, CompactionResponse, Compare, CompareTo, DeleteRangeRequest, DeleteRangeResponse,
    KeyValue, PutRequest, PutResponse, RangeRequest, RangeResponse, Request, RequestOp, Response,
    ResponseHeader, ResponseOp, TxnRequest, TxnResponse,
};
pub(in crate::v3) use self::lease::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseLeasesRequest,
    LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse, LeaseTimeToLiveRequest,
    LeaseTimeToLiveResponse,
};
pub(in crate::v3) use self::watch::{
    Event, NO_WATCH, WatchAction, WatchCancelRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest,
    WatchResponse,
};
