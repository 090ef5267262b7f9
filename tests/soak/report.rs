//! The table at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etcd_config_tests::log;

use crate::neighbours::Tally;
use crate::observer::{Observer, Recovery};
use crate::process::Usage;
use crate::stage::Stage;
use crate::writer::Writer;

/// What was done, and what came of it.
pub(crate) struct Report {
    title: String,
    /// How often, and how long it took at most.
    faults: BTreeMap<String, (u32, Worst)>,
    /// How many repairs each configuration has had so far.
    repairs: BTreeMap<&'static str, u64>,
    /// How many lines of the log about audits were printed.
    logged: usize,
    /// What this process used, from the start to the end.
    usage: Vec<(Duration, Usage)>,
    lost: Vec<String>,
    totals: Vec<(String, String)>,
    torn: u64,
    disordered: u64,
    untrue: u64,
}

/// The longest times after a fault: until something was written again, until every configuration
/// was right again, and from the one to the other.
#[derive(Clone, Copy, Default)]
struct Worst {
    written: Duration,
    converged: Duration,
    behind: Duration,
}

impl Worst {
    fn with(self, other: Self) -> Self {
        Self {
            written: self.written.max(other.written),
            converged: self.converged.max(other.converged),
            behind: self.behind.max(other.behind),
        }
    }
}

impl Report {
    pub(crate) fn new(stage: &Stage, seed: u64) -> Self {
        let title = format!("seed {seed}, {}", stage.cluster.member(0).etcd());
        Self {
            title,
            faults: BTreeMap::new(),
            repairs: BTreeMap::new(),
            logged: 0,
            usage: Vec::new(),
            lost: Vec::new(),
            totals: Vec::new(),
            torn: 0,
            disordered: 0,
            untrue: 0,
        }
    }

    /// What came after a fault.
    pub(crate) fn note(&mut self, fault: &str, recovery: Result<Recovery, String>) {
        let (count, worst) = self.faults.entry(fault.to_owned()).or_default();
        *count += 1;
        match recovery {
            Ok(Recovery { written, converged, last }) => {
                println!(
                    "           written after {written:.1?}, converged after {converged:.1?} (last: {last})"
                );
                let behind = converged.saturating_sub(written);
                *worst = worst.with(Worst { written, converged, behind });
            }
            Err(who) => {
                eprintln!("lost after {fault}: {who}");
                self.lost.push(format!("{fault}: {who}"));
            }
        }
    }

    /// What audits have had to repair since the last fault, and the lines of the log: a watch has missed it, or was late.
    pub(crate) fn note_repairs(&mut self, observers: &[Observer]) {
        for observer in observers {
            let repairs = observer.live.status().counters.repairs;
            let before = self.repairs.insert(observer.name, repairs).unwrap_or(0);
            if repairs > before {
                println!("           {} repaired: {}", repairs - before, observer.name);
                log::about("an audit ")
                    .iter()
                    .skip(self.logged)
                    .for_each(|line| println!("           {line}"));
                self.logged = log::about("an audit ").len();
            }
        }
    }

    /// What this process uses now.
    pub(crate) fn measure(&mut self, since_start: Duration) {
        self.usage.push((since_start, Usage::now()));
    }

    pub(crate) fn conclude(&mut self, writers: &[Writer], observers: &[Observer]) {
        let sum = |count: fn(&Observer) -> &AtomicU64| {
            observers.iter().map(|observer| count(observer).load(Ordering::Relaxed)).sum::<u64>()
        };
        self.torn = sum(|observer| &observer.tally.torn);
        self.disordered = sum(|observer| &observer.tally.disordered);
        self.untrue = sum(|observer| &observer.tally.untrue);
        let checked = sum(|observer| &observer.tally.checked);
        let faults: u32 = self.faults.values().map(|(count, _)| count).sum();
        let worst = self.faults.values().fold(Worst::default(), |worst, (_, other)| worst.with(*other));
        let mut row = |name: &str, value: String| self.totals.push((name.to_owned(), value));
        row("faults done", faults.saturating_sub(1).to_string());
        for Writer { api, truth, .. } in writers {
            row(&format!("changes written, {api}"), truth.confirmed().to_string());
        }
        row("snapshots and changes checked", checked.to_string());
        row("torn", self.torn.to_string());
        row("out of order", self.disordered.to_string());
        row("said to be in force, and not", self.untrue.to_string());
        row("lost", self.lost.len().to_string());
        row("longest time until written again", format!("{:.1?}", worst.written));
        row("longest time to converge", format!("{:.1?}", worst.converged));
        row("longest from one to the other", format!("{:.1?}", worst.behind));
        for (when, Usage { kibibytes, descriptors, threads }) in &self.usage {
            let used = format!("{kibibytes} KiB, {descriptors} descriptors, {threads} threads");
            self.totals.push((format!("used after {} s", when.as_secs()), used));
        }
        let mut row = |name: &str, value: String| self.totals.push((name.to_owned(), value));
        for observer in observers {
            let counters = observer.live.status().counters;
            let counts = format!(
                "{} snapshots, {} reconnects, {} lists, {} audits, {} repairs, {} rewinds",
                counters.snapshots,
                counters.losses,
                counters.lists,
                counters.audits,
                counters.repairs,
                counters.rewinds
            );
            row(observer.name, counts);
        }
    }

    /// What came of the watches that share a stream.
    pub(crate) fn note_neighbours(&mut self, tally: &Tally) {
        self.totals.push(("watches on one stream".to_owned(), tally.to_string()));
        self.lost.extend(tally.faults());
    }

    /// Whether nothing was lost or torn.
    pub(crate) fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.torn == 0 && self.disordered == 0 && self.untrue == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}\n", self.title)?;
        writeln!(f, "| fault | times | written again after | converged after | at most apart |")?;
        writeln!(f, "| --- | --- | --- | --- | --- |")?;
        for (fault, (count, Worst { written, converged, behind })) in &self.faults {
            writeln!(f, "| {fault} | {count} | {written:.1?} | {converged:.1?} | {behind:.1?} |")?;
        }
        writeln!(f, "\n| | |\n| --- | --- |")?;
        for (name, value) in &self.totals {
            writeln!(f, "| {name} | {value} |")?;
        }
        self.lost.iter().try_for_each(|lost| writeln!(f, "\nlost: {lost}"))
    }
}
