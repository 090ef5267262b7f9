//! `unset`: keys are deleted, and defaults in force again.

use super::exit::{Code, Failure};
use super::field_name::{Found, Names, Owner};
use super::in_layer::InLayer;
use super::question::Consent;
use super::session::Session;
use super::writing::Writing;

/// Delete values, so that defaults are in force: of a struct or a map all that is in it
#[derive(clap::Args)]
pub(super) struct Unset {
    /// The paths of the fields, or their keys
    #[arg(required = true, value_name = "FIELD")]
    fields: Vec<String>,
    #[command(flatten)]
    in_layer: InLayer,
    #[command(flatten)]
    consent: Consent,
}

impl Unset {
    pub(super) fn run(self, session: &Session) -> Result<Code, Failure> {
        let site = session.site_in(self.in_layer.name())?;
        let fields: Vec<&str> = self.fields.iter().map(String::as_str).collect();
        let Owner { subject, view, names } = Names::owner_of_changes(session, &site, &fields)?;
        let mut changes = Vec::new();
        for field in fields {
            let found = match names.find(field)? {
                Found::One(one) => vec![one],
                Found::Several(several) => several,
            };
            // By whatever name it is read.
            let keys = found.into_iter().flat_map(|one| std::iter::once(one.key).chain(one.others));
            changes.extend(keys.filter(|key| view.stored(key).is_some()).map(|key| (key, None)));
        }
        let plan = view.plan(changes)?;
        let writing = Writing { session, subject, site: &site, consent: self.consent, is_input_used: false };
        writing.carry_out(plan)
    }
}
