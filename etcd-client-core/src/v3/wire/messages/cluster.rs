//! Members and their state.

use prost::Message;

use crate::v3::wire::messages::kv::ResponseHeader;

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct MemberListRequest {}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct MemberListResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    #[prost(message, repeated, tag = "2")]
    pub(in crate::v3) members: Vec<Member>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct Member {
    #[prost(uint64, tag = "1")]
    pub(in crate::v3) id: u64,
    #[prost(string, tag = "2")]
    pub(in crate::v3) name: String,
    #[prost(string, repeated, tag = "3")]
    pub(in crate::v3) peer_urls: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub(in crate::v3) client_urls: Vec<String>,
    #[prost(bool, tag = "5")]
    pub(in crate::v3) is_learner: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct StatusRequest {}

#[derive(Clone, PartialEq, Message)]
pub(in crate::v3) struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    #[prost(string, tag = "2")]
    pub(in crate::v3) version: String,
    #[prost(int64, tag = "3")]
    pub(in crate::v3) db_size: i64,
    #[prost(uint64, tag = "4")]
    pub(in crate::v3) leader: u64,
    #[prost(uint64, tag = "5")]
    pub(in crate::v3) raft_index: u64,
    #[prost(uint64, tag = "6")]
    pub(in crate::v3) raft_term: u64,
    #[prost(string, repeated, tag = "8")]
    pub(in crate::v3) errors: Vec<String>,
    #[prost(int64, tag = "9")]
    pub(in crate::v3) db_size_in_use: i64,
    #[prost(bool, tag = "10")]
    pub(in crate::v3) is_learner: bool,
}
