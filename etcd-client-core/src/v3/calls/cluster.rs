//! The cluster itself.

use std::sync::Arc;

use crate::v3::net::pool::Pool;
use crate::v3::wire::messages as wire;
use crate::v3::wire::response::{Header, unsigned};
use crate::{BoxFuture, Error};

/// A question for the members. Await it.
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is awaited"]
pub struct Members {
    pool: Arc<Pool>,
}

impl Members {
    pub(in crate::v3) fn new(pool: Arc<Pool>) -> Self {
        Self { pool }
    }
}

impl IntoFuture for Members {
    type Output = Result<MembersResponse, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.pool.call(wire::MemberListRequest {}).await.map(MembersResponse::from) })
    }
}

/// The members of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MembersResponse {
    /// The member that answered, and the store's revision then.
    pub header: Header,
    /// The members.
    pub members: Vec<Member>,
}

/// A member of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Its number.
    pub id: u64,
    /// Its name; empty if it has not started yet.
    pub name: String,
    /// Where the other members find it.
    pub peer_urls: Vec<String>,
    /// Where clients find it.
    pub client_urls: Vec<String>,
    /// Whether it learns only, and does not vote yet.
    pub is_learner: bool,
}

impl From<wire::MemberListResponse> for MembersResponse {
    fn from(answer: wire::MemberListResponse) -> Self {
        let members = answer.members.into_iter().map(|member| {
            let wire::Member { id, name, peer_urls, client_urls, is_learner } = member;
            Member { id, name, peer_urls, client_urls, is_learner }
        });
        Self { header: answer.header.into(), members: members.collect() }
    }
}

/// A question for the state of an endpoint. Await it. One endpoint answers, the one in use: for each member make a client
/// of its own.
///
/// ```no_run
/// # use etcd_client_core::{Error, v3::Client};
/// # async fn example(client: Client) -> Result<(), Error> {
/// let status = client.status().await?;
/// println!("etcd {}, {} of {} bytes in use", status.version, status.db_size_in_use, status.db_size);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is awaited"]
pub struct Status {
    pool: Arc<Pool>,
}

impl Status {
    pub(in crate::v3) fn new(pool: Arc<Pool>) -> Self {
        Self { pool }
    }
}

impl IntoFuture for Status {
    type Output = Result<StatusResponse, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.pool.call(wire::StatusRequest {}).await.map(StatusResponse::from) })
    }
}

/// The state of the member that answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusResponse {
    /// The member that answered, and the store's revision then.
    pub header: Header,
    /// The server's version.
    pub version: String,
    /// The size of its database, in bytes on disk.
    pub db_size: u64,
    /// The part of it that is in use, in bytes.
    pub db_size_in_use: u64,
    /// The leader's number; 0 if the member knows none.
    pub leader: u64,
    /// How far its Raft log has come.
    pub raft_index: u64,
    /// Its Raft term.
    pub raft_term: u64,
    /// What is wrong with it: corruption, a disk quota that is used up.
    pub errors: Vec<String>,
    /// Whether it learns only, and does not vote yet.
    pub is_learner: bool,
}

impl From<wire::StatusResponse> for StatusResponse {
    fn from(answer: wire::StatusResponse) -> Self {
        Self {
            header: answer.header.into(),
            version: answer.version,
            db_size: unsigned(answer.db_size),
            db_size_in_use: unsigned(answer.db_size_in_use),
            leader: answer.leader,
            raft_index: answer.raft_index,
            raft_term: answer.raft_term,
            errors: answer.errors,
            is_learner: answer.is_learner,
        }
    }
}
