//! `check`: whether what is stored fits this program.

use super::exit::{Code, Failure};
use super::session::Session;
use super::style::Style;
use crate::check::Check as Report;

/// See whether what is stored fits this program: the gate before a deployment
///
/// All problems that a start of this program would fail on, and all warnings. The exit code is 1 if there are problems.
#[derive(clap::Args, Debug)]
pub(super) struct Check {
    /// Warnings are problems, too
    #[arg(long)]
    strict: bool,
}

impl Check {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        let site = session.site()?;
        let mut reports = Vec::new();
        for subject in session.chosen()? {
            reports.push(subject.read(&site)?.check());
        }
        let is_fine = |report: &Report| report.is_ok() && (!self.strict || report.warnings().is_empty());
        if session.json {
            match reports.as_slice() {
                [one] => session.terminal.print_json(one),
                several => session.terminal.print_json(&several),
            }
        } else {
            for report in &reports {
                let style = if report.is_ok() { Style::Good } else { Style::Bad };
                let text = report.to_string();
                let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
                session.terminal.print_as(style, first);
                if !rest.is_empty() {
                    session.terminal.print(rest);
                }
            }
        }
        Ok(if reports.iter().all(is_fine) { Code::Fine } else { Code::Problems })
    }
}
