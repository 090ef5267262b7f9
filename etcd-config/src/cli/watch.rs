//! `watch`: values as they change.

mod frame;
mod lines;

use std::io::IsTerminal as _;
use std::sync::mpsc;

use self::frame::{LiveValues, Seen};
use super::exit::{Code, Failure};
use super::screen;
use super::session::Session;

/// Follow the values: a live table, or without a terminal a line for each change
///
/// The table shows values, where they come from, since which revision, what has just changed, what is refused and why,
/// and how it stands with etcd. Where the newest values are refused from the start, it begins with the last good ones.
#[derive(clap::Args, Debug)]
pub(super) struct Watch {
    /// A line for each change on a terminal, too
    #[arg(long)]
    lines: bool,
}

impl Watch {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        let subject = session.one()?;
        let (sender, heard) = mpsc::channel();
        let watched = subject.watch(&session.site()?, sender)?;
        let is_screen = session.terminal.is_terminal() && std::io::stdin().is_terminal();
        if session.json || self.lines || !is_screen {
            lines::follow(session, &*watched, &heard);
            return Ok(Code::Fine);
        }
        let seen = Seen::new(watched.explain(), watched.status());
        let colours = session.terminal.colours();
        screen::follow(&mut LiveValues { watched: &*watched, heard: &heard, seen, colours })
            .map_err(|error| Failure::new(Code::Usage, format!("the terminal cannot be used: {error}")))?;
        Ok(Code::Fine)
    }
}
