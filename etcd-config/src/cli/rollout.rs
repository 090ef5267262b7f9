//! `rollout`: a change that some instances have first, watched there, then promoted or taken back.

mod driving;
mod listed;
pub(super) mod typeless;

use std::path::PathBuf;
use std::time::Duration;

use etcd_client_core::Printable;
use serde_json::json;

use self::driving::{Driven, drive, failure, show};
use self::listed::{all, fields, table};
use self::typeless::{Begun, First, Wishes};
use super::assignment::Assignment;
use super::document_file::{document_in, format};
use super::exit::{Code, Failure};
use super::question::{Consent, ask};
use super::session::Session;
use super::set::{Change, change};
use super::style::Style;
use super::subject::{How, Site};
use super::writing::Writing;
use crate::document::Format;
use crate::instance::name::of_this_process;
use crate::rollout::record::RolloutRecord;
use crate::rollout::step::RolloutStep;

/// Roll out a change: to some instances first, and to all once those have had it for a while without harm
///
/// The change goes into the layers of the first instances, where they are watched: one that refuses it, goes, or is
/// started again takes it back. Otherwise it is promoted, which is one transaction that writes it below the prefix
/// and takes it out of the layers. Ctrl-C takes it back. Without a field, what has begun and not ended is listed;
/// what has lost its terminal is brought to its end with --continue or --abort. The exit code is 0 if it is promoted.
#[derive(clap::Args, Debug)]
pub(super) struct Rollout {
    /// Fields with their new values; or one field, with its value from --from-file, or from standard input if `-`
    /// follows
    #[arg(value_name = "FIELD=VALUE", num_args = 0..)]
    assignments: Vec<String>,
    /// The file with the value of the one field that is named; - for standard input
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// A document with the change, in JSON, YAML, TOML or commands of etcdctl; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["assignments", "from_file"])]
    file: Option<PathBuf>,
    /// The format of that, where the name of the file does not say it: json, yaml, toml or etcdctl
    #[arg(long, value_name = "FORMAT", value_parser = format, requires = "file")]
    format: Option<Format>,
    /// The instances that have it first, each through its own layer, with commas between
    #[arg(long, value_name = "INSTANCES", value_delimiter = ',', group = "first")]
    to: Vec<String>,
    /// All instances that read this layer have it first, through it
    #[arg(long, value_name = "LAYER", group = "first")]
    to_layer: Option<String>,
    /// So many of the instances have it first, such as 10%, chosen by their names [default: 10%]
    #[arg(long, value_name = "SHARE", value_parser = share, group = "first")]
    share: Option<f64>,
    /// How long they are watched when all have it in force, such as 10m [default: 1m, or as it began]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    observe: Option<Duration>,
    /// How long they may take to have it in force [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    within: Option<Duration>,
    /// Replace what the layers have of these fields already; it is put back if the change is taken back
    #[arg(long)]
    replace: bool,
    /// Who does this, for others to read
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Go on with one that has begun: watch, then promote or take back
    #[arg(long = "continue", value_name = "ROLLOUT", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["assignments", "file", "from_file", "first", "replace", "abort"])]
    resume: Option<String>,
    /// Take back one that has begun, also while somebody drives it
    #[arg(long, value_name = "ROLLOUT", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["assignments", "file", "from_file", "first", "replace", "observe", "within"])]
    abort: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

impl Rollout {
    pub(super) fn run(self, session: &Session) -> Result<Code, Failure> {
        let site = session.common_site()?;
        match (&self.resume, &self.abort) {
            (Some(id), _) => self.go_on(session, &site, id),
            (_, Some(id)) => self.abort(session, &site, id),
            _ if self.assignments.is_empty() && self.file.is_none() => self.list(session, &site),
            _ => self.begin(session, &site),
        }
    }

    fn wishes(&self) -> Wishes {
        let first = match (&self.to_layer, self.share) {
            (Some(layer), _) => First::Layer(layer.clone()),
            (_, Some(share)) => First::Share(share),
            _ if self.to.is_empty() => First::Share(0.1),
            _ => First::Instances(self.to.clone()),
        };
        let by = self.by.clone().unwrap_or_else(who);
        Wishes { first, observe: self.observe, within: self.within, replace: self.replace, by }
    }

