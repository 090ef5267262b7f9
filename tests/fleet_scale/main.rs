//! What a fleet is to a server: instances with a connection of their own each, in a few processes; with one prefix and with
//! three layers, listed in the fleet or not, with etcd's proxy for gRPC between or not. It ends with a table.
//!
//! ```text
//! cargo run --release -p etcd-config-tests --example fleet-scale -- [--instances 1000] [--processes 4] [--seconds 30]
//!     [--scene 4]
//! ```

mod child;
mod measure;
mod scene;
mod usage;

use std::process::ExitCode;
use std::time::Duration;

use measure::{Size, measure};
use scene::SCENES;

fn main() -> ExitCode {
    if child::is_one() {
        child::run();
        return ExitCode::SUCCESS;
    }
    let number = |name: &str| {
        let mut words = std::env::args().skip_while(|word| word != name).skip(1);
        words.next().and_then(|word| word.parse::<usize>().ok())
    };
    let size = Size {
        instances: number("--instances").unwrap_or(1_000),
        processes: number("--processes").unwrap_or(4),
        idle: Duration::from_secs(number("--seconds").unwrap_or(30) as u64),
    };
    println!("{} instances in {} processes, {:?} of idleness", size.instances, size.processes, size.idle);
    let scenes =
        SCENES.into_iter().zip(1..).filter(|(_, place)| number("--scene").is_none_or(|only| only == *place));
    let findings: Vec<_> = scenes.map(|(scene, _)| measure(scene, size)).collect();
    println!(
        "\n| {} instances | idle: server's CPU a second | requests a second | server's memory | put → in force for 99 %, \
         all | `wait_for` returns after | a change: writes | server's CPU | CPU of all instances |",
        size.instances
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    findings.iter().for_each(|findings| println!("{findings}"));
    ExitCode::SUCCESS
}
