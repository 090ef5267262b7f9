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

/// Asks for something about the servers.
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

/// How a body of the kind is read.
pub trait Body: Sized + Send + std::fmt::Debug + 'static {
    /// From its bytes.
    fn read(body: &[u8]) -> Result<Self, Error>;

    /// From a refusal, where that is an answer.
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

/// The addresses where clients reach the members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machines(pub Vec<String>);

/// A member of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Member {
    /// Its identity, in hexadecimal.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where its peers reach it.
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
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

/// What the leader knows of its followers; only the leader answers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct LeaderStats {
    /// The leader's identity, in hexadecimal.
    pub leader: String,
    /// Each follower by its identity.
    #[serde(default)]
    pub followers: BTreeMap<String, FollowerStats>,
}

/// What the leader knows of one follower.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct FollowerStats {
    /// How long it takes, in milliseconds.
    pub latency: Latency,
    /// How often it worked, and how often not.
    pub counts: Counts,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Latency {
    /// The last one.
    pub current: f64,
    /// The mean.
    pub average: f64,
    /// How much they differ.
    pub standard_deviation: f64,
    /// The shortest.
    pub minimum: f64,
    /// The longest.
    pub maximum: f64,
}

/// Requests of the leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Counts {
    /// That worked.
    pub success: u64,
    /// That did not.
    pub fail: u64,
}

/// What a member knows of itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SelfStats {
    /// Its name.
    pub name: String,
    /// Its identity, in hexadecimal.
    pub id: String,
    /// `StateLeader`, `StateFollower`, `StateCandidate`.
    pub state: String,
    /// Since when it runs, as RFC 3339.
    pub start_time: String,
    /// Whom it follows.
    pub leader_info: LeaderInfo,
    /// Requests that it got from a leader.
    #[serde(default)]
    pub recv_append_request_cnt: u64,
    /// Requests that it sent as a leader.
    #[serde(default)]
    pub send_append_request_cnt: u64,
}

impl SelfStats {
    /// Whether it leads.
    pub fn is_leader(&self) -> bool {
        self.state == "StateLeader"
    }
}

/// Whom a member follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct LeaderInfo {
    /// The leader's identity, in hexadecimal.
    pub leader: String,
    /// For how long, as Go writes it: `1m2.5s`.
    pub uptime: String,
    /// Since when, as RFC 3339.
    pub start_time: String,
}

/// What a member has done with its store.
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
    /// Watches that are open now.
    pub watchers: u64,
}

/// Which versions a server and its cluster speak.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Version {
    /// The server's own.
    #[serde(rename = "etcdserver")]
    pub server: String,
    /// What all members can do.
    #[serde(rename = "etcdcluster")]
    pub cluster: String,
}

/// Whether a server can take part in the cluster's decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether it can.
    pub healthy: bool,
    /// Why not, where it says so.
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
    /// The value is text in all versions that there are.
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

    /// A server that is not healthy says so with status 503.
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
