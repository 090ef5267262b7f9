//! The cluster, and the proxies before it.

use std::time::Duration;

use etcd_config_tests::servers::{self, Etcd, Version};
use etcd_config_tests::{Chunks, Cluster, Proxy, Server};

/// What a slow link carries at a time, and how long it takes: some 2.5 MB a second.
const SLOW: Chunks = Chunks::Paced(64 << 10, Duration::from_millis(25));

/// A cluster of three, with a proxy before each member, and a slow link to the first.
pub(crate) struct Stage {
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) slow_link: Proxy,
    pub(crate) cluster: Cluster,
    pub(crate) has_v2: bool,
}

impl Stage {
    /// On the newest server that has v2, if there is one. Members of 3.5.0 to 3.5.2 lose data when they are
    /// killed (etcd-io/etcd#13766), which would look like a fault of ours.
    pub(crate) fn set() -> Self {
        let is_sound = |version: Version| version.line() != (3, 5) || version.patch > 2;
        let suits = |etcd: &&Etcd| etcd.version().has_v2() && is_sound(etcd.version());
        let etcd = servers::all().into_iter().rev().find(suits);
        let mut builder = Server::builder();
        if let Some(etcd) = etcd {
            builder = builder.etcd(etcd).v2();
        }
        let cluster = builder.start_cluster();
        println!("three members of {}", cluster.member(0).etcd());
        let proxies = cluster.members().iter().map(|member| Proxy::to(&member.address())).collect();
        let slow_link = Proxy::to(&cluster.member(0).address());
        slow_link.pass_on(SLOW);
        Self { proxies, slow_link, cluster, has_v2: etcd.is_some() }
    }

    /// By way of the proxies.
    pub(crate) fn through_proxies(&self) -> Vec<String> {
        self.proxies.iter().map(Proxy::endpoint).collect()
    }

    /// Over the slow link alone.
    pub(crate) fn over_slow_link(&self) -> Vec<String> {
        vec![self.slow_link.endpoint()]
    }
}
