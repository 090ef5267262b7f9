//! One call of the program: what it measures with, and what it has found.

use std::time::Duration;

use etcd_config_tests::servers;

use crate::child::Child;
use crate::results::{Results, Session};
use crate::subjects::{self, Subject};

pub(crate) struct Bench {
    /// Fewer of everything: to see that it works, not what is measured.
    pub(crate) quick: bool,
    pub(crate) runs: usize,
    /// Whether rows were asked for by name.
    pub(crate) chosen: bool,
    pub(crate) results: Results,
    subjects: Vec<Subject>,
}

impl Bench {
    pub(crate) fn new(quick: bool, runs: usize, chosen: bool, built: bool) -> Result<Self, String> {
        let subjects = subjects::build(built)?;
        let versions = subjects.iter().map(|subject| (subject.name, subject.version.clone())).collect();
        let session = Session::new(quick, servers::newest().version().to_string(), versions);
        Ok(Self { quick, runs, chosen, results: Results::new(session), subjects })
    }

    /// One number, or its smaller one where things are to be quick.
    pub(crate) fn scaled(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    pub(crate) fn seconds(&self, full: u64, quick: u64) -> Duration {
        Duration::from_secs(if self.quick { quick } else { full })
    }

    /// The subjects in the order of one run: each is first once, so that nobody always finds the machine as the same
    /// other has left it.
    pub(crate) fn in_turn(&self, run: usize) -> Vec<Subject> {
        let mut subjects = self.subjects.clone();
        let count = subjects.len();
        subjects.rotate_left(run % count);
        subjects
    }

    pub(crate) fn subject(&self, name: &str) -> Option<Subject> {
        self.subjects.iter().find(|subject| subject.name == name).cloned()
    }

    /// Starts a subject; `None`, and a line that says so, where it has no such scene or fails.
    pub(crate) fn start(
        &self,
        subject: &Subject,
        scene: &str,
        endpoint: &str,
        numbers: &[(&str, usize)],
    ) -> Option<Child> {
        self.started(subject, Child::start(&subject.program, scene, endpoint, numbers))
    }

    /// As [`start`](Self::start), the program whose allocator counts.
    pub(crate) fn start_counted(
        &self,
        subject: &Subject,
        scene: &str,
        endpoint: &str,
        numbers: &[(&str, usize)],
    ) -> Option<Child> {
        let program = subject.counted.as_ref()?;
        self.started(subject, Child::start(std::slice::from_ref(program), scene, endpoint, numbers))
    }

    pub(crate) fn record(
        &mut self,
        row: &'static str,
        metric: &'static str,
        unit: &'static str,
        who: &str,
        value: f64,
    ) {
        self.results.record(row, metric, unit, who, value);
    }

    pub(crate) fn finish_row(&mut self, row: &str, took: Duration) {
        self.results.finish_row(row);
        println!("({row}: {} s)", took.as_secs());
    }

    fn started(&self, subject: &Subject, child: Result<Option<Child>, String>) -> Option<Child> {
        child.unwrap_or_else(|why| {
            println!("{} failed: {why}", subject.name);
            None
        })
    }
}
