//! What a writer did, and what it was answered.

use std::time::Duration;

use super::revisions::Written;

/// One call of `update`: each attempt, and the answer, which is about the last one.
#[derive(Debug)]
pub(crate) struct Call {
    pub(super) writer: String,
    /// What each attempt would have written.
    pub(super) attempts: Vec<Written>,
    /// The answer.
    pub(super) reported: Reported,
    /// How long it took.
    pub(super) took: Duration,
}

/// What a writer was answered of its last attempt. The attempts before were conflicts.
#[derive(Debug)]
#[allow(dead_code, reason = "the words are for `Debug`, where something is not so")]
pub(crate) enum Reported {
    /// At this revision.
    Written(u64),
    /// At this revision, and something else has slipped in, or could not be read.
    WrittenBut(u64, String),
    /// It was too late each time.
    Conflict(String),
    /// The answer was lost, and reading has shown nothing.
    MaybeApplied(String),
    /// What there is, or what would be, is refused by the check: nothing was sent.
    Invalid(String),
    /// Anything else: nothing is written.
    Failed(String),
}

impl Call {
    pub(super) fn new(
        writer: &str,
        attempts: Vec<Written>,
        answer: Result<etcd_config::Written, etcd_config::Error>,
        took: Duration,
    ) -> Self {
        let reported = match answer {
            Ok(written) => Reported::Written(written.revision()),
            Err(error) => {
                let text = error.to_string();
                match error.written() {
                    Some(revision) => Reported::WrittenBut(revision, text),
                    None if error.is_conflict() => Reported::Conflict(text),
                    None if error.maybe_applied() => Reported::MaybeApplied(text),
                    None if error.is_invalid() => Reported::Invalid(text),
                    None => Reported::Failed(text),
                }
            }
        };
        Self { writer: writer.to_owned(), attempts, reported, took }
    }
}
