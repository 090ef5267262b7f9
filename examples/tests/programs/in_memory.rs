//! Examples that need no server.

use std::thread;

use crate::http::get;
use crate::program::{Program, example, output};

/// What each says until it has come to its end, in this order; refusals are said apart, and so come last.
const EXAMPLES: [(&str, &[&str]); 9] = [
    ("explain", &["# Where each value comes from", "# What is said about five mistakes", "pool_sze"]),
    ("fleet", &["All have revision", "web-1", "web-2", "web-3", "many", "Without web-3:", "web-2"]),
    (
        "layers",
        &["/payments@web-1", "web-1 has 80 workers, web-2 has 40", "web-1 has 80 workers, web-2 has 80"],
    ),
    ("offline_cache", &["20 orders, from the cache: true", "20 -> 25 orders", "from etcd again: true"]),
    ("outage", &["from the cache file", "a backup was restored", "history went back"]),
    ("quickstart", &["log level: debug", "must be at least 1", "pool size: 10 -> 20"]),
    (
        "resources",
        &["at the start: 10 connections", "20 connections", "both at one moment", "connection refused"],
    ),
    (
        "rollout",
        &[
            "[\"workers\"] would change for [\"web-1\"] first, in [\"/payments@web-1\"]",
            "staged at revision",
            "taken back at revision",
            "the probe has failed: 5 % errors",
            "all have the old value: [10, 10, 10]",
            "in force, and watched for 300ms",
            "promoted at revision",
            "all have the new value: [20, 20, 20]",
            "its driver has gone away: [40, 20, 20]",
            "workers for web-1, staged at revision",
            "driven by",
            "aborted: [20, 20, 20]",
            "there is no rollout of Settings",
        ],
    ),
    ("writing", &["written at revision", "did you mean", "somebody else has changed", "The way back:"]),
];

#[test]
fn each_comes_to_its_end_and_shows_what_it_is_about() {
    thread::scope(|scope| {
        let runs = EXAMPLES.map(|(name, expected)| {
            scope.spawn(move || {
                let said = output(&mut example(name));
                let mut rest = said.as_str();
                for what in expected {
                    let found = rest.split_once(what);
                    rest = found.unwrap_or_else(|| panic!("{name} does not say {what:?} there:\n{said}")).1;
                }
                assert!(!said.contains("a-secret"), "{name}: {said}");
            })
        });
        for run in runs {
            run.join().expect("what is above");
        }
    });
}

#[test]
fn the_command_line_has_settings_to_look_at() {
    assert!(output(example("settings").arg("check")).contains("can be read"), "check");
    assert!(output(example("settings").arg("show")).contains("postgres://db/payments"), "show");
}

#[test]
fn the_page_is_served() {
    let page = Program::start(example("page").arg("127.0.0.1:0"));
    let address = page.says("look at http://").replace("/config", "");
    let reply = get(&address, "/config/readyz");
    assert_eq!((reply.status, reply.body.as_str()), (200, "ok\n"));
    assert!(get(&address, "/config").body.contains("<html"));
}
