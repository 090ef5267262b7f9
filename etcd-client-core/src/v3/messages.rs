//! etcd's messages as they travel, as far as this client uses them.
//!
//! Written by hand, so that nobody needs `protoc`; the tags are those of etcd's `rpc.proto`,
//! `kv.proto` and `auth.proto`. Keys and values are slices of the frame that they came in.

mod auth;
mod cluster;
mod kv;
mod lease;
mod watch;

pub(super) use auth::{AuthenticateRequest, AuthenticateResponse};
pub(super) use cluster::{Member, MemberListRequest, MemberListResponse, StatusRequest, StatusResponse};
pub(super) use kv::{
    CompactionRequest, CompactionResponse, Compare, CompareTo, DeleteRangeRequest, DeleteRangeResponse,
    KeyValue, PutRequest, PutResponse, RangeRequest, RangeResponse, Request, RequestOp, Response,
    ResponseHeader, ResponseOp, TxnRequest, TxnResponse,
};
pub(super) use lease::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseLeasesRequest,
    LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse, LeaseTimeToLiveRequest,
    LeaseTimeToLiveResponse,
};
pub(super) use watch::{
    Event, WatchAction, WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse,
};
