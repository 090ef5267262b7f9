//! The values of a configuration as a table: field, key, value, where it comes from, since when.

use std::collections::BTreeMap;

use etcd_client_core::Printable;

use super::style::Style;
use super::table::{Column, Cut, Row, Table};
use crate::explain::{self, Origin};
use crate::problem::Problem;

const COLUMNS: [Column; 5] = [
    Column::new("FIELD", Cut::Middle, 30),
    Column::new("KEY", Cut::Middle, 30).optional(),
    Column::new("VALUE", Cut::End, 24),
    Column::new("SOURCE", Cut::Never, 0),
    Column::new("REVISION", Cut::Never, 0),
];

/// The rows, with what is wrong with each below it. Keys are shown below `directory`.
pub(super) fn value_table(rows: &[&explain::Row], directory: &str, problems: &[Problem]) -> Table {
    let mut of_key: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    problems.iter().for_each(|problem| of_key.entry(problem.key()).or_default().push(problem));
    let row = |row: &&explain::Row| {
        let problems = of_key.get(row.key()).map(Vec::as_slice).unwrap_or_default();
        let mut notes: Vec<(Style, String)> = problems
            .iter()
            .map(|problem| (Style::Bad, format!("refused: {}", Printable::block(problem.what(), ""))))
            .collect();
        notes.extend(row.note().map(|note| (Style::Odd, Printable::block(note, "").to_string())));
        Row { cells: cells(row, directory, !problems.is_empty()), notes }
    };
    Table { rows: rows.iter().map(row).collect(), ..Table::new(&COLUMNS) }
}

fn cells(row: &explain::Row, directory: &str, is_refused: bool) -> Vec<(Style, String)> {
    let shown = row.shown();
    let (value, source) = match shown.origin {
        _ if is_refused => (Style::Bad, Style::Plain),
        Origin::Missing => (Style::Bad, Style::Bad),
        Origin::Default | Origin::Nothing => (Style::Faint, Style::Faint),
        _ => (Style::Plain, Style::Plain),
    };
    let key = row.key().strip_prefix(directory).unwrap_or(row.key());
    vec![
        (Style::Plain, Printable::line(row.field()).to_string()),
        (Style::Faint, Printable::line(key).to_string()),
        (value, shown.value.clone()),
        (source, shown.origin.to_string()),
        (Style::Faint, shown.revision.map_or_else(|| "-".to_owned(), |revision| revision.to_string())),
    ]
}
