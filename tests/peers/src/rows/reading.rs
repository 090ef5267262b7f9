//! What was ahead of others from the beginning, and has to stay so.

use etcd_config_tests::{Server, servers};

use crate::bench::Bench;
use crate::child::number;

pub(crate) fn read(bench: &mut Bench) {
    let Some(ours) = bench.subject("ours") else { return };
    for _ in 0..bench.runs {
        let Some(child) = bench.start(&ours, "read", "-", &[]) else { return };
        bench.record("read", "a read", "ns", ours.name, number(&child.first, "reader_ns"));
        bench.record("read", "a read", "ns", "arc-swap", number(&child.first, "arc_swap_ns"));
    }
}

/// On the newest server that has the v2 API.
pub(crate) fn v2(bench: &mut Bench) {
    let Some(etcd) = servers::with_v2().last().copied() else { return };
    println!("etcd {}", etcd.version());
    let server = Server::builder().etcd(etcd).v2().start();
    let rounds = bench.scaled(2_000, 200);
    for run in 0..bench.runs {
        for subject in bench.in_turn(run) {
            let Some(child) = bench.start(&subject, "v2", &server.endpoint(), &[("rounds", rounds)]) else {
                continue;
            };
            bench.record("v2", "median", "us", subject.name, number(&child.first, "p50_us"));
        }
    }
}
