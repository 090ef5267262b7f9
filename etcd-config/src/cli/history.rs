//! `history`: what was changed, newest first.

use etcd_client_core::Printable;

use super::exit::{Code, Failure};
use super::field_name::{Found, Names, Owner};
use super::session::Session;
use super::style::Style;
use super::subject::{Past, Subject};
use super::table::{Column, Cut, Row, Table};
use crate::history::HistoryCut;
use crate::history::step::{HistoryChange, HistoryStep};

/// The most problems of a step that are shown.
const PROBLEMS: usize = 3;

const COLUMNS: [Column; 5] = [
    Column::new("REVISION", Cut::Never, 0),
    Column::new("FIELD", Cut::Middle, 26),
    Column::new("KEY", Cut::Middle, 26).optional(),
    Column::new("OLD", Cut::Middle, 14),
    Column::new("NEW", Cut::Middle, 14),
];

/// Show what was changed, newest first, and whether this program could have started from it
///
/// It is etcd's own past, which is there until etcd compacts it, and not over the older API. Who has written, and when,
/// etcd does not know.
#[derive(clap::Args, Debug)]
pub(super) struct History {
    /// Only the changes of this field, or of anything in it
    field: Option<String>,
    /// Not further back than this revision
    #[arg(long, value_name = "REVISION", default_value = "1")]
    from: u64,
    /// Not later than this revision
    #[arg(long, value_name = "REVISION")]
    to: Option<u64>,
    /// How many revisions are shown
    #[arg(long, value_name = "COUNT", default_value = "50")]
    last: usize,
}

impl History {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        let site = session.site()?;
        let (subject, field) = match &self.field {
            None => (session.one()?, None),
            Some(field) => named(session, &site, field)?,
        };
        let mut past = subject.history(&site, (self.from, self.to), field.as_deref())?;
        let older = past.steps.len().saturating_sub(self.last);
        past.steps.truncate(self.last);
        if session.json {
            session.terminal.print_json(&past.to_json());
        } else {
            print(session, subject, &past, older);
        }
        Ok(Code::Fine)
    }
}

/// The configuration that has the field, and the name by which its past is asked for.
fn named<'s>(
    session: &'s Session,
    site: &super::subject::Site,
    field: &str,
) -> Result<(&'s dyn Subject, Option<String>), Failure> {
    let Owner { subject, view, names } = Names::owner(session, site, &[field])?;
    let name = match names.find(field)? {
        Found::One(one) => one.field,
        // A directory of keys.
        Found::Several(_) if field.contains('/') && !field.starts_with('/') => view.prefix().join(field),
        Found::Several(_) => field.to_owned(),
    };
    Ok((subject, Some(name)))
}

fn print(session: &Session, subject: &dyn Subject, past: &Past, older: usize) {
    let terminal = &session.terminal;
    if past.steps.is_empty() {
        terminal.print(&format!("{} was not changed there", subject.name()));
    } else {
        let rows = past.steps.iter().flat_map(|step| rows(step, past.prefix.directory()));
        terminal.print_table(&Table { rows: rows.collect(), ..Table::new(&COLUMNS) });
    }
    let from = past.complete_from;
    let missing = match past.cut {
        _ if older > 0 => format!("{older} older changes are not shown: --last shows more"),
        Some(HistoryCut::Compacted) => format!("what was before revision {from} is compacted"),
        Some(HistoryCut::Limit) => {
            format!("what was before revision {from} was not read: --to {} shows it", from.saturating_sub(1))
        }
        None => return,
    };
    terminal.print_as(Style::Faint, &missing);
}

/// A row for each key, the first of them with the revision.
fn rows(step: &HistoryStep, directory: &str) -> Vec<Row> {
    let is_valid = step.is_valid();
    let row = |(number, change): (usize, &HistoryChange)| {
        let revision = if number == 0 { step.revision().to_string() } else { String::new() };
        let (old, new) = change.shown_texts();
        let key = change.key().strip_prefix(directory).unwrap_or(change.key());
        let field = match change.field() {
            "" => format!("{key} (no field)"),
            field => field.to_owned(),
        };
        let became = match () {
            () if !is_valid => Style::Bad,
            () if change.is_deletion() => Style::Odd,
            () => Style::Good,
        };
        let cells = vec![
            (Style::Title, revision),
            (Style::Plain, Printable::line(&field).to_string()),
            (Style::Faint, Printable::line(key).to_string()),
            (Style::Faint, old),
            (became, if change.is_rewrite() { format!("{new} (again)") } else { new }),
        ];
        Row { cells, notes: Vec::new() }
    };
    let mut rows: Vec<Row> = step.changes().iter().enumerate().map(row).collect();
    if let Some(last) = rows.last_mut() {
        if !step.is_committed() {
            last.notes.push((Style::Odd, "not committed".to_owned()));
        }
        let problems = step.problems().iter().take(PROBLEMS);
        last.notes.extend(problems.map(|problem| (Style::Bad, format!("refused: {problem}"))));
        let more = step.problems().len().saturating_sub(PROBLEMS);
        if more > 0 {
            last.notes.push((Style::Bad, format!("refused: and {more} more problems")));
        }
    }
    rows
}
