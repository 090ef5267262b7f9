//! From a put until the value is visible.

use std::thread::sleep;
use std::time::Duration;

use crate::bench::Bench;
use crate::child::{Child, number};
use crate::etcd::{Etcd, now};
use crate::subjects::Subject;

/// All subjects run at once, each with a key of its own that is written in turns.
pub(crate) fn visible(bench: &mut Bench) {
    let rounds = bench.scaled(2_000, 200);
    for run in 0..bench.runs {
        let etcd = Etcd::start();
        etcd.put(key_of("dynamic-config"), &value_for("dynamic-config"));
        let mut children: Vec<(Subject, Child)> = Vec::new();
        for subject in bench.in_turn(run) {
            let child = bench.start(&subject, "visible", &etcd.endpoint(), &[]);
            children.extend(child.map(|child| (subject, child)));
        }
        sleep(Duration::from_secs(1));
        write(&etcd, &children, rounds / 10);
        for (_, child) in &mut children {
            child.ask(&format!("await {}", rounds / 10));
        }
        let before: Vec<_> = children.iter_mut().map(|(_, child)| child.cpu_us()).collect();
        write(&etcd, &children, rounds);
        for ((subject, child), before) in children.iter_mut().zip(before) {
            let answer = child.ask(&format!("await {rounds}"));
            let count = number(&answer, "count");
            if count < rounds as f64 {
                println!("{} has seen {count} of {rounds}", subject.name);
            }
            let cpu = (number(&answer, "cpu_us") - before) / rounds as f64;
            bench.record("visible", "median", "us", subject.name, number(&answer, "p50_us"));
            bench.record("visible", "p99", "us", subject.name, number(&answer, "p99_us"));
            bench.record("visible", "CPU an update", "us", subject.name, cpu);
        }
    }
}

/// The key that a subject watches in this scene.
pub(crate) fn key_of(subject: &str) -> &'static str {
    match subject {
        "ours" => "/visible/ours/written",
        "etcd-client" => "/visible/by-hand/written",
        "dynamic-config" => "/visible/dynamic/typed.json",
        _ => "/visible/clientv3/written",
    }
}

fn value_for(subject: &str) -> String {
    match subject {
        "dynamic-config" => format!("{{\"typed\":{{\"written\":{}}}}}", now()),
        _ => now().to_string(),
    }
}

fn write(etcd: &Etcd, children: &[(Subject, Child)], rounds: usize) {
    for round in 0..rounds {
        for at in 0..children.len() {
            let (subject, _) = &children[(at + round) % children.len()];
            etcd.put(key_of(subject.name), &value_for(subject.name));
            // Until everybody sleeps again.
            sleep(Duration::from_micros(500));
        }
    }
}
