//! The cluster, and the proxies before it.

use etcd_config_tests::{Cluster, Proxy, Server, servers};

/// A cluster of three, with a proxy before each member.
pub(crate) struct Stage {
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) cluster: Cluster,
    pub(crate) has_v2: bool,
}

impl Stage {
    /// On the newest server that has v2, if there is one.
    pub(crate) fn set() -> Self {
        let etcd = servers::all().into_iter().rev().find(|etcd| etcd.version().has_v2());
        let mut builder = Server::builder();
        if let Some(etcd) = etcd {
            builder = builder.etcd(etcd).v2();
        }
        let cluster = builder.start_cluster();
        println!("three members of {}", cluster.member(0).etcd());
        let proxies = cluster.members().iter().map(|member| Proxy::to(&member.address())).collect();
        Self { proxies, cluster, has_v2: etcd.is_some() }
    }

    /// By way of the proxies.
    pub(crate) fn through_proxies(&self) -> Vec<String> {
        self.proxies.iter().map(Proxy::endpoint).collect()
    }
}
