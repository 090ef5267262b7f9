//! A configuration whose connection a test disturbs.

use etcd_config::{Error, EtcdConfig, Live};

use crate::{Flat, Proxy, Server, Witness};

/// A configuration that follows etcd through a proxy, and the witness of what it shows.
///
/// Its parts are taken apart: `let Watched { proxy, live, witness } = Watched::at(&server);`
#[derive(Debug)]
pub struct Watched {
    /// The network between the configuration and its server.
    pub proxy: Proxy,
    /// The configuration, which follows changes already.
    pub live: Live<Flat>,
    /// Sees all that it shows.
    pub witness: Witness,
}

impl Watched {
    /// With the usual options, over v3.
    #[track_caller]
    pub fn at(server: &Server) -> Self {
        Self::through(server, |proxy| Flat::watch(proxy.endpoint()))
    }

    /// As `watch` begins it, which connects to the proxy.
    #[track_caller]
    pub fn through(server: &Server, watch: impl FnOnce(&Proxy) -> Result<Live<Flat>, Error>) -> Self {
        let proxy = Proxy::to(&server.address());
        let live = watch(&proxy).expect("a first snapshot");
        let witness = Witness::watching(&live);
        Self { proxy, live, witness }
    }
}
