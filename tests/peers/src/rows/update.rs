//! What an update costs.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::bench::Bench;
use crate::child::{Child, number};
use crate::etcd::{Etcd, now};
use crate::rows::visible::key_of;
use crate::subjects::{Subject, run};

/// Of ours alone: no other has a store in memory.
pub(crate) fn memory(bench: &mut Bench) {
    let Some(ours) = bench.subject("ours") else { return };
    let keys = bench.scaled(100_000, 10_000);
    for _ in 0..bench.runs {
        let numbers = [("keys", keys), ("held", 6), ("rounds", 50)];
        let Some(child) = bench.start(&ours, "memory", "-", &numbers) else { return };
        bench.record("memory", "first update", "us CPU", ours.name, number(&child.first, "first_us"));
        bench.record("memory", "later ones", "us CPU", ours.name, number(&child.first, "later_us"));
        bench.record(
            "memory",
            "with 6 snapshots held",
            "us CPU",
            ours.name,
            number(&child.first, "holding_us"),
        );
    }
}

/// One after the other, so that each update is a message of its own.
pub(crate) fn of_hundred(bench: &mut Bench) {
    let updates = bench.scaled(3_000, 500);
    let etcd = Etcd::start();
    etcd.fill("/load/100", 100);
    for run in 0..bench.runs {
        for subject in bench.in_turn(run) {
            let Some(mut child) = bench.start(&subject, "load", &etcd.endpoint(), &[("keys", 100)]) else {
                continue;
            };
            sleep(Duration::from_secs(1));
            let before = child.cpu_us();
            let mut last = String::new();
            for update in 0..updates {
                last = format!("{}-{run}-{update}", subject.name);
                etcd.put("/load/100/values/000007", &last);
            }
            let answer = child.ask(&format!("await 000007 {last}"));
            let cpu = (number(&answer, "cpu_us") - before) / updates as f64;
            bench.record("update-100", "CPU an update", "us", subject.name, cpu);
        }
    }
}

/// Two runs that differ in their number of updates: what they have in common falls out.
pub(crate) fn instructions(bench: &mut Bench) {
    let Some(counter) = Counter::found() else {
        println!("neither perf counts instructions here nor is there a valgrind: left out");
        return;
    };
    println!("counted by {}", if matches!(counter, Counter::Perf) { "perf" } else { "valgrind" });
    let etcd = Etcd::start();
    let (few, many) = (200, bench.scaled(1_200, 700));
    for run in 0..bench.runs {
        for subject in bench.in_turn(run) {
            if subject.counted.is_none() {
                continue; // another runtime's instructions say nothing
            }
            let count = |updates| counter.count(&subject, &etcd, updates);
            match count(few).and_then(|fewer| Ok(count(many)? - fewer)) {
                Ok(more) => {
                    let each = more / (many - few) as f64 / 1e3;
                    bench.record("instructions", "an update", "thousand", subject.name, each);
                }
                Err(why) => println!("{}: {why}", subject.name),
            }
        }
    }
}

/// What counts the instructions of a program, outside the kernel.
enum Counter {
    Perf,
    Valgrind,
}

impl Counter {
    fn found() -> Option<Self> {
        let perf = Command::new("perf").args(["stat", "-x", ",", "-e", "instructions:u", "true"]).output();
        let counts = |words: &[u8]| {
            String::from_utf8_lossy(words).lines().any(|line| line.starts_with(|c: char| c.is_ascii_digit()))
        };
        if perf.is_ok_and(|output| output.status.success() && counts(&output.stderr)) {
            return Some(Self::Perf);
        }
        run(Command::new("valgrind").arg("--version")).is_ok().then_some(Self::Valgrind)
    }

    fn count(&self, subject: &Subject, etcd: &Etcd, updates: usize) -> Result<f64, String> {
        let before: &[&str] = match self {
            Self::Perf => &["perf", "stat", "-x", ",", "-e", "instructions:u"],
            Self::Valgrind => &["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"],
        };
        let program: Vec<_> = before.iter().map(Into::into).chain(subject.program.iter().cloned()).collect();
        let mut child =
            Child::start(&program, "visible", &etcd.endpoint(), &[])?.ok_or("it has no such scene")?;
        for _ in 0..updates {
            etcd.put(key_of(subject.name), &now().to_string());
            sleep(Duration::from_millis(1));
        }
        // The last ones are under way still, where the program is slowed down.
        sleep(Duration::from_secs(1));
        child.ask("await 0");
        let words = child.end();
        let of_perf = |line: &str| line.split(',').next().and_then(|count| count.parse().ok());
        let of_valgrind =
            |line: &str| line.split_once("Collected :").and_then(|(_, count)| count.trim().parse().ok());
        let found = match self {
            Self::Perf => words.lines().find_map(of_perf),
            Self::Valgrind => words.lines().find_map(of_valgrind),
        };
        found.ok_or_else(|| format!("no count in {words}"))
    }
}
