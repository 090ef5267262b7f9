//! What the issue promises, measured: reads beside arc-swap, an update on its way beside a bare
//! watch, the first load beside an untyped one, and updates of small and large configurations.
//!
//! Each comparison alternates between its sides within one run, because a machine that is busy is
//! busy for both. What is printed is the median, and between which tenths the middle lies.

#[path = "live/load.rs"]
mod load;
#[path = "live/read.rs"]
mod read;
#[path = "live/samples.rs"]
mod samples;
#[path = "live/update.rs"]
mod update;
#[path = "live/visible.rs"]
mod visible;

use etcd_config_tests::Server;

fn main() {
    // `cargo test --benches` only wants to know that it runs.
    let quick = !std::env::args().any(|argument| argument == "--bench");
    read::run(quick);
    update::run(quick);
    let server = Server::start();
    println!("\netcd {} at {}", server.etcd().version(), server.endpoint());
    visible::run(&server, quick);
    load::run(&server, quick);
}
