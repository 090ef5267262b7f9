//! An update that was refused.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::problem::{Problem, Report};

/// An update that did not decode, or was not valid; the snapshot from before it stays.
///
/// From [`Live::on_rejected`](crate::Live::on_rejected) and [`Status::refusal`](crate::Status::refusal). `Display`
/// lists every problem, and says what stays in force; cheap to clone.
///
/// ```
/// # use std::time::Duration;
/// # use etcd_config::{EtcdConfig, MemoryStore};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: u32 }
/// let store = MemoryStore::new();
/// let settings = Settings::watch(&store)?;
/// settings.on_rejected(|rejection| {
///     for problem in rejection.problems() {
///         eprintln!("{} is wrong: {problem}", problem.key());
///     }
/// });
/// let revision = store.put("/payments/workers", "many");
/// settings.wait_for_callbacks(revision, Duration::from_secs(5))?;
/// # Ok::<(), etcd_config::Error>(())
/// ```
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

    /// The revision that was refused. A single key in it may have been written before:
    /// [`Problem::revision`] says when.
    pub fn revision(&self) -> u64 {
        self.0.report.revision()
    }

    /// The revision of the snapshot that stays in force.
    pub fn kept_revision(&self) -> u64 {
        self.0.kept
    }

    /// What is wrong: all of it, not only the first; at least one.
    pub fn problems(&self) -> &[Problem] {
        self.0.report.problems()
    }

    /// The same as an error, of which [`Error::is_invalid`] is true.
    pub fn to_error(&self) -> Error {
        Error::from_report(self.0.report.clone())
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refused { report, kept } = &*self.0;
        report.fmt(f)?;
        write!(f, "\n  refused: revision {kept} stays in force")
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
