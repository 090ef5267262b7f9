//! An update that was refused.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::problem::{Problem, Report};

/// An update that did not decode, or was not valid; the snapshot from before it stays.
///
/// `Display` lists every problem, and says what stays in force.
#[derive(Clone)]
pub struct Rejection(Arc<Refused>);

struct Refused {
    report: Report,
    kept: u64,
}

impl Rejection {
    pub(crate) fn new(report: Report, kept: u64) -> Self {
        Self(Arc::new(Refused { report, kept }))
    }

    /// The revision that was refused.
    pub fn revision(&self) -> u64 {
        self.0.report.revision()
    }

    /// The revision of the snapshot that stays in force.
    pub fn kept_revision(&self) -> u64 {
        self.0.kept
    }

    /// What is wrong.
    pub fn problems(&self) -> &[Problem] {
        self.0.report.problems()
    }

    /// The same as an error.
    pub fn to_error(&self) -> Error {
        Error::from_report(self.0.report.clone())
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refused { report, kept } = &*self.0;
        write!(f, "{report}\n  refused: revision {kept} stays in force")
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
