//! Which API a test runs over, on which server, and of how many layers its configuration is.

use std::panic::resume_unwind;
use std::thread;

use etcd_client_core::{v2, v3};
use etcd_config::{EtcdConfig, IntoStore, Live, Options};

use crate::announce::announce;
use crate::servers::{self, Etcd};
use crate::witness::OVER;
use crate::{Builder, Flat, History, LAYER, PREFIX, Server, Watched};

/// An API of etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Keys over HTTP.
    V2,
    /// gRPC.
    V3,
}

/// A server's program, the API that a test uses of it, and whether the configuration has one prefix or two layers.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    api: Api,
    etcd: &'static Etcd,
    is_layered: bool,
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

/// The same, and on the newest server over v3 with a configuration of two layers.
pub fn over_each_api_and_layers(test: impl Fn(Stage) + Sync) {
    let v2 = servers::with_v2().pop().map(Stage::v2);
    run(servers::each_line().into_iter().map(Stage::v3).chain(v2).chain([Stage::layered()]).collect(), test);
}

/// Runs a test on each line of servers, over v3, and on the newest with a configuration of two layers, too, at the
/// same time.
pub fn on_each_line_and_layers(test: impl Fn(Stage) + Sync) {
    run(servers::each_line().into_iter().map(Stage::v3).chain([Stage::layered()]).collect(), test);
}

/// Runs a test over v2, on each line of servers that has it, at the same time.
pub fn over_v2(test: impl Fn(Stage) + Sync) {
    run(servers::with_v2().into_iter().map(Stage::v2).collect(), test);
}

fn run(stages: Vec<Stage>, test: impl Fn(Stage) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        let run = |stage: Stage| (stage, scope.spawn(move || test(stage)));
        for (Stage { api, etcd, is_layered }, run) in stages.into_iter().map(run).collect::<Vec<_>>() {
            if let Err(panic) = run.join() {
                let layers = if is_layered { ", with two layers" } else { "" };
                announce(&format!("a test failed over {api:?} on {etcd}{layers}"));
                resume_unwind(panic);
            }
        }
    });
}

impl Stage {
    fn v2(etcd: &'static Etcd) -> Self {
        Self { api: Api::V2, etcd, is_layered: false }
    }

    /// v3 on a server.
    pub fn v3(etcd: &'static Etcd) -> Self {
        Self { api: Api::V3, etcd, is_layered: false }
    }

    fn layered() -> Self {
        Self { is_layered: true, ..Self::v3(servers::newest()) }
    }

    /// The API.
    pub fn api(self) -> Api {
        self.api
    }

    /// Whether the configuration has two layers.
    pub fn is_layered(self) -> bool {
        self.is_layered
    }

    /// Whether each revision comes by itself and on the stream. Of two layers it does where the server says how far each
    /// stream is; else several may be one change, and may be listed.
    pub fn is_exact(self) -> bool {
        !self.is_layered || !self.etcd.version().is_early()
    }

    /// A server to be.
    pub fn server(self) -> Builder {
        let builder = Server::builder().etcd(self.etcd);
        match self.api {
            Api::V2 => builder.v2(),
            // What is written into one layer is often written into the other one, too.
            Api::V3 if self.is_layered => builder.flag("--max-txn-ops", "1024"),
            Api::V3 => builder,
        }
    }

    /// Options of the configuration, with its layers.
    pub fn options(self) -> Options<Flat> {
        if self.is_layered { Flat::options().layer(LAYER) } else { Flat::options() }
    }

    /// The history of the keys of [`Flat`], from now on.
    pub fn history(self, server: &Server) -> History<'_> {
        match self.api {
            Api::V2 => History::over_v2(server, PREFIX),
            Api::V3 if self.is_layered => History::of_layers(server, [PREFIX, OVER]),
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
        self.watch_with(self.options(), endpoints)
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
        self.watched_with(server, self.options())
    }

    /// The same, with options.
    #[track_caller]
    pub fn watched_with(self, server: &Server, options: Options<Flat>) -> Watched {
        Watched::through(server, |proxy| self.watch_with(options, [proxy.endpoint()]))
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
