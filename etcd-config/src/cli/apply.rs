//! `apply`, `seed` and `diff`: what a document has, against what is stored.

use super::document_file::DocumentFile;
use super::exit::{Code, Failure};
use super::in_layer::InLayer;
use super::question::Consent;
use super::session::Session;
use super::subject::How;
use super::writing::{Writing, place_of, planned};

/// Write what a document names: checked, shown, and written in one transaction
///
/// What it does not name stays as it is; a `null` in it deletes a key. `export` makes such a document.
#[derive(clap::Args)]
pub(super) struct Apply {
    #[command(flatten)]
    document: DocumentFile,
    /// Delete what the document does not name, except secrets and unknown keys: it is the whole configuration
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    in_layer: InLayer,
    #[command(flatten)]
    consent: Consent,
}

/// Write what a document names and what is not there yet: for a first start, again and again
#[derive(clap::Args)]
pub(super) struct Seed {
    #[command(flatten)]
    document: DocumentFile,
    #[command(flatten)]
    in_layer: InLayer,
    #[command(flatten)]
    consent: Consent,
}

/// Show what `apply` would change; the exit code is 1 if that is anything
#[derive(clap::Args)]
pub(super) struct Diff {
    #[command(flatten)]
    document: DocumentFile,
    /// As the flag of `apply`: what the document does not name is a difference, too
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    in_layer: InLayer,
}

impl Apply {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        let how = if self.replace { How::Replace } else { How::Apply };
        write(session, &self.document, how, &self.in_layer, self.consent)
    }
}

impl Seed {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        write(session, &self.document, How::Fill, &self.in_layer, self.consent)
    }
}

fn write(
    session: &Session,
    document: &DocumentFile,
    how: How,
    in_layer: &InLayer,
    consent: Consent,
) -> Result<Code, Failure> {
    let subject = session.one()?;
    let (text, site) = (document.read()?, session.site_in(in_layer.name())?);
    // As of a template that came to nothing.
    if how == How::Replace && text.is_empty() {
        return Err(Failure::usage(
            "the document names nothing, and nothing is written: with --replace that would delete all values; unset \
             deletes those that are named",
        ));
    }
    let plan = subject.read(&site)?.document(&text, how)?;
    let is_input_used = document.is_input();
    Writing { session, subject, site: &site, consent, is_input_used }.carry_out(plan)
}

impl Diff {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        let how = if self.replace { How::Replace } else { How::Apply };
        let subject = session.one()?;
        let (document, site) = (self.document.read()?, session.site_in(self.in_layer.name())?);
        let plan = subject.read(&site)?.document(&document, how)?;
        let terminal = &session.terminal;
        let (name, prefix, revision) = (plan.name(), place_of(&*plan), plan.revision());
        if session.json {
            terminal.print_json(&plan.to_json());
        } else if plan.changes().is_empty() {
            terminal.print(&format!("{name} below {prefix} at revision {revision} is as in the document"));
        } else {
            let count = plan.changes().len();
            let differ = if count == 1 { "1 key differs".to_owned() } else { format!("{count} keys differ") };
            terminal
                .print(&format!("{name} below {prefix} at revision {revision}: {differ} from the document"));
            terminal.print_table(&planned(plan.changes(), &prefix));
        }
        Ok(if plan.changes().is_empty() { Code::Fine } else { Code::Problems })
    }
}
