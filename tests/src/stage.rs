//! Which API a test runs over, and on which server.

use std::panic::resume_unwind;
use std::thread;

use etcd_client_core::{v2, v3};
use etcd_config::{EtcdConfig, IntoStore, Live, Options};

use crate::announce::announce;
use crate::servers::{self, Etcd};
use crate::{Builder, Flat, History, PREFIX, Server, Watched};

/// An API of etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Keys over HTTP.
    V2,
    /// gRPC.
    V3,
}

/// A server's program, and the API that a test uses of it.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    api: Api,
    etcd: &'static Etcd,
}

/// Runs a test on each line of servers, over v3, at the same time.
pub fn on_each_line(test: impl Fn(&'static Etcd) + Sync) {
    run(servers::each_line().into_iter().map(Stage::v3).collect(), |stage| test(stage.etcd));
}

/// Runs a test on each line of servers over v3, and on the newest that has it over v2, at the same
/// time.
pub fn over_each_api(test: impl Fn(Stage) + Sync) {
    let v2 = servers::with_v2().pop().map(Stage::v2);
    run(servers::each_line().into_iter().map(Stage::v3).chain(v2).collect(), test);
}

/// Runs a test over v2, on each line of servers that has it, at the same time.
pub fn over_v2(test: impl Fn(Stage) + Sync) {
    run(servers::with_v2().into_iter().map(Stage::v2).collect(), test);
}

fn run(stages: Vec<Stage>, test: impl Fn(Stage) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        let run = |stage: Stage| (stage, scope.spawn(move || test(stage)));
        for (Stage { api, etcd }, run) in stages.into_iter().map(run).collect::<Vec<_>>() {
            if let Err(panic) = run.join() {
                announce(&format!("a test failed over {api:?} on {etcd}"));
                resume_unwind(panic);
            }
        }
    });
}

impl Stage {
    fn v2(etcd: &'static Etcd) -> Self {
        Self { api: Api::V2, etcd }
    }

    /// v3 on a server.
    pub fn v3(etcd: &'static Etcd) -> Self {
        Self { api: Api::V3, etcd }
    }

    /// The API.
    pub fn api(self) -> Api {
        self.api
    }

    /// A server to be.
    pub fn server(self) -> Builder {
        let builder = Server::builder().etcd(self.etcd);
        if self.api == Api::V2 { builder.v2() } else { builder }
    }

    /// The history of the keys of [`Flat`], from now on.
    pub fn history(self, server: &Server) -> History<'_> {
        match self.api {
            Api::V2 => History::over_v2(server, PREFIX),
            Api::V3 => History::of(server, PREFIX),
        }
    }

    /// The configuration at these endpoints.
    ///
    /// # Errors
    /// As [`Options::watch`].
    pub fn watch<E: Into<String>>(
        self,
        endpoints: impl IntoIterator<Item = E>,
    ) -> Result<Live<Flat>, etcd_config::Error> {
        self.watch_with(Flat::options(), endpoints)
    }

    /// The same, with options.
    ///
    /// # Errors
    /// As [`Options::watch`].
    pub fn watch_with<E: Into<String>>(
        self,
        options: Options<Flat>,
        endpoints: impl IntoIterator<Item = E>,
    ) -> Result<Live<Flat>, etcd_config::Error> {
        match self.api {
            Api::V2 => options.watch(v2::Client::new(endpoints).expect("a client").into_store()?),
            Api::V3 => options.watch(v3::Client::new(endpoints).expect("a client").into_store()?),
        }
    }

    /// The configuration at a server, through a proxy.
    #[track_caller]
    pub fn watched(self, server: &Server) -> Watched {
        Watched::through(server, |proxy| self.watch([proxy.endpoint()]))
    }

    /// The configuration as it is now, read once.
    ///
    /// # Errors
    /// As [`Options::load_once`].
    pub fn load_once<E: Into<String>>(
        self,
        options: Options<Flat>,
        endpoints: impl IntoIterator<Item = E>,
    ) -> Result<Flat, etcd_config::Error> {
        match self.api {
            Api::V2 => options.load_once(v2::Client::new(endpoints).expect("a client").into_store()?),
            Api::V3 => options.load_once(v3::Client::new(endpoints).expect("a client").into_store()?),
        }
    }
}
