//! `set`: other values, checked before they are written.

use std::path::PathBuf;

use etcd_client_core::Printable;

use super::assignment::{Assignment, Source};
use super::exit::Code;
use super::exit::Failure;
use super::field_name::{Names, Owner};
use super::in_layer::InLayer;
use super::question::Consent;
use super::session::Session;
use super::subject::{Planned, Site, Subject};
use super::writing::Writing;
use crate::error::Error;
use crate::problem::{Kind, Report};

/// Change values: checked as every reader will, shown, and written in one transaction
///
/// What no reader would take over is refused with all problems, and nothing is written. A secret is given in a file or
/// on standard input, as arguments are seen by others. A line break at the end of a file is no part of the value.
#[derive(clap::Args)]
pub(super) struct Set {
    /// Fields with their new values; or one field, with its value from --from-file, or from standard input if `-`
    /// follows
    #[arg(required = true, value_name = "FIELD=VALUE", num_args = 1..)]
    assignments: Vec<String>,
    /// The file with the value of the one field that is named; - for standard input
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    in_layer: InLayer,
    #[command(flatten)]
    consent: Consent,
}

impl Set {
    pub(super) fn run(self, session: &Session) -> Result<Code, Failure> {
        let assignments = Assignment::all(&self.assignments, self.from_file)?;
        let site = session.site_in(self.in_layer.name())?;
        let Change { subject, plan, is_input_used } = change(session, &site, "set", assignments)?;
        Writing { session, subject, site: &site, consent: self.consent, is_input_used }.carry_out(plan)
    }
}

/// A change that is checked, of the configuration that it is of.
pub(super) struct Change<'s> {
    pub(super) subject: &'s dyn Subject,
    pub(super) plan: Box<dyn Planned>,
    /// Standard input had a value, and has no answer.
    pub(super) is_input_used: bool,
}

/// What these assignments of a command would make.
pub(super) fn change<'s>(
    session: &'s Session,
    site: &Site,
    command: &str,
    assignments: Vec<Assignment>,
) -> Result<Change<'s>, Failure> {
    let fields: Vec<&str> = assignments.iter().map(|assignment| assignment.field.as_str()).collect();
    let Owner { subject, view, names } = Names::owner_of_changes(session, site, &fields)
        .map_err(|failure| with_refused(failure, session, site, &assignments))?;
    let mut changes = Vec::new();
    let mut is_input_used = false;
    for Assignment { field, source } in assignments {
        let one = names.find_one(&field)?;
        if one.is_secret && matches!(source, Source::Argument(_)) {
            return Err(Failure::usage(refusal(command, &field)));
        }
        if source == Source::Nowhere {
            return Err(Failure::usage(without_value(command, &field, one.is_secret)));
        }
        if changes.iter().any(|(key, _)| *key == one.key) {
            return Err(Failure::usage(format!("{} is named twice", Printable::line(&field))));
        }
        is_input_used |= source == Source::Input;
        changes.push((one.key, Some(source.read()?)));
    }
    Ok(Change { subject, plan: view.plan(changes)?, is_input_used })
}

/// The failure of a name that is not there, with what would be refused of the values of the others.
fn with_refused(failure: Failure, session: &Session, site: &Site, assignments: &[Assignment]) -> Failure {
    let refused = || {
        let view = session.one().ok()?.read(site).ok()?;
        let names = Names::of_layer(&*view);
        let change = |Assignment { field, source }: &Assignment| match (names.find_one(field).ok()?, source) {
            (one, Source::Argument(text)) if !one.is_secret => {
                Some((one.key, Some(text.clone().into_bytes())))
            }
            _ => None,
        };
        let changes: Vec<(String, Option<Vec<u8>>)> = assignments.iter().filter_map(change).collect();
        let keys: Vec<String> = changes.iter().map(|(key, _)| key.clone()).collect();
        let mut problems = view.plan(changes).err()?.problems().to_vec();
        // What else is refused may be right once the name is.
        problems
            .retain(|one| matches!(one.kind, Kind::Undecodable | Kind::Refused) && keys.contains(&one.key));
        let report = Report::new(view.schema().name(), view.prefix(), 0, problems);
        Some(Error::from_report(report))
    };
    if failure.code != Code::Usage {
        return failure;
    }
    match refused() {
        Some(refused) => failure.beside(refused),
        None => failure,
    }
}

/// What is said of a field that was named alone.
fn without_value(command: &str, field: &str, is_secret: bool) -> String {
    let field = Printable::line(field);
    // A secret is no argument.
    let argument = if is_secret { String::new() } else { format!("{command} {field}=VALUE, ") };
    format!(
        "{field} has no value: {argument}{command} {field} --from-file FILE, or {command} {field} - for standard input; unset \
         {field} deletes it"
    )
}

fn refusal(command: &str, field: &str) -> String {
    let field = Printable::line(field);
    format!(
        "{field} is secret: among the arguments it would be seen in the list of processes, and kept in the history of \
         the shell. Nothing is written. Give it in a file, or on standard input:\n  {command} {field} --from-file FILE\n  \
         {command} {field} -"
    )
}
