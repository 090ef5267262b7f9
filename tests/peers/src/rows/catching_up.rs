//! A client whose connections were lost, and that has much to catch up with.

use std::thread::sleep;
use std::time::Instant;

use etcd_config_tests::Proxy;

use crate::bench::Bench;
use crate::etcd::Etcd;

const KEYS: usize = 5_000;
const CHANGES: usize = 100;

/// The connections are cut, and what replaces them is held up until all is written: so it is no matter of backoff.
pub(crate) fn catching_up(bench: &mut Bench) {
    let transactions = bench.scaled(500, 100);
    for run in 0..bench.runs {
        let etcd = Etcd::start();
        etcd.fill(&format!("/load/{KEYS}"), KEYS);
        for subject in bench.in_turn(run) {
            let proxy = Proxy::to(&etcd.address());
            let Some(mut child) = bench.start(&subject, "load", &proxy.endpoint(), &[("keys", KEYS)]) else {
                continue;
            };
            sleep(bench.seconds(3, 2));
            proxy.hold(true);
            proxy.cut();
            let mut last = String::new();
            for transaction in 0..transactions {
                last = format!("{}-{run}-{transaction}-{}", subject.name, "x".repeat(80));
                let key = |at| format!("/load/{KEYS}/values/{:06}", (transaction * CHANGES + at) % KEYS);
                etcd.write(&(0..CHANGES).map(|at| (key(at), last.clone())).collect::<Vec<_>>());
            }
            let newest = format!("{:06}", (transactions * CHANGES - 1) % KEYS);
            let sent = |etcd: &Etcd| etcd.metrics().sum("etcd_network_client_grpc_sent_bytes_total", "");
            let (before, cpu) = (sent(&etcd), child.cpu_us());
            let begin = Instant::now();
            proxy.hold(false);
            let answer = child.ask(&format!("await {newest} {last}"));
            let wall = begin.elapsed();
            let cpu = crate::child::number(&answer, "cpu_us") - cpu;
            bench.record("catching-up", "time", "ms", subject.name, wall.as_secs_f64() * 1e3);
            bench.record("catching-up", "CPU", "ms", subject.name, cpu / 1e3);
            bench.record("catching-up", "received", "MB", subject.name, (sent(&etcd) - before) / 1e6);
        }
    }
}
