//! The values of a configuration as a table: field, key, value, where it comes from, since when.

use std::collections::BTreeMap;

use etcd_client_core::{Prefix, Printable};

use super::style::Style;
use super::table::{Column, Cut, Row, Table};
use crate::explain::{self, Origin};
use crate::problem::Problem;
use crate::tree::directories::{directories, is_layered};

/// Of these the layer is there only where there are several.
const COLUMNS: [Column; 6] = [
    Column::new("FIELD", Cut::Middle, 30),
    Column::new("KEY", Cut::Middle, 30).optional(),
    Column::new("VALUE", Cut::End, 24),
    Column::new("LAYER", Cut::Middle, 16),
    Column::new("SOURCE", Cut::Never, 0),
    Column::new("REVISION", Cut::Never, 0),
];

const LAYER: usize = 3;

/// The rows, with what is wrong with each below it. Keys are shown below the prefix, or that of their layer.
pub(super) fn value_table(rows: &[&explain::Row], prefix: &Prefix, problems: &[Problem]) -> Table {
    let mut of_key: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    problems.iter().for_each(|problem| of_key.entry(problem.key()).or_default().push(problem));
    let row = |row: &&explain::Row| {
        let problems = of_key.get(row.key()).map(Vec::as_slice).unwrap_or_default();
        let mut notes: Vec<(Style, String)> = problems
            .iter()
            .map(|problem| (Style::Bad, format!("refused: {}", Printable::block(problem.what(), ""))))
            .collect();
        notes.extend(row.note().map(|note| (Style::Odd, Printable::block(note, "").to_string())));
        notes.extend(row.overridden().iter().map(|overridden| (Style::Faint, overridden.line())));
        Row { cells: cells(row, prefix, !problems.is_empty()), notes }
    };
    let mut table = Table { rows: rows.iter().map(row).collect(), ..Table::new(&COLUMNS) };
    if !is_layered(prefix) {
        table.columns.remove(LAYER);
        table.rows.iter_mut().for_each(|row| drop(row.cells.remove(LAYER)));
    }
    table
}

/// The part of a whole key after the directory of its layer; the key itself if it is in none.
pub(super) fn below<'k>(prefix: &Prefix, key: &'k str) -> &'k str {
    directories(prefix).find_map(|directory| key.strip_prefix(directory)).unwrap_or(key)
}

fn cells(row: &explain::Row, prefix: &Prefix, is_refused: bool) -> Vec<(Style, String)> {
    let shown = row.shown();
    let (value, source) = match shown.origin {
        _ if is_refused => (Style::Bad, Style::Plain),
        Origin::Missing => (Style::Bad, Style::Bad),
        Origin::Default | Origin::Nothing => (Style::Faint, Style::Faint),
        _ => (Style::Plain, Style::Plain),
    };
    let key = below(prefix, row.key());
    let layer = row.layer().map_or_else(|| "-".to_owned(), |layer| Printable::line(layer).to_string());
    vec![
        (Style::Plain, Printable::line(row.field()).to_string()),
        (Style::Faint, Printable::line(key).to_string()),
        (value, shown.value.clone()),
        (Style::Plain, layer),
        (source, shown.origin.to_string()),
        (Style::Faint, shown.revision.map_or_else(|| "-".to_owned(), |revision| revision.to_string())),
    ]
}
