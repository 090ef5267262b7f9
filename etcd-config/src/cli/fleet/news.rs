//! What is said of a fleet in lines: how it stands as a whole, and what has changed.

use std::collections::BTreeMap;

use etcd_client_core::{OneLine, Printable};
use serde_json::{Value, json};

use super::fleet_table::refusal;
use super::standing::{Standing, all};
use crate::fleet::following::FleetView;
use crate::fleet::instance::Instance;

/// A piece of news, for a person and for a program.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct News {
    pub(super) text: String,
    pub(super) data: Value,
}

/// How the fleet stands, in a line.
pub(super) fn summary(name: &str, view: &FleetView) -> String {
    let instances = view.fleet.instances().len();
    let entries = Printable::line(view.fleet.entries().path()).to_string();
    let revision = view.fleet.revision();
    let noun = if instances == 1 { "instance" } else { "instances" };
    format!("{instances} {noun} of {name} below {entries} at revision {revision}: {}", counts(view))
}

fn counts(view: &FleetView) -> String {
    const ORDER: [Standing; 5] = [
        Standing::UpToDate,
        Standing::Behind,
        Standing::Refuses,
        Standing::WaitsForRestart,
        Standing::Unreadable,
    ];
    let all: Vec<Standing> = all(view).map(|(_, standing)| standing).collect();
    let counted = ORDER.map(|standing| (standing, all.iter().filter(|one| **one == standing).count()));
    let mut parts: Vec<String> = match counted.iter().find(|(_, count)| *count == all.len()) {
        _ if all.is_empty() => vec!["nobody is there".to_owned()],
        Some((standing, count @ 2..)) => vec![format!("all {}", standing.words_of(*count))],
        _ => {
            let some = counted.iter().filter(|(_, count)| *count > 0);
            some.map(|(standing, count)| format!("{count} {}", standing.words_of(*count))).collect()
        }
    };
    let is_lost = |instance: &&Instance| instance.report.as_ref().is_ok_and(|report| !report.is_watching());
    match view.fleet.instances().iter().filter(is_lost).count() {
        0 => {}
        lost => parts.push(format!("{lost} without a connection")),
    }
    parts.join(", ")
}

/// What is said at the beginning.
pub(super) fn first(name: &str, view: &FleetView) -> Vec<News> {
    let mut news = vec![whole(name, view)];
    news.extend(all(view).map(|(instance, standing)| said(instance, standing, "")));
    news
}

/// What is to be said of the change from one view to the next.
pub(super) fn between(name: &str, old: &FleetView, new: &FleetView) -> Vec<News> {
    let before: BTreeMap<&str, (&Instance, Standing)> =
        all(old).map(|one| (one.0.name.as_str(), one)).collect();
    let after: BTreeMap<&str, &Instance> =
        new.fleet.instances().iter().map(|instance| (instance.name.as_str(), instance)).collect();
    let gone = before
        .keys()
        .filter(|name| !after.contains_key(**name))
        .map(|name| News { text: format!("{}  gone", Printable::line(name)), data: json!({ "gone": name }) });
    let mut news: Vec<News> = gone.collect();
    for (instance, standing) in all(new) {
        match before.get(instance.name.as_str()) {
            None => news.push(said(instance, standing, "has come: ")),
            // That it does not have it yet is so for a moment after each write, and said of the whole.
            Some((was, stood))
                if was.report != instance.report || *stood != standing && standing != Standing::Behind =>
            {
                news.push(said(instance, standing, ""));
            }
            Some(_) => {}
        }
    }
    if whole_differs(old, new) {
        news.push(whole(name, new));
    }
    news.extend(lost(old, new));
    news
}

/// Another revision, or all have it now.
fn whole_differs(old: &FleetView, new: &FleetView) -> bool {
    let are_there = |view: &FleetView| view.lagging.is_empty() && !view.fleet.instances().is_empty();
    old.fleet.revision() != new.fleet.revision()
        || !are_there(old) && are_there(new)
        || old.fleet.instances().is_empty() != new.fleet.instances().is_empty()
}

fn whole(name: &str, view: &FleetView) -> News {
    let data = json!({
        "fleet": {
            "name": name,
            "revision": view.fleet.revision(),
            "instances": view.fleet.instances().len(),
            "lagging": view.lagging,
        }
    });
    News { text: summary(name, view), data }
}

fn said(instance: &Instance, standing: Standing, how: &str) -> News {
    let name = Printable::line(&instance.name);
    let text = match &instance.report {
        Err(why) => format!("{name}  {how}its entry cannot be read: {}", Printable::line(why)),
        Ok(report) => {
            let version =
                report.version.iter().map(|version| format!("version {}", Printable::line(version)));
            let revision =
                [format!("revision {}", report.revision), Printable::line(&report.state).to_string()];
            let mut parts: Vec<String> = version.chain(revision).collect();
            parts.extend(match (&report.refused, standing) {
                (Some(refused), _) => refusal(refused),
                (None, Standing::WaitsForRestart) => {
                    let fields: Vec<String> =
                        report.restart.iter().map(|field| Printable::line(field).to_string()).collect();
                    vec![format!("waits for a restart: {}", fields.join(", "))]
                }
                (None, standing) => vec![standing.words().to_owned()],
            });
            format!("{name}  {how}{}", parts.join("; "))
        }
    };
    News { text, data: json!({ "instance": standing.to_json(instance) }) }
}

/// That the entries cannot be followed any more, or can be again.
fn lost(old: &FleetView, new: &FleetView) -> Option<News> {
    match (&old.error, &new.error) {
        (None, Some(error)) => {
            let text = format!("the entries cannot be followed at the moment: {}", OneLine(error));
            Some(News { data: json!({ "lost": OneLine(error).to_string() }), text })
        }
        (Some(_), None) => {
            Some(News { text: "the entries are followed again".to_owned(), data: json!({ "lost": null }) })
        }
        _ => None,
    }
}
