//! The end of a rollout that was not promoted.

use std::fmt;
use std::time::Duration;

use etcd_client_core::{OneLine, Printable};

use super::fleet::LaggingInstance;

/// The most keys or instances that are printed.
const PRINTED: usize = 10;

/// What is to be done with what stays staged.
pub(crate) const RESUME_OR_ABORT: &str = "; resume or abort it";
const ABORT_ONLY: &str =
    "; it cannot be promoted with that: abort it, and begin anew from what is stored now";

/// The end of a [`Rollout`](crate::Rollout) that was not promoted, from [`Error::rollout`](crate::Error::rollout): what is
/// in the store now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RolloutEnd {
    /// Nothing was written.
    NotBegun {
        /// Why.
        why: String,
    },
    /// The change is gone from the layers, and was never below the prefix.
    TakenBack {
        /// Why.
        reason: TakeBackReason,
        /// A revision at which it is gone.
        revision: u64,
        /// Overrides that somebody else has changed meanwhile, and that were left as they are.
        left: Vec<String>,
        /// The change was one that waits for a restart: instances that were started again with it go on with it until they
        /// are started once more.
        restarts: bool,
    },
    /// The change is in the layers, and stays there until the rollout is [resumed](crate::StagedRollout::resume) or
    /// [aborted](crate::StagedRollout::abort).
    Staged {
        /// The rollout.
        id: String,
        /// Why it has not gone on.
        why: String,
        /// Whether it is of use to resume it. It is not where somebody else has changed one of its keys, unless that is a new key
        /// which is deleted again: abort it, and begin anew from what is stored then.
        can_resume: bool,
    },
    /// The rollout is no longer there: somebody else has promoted it, or taken it back.
    EndedElsewhere {
        /// Whether it was promoted. `false` if it was taken back, and also if one of its keys was changed again after
        /// the promotion. Where etcd has compacted the revision at which it ended, keys that were all written in one
        /// transaction since count as promoted.
        promoted: bool,
        /// Keys of layers that still have the change: somebody has deleted the record of the rollout and left them. They
        /// stay until they are deleted by hand.
        left: Vec<String>,
    },
    /// The store does not answer, so that nobody knows whether the last step was made. It is not made later than 15 s
    /// after this, and not after somebody else has resumed or aborted the rollout. As soon as the store answers again,
    /// [`Rollouts`](crate::Rollouts) has it if it is staged.
    Unknown {
        /// The rollout.
        id: String,
        /// What was tried, or what was found.
        why: String,
    },
}

/// Why a rollout was taken back, in [`RolloutEnd::TakenBack`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeBackReason {
    /// An instance refuses it.
    Refused(LaggingInstance),
    /// An instance has gone, by this name.
    Gone(String),
    /// An instance was started again while it was watched, by this name.
    Restarted(String),
    /// These do not have it in force within the limit.
    Limit {
        /// The limit.
        limit: Duration,
        /// Who does not have it, and why.
        lagging: Vec<LaggingInstance>,
    },
    /// These had it in force, and do not when they have been watched.
    NoLonger {
        /// Who does not have it, and why.
        lagging: Vec<LaggingInstance>,
    },
    /// The probe has failed, in its words.
    Probe(String),
    /// Somebody has asked for it, for this reason.
    Asked(String),
}

/// The same with what it is about.
#[derive(Debug)]
pub(crate) struct RolloutFailure {
    pub(crate) name: &'static str,
    pub(crate) prefix: String,
    pub(crate) end: RolloutEnd,
    pub(crate) error: Option<etcd_client_core::Error>,
    /// What helps, beginning with a colon; empty if the error says it.
    pub(crate) way_out: String,
}

impl fmt::Display for TakeBackReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(instance) => instance.fmt(f),
            Self::Gone(name) => write!(f, "{} has gone", Printable::line(name)),
            Self::Restarted(name) => write!(f, "{} was started again", Printable::line(name)),
            Self::Limit { limit, lagging } => {
                write!(f, "it is not in force within {limit:?}")?;
                one_by_one(lagging, f)
            }
            Self::NoLonger { lagging } => {
                f.write_str("it is no longer in force")?;
                one_by_one(lagging, f)
            }
            Self::Probe(words) => write!(f, "the probe has failed: {}", Printable::line(words).at_most(400)),
            Self::Asked(words) => Printable::line(words).at_most(400).fmt(f),
        }
    }
}

fn one_by_one(lagging: &[LaggingInstance], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, lagging) in lagging.iter().take(PRINTED).enumerate() {
        write!(f, "{}{lagging}", if number == 0 { ": " } else { "; " })?;
    }
    if lagging.len() > PRINTED { write!(f, "; and {} more", lagging.len() - PRINTED) } else { Ok(()) }
}

fn keys(keys: &[String], before: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, key) in keys.iter().take(PRINTED).enumerate() {
        write!(f, "{}{}", if number == 0 { before } else { ", " }, Printable::line(key))?;
    }
    if keys.len() > PRINTED { write!(f, ", and {} more", keys.len() - PRINTED) } else { Ok(()) }
}

impl fmt::Display for RolloutFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, prefix, end, error, way_out } = self;
        let rollout = format!("the rollout of {name} below {prefix}");
        match end {
            RolloutEnd::NotBegun { why } => write!(f, "{rollout} has not begun: {why}")?,
            RolloutEnd::TakenBack { reason, revision, left, restarts } => {
                write!(f, "{rollout} is taken back, at revision {revision}: {reason}")?;
                keys(left, "; left as somebody else has changed them: ", f)?;
                if *restarts {
                    f.write_str("; instances that were started again with it have to be started again")?;
                }
            }
            RolloutEnd::Staged { id, why, can_resume } => {
                let id = Printable::line(id);
                let way_on = if *can_resume { RESUME_OR_ABORT } else { ABORT_ONLY };
                write!(f, "{rollout} stays staged as {id}: {why}{way_on}")?;
            }
            RolloutEnd::EndedElsewhere { left, .. } if !left.is_empty() => {
                write!(
                    f,
                    "{rollout} is no longer there: somebody has deleted its record, and left its change"
                )?;
                keys(left, " in the layers: delete ", f)?;
            }
            RolloutEnd::EndedElsewhere { promoted: true, .. } => {
                write!(f, "{rollout} is promoted, by somebody else")?;
            }
            RolloutEnd::EndedElsewhere { promoted: false, .. } => {
                write!(
                    f,
                    "{rollout} is no longer there: somebody else has taken it back, or has promoted it and changed a key \
                     since"
                )?;
            }
            RolloutEnd::Unknown { id, why } => {
                let id = Printable::line(id);
                write!(
                    f,
                    "{rollout}, {id}: {why}, and the store does not say what has come of it: list the rollouts when it \
                     answers"
                )?;
            }
        }
        error.iter().try_for_each(|error| write!(f, ": {}{way_out}", OneLine(error)))
    }
}
