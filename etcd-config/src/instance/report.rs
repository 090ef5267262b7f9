//! How an instance says that it stands: plain data.

use std::time::{Duration, SystemTime};

/// What an instance says of itself, in [`Instance::report`](crate::Instance::report). It was written when it last changed.
///
/// Texts are as the instance wrote them, cut where they are long: [`Printable`](crate::Printable) shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceReport {
    /// The version of the program, as [`Options::instance_version`](crate::Options::instance_version) gives it.
    pub version: Option<String>,
    /// Everything that was written below the prefix up to this revision is in force.
    pub revision: u64,
    /// How many keys there were below the prefix then; `None` while something is not in force.
    pub keys: Option<usize>,
    /// The newest revision, if it is refused, so that `revision` stays in force.
    pub refused: Option<RefusedRevision>,
    /// Fields whose change waits for a restart of the process.
    pub restart: Vec<String>,
    /// Where it stood with the store, in the words of [`State`](crate::State): `watching`, `disconnected`.
    pub state: String,
    /// Since when.
    pub since: SystemTime,
    /// When the configuration was loaded, which mostly is when the process started.
    pub started: SystemTime,
    /// How long the entry stays when the process dies.
    pub lease: Duration,
    /// The layers that the configuration is read from, the highest last; empty where there is only the prefix.
    pub layers: Vec<String>,
}

/// A revision that an instance refuses, in [`InstanceReport::refused`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedRevision {
    /// The newest revision that is not in force for it: that of the last change below the prefix.
    pub revision: u64,
    /// How many keys there were below the prefix then; `None` if newer ones have come, and are not decided on yet. With a
    /// `commit_key` those that are not committed count, too.
    pub keys: Option<usize>,
    /// What is wrong, the first ten.
    pub problems: Vec<ReportedProblem>,
    /// How many more problems there are.
    pub omitted: usize,
}

/// What is wrong with a key, in the words of the instance, in [`RefusedRevision::problems`]. Never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportedProblem {
    /// The whole key.
    pub key: String,
    /// What is wrong with it.
    pub what: String,
}

impl InstanceReport {
    /// Whether it received every change when it wrote this.
    pub fn is_watching(&self) -> bool {
        self.state == WATCHING
    }
}

/// The word of the one state that is good.
const WATCHING: &str = "watching";
