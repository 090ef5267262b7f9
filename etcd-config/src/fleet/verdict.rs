//! Whether an instance has a revision in force.

use super::instance::Instance;
use crate::error::{InstanceLag, LaggingInstance};
use crate::instance::report::{InstanceReport, RefusedRevision};

/// What is known of an instance and a revision.
pub(crate) enum Verdict {
    InForce,
    Lags(LaggingInstance),
}

/// Whether nothing has changed since a state, up to the revision that is waited for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unchanged {
    /// Since what the instance has in force.
    pub(super) in_force: bool,
    /// Since what it refuses.
    pub(super) refused: bool,
}

/// `unchanged` says what the store does, where the instance leaves it open.
pub(crate) fn verdict(
    instance: &Instance,
    revision: u64,
    unchanged: impl Fn(&InstanceReport) -> Unchanged,
) -> Verdict {
    let lags = |why| Verdict::Lags(LaggingInstance { name: instance.name.clone(), why });
    let report = match &instance.report {
        Ok(report) => report,
        Err(why) => return lags(InstanceLag::Unreadable(why.clone())),
    };
    let InstanceReport { revision: in_force, refused, restart, state, .. } = report;
    let unchanged = unchanged(report);
    let has_refused = |refused: &&RefusedRevision| refused.revision >= revision || unchanged.refused;
    if let Some(refused) = refused.as_ref().filter(has_refused)
        && *in_force < revision
    {
        return lags(lag_of_refusal(refused));
    }
    let has_it = *in_force >= revision || unchanged.in_force;
    match has_it {
        true if restart.is_empty() => Verdict::InForce,
        true => lags(InstanceLag::WaitsForRestart { fields: restart.clone() }),
        false if !report.is_watching() => {
            lags(InstanceLag::Disconnected { state: state.clone(), revision: *in_force })
        }
        false => {
            let refused = refused.as_ref().map(|refused| lag_of_refusal(refused).to_string());
            lags(InstanceLag::NotYet { revision: *in_force, refused })
        }
    }
}

/// A refusal as the reason why an instance lags.
pub(crate) fn lag_of_refusal(refused: &RefusedRevision) -> InstanceLag {
    let RefusedRevision { revision, problems, omitted, .. } = refused;
    let problems = problems.iter().map(|problem| (problem.key.clone(), problem.what.clone()));
    InstanceLag::Refused { revision: *revision, problems: problems.collect(), omitted: *omitted }
}
