//! The harness of the end-to-end tests: real etcd servers, and ways to trouble them.
//!
//! [`servers`] finds (or fetches) etcd programs; a [`Server`] is one of them running on loopback,
//! on ports of its own, with a temporary data directory; a [`Cluster`] is three of them.
//! [`Certificates`] are what TLS wants, a [`Proxy`] is a network that fails on demand, and a [`Hostile`]
//! says what no etcd says. A
//! [`History`] knows what etcd held at each revision, and a [`Witness`] holds what a user of a
//! configuration saw against it.
//!
//! Everything here blocks, so that it serves plain tests and asynchronous ones alike, and panics
//! where it cannot do what it is asked: a harness fails the test.

#![allow(clippy::missing_panics_doc, reason = "a harness fails the test by a panic")]

mod accounts;
mod announce;
mod bounded;
mod browser;
mod builder;
mod certificates;
mod cluster;
mod contest;
mod download;
mod etcdctl;
mod grpc_proxy;
mod history;
pub mod hostile;
mod http;
pub mod log;
mod operator;
mod ports;
mod process;
mod proxy;
#[cfg(any(doctest, test))]
mod readmes;
mod scripted;
mod seats;
mod server;
pub mod servers;
mod stage;
mod until;
mod v2;
mod watched;
mod witness;

pub use bounded::soon;
pub use browser::Browser;
pub use builder::Builder;
pub use certificates::{Certificates, Identity};
pub use cluster::Cluster;
pub use contest::{Contest, Range, Verdict};
pub use grpc_proxy::GrpcProxy;
pub use history::{History, State, difference};
pub use hostile::Hostile;
pub use proxy::{Answer, Chunks, Proxy};
pub use scripted::{Asked, Reply, Scripted};
pub use server::Server;
pub use servers::{Etcd, Version};
pub use stage::{
    Api, Stage, on_each_line, on_each_line_and_layers, over_each_api, over_each_api_and_layers, over_v2,
};
pub use until::{SOON, until, until_async, until_found, until_live, until_within};
pub use watched::Watched;
pub use witness::{Flat, LAYER, PREFIX, Seen, Step, Witness};

/// Runs asynchronous calls to their end, on this thread.
pub fn block_on<T>(calls: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(calls)
}
