//! A plan on its way into the store: shown, asked about, written; and what is said of a conflict.

use etcd_client_core::{Prefix, Printable};
use serde_json::json;

use super::exit::{Code, Failure};
use super::question::{Consent, ask};
use super::session::Session;
use super::style::Style;
use super::subject::{Planned, Site, Subject, is_secret, stored};
use super::table::{Column, Cut, Row, Table};
use super::value_table::below;
use crate::edit::planned::PlannedChange;
use crate::error::ConflictingKey;
use crate::lint::unread_key::field_of;
use crate::reading::Reading;
use crate::secret::HIDDEN;
use crate::tree::directories::is_layered;

const PLANNED: [Column; 5] = [
    Column::new("FIELD", Cut::Middle, 26),
    Column::new("KEY", Cut::Middle, 26).optional(),
    Column::new("OLD", Cut::Middle, 12),
    Column::new("NEW", Cut::Middle, 12),
    Column::new("TAKES EFFECT", Cut::Never, 0),
];

const MOVED: [Column; 4] = [
    Column::new("KEY", Cut::Middle, 20),
    Column::new("REVISION", Cut::Never, 0),
    Column::new("OLD", Cut::Middle, 12),
    Column::new("NEW", Cut::Middle, 12),
];

/// What is to be written, where, and how.
pub(super) struct Writing<'s> {
    pub(super) session: &'s Session,
    pub(super) subject: &'s dyn Subject,
    pub(super) site: &'s Site,
    pub(super) consent: Consent,
    /// Standard input had a value, and has no answer.
    pub(super) is_input_used: bool,
}

impl Writing<'_> {
    /// Shows the plan, asks, and writes.
    pub(super) fn carry_out(&self, plan: Box<dyn Planned>) -> Result<Code, Failure> {
        let Self { session, consent, .. } = self;
        let terminal = &session.terminal;
        let shown = plan.to_json();
        let finish = |written: Option<u64>| {
            if session.json {
                terminal.print_json(&json!({ "plan": &shown, "written": written }));
            }
            Ok(Code::Fine)
        };
        if plan.changes().is_empty() {
            if !session.json {
                let (name, prefix) = (plan.name(), plan.reading().layer_prefix());
                terminal.print(&format!("{name} below {prefix} is so already: there is nothing to write"));
            }
            return finish(None);
        }
        self.show(&*plan);
        if consent.dry_run {
            if !session.json {
                terminal.print("A dry run: nothing is written");
            }
            return finish(None);
        }
        if !consent.yes {
            ask(&question(&*plan), self.is_input_used)?;
        }
        let before = plan.reading().clone();
        match plan.commit() {
            Ok(written) => {
                if !session.json {
                    let text = format!("Written at revision {}", written.revision());
                    terminal.print_as(Style::Good, &text);
                }
                finish(Some(written.revision()))
            }
            Err(error) if error.is_conflict() => {
                let moved = error.conflicts().to_vec();
                let failure = Failure::from(error);
                Err(self.conflict(&before, &moved, failure))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The plan, on standard output; where that is for a program, on standard error if there is a question.
    pub(super) fn show(&self, plan: &dyn Planned) {
        let Session { terminal, json, .. } = self.session;
        let is_asked = !self.consent.dry_run && !self.consent.yes;
        if *json && !is_asked {
            return;
        }
        let table = planned(plan.changes(), &place_of(plan));
        let warnings = plan.warnings().iter().map(|warning| format!("warning: {warning}"));
        if *json {
            terminal.say(&title(plan));
            terminal.say_table(&table);
            warnings.for_each(|warning| terminal.say(&warning));
        } else {
            terminal.print(&title(plan));
            terminal.print_table(&table);
            warnings.for_each(|warning| terminal.print_as(Style::Odd, &warning));
        }
    }

    /// Says who was first with what.
    pub(super) fn conflict(&self, before: &Reading, moved: &[ConflictingKey], failure: Failure) -> Failure {
        let Self { session, subject, site, .. } = self;
        let now = subject.read(site);
        let (Ok(now), false) = (now, moved.is_empty() || session.json) else { return failure };
        let schema = now.schema();
        let row = |moved: &ConflictingKey| {
            let path = below(now.prefix(), &moved.key);
            // What no field reads may be a secret of another version.
            let is_secret = is_secret(&schema, now.prefix(), &moved.key) || field_of(&schema, path).is_none();
            let shown = |text: Option<Vec<u8>>| match text {
                Some(_) if is_secret => HIDDEN.to_owned(),
                Some(text) => Printable::line(&String::from_utf8_lossy(&text)).to_string(),
                None => "absent".to_owned(),
            };
            let revision =
                moved.revision.map_or_else(|| "deleted".to_owned(), |revision| revision.to_string());
            let key = Printable::line(&moved.key).to_string();
            let cells = [key, revision, shown(stored(before, &moved.key)), shown(now.stored(&moved.key))];
            Row { cells: cells.map(|text| (Style::Plain, text)).to_vec(), notes: Vec::new() }
        };
        let table = Table { rows: moved.iter().map(row).collect(), ..Table::new(&MOVED) };
        session.terminal.say(&format!(
            "A conflict: nothing is written. Since revision {} somebody else has changed:",
            before.listing.revision
        ));
        session.terminal.say_table(&table);
        failure.in_words("Look at it, and run the command again if it is still right".to_owned())
    }
}

fn question(plan: &dyn Planned) -> String {
    let keys = match plan.changes().len() {
        1 => "this change".to_owned(),
        count => format!("these {count} changes"),
    };
    format!("Write {keys}?")
}

fn title(plan: &dyn Planned) -> String {
    let changes = match plan.changes().len() {
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    let (name, prefix, revision) = (plan.name(), place_of(plan), plan.revision());
    format!("{changes} in {name} below {prefix}, based on revision {revision}")
}

/// Where a plan changes something: in one layer, mostly.
pub(super) fn place_of(plan: &dyn Planned) -> Prefix {
    let layer = plan.reading().layer_prefix();
    let is_there = |change: &PlannedChange| change.key().starts_with(layer.directory());
    if plan.changes().iter().all(is_there) { layer } else { plan.prefix().clone() }
}

/// Changes below one another. Keys are shown below the prefix, if it is one directory.
pub(super) fn planned(changes: &[PlannedChange], place: &Prefix) -> Table {
    let directory = if is_layered(place) { "" } else { place.directory() };
    let row = |change: &PlannedChange| {
        let (old, new) = change.shown_texts();
        let key = change.key().strip_prefix(directory).unwrap_or(change.key());
        let field = match change.field() {
            "" => format!("{key} (no field)"),
            field => field.to_owned(),
        };
        let (when, style) = match change.overridden_by() {
            Some(_) => ("overridden", Style::Odd),
            None if change.is_restart() => ("after a restart", Style::Plain),
            None => ("at once", Style::Plain),
        };
        let then = if change.is_deletion() { Style::Odd } else { Style::Good };
        let cells = vec![
            (Style::Plain, Printable::line(&field).to_string()),
            (Style::Faint, Printable::line(key).to_string()),
            (Style::Faint, old),
            (then, new),
            (style, when.to_owned()),
        ];
        let by = change.overridden_by().map(|key| {
            let text = format!("overridden by {}: not in force here", Printable::line(key));
            (Style::Odd, text)
        });
        Row { cells, notes: by.into_iter().collect() }
    };
    Table { rows: changes.iter().map(row).collect(), ..Table::new(&PLANNED) }
}
