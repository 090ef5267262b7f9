//! Instances as a table.

use std::fmt;
use std::time::SystemTime;

use etcd_client_core::Printable;

use super::instance::Instance;
use crate::instance::report::{InstanceReport, RefusedRevision};
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
    let none = || "-".to_owned();
    let name = line(&instance.name);
    let report = match &instance.report {
        Ok(report) => report,
        Err(why) => {
            let note = format!("unreadable: {}", line(why));
            return [name, none(), none(), none(), none(), none(), note];
        }
    };
    let InstanceReport { version, revision, state, since, started, .. } = report;
    let version = version.as_deref().map_or_else(none, line);
    [name, version, revision.to_string(), line(state), ago(*since), ago(*started), note(report)]
}

/// By this machine's clock, of a time of another's.
fn ago(time: SystemTime) -> String {
    HumanDuration(time.elapsed().unwrap_or_default()).to_string()
}

fn note(report: &InstanceReport) -> String {
    let mut notes = Vec::new();
    if let Some(RefusedRevision { revision, problems, omitted }) = &report.refused {
        let mut note = format!("refuses revision {revision}");
        for (number, problem) in problems.iter().enumerate() {
            let before = if number == 0 { ": " } else { "; " };
            note.extend([before, &problem.key, ": ", &problem.what]);
        }
        if *omitted > 0 {
            note.push_str(&format!("; and {omitted} more"));
        }
        notes.push(note);
    }
    if !report.restart.is_empty() {
        notes.push(format!("waits for a restart: {}", report.restart.join(", ")));
    }
    Printable::line(&notes.join("; ")).at_most(NOTE).to_string()
}
