//! The table at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::observer::Observer;
use crate::process::Usage;
use crate::stage::Stage;
use crate::writer::Writer;

/// What was done, and what came of it.
pub(crate) struct Report {
    title: String,
    /// How often, and how long it took at most until every configuration was right again.
    faults: BTreeMap<String, (u32, Duration)>,
    lost: Vec<String>,
    totals: Vec<(String, String)>,
    torn: u64,
    disordered: u64,
}

impl Report {
    pub(crate) fn new(stage: &Stage, seed: u64) -> Self {
        let title = format!("seed {seed}, {}", stage.cluster.member(0).etcd());
        let (faults, lost, totals) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { title, faults, lost, totals, torn: 0, disordered: 0 }
    }

    /// What came after a fault.
    pub(crate) fn note(&mut self, fault: &str, converged: Result<Duration, String>) {
        let (count, longest) = self.faults.entry(fault.to_owned()).or_default();
        *count += 1;
        match converged {
            Ok(took) => *longest = took.max(*longest),
            Err(who) => {
                eprintln!("lost after {fault}: {who}");
                self.lost.push(format!("{fault}: {who}"));
            }
        }
    }

    pub(crate) fn conclude(&mut self, writers: &[Writer], observers: &[Observer], start: Usage, end: Usage) {
        let sum = |count: fn(&Observer) -> &AtomicU64| {
            observers.iter().map(|observer| count(observer).load(Ordering::Relaxed)).sum::<u64>()
        };
        self.torn = sum(|observer| &observer.tally.torn);
        self.disordered = sum(|observer| &observer.tally.disordered);
        let checked = sum(|observer| &observer.tally.checked);
        let faults: u32 = self.faults.values().map(|(count, _)| count).sum();
        let longest = self.faults.values().map(|(_, longest)| *longest).max().unwrap_or_default();
        let mut row = |name: &str, value: String| self.totals.push((name.to_owned(), value));
        row("faults done", faults.saturating_sub(1).to_string());
        for Writer { api, truth, .. } in writers {
            row(&format!("changes written, {api}"), truth.confirmed().to_string());
        }
        row("snapshots and changes checked", checked.to_string());
        row("torn", self.torn.to_string());
        row("out of order", self.disordered.to_string());
        row("lost", self.lost.len().to_string());
        row("longest time to converge", format!("{longest:.1?}"));
        row("memory, start and end", format!("{} KiB, {} KiB", start.kibibytes, end.kibibytes));
        row("descriptors, start and end", format!("{}, {}", start.descriptors, end.descriptors));
        row("threads, start and end", format!("{}, {}", start.threads, end.threads));
        for observer in observers {
            let counters = observer.live.status().counters;
            let counts = format!(
                "{} snapshots, {} reconnects, {} lists, {} audits, {} repairs, {} rewinds",
                counters.snapshots,
                counters.reconnects,
                counters.lists,
                counters.audits,
                counters.repairs,
                counters.rewinds
            );
            row(observer.name, counts);
        }
    }

    /// Whether nothing was lost or torn.
    pub(crate) fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.torn == 0 && self.disordered == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}\n", self.title)?;
        writeln!(f, "| fault | times | longest time to converge |\n| --- | --- | --- |")?;
        for (fault, (count, longest)) in &self.faults {
            writeln!(f, "| {fault} | {count} | {longest:.1?} |")?;
        }
        writeln!(f, "\n| | |\n| --- | --- |")?;
        for (name, value) in &self.totals {
            writeln!(f, "| {name} | {value} |")?;
        }
        self.lost.iter().try_for_each(|lost| writeln!(f, "\nlost: {lost}"))
    }
}
