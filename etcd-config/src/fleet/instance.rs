//! One instance, as its entry has it.

use etcd_client_core::{Entry, Prefix};

use crate::instance::format::from_text;
use crate::instance::report::InstanceReport;

/// A process in a [`Fleet`](crate::Fleet).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// Its name, as it is stored: [`Printable`](crate::Printable) shows it.
    pub name: String,
    /// What it says of itself; or, where that cannot be read, why: it is of a newer version, or no instance has written it.
    pub report: Result<InstanceReport, String>,
    /// The revision at which it has said so.
    pub written_at: u64,
    /// Of a later version of this program.
    is_newer: bool,
}

impl Instance {
    /// Of an entry; nothing for one of another place.
    pub(crate) fn of(place: &Prefix, entry: &Entry) -> Option<Self> {
        let name = String::from_utf8_lossy(place.relative(&entry.key)?).into_owned();
        let report = from_text(&entry.value);
        let is_newer = report.as_ref().is_err_and(|error| error.is_newer);
        let report = report.map_err(|error| error.why);
        Some(Self { name, report, written_at: entry.revision, is_newer })
    }

    /// Whether a process has written it. What else lies here, such as a key by hand, is shown, and nobody waits for it.
    pub(crate) fn is_process(&self) -> bool {
        self.report.is_ok() || self.is_newer
    }
}
