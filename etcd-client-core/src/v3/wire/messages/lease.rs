//! Leases.

use bytes::Bytes;
use prost::Message;

use crate::v3::wire::messages::kv::ResponseHeader;

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct LeaseGrantRequest {
    #[prost(int64, tag = "1")]
    pub(in crate::v3) ttl: i64,
    #[prost(int64, tag = "2")]
    pub(in crate::v3) id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct LeaseGrantResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    #[prost(int64, tag = "2")]
    pub(in crate::v3) id: i64,
    #[prost(int64, tag = "3")]
    pub(in crate::v3) ttl: i64,
    #[prost(string, tag = "4")]
    pub(in crate::v3) error: String,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct LeaseRevokeRequest {
    #[prost(int64, tag = "1")]
    pub(in crate::v3) id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct LeaseRevokeResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct LeaseKeepAliveRequest {
    #[prost(int64, tag = "1")]
    pub(in crate::v3) id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct LeaseKeepAliveResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    #[prost(int64, tag = "2")]
    pub(in crate::v3) id: i64,
    #[prost(int64, tag = "3")]
    pub(in crate::v3) ttl: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct LeaseTimeToLiveRequest {
    #[prost(int64, tag = "1")]
    pub(in crate::v3) id: i64,
    #[prost(bool, tag = "2")]
    pub(in crate::v3) keys: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct LeaseTimeToLiveResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    #[prost(int64, tag = "2")]
    pub(in crate::v3) id: i64,
    #[prost(int64, tag = "3")]
    pub(in crate::v3) ttl: i64,
    #[prost(int64, tag = "4")]
    pub(in crate::v3) granted_ttl: i64,
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub(in crate::v3) keys: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct LeaseLeasesRequest {}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct LeaseLeasesResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    #[prost(message, repeated, tag = "2")]
    pub(in crate::v3) leases: Vec<LeaseStatus>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct LeaseStatus {
    #[prost(int64, tag = "1")]
    pub(in crate::v3) id: i64,
}