    fn list(&self, session: &Session, site: &Site) -> Result<Code, Failure> {
        let is_timed = self.observe.is_some() || self.within.is_some();
        let is_more = !self.to.is_empty()
            || self.to_layer.is_some()
            || self.share.is_some()
            || is_timed
            || self.by.is_some();
        if is_more || self.from_file.is_some() || self.replace || self.consent.dry_run || self.consent.yes {
            return Err(Failure::usage(
                "there is nothing to roll out: name fields with their values, as FIELD=VALUE, or a document with --file",
            ));
        }
        let mut printed = Vec::new();
        for subject in session.chosen()? {
            let found = subject.rollouts(site)?;
            if session.json {
                let rollouts: Vec<_> = found.iter().map(|found| found.to_json()).collect();
                printed.push(json!({ "name": subject.name(), "rollouts": rollouts }));
            } else if found.is_empty() {
                session.terminal.print(&format!("There is no rollout of {}", subject.name()));
            } else {
                session.terminal.print_table(&table(&found));
            }
        }
        match printed.as_slice() {
            [] => {}
            [one] => session.terminal.print_json(one),
            several => session.terminal.print_json(&several),
        }
        Ok(Code::Fine)
    }

    fn begin(&self, session: &Session, site: &Site) -> Result<Code, Failure> {
        let Change { subject, plan, is_input_used } = self.change(session, site)?;
        let (terminal, consent) = (&session.terminal, self.consent);
        let writing = Writing { session, subject, site, consent, is_input_used };
        let shown = plan.to_json();
        let print = |first: Option<&RolloutRecord>, staged: Option<(String, u64)>, promoted: Option<u64>| {
            let (id, at) = staged.unzip();
            let (instances, layers) = first.map(|first| (&first.instances, &first.layers)).unzip();
            let data = json!({
                "plan": &shown, "instances": instances, "layers": layers,
                "id": id, "staged": at, "promoted": promoted,
            });
            if session.json {
                terminal.print_json(&data);
            }
            Ok(Code::Fine)
        };
        if plan.changes().is_empty() {
            if !session.json {
                let (name, prefix) = (plan.name(), plan.prefix());
                terminal.print(&format!("{name} below {prefix} is so already: there is nothing to roll out"));
            }
            return print(None, None, None);
        }
        writing.show(&*plan);
        let before = plan.reading().clone();
        let (first, rollout) = plan.rollout(self.wishes()).preview().map_err(failure)?;
        self.introduce(session, &first);
        if consent.dry_run {
            if !session.json {
                terminal.print("A dry run: nothing is written");
            }
            return print(Some(&first), None, None);
        }
        if !consent.yes {
            ask("Roll it out?", is_input_used)?;
        }
        let Driven { outcome, staged } = drive(session, rollout, None)?;
        match outcome {
            Ok(promoted) => print(Some(&first), staged, Some(promoted.revision())),
            Err(error) if error.is_conflict() => {
                let moved = error.conflicts().to_vec();
                Err(writing.conflict(&before, &moved, Failure::from(error)))
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// From the fields that are named, or the document.
    fn change<'s>(&self, session: &'s Session, site: &Site) -> Result<Change<'s>, Failure> {
        if let Some(file) = &self.file {
            let subject = session.one()?;
            let document = document_in(file, self.format)?;
            let plan = subject.read(site)?.document(&document, How::Apply)?;
            return Ok(Change { subject, plan, is_input_used: file.as_os_str() == "-" });
        }
        let assignments = Assignment::all(&self.assignments, self.from_file.clone())?;
        change(session, site, "rollout", assignments)
    }

    /// Who has it first, and how it goes on.
    fn introduce(&self, session: &Session, first: &RolloutRecord) {
        let observe = humantime::format_duration(first.observe);
        let text = format!(
            "First for {}, through {}; watched there for {observe}, then for all",
            all(&first.instances),
            all(&first.layers)
        );
        match session.json {
            false => session.terminal.print(&text),
            true if !self.consent.yes && !self.consent.dry_run => session.terminal.say(&text),
            true => {}
        }
    }

    fn go_on(&self, session: &Session, site: &Site, id: &str) -> Result<Code, Failure> {
        let found = one(session, site, id)?;
        self.agree(session, "Go on with", &*found)?;
        if self.consent.dry_run {
            return Ok(Code::Fine);
        }
        let (id, staged_at) = (found.id().to_owned(), found.staged_at());
        let json = session.json.then(|| found.to_json());
        let driven = drive(session, found.with(self.wishes()), Some(&id))?;
        let promoted = driven.outcome.map_err(failure)?;
        if session.json {
            let data = json!({
                "rollout": json, "id": id, "staged": staged_at, "promoted": promoted.revision(),
            });
            session.terminal.print_json(&data);
        }
        Ok(Code::Fine)
    }

    fn abort(&self, session: &Session, site: &Site, id: &str) -> Result<Code, Failure> {
        let found = one(session, site, id)?;
        self.agree(session, "Take back", &*found)?;
        if self.consent.dry_run {
            return Ok(Code::Fine);
        }
        let (id, json) = (found.id().to_owned(), session.json.then(|| found.to_json()));
        let (sender, steps) = std::sync::mpsc::channel();
        let on_step = Box::new(move |step: &RolloutStep| drop(sender.send(step.clone())));
        let revision = found.with(self.wishes()).abort(on_step).map_err(failure)?;
        let mut kept = Vec::new();
        for step in steps.try_iter() {
            show(session, &step);
            if let RolloutStep::TakenBack { left, .. } = step {
                kept = left;
            }
        }
        if session.json {
            let data = json!({ "rollout": json, "id": id, "taken_back": revision, "left": kept });
            session.terminal.print_json(&data);
        }
        Ok(Code::Fine)
    }

    /// Shows it, and asks.
    fn agree(&self, session: &Session, what: &str, found: &dyn Begun) -> Result<(), Failure> {
        let Consent { dry_run, yes } = self.consent;
        let id = Printable::line(found.id()).to_string();
        // The values are read for whoever decides: nobody waits for them who has.
        let is_shown = if dry_run { !session.json } else { !yes };
        let changes = if is_shown { found.changes() } else { None };
        let about = match found.record() {
            Ok(record) => {
                format!("{id}: {} for {}", fields(record, changes.as_ref()), all(&record.instances))
            }
            Err(why) => {
                let why = Printable::line(why);
                return Err(Failure::usage(format!("{id} is no rollout that this program can end: {why}")));
            }
        };
        match (session.json, dry_run) {
            (true, true) => session.terminal.print_json(&json!({ "rollout": found.to_json() })),
            (false, true) => {
                session.terminal.print(&format!("{what} {about}? A dry run: nothing is written"));
            }
            (false, false) => session.terminal.print_as(Style::Plain, &about),
            (true, false) => {}
        }
        if dry_run || yes { Ok(()) } else { ask(&format!("{what} {about}?"), false) }
    }
}

/// The rollout of this name; where there is only one, it needs no name.
fn one(session: &Session, site: &Site, id: &str) -> Result<Box<dyn Begun>, Failure> {
    let mut found = Vec::new();
    for subject in session.chosen()? {
        found.extend(subject.rollouts(site)?);
    }
    let names: Vec<String> = found.iter().map(|found| Printable::line(found.id()).to_string()).collect();
    let mut meant: Vec<Box<dyn Begun>> = found
        .into_iter()
        .filter(|found| if id.is_empty() { found.record().is_ok() } else { found.id() == id })
        .collect();
    match (meant.pop(), meant.len(), names.as_slice()) {
        (Some(one), 0, _) => Ok(one),
        (Some(_), ..) => Err(Failure::usage(format!("there are several, so name one: {}", names.join(", ")))),
        (None, _, []) => Err(Failure::usage("there is no rollout that has begun and not ended")),
        (None, _, names) if id.is_empty() => Err(Failure::usage(format!(
            "there is no rollout that this program can end: it cannot read {}",
            names.join(", ")
        ))),
        (None, _, names) => {
            let id = Printable::line(id);
            Err(Failure::usage(format!("there is no rollout {id}: there is {}", names.join(", "))))
        }
    }
}

/// The user, where that is known, and the machine.
fn who() -> String {
    let here = of_this_process();
    match std::env::var("USER") {
        Ok(user) if !user.is_empty() => format!("{user} at {here}"),
        _ => here,
    }
}

/// `10%`, or `0.1`.
fn share(text: &str) -> Result<f64, String> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    match number {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("write it as 10%, or as 0.1: more than nothing, and at most all".to_owned()),
    }
}
