//! Whether an instance has a revision in force.

use super::instance::Instance;
use crate::error::{InstanceLag, LaggingInstance};
use crate::instance::report::{InstanceReport, RefusedRevision};

/// What is known of an instance and a revision.
pub(super) enum Verdict {
    InForce,
    Lags(LaggingInstance),
}

/// `is_same` says whether nothing has changed since a revision at which there were so many keys, up to the one that is
/// waited for.
pub(super) fn verdict(instance: &Instance, revision: u64, is_same: impl Fn(u64, usize) -> bool) -> Verdict {
    let lags = |why| Verdict::Lags(LaggingInstance { name: instance.name.clone(), why });
    let report = match &instance.report {
        Ok(report) => report,
        Err(why) => return lags(InstanceLag::Unreadable(why.clone())),
    };
    let InstanceReport { revision: in_force, keys, refused, restart, state, .. } = report;
    if let Some(RefusedRevision { revision: newest, problems, omitted }) = refused
        && *in_force < revision
        && *newest >= revision
    {
        let problems = problems.iter().map(|problem| (problem.key.clone(), problem.what.clone()));
        return lags(InstanceLag::Refused {
            revision: *newest,
            problems: problems.collect(),
            omitted: *omitted,
        });
    }
    let has_it = *in_force >= revision || keys.is_some_and(|keys| is_same(*in_force, keys));
    match has_it {
        true if restart.is_empty() => Verdict::InForce,
        true => lags(InstanceLag::WaitsForRestart { fields: restart.clone() }),
        false if !report.is_watching() => {
            lags(InstanceLag::Disconnected { state: state.clone(), revision: *in_force })
        }
        false => lags(InstanceLag::NotYet { revision: *in_force }),
    }
}
