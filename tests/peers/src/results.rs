//! What was found: printed after each row, and kept in a file that can be plotted.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::goals::{self, Goal};
use crate::subjects::{home, run};
use crate::table::{self, Outcome, Spread};

/// What is the same for all results of one call.
pub(crate) struct Session {
    quick: bool,
    at: String,
    commit: String,
    etcd: String,
    machine: String,
    versions: Vec<(&'static str, String)>,
}

impl Session {
    pub(crate) fn new(quick: bool, etcd: String, versions: Vec<(&'static str, String)>) -> Self {
        let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let git = run(Command::new("git").args(["describe", "--always", "--dirty"]).current_dir(home()));
        let commit = git.unwrap_or_default().trim().to_owned();
        let session = Self { quick, at, commit, etcd, machine: machine(), versions };
        println!("{}, commit {}, etcd {}, {}", session.at, session.commit, session.etcd, session.machine);
        session
    }

    fn version(&self, who: &str) -> &str {
        self.versions.iter().find(|(name, _)| *name == who).map_or("", |(_, version)| version)
    }
}

/// One thing that was measured of several, once a run.
struct Measured {
    row: &'static str,
    metric: &'static str,
    unit: &'static str,
    by: Vec<(String, Vec<f64>)>,
}

pub(crate) struct Results {
    session: Session,
    measured: Vec<Measured>,
    outcomes: Vec<Outcome>,
}

impl Results {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, measured: Vec::new(), outcomes: Vec::new() }
    }

    pub(crate) fn record(
        &mut self,
        row: &'static str,
        metric: &'static str,
        unit: &'static str,
        who: &str,
        value: f64,
    ) {
        let known = self.measured.iter().position(|one| one.row == row && one.metric == metric);
        let at = known.unwrap_or_else(|| {
            self.measured.push(Measured { row, metric, unit, by: Vec::new() });
            self.measured.len() - 1
        });
        let by = &mut self.measured[at].by;
        match by.iter_mut().find(|(name, _)| name == who) {
            Some((_, values)) => values.push(value),
            None => by.push((who.to_owned(), vec![value])),
        }
    }

    /// Prints what was measured in a row, and keeps it unless it was quick.
    pub(crate) fn finish_row(&mut self, row: &str) {
        let mut lines = Vec::new();
        for one in self.measured.iter().filter(|one| one.row == row) {
            self.outcomes.extend(print(one));
            lines.extend(one.by.iter().map(|(who, values)| self.line(one, who, values)));
        }
        if !self.session.quick
            && let Err(error) = keep(&lines)
        {
            println!("the results are not kept: {error}");
        }
    }

    /// The rows that are not reached, once more.
    pub(crate) fn print_missed(&self) {
        let missed: Vec<_> = self.outcomes.iter().filter(|outcome| !outcome.reached).collect();
        println!("{} of {} goals reached", self.outcomes.len() - missed.len(), self.outcomes.len());
        missed.iter().for_each(|outcome| println!("  missed: {}", outcome.words));
    }

    fn line(&self, one: &Measured, who: &str, values: &[f64]) -> Value {
        let session = &self.session;
        json!({
            "at": session.at, "commit": session.commit, "etcd": session.etcd, "machine": session.machine,
            "row": one.row, "metric": one.metric, "unit": one.unit, "of": who, "version": session.version(who),
            "values": values, "median": Spread::of(values).median,
        })
    }
}

fn print(one: &Measured) -> Vec<Outcome> {
    let of = |who: &str| one.by.iter().find(|(name, _)| name == who).map(|(_, values)| values.as_slice());
    let mut outcomes = Vec::new();
    for (who, values) in &one.by {
        let ratio = of("ours").filter(|_| who != "ours").map(|ours| Spread::of_ratios(ours, values));
        table::print_line(
            if who == &one.by[0].0 { one.metric } else { "" },
            who,
            &Spread::of(values),
            one.unit,
            ratio,
        );
    }
    let Some(ours) = of("ours") else { return outcomes };
    for goal in goals::of(one.row, one.metric) {
        let what = format!("{}, {}", one.row, one.metric);
        let outcome = match goal {
            Goal::AtMost(limit) => Some(Outcome::new(&what, Spread::of(ours).median, limit, one.unit)),
            Goal::Times(limit, peer) => of(peer).map(|theirs| {
                let unit = format!("times {peer}");
                Outcome::new(&what, Spread::of_ratios(ours, theirs).median, limit, &unit)
            }),
        };
        match outcome {
            Some(outcome) => {
                table::print_verdict(&outcome);
                outcomes.push(outcome);
            }
            None => println!("      no verdict: who it is held against was not measured"),
        }
    }
    outcomes
}

/// A file for each day, with a line for each metric of each subject.
fn keep(lines: &[Value]) -> std::io::Result<()> {
    let day: String =
        humantime::format_rfc3339_seconds(SystemTime::now()).to_string().chars().take(10).collect();
    let file: PathBuf = home().join("results").join(format!("{day}.jsonl"));
    fs::create_dir_all(home().join("results"))?;
    let mut file = File::options().create(true).append(true).open(file)?;
    lines.iter().try_for_each(|line| writeln!(file, "{line}"))
}

fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = text.lines().filter(|line| line.starts_with("processor")).count();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("", |(_, name)| name);
    format!("{cores} cores, {model}")
}
