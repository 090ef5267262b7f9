//! What it costs that nothing happens.

use std::thread::sleep;
use std::time::Duration;

use crate::bench::Bench;
use crate::child::Child;
use crate::etcd::Etcd;
use crate::proc;
use crate::subjects::Subject;

/// How many prefixes each client of the fleet watches.
const WATCHES: usize = 10;

/// All is shown for 1,000 clients, however many there were.
pub(crate) fn fleet(bench: &mut Bench) {
    for run in 0..bench.runs {
        // Nobody's goal depends on dynamic-config here: once is enough for a look.
        for subject in
            bench.in_turn(run).iter().filter(|subject| run == 0 || subject.name != "dynamic-config")
        {
            fleet_of(bench, subject);
        }
    }
}

fn fleet_of(bench: &mut Bench, subject: &Subject) {
    let clients = bench.scaled(1_000, 100);
    let etcd = Etcd::start();
    etcd.fill_prefixes(WATCHES);
    sleep(Duration::from_secs(1));
    let (alone, memory, connections) = (etcd.metrics(), etcd.resident_kib(), etcd.connections());
    let Some(mut child) = bench.start(subject, "open", &etcd.endpoint(), &[]) else { return };
    child.ask(&format!("fleet {clients} {WATCHES}"));
    sleep(bench.seconds(8, 6));

    let window = bench.seconds(15, 10);
    let (from, cpu_from, client_from) = (etcd.metrics(), etcd.cpu(), proc::cpu(child.id()));
    sleep(window);
    let (to, cpu, client) = (etcd.metrics(), etcd.cpu() - cpu_from, proc::cpu(child.id()) - client_from);

    let scale = 1_000.0 / clients as f64;
    let streams = |metrics: &crate::etcd::Metrics| {
        metrics.sum("grpc_server_started_total", "Watch") - metrics.sum("grpc_server_handled_total", "Watch")
    };
    let received =
        to.sum("grpc_server_msg_received_total", "") - from.sum("grpc_server_msg_received_total", "");
    let goroutines = to.sum("go_goroutines", "") - alone.sum("go_goroutines", "");
    let connections = etcd.connections().saturating_sub(connections);
    let found = [
        ("server CPU", "%", cpu / window.as_secs_f64() * 100.0),
        ("server memory", "MiB", (etcd.resident_kib() - memory) / 1024.0),
        ("goroutines", "", goroutines),
        ("connections", "", connections as f64),
        ("streams", "", streams(&to) - streams(&alone)),
        ("requests", "/s", received / window.as_secs_f64()),
        ("client CPU", "%", client / window.as_secs_f64() * 100.0),
    ];
    for (metric, unit, value) in found {
        bench.record("fleet", metric, unit, subject.name, value * scale);
    }
}

/// What the next watched prefix of a client costs, once there are some.
pub(crate) fn more(bench: &mut Bench) {
    let (warm, further) = (20, bench.scaled(500, 100));
    for run in 0..bench.runs {
        let etcd = Etcd::start();
        etcd.fill_prefixes(warm + further);
        for subject in bench.in_turn(run) {
            let Some(mut child) = bench.start(&subject, "open", &etcd.endpoint(), &[]) else { continue };
            child.ask(&format!("open {warm}"));
            sleep(bench.seconds(2, 2));
            let (memory, cpu) = (child.resident_kib(), child.cpu_us());
            child.ask(&format!("open {further}"));
            let cpu = child.cpu_us() - cpu;
            sleep(bench.seconds(6, 3));
            let memory = child.resident_kib() - memory;
            bench.record("more", "memory", "KB", subject.name, memory * 1.024 / further as f64);
            bench.record("more", "CPU of a start", "ms", subject.name, cpu / 1e3 / further as f64);
        }
    }
}

/// All subjects at once, as they do next to nothing, each with one configuration.
pub(crate) fn one(bench: &mut Bench) {
    for run in 0..bench.runs {
        let etcd = Etcd::start();
        etcd.fill_prefixes(1);
        let mut children: Vec<(Subject, Child)> = Vec::new();
        for subject in bench.in_turn(run) {
            let Some(mut child) = bench.start(&subject, "open", &etcd.endpoint(), &[]) else { continue };
            child.ask("open 1");
            children.push((subject, child));
        }
        sleep(bench.seconds(8, 6));
        let window = bench.seconds(20, 10);
        let look = |child: &Child| (proc::cpu_of_threads(child.id()), proc::wake_ups(child.id()));
        let before: Vec<_> = children.iter().map(|(_, child)| look(child)).collect();
        sleep(window);
        for ((subject, child), (cpu, wake_ups)) in children.iter().zip(before) {
            let (cpu_now, wake_ups_now) = look(child);
            bench.record("one", "CPU", "us/s", subject.name, (cpu_now - cpu) * 1e6 / window.as_secs_f64());
            bench.record(
                "one",
                "wake-ups",
                "/s",
                subject.name,
                (wake_ups_now - wake_ups) / window.as_secs_f64(),
            );
        }
    }
}
