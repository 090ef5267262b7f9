//! Loading many keys: time, CPU, memory.

use std::thread::sleep;
use std::time::Duration;

use crate::bench::Bench;
use crate::child::number;
use crate::etcd::Etcd;

const LARGEST: usize = 100_000;

pub(crate) fn thousand(bench: &mut Bench) {
    load(bench, "load-1000", 1_000, 30);
}

pub(crate) fn ten_thousand(bench: &mut Bench) {
    load(bench, "load-10000", 10_000, 10);
}

pub(crate) fn hundred_thousand(bench: &mut Bench) {
    let keys = bench.scaled(LARGEST, 20_000);
    load(bench, "load-100000", keys, 3);
}

/// Each subject loads the same keys `repeats` times in a process of its own, and once in another one for the peak.
fn load(bench: &mut Bench, row: &'static str, keys: usize, repeats: usize) {
    let etcd = Etcd::start();
    etcd.fill(&format!("/load/{keys}"), keys);
    etcd.fill("/load/1", 1);
    for run in 0..bench.runs {
        for subject in bench.in_turn(run) {
            let scenes = if subject.name == "ours" { &["load", "range"][..] } else { &["load"][..] };
            for scene in scenes {
                let who = if *scene == "range" { "one range" } else { subject.name };
                let numbers = [("keys", keys), ("repeats", repeats)];
                let Some(child) = bench.start(&subject, scene, &etcd.endpoint(), &numbers) else { continue };
                bench.record(row, "wall", "ms", who, number(&child.first, "wall_us") / 1e3);
                bench.record(row, "CPU", "ms", who, number(&child.first, "load_cpu_us") / 1e3);
                child.end();
                let Some(bare) = bench.start(&subject, scene, &etcd.endpoint(), &[("keys", 1)]) else {
                    continue;
                };
                let Some(once) = bench.start(&subject, scene, &etcd.endpoint(), &[("keys", keys)]) else {
                    continue;
                };
                bench.record(row, "peak", "MiB", who, (once.peak_kib() - bare.peak_kib()) / 1024.0);
            }
        }
    }
}

/// Bytes that the allocator has handed out for each key: of the loaded map, after an update, and with the snapshot of
/// before held during two further updates.
pub(crate) fn rest(bench: &mut Bench) {
    let keys = bench.scaled(LARGEST, 10_000);
    let etcd = Etcd::start();
    etcd.fill(&format!("/load/{keys}"), keys);
    for run in 0..bench.runs {
        for subject in bench.in_turn(run) {
            let numbers = [("keys", keys)];
            let Some(mut child) = bench.start_counted(&subject, "load", &etcd.endpoint(), &numbers) else {
                continue;
            };
            let before = number(&child.first, "heap_before");
            let mut look = |metric, updates: usize, ask: &str| {
                child.ask(ask);
                for update in 0..updates {
                    let value = format!("{run}-{}-{metric}-{update}", subject.name).replace(' ', "-");
                    etcd.put(&format!("/load/{keys}/values/000007"), &value);
                    child.ask(&format!("await 000007 {value}"));
                }
                sleep(Duration::from_secs(1));
                let bytes = number(&child.ask("mark"), "heap") - before;
                bench.record("rest", metric, "B/key", subject.name, bytes / keys as f64);
            };
            look("loaded", 0, "mark");
            look("after an update", 1, "mark");
            look("with an old snapshot held", 2, "hold");
        }
    }
}
