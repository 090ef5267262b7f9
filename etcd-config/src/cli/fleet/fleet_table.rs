//! Instances as a table, with what is to be said of one below it.

use std::time::SystemTime;

use etcd_client_core::Printable;

use super::standing::{Standing, all};
use crate::cli::style::Style;
use crate::cli::table::{Column, Cut, Row, Table};
use crate::fleet::following::FleetView;
use crate::fleet::instance::Instance;
use crate::instance::report::{InstanceReport, RefusedRevision};
use crate::status::HumanDuration;

/// The most characters of what is said of one key.
const WORDS: usize = 400;

const COLUMNS: [Column; 8] = [
    Column::new("INSTANCE", Cut::Middle, 16),
    Column::new("VERSION", Cut::End, 8).optional(),
    Column::new("IN FORCE", Cut::Never, 0),
    Column::new("STANDING", Cut::Never, 0),
    Column::new("CONNECTION", Cut::End, 12),
    Column::new("SINCE", Cut::Never, 0),
    Column::new("UP", Cut::Never, 0).optional(),
    Column::new("LAYERS", Cut::Middle, 12).optional(),
];

/// The rows of all instances. The layers are shown where there are any.
pub(super) fn fleet_table(view: &FleetView) -> Table {
    let mut rows: Vec<Row> = all(view).map(|(instance, standing)| row(instance, standing)).collect();
    let mut columns = COLUMNS.to_vec();
    let has_layers =
        |instance: &Instance| instance.report.as_ref().is_ok_and(|report| !report.layers.is_empty());
    if !view.fleet.instances().iter().any(has_layers) {
        columns.truncate(COLUMNS.len() - 1);
        rows.iter_mut().for_each(|row| row.cells.truncate(columns.len()));
    }
    Table { columns, rows }
}

fn row(instance: &Instance, standing: Standing) -> Row {
    let nothing = || "-".to_owned();
    let mut cells = vec![(Style::Plain, line(&instance.name))];
    let word = (standing.style(), standing.words().to_owned());
    let report = match &instance.report {
        Ok(report) => report,
        Err(why) => {
            cells.resize_with(COLUMNS.len(), || (Style::Faint, nothing()));
            cells[3] = word;
            return Row {
                cells,
                notes: vec![(Style::Bad, format!("its entry cannot be read: {}", line(why)))],
            };
        }
    };
    let InstanceReport { version, revision, state, since, started, layers, .. } = report;
    let connection = if report.is_watching() { Style::Plain } else { Style::Bad };
    let layers = if layers.is_empty() { nothing() } else { line(&layers.join(", ")) };
    cells.extend([
        (Style::Faint, version.as_deref().map_or_else(nothing, line)),
        (Style::Plain, revision.to_string()),
        word,
        (connection, line(state)),
        (Style::Plain, ago(*since)),
        (Style::Faint, ago(*started)),
        (Style::Faint, layers),
    ]);
    Row { cells, notes: notes(report) }
}

/// By this machine's clock, of a time of another's.
fn ago(time: SystemTime) -> String {
    HumanDuration(time.elapsed().unwrap_or_default()).to_string()
}

fn notes(report: &InstanceReport) -> Vec<(Style, String)> {
    let mut notes: Vec<(Style, String)> =
        report.refused.iter().flat_map(refusal).map(|line| (Style::Bad, line)).collect();
    if !report.restart.is_empty() {
        let fields: Vec<String> = report.restart.iter().map(|field| line(field)).collect();
        notes.push((Style::Odd, format!("waits for a restart: {}", fields.join(", "))));
    }
    notes
}

/// What is refused, a line for each key.
pub(super) fn refusal(refused: &RefusedRevision) -> Vec<String> {
    let RefusedRevision { revision, problems, omitted, .. } = refused;
    let mut lines: Vec<String> = problems
        .iter()
        .map(|problem| {
            let what = Printable::line(&problem.what).at_most(WORDS).to_string();
            format!("refuses revision {revision}: {}: {what}", line(&problem.key))
        })
        .collect();
    if lines.is_empty() || *omitted > 0 {
        lines.push(match omitted {
            0 => format!("refuses revision {revision}"),
            more => format!("refuses revision {revision}: and {more} more"),
        });
    }
    lines
}

fn line(text: &str) -> String {
    Printable::line(text).to_string()
}
