//! The rollouts that have begun, as a table.

use std::collections::BTreeMap;

use etcd_client_core::Printable;

use super::typeless::Begun;
use crate::cli::style::Style;
use crate::cli::table::{Column, Cut, Row, Table};
use crate::edit::planned::PlannedChange;
use crate::rollout::LEASE;
use crate::rollout::record::RolloutRecord;
use crate::status::HumanDuration;

const COLUMNS: [Column; 6] = [
    Column::new("ROLLOUT", Cut::Never, 0),
    Column::new("FIELDS", Cut::Middle, 16),
    Column::new("FIRST FOR", Cut::End, 12),
    Column::new("STAGED AT", Cut::Never, 0).optional(),
    Column::new("BY", Cut::Middle, 10).optional(),
    Column::new("STATE", Cut::End, 12),
];

/// A row for each.
pub(super) fn table(rollouts: &[Box<dyn Begun>]) -> Table {
    Table { rows: rollouts.iter().map(|rollout| row(&**rollout)).collect(), ..Table::new(&COLUMNS) }
}

fn row(rollout: &dyn Begun) -> Row {
    let id = (Style::Title, line(rollout.id()));
    let record = match rollout.record() {
        Ok(record) => record,
        Err(why) => {
            let note = format!("unreadable: {}", line(why));
            return Row { cells: vec![id], notes: vec![(Style::Bad, note)] };
        }
    };
    let ago = HumanDuration(record.started.elapsed().unwrap_or_default());
    let staged = format!("{}, {ago} ago", rollout.staged_at());
    let state = match rollout.driven_by() {
        Some(_) => (Style::Good, format!("driven, or died less than {LEASE:?} ago")),
        None => (Style::Odd, "nobody drives it".to_owned()),
    };
    let cells = vec![
        id,
        (Style::Plain, fields(record, rollout.changes().as_ref())),
        (Style::Plain, all(&record.instances)),
        (Style::Faint, staged),
        (Style::Faint, line(&record.by)),
        state,
    ];
    Row { cells, notes: Vec::new() }
}

/// What changes, in one line, with the values that are known.
pub(super) fn fields(record: &RolloutRecord, changes: Option<&BTreeMap<String, PlannedChange>>) -> String {
    let named = record.keys.iter().map(|key| {
        let name = if key.field.is_empty() { &key.path } else { &key.field };
        match changes.and_then(|all| all.get(&key.path)).map(PlannedChange::shown_texts) {
            Some((old, new)) => format!("{name} {old} -> {new}"),
            None => name.clone(),
        }
    });
    all(&named.collect::<Vec<_>>())
}

/// Some names, and how many more there are.
pub(super) fn all(names: &[String]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| line(name)).collect();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", shown.join(", "))
}

fn line(text: &str) -> String {
    Printable::line(text).at_most(200).to_string()
}
