//! Many changes a second, spread over many watched prefixes of one client.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::child::number;
use crate::etcd::{Etcd, now};

/// In each transaction, and how often there is one: 5,000 changes a second.
const CHANGES: usize = 50;
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) fn burst(bench: &mut Bench) {
    let (watches, changes) = (bench.scaled(1_000, 200), bench.scaled(40_000, 5_000));
    for run in 0..bench.runs {
        let etcd = Etcd::start();
        let stamped =
            |at: usize| (format!("/burst/{}/stamp", at % watches), format!("{}:{}", at % watches, now()));
        for from in (0..watches).step_by(CHANGES) {
            etcd.write(&(from..watches.min(from + CHANGES)).map(stamped).collect::<Vec<_>>());
        }
        for subject in bench.in_turn(run) {
            let numbers = [("watches", watches)];
            let Some(mut child) = bench.start(&subject, "burst", &etcd.endpoint(), &numbers) else {
                continue;
            };
            sleep(bench.seconds(5, 3));
            child.ask("await 0");
            let before = child.cpu_us();
            let begin = Instant::now();
            for (turn, from) in (0..changes).step_by(CHANGES).enumerate() {
                sleep((PAUSE * u32::try_from(turn).unwrap_or(0)).saturating_sub(begin.elapsed()));
                etcd.write(&(from..from + CHANGES).map(stamped).collect::<Vec<_>>());
            }
            let answer = child.ask(&format!("await {changes}"));
            let count = number(&answer, "count");
            if count < changes as f64 {
                println!("{} has seen {count} of {changes}", subject.name);
            }
            let cpu = (number(&answer, "cpu_us") - before) / 1e6 * 40_000.0 / changes as f64;
            bench.record("burst", "median", "ms", subject.name, number(&answer, "p50_us") / 1e3);
            bench.record("burst", "p99", "ms", subject.name, number(&answer, "p99_us") / 1e3);
            bench.record("burst", "CPU of 40,000", "s", subject.name, cpu);
        }
    }
}
