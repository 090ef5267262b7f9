//! Instances as a table.

use std::fmt;
use std::time::SystemTime;

use etcd_client_core::Printable;

use super::instance::Instance;
use super::verdict::lag_of_refusal;
use crate::error::InstanceLag;
use crate::instance::report::InstanceReport;
use crate::status::HumanDuration;
use crate::text_table;

/// The most characters of a note.
const NOTE: usize = 400;

/// Writes the table, without a line break at its end.
pub(super) fn write(f: &mut fmt::Formatter<'_>, instances: &[Instance]) -> fmt::Result {
    let title = ["INSTANCE", "VERSION", "IN FORCE", "STATE", "SINCE", "UP", ""].map(str::to_owned);
    let rows = instances.iter().map(row);
    text_table::write(f, &[title].into_iter().chain(rows).collect::<Vec<_>>())
}

fn row(instance: &Instance) -> [String; 7] {
    let line = |text: &str| Printable::line(text).to_string();
    let nothing = || "-".to_owned();
    let name = line(&instance.name);
    let report = match &instance.report {
        Ok(report) => report,
        Err(why) => {
            let note = format!("unreadable: {}", line(why));
            return [name, nothing(), nothing(), nothing(), nothing(), nothing(), note];
        }
    };
    let InstanceReport { version, revision, state, since, started, .. } = report;
    let version = version.as_deref().map_or_else(nothing, line);
    [name, version, revision.to_string(), line(state), ago(*since), ago(*started), note(report)]
}

/// By this machine's clock, of a time of another's.
fn ago(time: SystemTime) -> String {
    HumanDuration(time.elapsed().unwrap_or_default()).to_string()
}

/// The same words as those of who waits.
fn note(report: &InstanceReport) -> String {
    let refused = report.refused.as_ref().map(lag_of_refusal);
    let restart =
        (!report.restart.is_empty()).then(|| InstanceLag::WaitsForRestart { fields: report.restart.clone() });
    let notes: Vec<String> = refused.into_iter().chain(restart).map(|lag| lag.to_string()).collect();
    Printable::line(&notes.join("; ")).at_most(NOTE).to_string()
}
