//! `fleet`: the instances, and how far each is.

mod fleet_table;
mod frame;
mod lines;
mod news;
mod standing;
pub(super) mod telling;

use std::io::IsTerminal as _;
use std::sync::mpsc;
use std::time::Duration;

use etcd_client_core::Printable;
use serde_json::json;

use self::fleet_table::fleet_table;
use self::frame::LiveFleet;
use self::news::summary;
use super::exit::{Code, Failure};
use super::screen;
use super::session::Session;
use super::subject::Subject;
use crate::fleet::following::FleetView;
use crate::fleet::instance::Instance;

/// Show the instances: which revision each has in force, who does not have the newest, and why
///
/// Instances are the processes that watch with a name, `.instance("web-1")`. What one refuses is shown below it, key by
/// key, and so are fields that wait for a restart. With --wait the exit code is 0 if all have the revision in force, and 1
/// if they do not, with who does not and why; it does not wait for the limit where an instance refuses it.
#[derive(clap::Args, Debug)]
pub(super) struct Fleet {
    /// Follow them: a live table, or without a terminal a line for each change
    #[arg(long, conflicts_with = "wait")]
    watch: bool,
    /// A line for each change on a terminal, too
    #[arg(long, requires = "watch")]
    lines: bool,
    /// Wait until all have this revision in force, such as the one that `set` has written
    #[arg(long, value_name = "REVISION")]
    wait: Option<u64>,
    /// How long --wait waits
    #[arg(long = "for", value_name = "TIME", default_value = "30s", requires = "wait", value_parser = humantime::parse_duration)]
    limit: Duration,
}

impl Fleet {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        if session.connection.is_v2() {
            return Err(Failure::usage(
                "instances are listed below leases, which the older API does not have: leave --v2 out",
            ));
        }
        match self.wait {
            Some(revision) => wait(session, revision, self.limit),
            None if self.watch => self.follow(session),
            None => show(session),
        }
    }

    fn follow(&self, session: &Session) -> Result<Code, Failure> {
        let (subject, site) = (session.one()?, session.site()?);
        let first = subject.fleet(&site)?;
        // One is looked at while the next is made: a terminal that stands still costs no memory.
        let (sender, heard) = mpsc::sync_channel(1);
        let _background = subject.follow_fleet(&site, sender)?;
        let is_screen = session.terminal.is_terminal() && std::io::stdin().is_terminal();
        if session.json || self.lines || !is_screen {
            return lines::follow(session, subject.name(), first, &heard);
        }
        let mut picture = LiveFleet::new(subject.name(), first, &heard, session.terminal.colours());
        screen::follow(&mut picture)
            .map_err(|error| Failure::new(Code::Usage, format!("the terminal cannot be used: {error}")))?;
        picture.end()
    }
}

/// What is said where what follows the fleet is gone.
fn no_longer_followed() -> Failure {
    Failure::new(Code::Unreachable, "the thread that follows the fleet has ended: start the command again")
}

fn show(session: &Session) -> Result<Code, Failure> {
    let site = session.site()?;
    let mut printed = Vec::new();
    for (number, subject) in session.chosen()?.into_iter().enumerate() {
        let view = subject.fleet(&site)?;
        if session.json {
            printed.push(to_json(subject.name(), &view));
            continue;
        }
        if number > 0 {
            session.terminal.print("");
        }
        print(session, subject, &view);
    }
    match printed.as_slice() {
        [] => {}
        [one] => session.terminal.print_json(one),
        several => session.terminal.print_json(&several),
    }
    Ok(Code::Fine)
}

fn print(session: &Session, subject: &dyn Subject, view: &FleetView) {
    let terminal = &session.terminal;
    if view.fleet.instances().is_empty() {
        return terminal.print(&nobody(subject.name(), view));
    }
    terminal.print(&summary(subject.name(), view));
    terminal.print_table(&fleet_table(view));
}

/// What is said where nobody is there.
fn nobody(name: &str, view: &FleetView) -> String {
    let entries = Printable::line(view.fleet.entries().path()).to_string();
    format!(
        "No instance of {name} is listed below {entries}. A process is listed while it watches with a name: \
         {name}::options().instance(\"web-1\").watch(...)"
    )
}

fn to_json(name: &str, view: &FleetView) -> serde_json::Value {
    json!({
        "name": name,
        "place": view.fleet.entries().path(),
        "revision": view.fleet.revision(),
        "instances": standing::all(view).map(|(instance, standing)| standing.to_json(instance)).collect::<Vec<_>>(),
    })
}

fn wait(session: &Session, revision: u64, limit: Duration) -> Result<Code, Failure> {
    let (subject, site) = (session.one()?, session.site()?);
    let shown = humantime::format_duration(limit);
    if session.terminal.is_terminal() {
        session
            .terminal
            .say(&format!("Waiting for revision {revision} to be in force everywhere, {shown} at most"));
    }
    let fleet = subject.instances(&site)?;
    if !fleet.instances().iter().any(Instance::is_process) {
        let (name, entries) = (subject.name(), Printable::line(fleet.entries().path()));
        session.terminal.say(&format!(
            "No instance of {name} is listed below {entries} yet: waiting for one, {shown} at most"
        ));
    }
    fleet.wait_for_revision(revision, limit)?;
    if session.json {
        session.terminal.print_json(&json!({ "revision": revision, "in_force": true }));
    } else {
        session.terminal.print(&format!("Revision {revision} of {} is in force everywhere", subject.name()));
    }
    Ok(Code::Fine)
}
