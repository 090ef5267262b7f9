//! Whether an instance has a revision in force.

use super::instance::Instance;
use crate::error::{InstanceLag, LaggingInstance};
use crate::instance::report::{InstanceReport, RefusedRevision};

/// What is known of an instance and a revision.
pub(crate) enum Verdict {
    InForce,
    Lags(LaggingInstance),
}

/// `is_same` says whether nothing has changed since what an instance has in force, up to the revision that is waited for.
pub(crate) fn verdict(
    instance: &Instance,
    revision: u64,
    is_same: impl Fn(&InstanceReport) -> bool,
) -> Verdict {
    let lags = |why| Verdict::Lags(LaggingInstance { name: instance.name.clone(), why });
    let report = match &instance.report {
        Ok(report) => report,
        Err(why) => return lags(InstanceLag::Unreadable(why.clone())),
    };
    let InstanceReport { revision: in_force, refused, restart, state, .. } = report;
    if let Some(refused) = refused.as_ref().filter(|refused| refused.revision >= revision)
        && *in_force < revision
    {
        return lags(lag_of_refusal(refused));
    }
    let has_it = *in_force >= revision || is_same(report);
    match has_it {
        true if restart.is_empty() => Verdict::InForce,
        true => lags(InstanceLag::WaitsForRestart { fields: restart.clone() }),
        false if !report.is_watching() => {
            lags(InstanceLag::Disconnected { state: state.clone(), revision: *in_force })
        }
        false => lags(InstanceLag::NotYet { revision: *in_force }),
    }
}

/// A refusal as the reason why an instance lags.
pub(crate) fn lag_of_refusal(refused: &RefusedRevision) -> InstanceLag {
    let RefusedRevision { revision, problems, omitted } = refused;
    let problems = problems.iter().map(|problem| (problem.key.clone(), problem.what.clone()));
    InstanceLag::Refused { revision: *revision, problems: problems.collect(), omitted: *omitted }
}
