//! How far a rollout is, for whoever watches it.

use std::fmt;
use std::time::Duration;

use etcd_client_core::Printable;

/// A step of a [`Rollout`](crate::Rollout), from [`Rollout::on_step`](crate::Rollout::on_step). `Display` is a line for a
/// person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RolloutStep {
    /// The change is in the layers.
    Staged {
        /// The name of the rollout.
        id: String,
        /// The revision of that.
        revision: u64,
        /// Who has it first.
        instances: Vec<String>,
    },
    /// All of them have it in force, and are watched.
    InForce {
        /// For so long.
        observe: Duration,
    },
    /// It is below the prefix, and no longer in the layers.
    Promoted {
        /// The revision of that.
        revision: u64,
    },
    /// It is no longer in the layers.
    TakenBack {
        /// The revision of that.
        revision: u64,
        /// Overrides that somebody else has changed meanwhile, and that are left as they are.
        left: Vec<String>,
    },
}

impl fmt::Display for RolloutStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Staged { id, revision, instances } => {
                let names: Vec<String> =
                    instances.iter().map(|name| Printable::line(name).to_string()).collect();
                write!(
                    f,
                    "staged at revision {revision}, as {}, for {}",
                    Printable::line(id),
                    names.join(", ")
                )
            }
            Self::InForce { observe } => write!(f, "in force, and watched for {observe:?}"),
            Self::Promoted { revision } => write!(f, "promoted at revision {revision}"),
            Self::TakenBack { revision, left } => {
                write!(f, "taken back at revision {revision}")?;
                if left.is_empty() {
                    return Ok(());
                }
                let keys: Vec<String> = left.iter().map(|key| Printable::line(key).to_string()).collect();
                write!(f, "; left as somebody else has changed them: {}", keys.join(", "))
            }
        }
    }
}
