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
    /// What it says of itself; or, where that cannot be read, why: it is of a newer version, or was written by hand.
    pub report: Result<InstanceReport, String>,
    /// The revision at which it has said so.
    pub written_at: u64,
}

impl Instance {
    /// Of an entry; nothing for one of another place.
    pub(crate) fn of(place: &Prefix, entry: &Entry) -> Option<Self> {
        let name = String::from_utf8_lossy(place.relative(&entry.key)?).into_owned();
        let report = from_text(&entry.value);
        Some(Self { name, report, written_at: entry.revision })
    }
}
