//! `rollback`: back to what was stored at an earlier revision.

use super::exit::{Code, Failure};
use super::question::Consent;
use super::session::Session;
use super::writing::Writing;

/// Write what was stored at an earlier revision: undo, checked and shown as any other change
///
/// `history` shows the revisions. What is restored is checked by this program, and written in one transaction.
#[derive(clap::Args)]
pub(super) struct Rollback {
    /// The revision whose state is to be that of now
    revision: u64,
    #[command(flatten)]
    consent: Consent,
}

impl Rollback {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        let (subject, site) = (session.one()?, session.site()?);
        let plan = subject.read(&site)?.restore(self.revision)?;
        let writing = Writing { session, subject, site: &site, consent: self.consent, is_input_used: false };
        writing.carry_out(plan)
    }
}
