//! What is to be said of a configuration now, and whether it differs from what was said.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::InstancePlan;
use super::format::PROBLEMS;
use super::report::{InstanceReport, RefusedRevision, ReportedProblem};
use super::subject::Subject;
use crate::problem::Problem;
use crate::rejection::Rejection;
use crate::status::Rewind;
use crate::versioned_json::of_moment;

/// A report, and what of it makes a difference.
pub(super) struct Standing {
    pub(super) report: InstanceReport,
    pub(super) essence: Essence,
}

/// What is worth a write. That other keys of the store were written is not: else the writes of a fleet would make each
/// other necessary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Essence {
    /// With the revision of the last change below the prefix instead of the store's.
    report: InstanceReport,
    /// What was written before belongs to another history.
    rewind: Option<Rewind>,
}

impl Standing {
    pub(super) fn of(subject: &dyn Subject, plan: &InstancePlan, started: SystemTime) -> Self {
        let (before, keys) = subject.keys().last_change();
        let (mut report, known, rewind) = subject.status_cell().read(|record| {
            let report = InstanceReport {
                version: plan.version.clone(),
                revision: record.in_force,
                keys: None,
                refused: record.refusal().map(refused),
                restart: record.pending.iter().map(field).collect(),
                state: record.state().to_string(),
                since: whole_millis(record.since()),
                started: whole_millis(started),
                lease: plan.lease,
                layers: plan.layers.clone(),
            };
            (report, record.revision, record.last_rewind)
        });
        // A batch may be applied between the two looks; then its own record is on its way, and this is looked at again.
        let (changed, _) = subject.keys().last_change();
        if let Some(refused) = &mut report.refused
            && known >= changed
        {
            // Not the store's revision at which it was tried again: nobody has changed these keys at that one.
            refused.revision = changed;
            refused.keys = (before == changed).then_some(keys);
        }
        let is_settled = report.revision >= changed;
        if is_settled && before == changed {
            report.keys = Some(keys);
        }
        let revision = if is_settled { changed } else { report.revision };
        let essence =
            Essence { report: InstanceReport { revision, since: UNIX_EPOCH, ..report.clone() }, rewind };
        Self { report, essence }
    }
}

fn refused(rejection: &Rejection) -> RefusedRevision {
    let problems = rejection.problems();
    let first: Vec<ReportedProblem> = problems.iter().take(PROBLEMS).map(problem).collect();
    let omitted = problems.len() - first.len();
    RefusedRevision { revision: rejection.revision(), keys: None, problems: first, omitted }
}

fn problem(problem: &Problem) -> ReportedProblem {
    ReportedProblem { key: problem.key().to_owned(), what: problem.what().to_owned() }
}

/// The field, or the key where none is meant.
fn field(problem: &Problem) -> String {
    match problem.field() {
        "" => problem.key(),
        field => field,
    }
    .to_owned()
}

/// As precise as it is written.
fn whole_millis(time: SystemTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(of_moment(time))
}
