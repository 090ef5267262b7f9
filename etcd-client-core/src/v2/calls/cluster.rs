//! The servers themselves: members, statistics, version, health.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::v2::calls::call::Operation;
use crate::v2::net::refusal::Refusal;
use crate::v2::net::reply::Reply;
use crate::v2::wire::request::Request;
use crate::v2::wire::response::{Response, parse};
use crate::{Error, Kind};

/// The operation of the calls about servers, such as [`Client::members`](crate::v2::Client::members).
#[derive(Debug)]
pub struct Ask<T> {
    path: &'static str,
    wanted: PhantomData<fn() -> T>,
}

impl<T> Ask<T> {
    pub(in crate::v2) fn new(path: &'static str) -> Self {
        Self { path, wanted: PhantomData }
    }
}

/// An answer about servers.
pub trait Body: Sized + Send + std::fmt::Debug + 'static {
    /// Reads the body of a successful reply.
    fn read(body: &[u8]) -> Result<Self, Error>;

    /// Reads an HTTP error that is an answer, too.
    fn from_refusal(_: &Refusal) -> Option<Self> {
        None
    }
}

impl<T: Body> Operation for Ask<T> {
    type Output = Response<T>;

    fn request(&self) -> Result<Request, Error> {
        Request::get(self.path, &[])
    }

    fn read(reply: &Reply) -> Result<Response<T>, Error> {
        Ok(Response::new(T::read(&reply.body)?, reply.headers.clone()))
    }

    fn recover(error: Error) -> Result<Response<T>, Error> {
        let answer = Refusal::of(&error).and_then(|refusal| {
            let body = T::from_refusal(refusal)?;
            Some(Response::new(body, refusal.headers().clone()))
        });
        answer.ok_or(error)
    }
}

/// The URLs at which clients reach the members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machines(pub Vec<String>);

/// A member of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Member {
    /// Its id, in hexadecimal.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The URLs at which other members reach it.
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    /// The URLs at which clients reach it.
    #[serde(rename = "clientURLs")]
    pub client_urls: Vec<String>,
}

/// The members of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Members {
    members: Vec<Member>,
}

impl Members {
    /// The members.
    pub fn members(&self) -> &[Member] {
        &self.members
    }
}

/// The leader's statistics of its followers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct LeaderStats {
    /// The leader's id, in hexadecimal.
    pub leader: String,
    /// The followers by their ids.
    #[serde(default)]
    pub followers: BTreeMap<String, FollowerStats>,
}

/// The leader's statistics of one follower.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct FollowerStats {
    /// How long raft requests to it take.
    pub latency: Latency,
    /// How many raft requests to it succeeded and failed.
    pub counts: Counts,
}

/// How long the leader's raft requests to a follower take, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Latency {
    /// The last one.
    pub current: f64,
    /// The mean.
    pub average: f64,
    /// The standard deviation.
    pub standard_deviation: f64,
    /// The shortest.
    pub minimum: f64,
    /// The longest.
    pub maximum: f64,
}

/// How many of the leader's raft requests to a follower succeeded and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Counts {
    /// How many succeeded.
    pub success: u64,
    /// How many failed.
    pub fail: u64,
}

/// The statistics of a member.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SelfStats {
    /// Its name.
    pub name: String,
    /// Its id, in hexadecimal.
    pub id: String,
    /// Its raft state: `StateLeader`, `StateFollower` or `StateCandidate`.
    pub state: String,
    /// When it was started, as RFC 3339.
    pub start_time: String,
    /// The leader that it follows.
    pub leader_info: LeaderInfo,
    /// How many raft requests it has received from a leader.
    #[serde(default)]
    pub recv_append_request_cnt: u64,
    /// How many raft requests it has sent as a leader.
    #[serde(default)]
    pub send_append_request_cnt: u64,
}

impl SelfStats {
    /// Whether it is the leader.
    pub fn is_leader(&self) -> bool {
        self.state == "StateLeader"
    }
}

/// The leader that a member follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct LeaderInfo {
    /// The leader's id, in hexadecimal.
    pub leader: String,
    /// How long it has been the leader, as Go writes durations: `1m2.5s`.
    pub uptime: String,
    /// When it became the leader, as RFC 3339.
    pub start_time: String,
}

/// How often each operation of the keys API succeeded and failed on a member, since that was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
#[allow(missing_docs, reason = "counters, named by what they count")]
pub struct StoreStats {
    pub gets_success: u64,
    pub gets_fail: u64,
    pub sets_success: u64,
    pub sets_fail: u64,
    pub delete_success: u64,
    pub delete_fail: u64,
    pub update_success: u64,
    pub update_fail: u64,
    pub create_success: u64,
    pub create_fail: u64,
    pub compare_and_swap_success: u64,
    pub compare_and_swap_fail: u64,
    pub compare_and_delete_success: u64,
    pub compare_and_delete_fail: u64,
    pub expire_count: u64,
    /// How many watches are open now.
    pub watchers: u64,
}

/// The versions of a server and of its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Version {
    /// The version of the server that answered, such as `3.5.1`.
    #[serde(rename = "etcdserver")]
    pub server: String,
    /// The version that all members can work with, such as `3.5.0`.
    #[serde(rename = "etcdcluster")]
    pub cluster: String,
}

/// Whether a server is healthy, as its `/health` says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether it is healthy.
    pub healthy: bool,
    /// The reason if it is not, as far as the server says it; otherwise empty.
    pub reason: String,
}

impl Body for Machines {
    fn read(body: &[u8]) -> Result<Self, Error> {
        let text = String::from_utf8_lossy(body);
        let machines: Vec<_> = text.split(',').map(|url| url.trim().to_owned()).collect();
        if machines.iter().any(|url| !url.starts_with("http")) {
            let message = format!("the answer is no list of addresses: {}", crate::printable::excerpt(body));
            return Err(Error::new(Kind::Protocol, message));
        }
        Ok(Self(machines))
    }
}

impl Body for Health {
    /// The value is text in all versions of etcd.
    fn read(body: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Text {
            health: String,
            #[serde(default)]
            reason: String,
        }
        let Text { health, reason } = parse(body)?;
        Ok(Self { healthy: health == "true", reason })
    }

    /// A server that is not healthy answers with status 503.
    fn from_refusal(refusal: &Refusal) -> Option<Self> {
        Self::read(refusal.body().as_bytes()).ok()
    }
}

macro_rules! json {
    ($($name:ty),*) => {
        $(impl Body for $name {
            fn read(body: &[u8]) -> Result<Self, Error> {
                json(body)
            }
        })*
    };
}

json!(Member, Members, LeaderStats, SelfStats, StoreStats, Version);

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    parse(body)
}
