//! Three etcd servers that are one.

use std::thread;
use std::time::{Duration, Instant};

use crate::Proxy;
use crate::seats::Seats;
use crate::server::Server;

/// A cluster of three members on loopback.
#[derive(Debug)]
pub struct Cluster {
    members: Vec<Server>,
    _seats: Seats,
}

impl Cluster {
    /// The members.
    pub fn members(&self) -> &[Server] {
        &self.members
    }

    /// A member, by its place in [`members`](Self::members).
    pub fn member(&self, index: usize) -> &Server {
        &self.members[index]
    }

    /// Where clients reach the members.
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(Server::endpoint).collect()
    }

    /// The place of the leader; waits until there is one.
    pub fn leader(&self) -> usize {
        let start = Instant::now();
        loop {
            let leads = |member: &Server| member.metric("etcd_server_is_leader") > 0.0;
            if let Some(index) = self.members.iter().position(leads) {
                return index;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "the cluster has elected no leader for 30 s");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The place of a member that is not the leader.
    pub fn follower(&self) -> usize {
        (self.leader() + 1) % self.members.len()
    }

    /// Waits until all members serve.
    pub fn wait_until_healthy(&self) {
        self.members.iter().for_each(Server::wait_until_healthy);
    }

    /// Cuts a member off from the others, and the others from it; its clients still reach it. Wants
    /// [`peer_proxies`](crate::Builder::peer_proxies).
    pub fn isolate(&self, index: usize) {
        let id = self.members[index].member_id();
        for (other, proxy) in self.peer_proxies().enumerate() {
            if other == index {
                proxy.turn_away(true);
                proxy.reset();
            } else {
                proxy.bar(Some(&id));
            }
        }
    }

    /// Ends all isolation.
    pub fn reunite(&self) {
        for proxy in self.peer_proxies() {
            proxy.bar(None);
            proxy.accept();
        }
    }

    fn peer_proxies(&self) -> impl Iterator<Item = &Proxy> {
        let proxies = self.members.iter().map(|member| member.peer_proxy.as_ref());
        proxies.map(|proxy| proxy.expect("a cluster with peer_proxies()"))
    }

    pub(crate) fn new(members: Vec<Server>, seats: Seats) -> Self {
        Self { members, _seats: seats }
    }
}
