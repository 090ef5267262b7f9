//! Why an edit was not written, or what is uncertain about it.

use std::fmt;

use etcd_client_core::{Kind, Prefix, Printable};

use crate::problem::Report;

/// The most keys that are named.
const NAMED: usize = 10;

/// A key that somebody else has changed since an edit read it, from [`Error::conflicts`](crate::Error::conflicts).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConflictingKey {
    /// The whole key.
    pub key: String,
    /// The revision of the change; `None` if the key is gone.
    pub revision: Option<u64>,
}

/// What has happened to the writes of an edit.
#[derive(Debug)]
pub(crate) enum WriteFailure {
    /// Something has changed since `read_at`; nothing of the transaction is written.
    Conflict { read_at: u64, keys: Vec<ConflictingKey> },
    /// The answer was lost, and reading has not shown it.
    Unknown { why: String, error: etcd_client_core::Error },
    /// The store has refused it.
    Refused { keys: Vec<String>, error: etcd_client_core::Error },
    /// It is written, and what else has changed cannot be read.
    Unproven { revision: u64, error: etcd_client_core::Error },
    /// It is written, and something else, too, with which it does not make a valid configuration.
    SlippedIn { revision: u64, report: Report },
}

/// The same with what was to be written.
#[derive(Debug)]
pub(crate) struct Writing {
    pub(super) name: &'static str,
    pub(super) prefix: String,
    /// What has to be readable, as it is granted.
    directories: Vec<String>,
    /// How many transactions were written before, and of how many.
    pub(super) done: (usize, usize),
    pub(super) failure: WriteFailure,
}

impl Writing {
    pub(super) fn new(
        name: &'static str,
        prefix: &Prefix,
        done: (usize, usize),
        failure: WriteFailure,
    ) -> Self {
        let shown = |directory| match directory {
            "" => "/".to_owned(),
            directory => Printable::line(directory).to_string(),
        };
        let directories = prefix.directories_as_added().map(shown).collect();
        Self { name, prefix: prefix.to_string(), directories, done, failure }
    }

    pub(super) fn store(&self) -> Option<&etcd_client_core::Error> {
        match &self.failure {
            WriteFailure::Unknown { error, .. }
            | WriteFailure::Refused { error, .. }
            | WriteFailure::Unproven { error, .. } => Some(error),
            WriteFailure::Conflict { .. } | WriteFailure::SlippedIn { .. } => None,
        }
    }

    pub(super) fn written(&self) -> Option<u64> {
        match self.failure {
            WriteFailure::Unproven { revision, .. } | WriteFailure::SlippedIn { revision, .. } => {
                Some(revision)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Writing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, prefix, directories, done, failure } = self;
        match failure {
            WriteFailure::Conflict { read_at, keys } => {
                write!(f, "the edit of {name} below {prefix} is not written: ")?;
                if keys.is_empty() {
                    write!(f, "something there has changed since revision {read_at}")?;
                } else {
                    write!(f, "since revision {read_at} somebody else has changed {}", Named(keys))?;
                }
                f.write_str("; read again and decide again")?;
            }
            WriteFailure::Unknown { why, error } => write!(
                f,
                "it is unknown whether the edit of {name} below {prefix} is written: the answer was lost, and {}; it may \
                 still be carried out, as long as nothing else is written there: {error}",
                Printable::line(why)
            )?,
            WriteFailure::Refused { keys, error } => {
                write!(f, "the edit of {name} below {prefix} is not written: {error}")?;
                if error.kind() == Kind::PermissionDenied {
                    let all = directories.join(", ");
                    write!(f, ": grant the user a role that may read {all} and write ")?;
                    write_list(f, keys.iter().map(|key| Printable::line(key).to_string()))?;
                }
                if error.kind() == Kind::TooLarge {
                    f.write_str(
                        ": etcd takes so many bytes of keys and values in one transaction (--max-request-bytes, 1.5 MiB by \
                         default); write less at once, or let a large value be a file that the key names",
                    )?;
                }
            }
            WriteFailure::Unproven { revision, error } => write!(
                f,
                "the edit of {name} below {prefix} is written at revision {revision}, but whether anything else was \
                 changed at the same time could not be read, so check what is stored: {error}"
            )?,
            WriteFailure::SlippedIn { revision, report } => {
                report.fmt(f)?;
                write!(
                    f,
                    "\n  the edit is written at revision {revision}; something else was changed at the same time, and \
                     together they are refused"
                )?;
            }
        }
        match done {
            (0, _) => Ok(()),
            (done, all) => write!(
                f,
                "\n  {done} of {all} transactions are written, and the commit key is not: running processes take \
                 nothing of it over"
            ),
        }
    }
}

struct Named<'m>(&'m [ConflictingKey]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.0.iter().map(|moved| {
            let key = Printable::line(&moved.key);
            match moved.revision {
                Some(revision) => format!("{key} (at revision {revision})"),
                None => format!("{key} (deleted)"),
            }
        });
        write_list(f, named)
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, items: impl ExactSizeIterator<Item = String>) -> fmt::Result {
    let count = items.len();
    let shown: Vec<String> = items.take(NAMED).collect();
    f.write_str(&shown.join(", "))?;
    if count > NAMED { write!(f, " and {} more", count - NAMED) } else { Ok(()) }
}
