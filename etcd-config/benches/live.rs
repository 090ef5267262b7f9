//! What the issue promises, measured: reads beside arc-swap, an update on its way beside a bare
//! watch, the first load beside an untyped one, and updates of small and large configurations.
//!
//! Each comparison alternates between its sides within one run, because a machine that is busy is
//! busy for both. What is printed is the median, and between which tenths the rest lies.
//! `cargo bench -p etcd-config -- read load` measures some only: `read`, `update`, `edit`, `visible`,
//! `load`.

#[path = "live/edit.rs"]
mod edit;
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` only wants to know that it runs.
    let quick = !arguments.iter().any(|argument| argument == "--bench");
    let mut names = arguments.iter().filter(|argument| !argument.starts_with('-')).peekable();
    let all = names.peek().is_none();
    let names: Vec<_> = names.collect();
    let wanted = |name: &str| all || names.iter().any(|wanted| *wanted == name);

    if wanted("read") {
        read::run(quick);
    }
    if wanted("update") {
        update::run(quick);
    }
    if wanted("edit") {
        edit::run(quick);
    }
    if wanted("visible") || wanted("load") {
        let server = Server::start();
        println!("\netcd {} at {}", server.etcd().version(), server.endpoint());
        if wanted("visible") {
            visible::run(&server, quick);
        }
        if wanted("load") {
            load::run(&server, quick);
        }
    }
}
