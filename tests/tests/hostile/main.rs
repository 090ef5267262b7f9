//! What a server claims is checked: whatever it says costs little time and little memory, and ends at
//! another endpoint.

mod floods;
mod footprint;
mod outages;
mod pages;
mod refusals;
mod streams;

use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, Live, Options};
use etcd_config_tests::{Flat, Hostile, until_live};

use footprint::Footprint;

/// For an error to be found and another endpoint to be asked, on a busy machine.
const SOON: Duration = Duration::from_secs(10);
/// As much as a refusal may cost: a few times what was sent.
const LITTLE: usize = 200 << 20;

/// Nothing that would find an error later.
fn options() -> Options<Flat> {
    Flat::options().audit_interval(None)
}

fn client(endpoints: &[&Hostile]) -> Client {
    let endpoints = endpoints.iter().map(|server| server.endpoint());
    Client::builder().endpoints(endpoints).timeout(Duration::from_secs(2)).build().expect("a client")
}

/// A configuration that has come to what the honest server says last.
#[track_caller]
fn comes_to_two(live: &Live<Flat>) {
    until_live(live, SOON, "what the honest server says", |live| live.load().all["a"] == "2");
}
