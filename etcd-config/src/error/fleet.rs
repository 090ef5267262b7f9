//! Which instances of a fleet do not have a revision in force.

use std::fmt;
use std::time::Duration;

use etcd_client_core::{OneLine, Prefix, Printable};

use super::to_grant;

/// The most instances that are printed.
const PRINTED: usize = 20;

/// An instance that does not have a revision in force, from [`Error::lagging`](crate::Error::lagging). `Display` is a line
/// for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaggingInstance {
    /// Its name, as it is stored: [`Printable`] shows it.
    pub name: String,
    /// Why it does not.
    pub why: InstanceLag,
}

/// Why an instance does not have a revision in force, in [`LaggingInstance::why`]. Texts are those of the instance, and
/// `Display` escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstanceLag {
    /// Its last report is of this earlier revision.
    NotYet {
        /// The revision that it has in force.
        revision: u64,
        /// What it says of an earlier revision that it refuses.
        refused: Option<String>,
    },
    /// It refuses what was written.
    Refused {
        /// The newest revision that it refuses.
        revision: u64,
        /// The keys, and what is wrong with each; the first ten.
        problems: Vec<(String, String)>,
        /// How many more problems there are.
        omitted: usize,
    },
    /// It does not receive changes.
    Disconnected {
        /// Its state, in the words of [`State`](crate::State).
        state: String,
        /// The revision that it has in force.
        revision: u64,
    },
    /// It has gone to be started again, and is not back yet.
    Away,
    /// Fields have changed that it reads at its start only.
    WaitsForRestart {
        /// The fields.
        fields: Vec<String>,
    },
    /// Its entry is of a newer version and cannot be read; the text says of which. Only a program as new as that can wait
    /// for it.
    Unreadable(String),
}

/// What a wait for a fleet has come to.
#[derive(Debug)]
pub(crate) struct FleetLag {
    /// Of the configuration.
    pub(crate) name: &'static str,
    pub(crate) place: String,
    pub(crate) revision: u64,
    /// If that has passed.
    pub(crate) limit: Option<Duration>,
    /// How many instances there are.
    pub(crate) present: usize,
    pub(crate) lagging: Vec<LaggingInstance>,
    /// What left it open whether some have it.
    pub(crate) unreadable: Option<Unreadable>,
    /// Why the entries could not be followed at the end.
    pub(crate) error: Option<etcd_client_core::Error>,
}

/// A prefix that the user may not read.
#[derive(Clone, Debug)]
pub(crate) struct Unreadable {
    pub(crate) prefix: Prefix,
    pub(crate) error: etcd_client_core::Error,
}

impl FleetLag {
    pub(super) fn store(&self) -> Option<&etcd_client_core::Error> {
        self.error.as_ref().or_else(|| self.unreadable.as_ref().map(|unreadable| &unreadable.error))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prefix, error } = self;
        write!(f, "{}{}", OneLine(error), to_grant(prefix, error))
    }
}

impl fmt::Display for LaggingInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Printable::line(&self.name), self.why)
    }
}

impl fmt::Display for InstanceLag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet { revision, refused } => {
                write!(f, "not in force yet, at revision {revision}")?;
                refused
                    .iter()
                    .try_for_each(|refused| write!(f, "; {}", Printable::line(refused).at_most(usize::MAX)))
            }
            Self::Refused { revision, problems, omitted } => {
                write!(f, "revision {revision} is refused")?;
                for (number, (key, what)) in problems.iter().enumerate() {
                    let before = if number == 0 { ": " } else { "; " };
                    write!(f, "{before}{}: {}", Printable::line(key), Printable::line(what).at_most(400))?;
                }
                if *omitted > 0 { write!(f, "; and {omitted} more") } else { Ok(()) }
            }
            Self::Disconnected { state, revision } => {
                write!(f, "{}, at revision {revision}", Printable::line(state))
            }
            Self::Away => f.write_str("has gone, and is not back yet"),
            Self::WaitsForRestart { fields } => {
                let fields: Vec<String> =
                    fields.iter().map(|field| Printable::line(field).to_string()).collect();
                write!(f, "waits for a restart: {}", fields.join(", "))
            }
            Self::Unreadable(why) => write!(f, "its entry cannot be read: {}", Printable::line(why)),
        }
    }
}

impl fmt::Display for FleetLag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, place, revision, limit, present, lagging, unreadable, error } = self;
        write!(f, "revision {revision} of {name} is not in force everywhere")?;
        limit.iter().try_for_each(|limit| write!(f, " after {limit:?}"))?;
        match (present, lagging.len()) {
            (0, _) => write!(
                f,
                ": no instance is listed below {place}; a process is listed while it watches with .instance(name)"
            )?,
            (present, behind) => write!(f, ": {behind} of {present} instances below {place} do not have it")?,
        }
        for lagging in lagging.iter().take(PRINTED) {
            write!(f, "\n  {lagging}")?;
        }
        if lagging.len() > PRINTED {
            write!(f, "\n  ... and {} more", lagging.len() - PRINTED)?;
        }
        unreadable.iter().try_for_each(|unreadable| {
            write!(f, "\n  whether that is because nothing has changed cannot be read: {unreadable}")
        })?;
        error
            .iter()
            .try_for_each(|error| write!(f, "\n  they cannot be followed at the moment: {}", OneLine(error)))
    }
}
