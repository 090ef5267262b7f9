//! `show`: all values, and where they come from.

use serde_json::json;

use super::exit::{Code, Failure};
use super::session::Session;
use super::style::Style;
use super::subject::View;
use super::value_table::value_table;
use crate::explain;
use crate::problem::Kind;

/// Show all values, where they come from, and since when
///
/// Values that are not set are shown by their defaults. Secrets are shown as •••. What is wrong with a value is shown
/// below it. Long values are cut; `get` prints one whole.
#[derive(clap::Args, Debug)]
pub(super) struct Show {}

impl Show {
    pub(super) fn run(session: &Session) -> Result<Code, Failure> {
        let site = session.site()?;
        let mut printed = Vec::new();
        for (number, subject) in session.chosen()?.into_iter().enumerate() {
            let view = subject.read(&site)?;
            if session.json {
                printed.push(to_json(&*view));
                continue;
            }
            if number > 0 {
                session.terminal.print("");
            }
            print(session, &*view);
        }
        match printed.as_slice() {
            [] => {}
            [one] => session.terminal.print_json(one),
            several => session.terminal.print_json(&several),
        }
        Ok(Code::Fine)
    }
}

fn print(session: &Session, view: &dyn View) {
    let (check, explanation) = (view.check(), view.explain());
    let terminal = &session.terminal;
    let (name, places, revision) = (check.name(), check.places(), check.revision());
    terminal.print(&format!("{name} below {places} at revision {revision}: {}", check.counted()));
    let rows: Vec<&explain::Row> = explanation.rows().iter().collect();
    terminal.print_table(&value_table(&rows, view.prefix(), check.problems()));
    let is_row = |key: &str| rows.iter().any(|row| row.key() == key);
    for problem in check.problems().iter().filter(|problem| !is_row(problem.key())) {
        terminal.print_as(Style::Bad, &format!("refused: {problem}"));
    }
    // Of these the table has a note.
    let is_noted = |kind: Kind| matches!(kind, Kind::Alias | Kind::Deprecated);
    for warning in check.warnings().iter().filter(|warning| !is_noted(warning.kind())) {
        terminal.print_as(Style::Odd, &format!("warning: {warning}"));
    }
}

fn to_json(view: &dyn View) -> serde_json::Value {
    let (check, explanation) = (view.check(), view.explain());
    json!({
        "name": check.name(),
        "prefix": check.prefix(),
        "layers": check.layers().map(|(prefix, keys)| json!({ "prefix": prefix, "keys": keys })).collect::<Vec<_>>(),
        "revision": check.revision(),
        "fields": explanation,
        "problems": check.problems(),
        "warnings": check.warnings(),
    })
}
