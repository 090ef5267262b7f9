//! `fleet`: who is there, and who has what.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::helper::{Ran, Run, VALID};
use crate::terminal::Terminal;

/// The longest that is waited for lines.
const LIMIT: Duration = Duration::from_secs(30);

fn playing(play: &str, args: &[&str]) -> Ran {
    Run::new(VALID, args).env("PLAY", play).run()
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn the_instances_are_a_table() {
    let ran = playing("fleet", &["fleet"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:#?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0].starts_with("2 instances of Settings below /payments.fleet at revision "), "{ran:#?}");
    assert!(lines[0].ends_with(": all up to date"), "{ran:#?}");
    assert_eq!(
        words(lines[1]),
        ["INSTANCE", "VERSION", "IN", "FORCE", "STANDING", "CONNECTION", "SINCE", "UP"]
    );
    assert_eq!(words(lines[2])[..7], ["web-1", "1.4.2", "5", "up", "to", "date", "watching"], "{ran:#?}");
    assert_eq!(lines.len(), 4, "{ran:#?}");
    let json = playing("fleet", &["fleet", "--json"]).json();
    assert_eq!((&json["name"], &json["place"]), (&"Settings".into(), &"/payments.fleet".into()));
    let web = &json["instances"][0];
    assert_eq!((&web["name"], &web["standing"]), (&"web-1".into(), &"up_to_date".into()));
    assert_eq!((&web["report"]["version"], &web["report"]["revision"]), (&"1.4.2".into(), &5.into()));
}

#[test]
fn what_is_refused_and_what_waits_is_below_the_instance() {
    let ran = playing("troubled fleet", &["fleet"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.out.contains(": 2 refuse, 1 unreadable\n"), "{ran:#?}");
    assert_eq!(ran.out.matches("refuses revision").count(), 2, "{}", ran.out);
    assert!(
        ran.out.contains("/payments/database/pool_size: \"0\" is refused: must be at least 1\n"),
        "{}",
        ran.out
    );
    assert_eq!(ran.out.matches("    waits for a restart: threads\n").count(), 1, "{}", ran.out);
    assert!(ran.out.contains("    its entry cannot be read: it is no JSON\n"), "{}", ran.out);
    let json = playing("troubled fleet", &["fleet", "--json"]).json();
    let standings: Vec<&str> =
        json["instances"].as_array().unwrap().iter().map(|one| one["standing"].as_str().unwrap()).collect();
    assert_eq!(standings, ["unreadable", "refused", "refused"]);
}

#[test]
fn a_table_fits_the_terminal() {
    for width in [60, 80, 100] {
        let mut terminal = Terminal::start(Run::new(VALID, &["fleet"]).env("PLAY", "troubled fleet"), width);
        assert_eq!(terminal.ends(), 0);
        let screen = terminal.screen();
        assert!(screen.contains("web-1") && screen.contains("refuses"), "{width}: {screen}");
        // No line of the table goes over into the next.
        let rows = screen.lines().filter(|line| line.starts_with("web-") || line.starts_with("INSTANCE"));
        assert_eq!(rows.count(), 3, "{width}: {screen}");
    }
}

#[test]
fn nobody_there_is_told_how_to_be() {
    let ran = playing("", &["fleet"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:#?}");
    assert!(ran.out.starts_with("No instance of Settings is listed below /payments.fleet."), "{ran:#?}");
    assert!(ran.out.contains("Settings::options().instance(\"web-1\").watch(...)"), "{ran:#?}");
    assert_eq!(playing("", &["fleet", "--json"]).json()["instances"], serde_json::json!([]));
    let waited = playing("", &["fleet", "--wait", "1", "--for", "200ms"]);
    assert_eq!((waited.code, waited.out.as_str()), (1, ""), "{waited:#?}");
    let at_once =
        "No instance of Settings is listed below /payments.fleet yet: waiting for one, 200ms at most\n";
    assert!(waited.err.starts_with(at_once), "{waited:#?}");
    assert!(waited.err.contains("no instance is listed below /payments.fleet"), "{waited:#?}");
    let with_some = playing("fleet", &["fleet", "--wait", "5"]);
    assert_eq!(with_some.err, "", "{with_some:#?}");
}

#[test]
fn waiting_says_by_its_exit_code_whether_all_have_it() {
    let ran = playing("fleet", &["fleet", "--wait", "5"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:#?}");
    assert_eq!(ran.out, "Revision 5 of Settings is in force everywhere\n");
    assert_eq!(playing("fleet", &["fleet", "--wait", "5", "--json"]).json()["in_force"], true);

    let late = playing("fleet", &["fleet", "--wait", "999", "--for", "300ms"]);
    assert_eq!((late.code, late.out.as_str()), (1, ""), "{late:#?}");
    assert!(late.err.contains("2 of 2 instances below /payments.fleet do not have it"), "{late:#?}");
    assert!(late.err.contains("web-1: not in force yet, at revision 5"), "{late:#?}");

    let begin = std::time::Instant::now();
    let refused = playing("troubled fleet", &["fleet", "--wait", "11", "--for", "60s", "--json"]);
    assert!(begin.elapsed().as_secs() < 30, "it does not wait for what no waiting cures");
    assert_eq!(refused.code, 1, "{refused:#?}");
    let json = refused.json();
    let reasons: Vec<&str> =
        json["lagging"].as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.iter().filter(|reason| **reason == "refused").count(), 2, "{json}");
    assert_eq!(json["code"], 1, "{json}");
    // The newest revision is that of an entry, not that of the settings.
    let newest = playing("troubled fleet", &["fleet", "--json"]).json()["revision"].as_u64().unwrap();
    let begin = std::time::Instant::now();
    let newest = playing("troubled fleet", &["fleet", "--wait", &newest.to_string(), "--for", "60s"]);
    assert!(newest.code == 1 && begin.elapsed().as_secs() < 30, "{newest:#?}");
    assert_eq!(
        newest.err.matches("/payments/database/pool_size: \"0\" is refused").count(),
        2,
        "{newest:#?}"
    );
    assert!(!refused.out.contains("hunter2") && !refused.err.contains("hunter2"), "{refused:#?}");
}

#[test]
fn what_cannot_be_is_a_wrong_command_line_and_what_cannot_be_read_is_exit_code_3() {
    for (args, named) in [
        (&["fleet", "--wait", "soon"][..], "invalid value 'soon'"),
        (&["fleet", "--for", "3s"], "--wait"),
        (&["fleet", "--wait", "3", "--for", "soon"], "invalid value 'soon'"),
        (&["fleet", "--wait", "3", "--watch"], "cannot be used with"),
        (&["fleet", "--v2"], "leave --v2 out"),
        (&["fleet", "--prefix", "/"], "nothing beside the whole store"),
    ] {
        let ran = playing("", args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:#?}");
        assert!(ran.err.contains(named), "{args:?}: {ran:#?}");
    }
    for args in [&["fleet"][..], &["fleet", "--watch"], &["fleet", "--wait", "3"]] {
        let ran = playing("refuse", &[args, &["--startup-timeout", "300ms"]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{ran:#?}");
    }
    let several = Run::new(VALID, &["fleet", "--wait", "3"]).env("SEVERAL", "1").run();
    assert!(several.code == 2 && several.err.contains("name it with --config"), "{several:#?}");
    let several = Run::new(VALID, &["fleet"]).env("SEVERAL", "1").env("PLAY", "fleet").run();
    assert!(several.out.contains("\nNo instance of Limits is listed below /limits.fleet."), "{several:#?}");
}

/// What a layer is for an instance, its placeholder need not be for an operator.
#[test]
fn a_fleet_needs_no_layer_of_an_instance() {
    let ran = Run::new("", &["fleet"]).env("LAYERED", "1").run();
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.out.starts_with("No instance of Layered is listed below /app.fleet."), "{ran:#?}");
}

fn lines(args: &[&str], last: &str) -> Vec<String> {
    let mut run = Run::new(VALID, args).env("PLAY", "changing fleet");
    let mut child = run.command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().expect("it starts");
    let out = BufReader::new(child.stdout.take().expect("its output"));
    // Lines that do not come must not hold up the test.
    let (done, is_done) = mpsc::channel::<()>();
    let id = child.id().to_string();
    thread::spawn(move || {
        if is_done.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").arg(id).status();
        }
    });
    let mut lines = Vec::new();
    for line in out.lines() {
        let line = line.expect("it is text");
        let is_last = line.contains(last);
        lines.push(line);
        if is_last {
            break;
        }
    }
    drop(done);
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
    lines
}

#[test]
fn without_a_terminal_each_change_is_a_line() {
    let lines = lines(&["fleet", "--watch"], "must be at least 1");
    let all = lines.join("\n");
    for text in [
        "2 instances of Settings below /payments.fleet at revision",
        "web-1  version 1.4.2; revision 5; watching; up to date",
        "revision 8; watching; up to date",
        "web-3  has come: version 1.4.2; revision",
        "web-1  gone",
    ] {
        assert!(all.contains(text), "{text}:\n{all}");
    }
}

#[test]
fn for_a_program_each_line_is_json() {
    let lines = lines(&["fleet", "--watch", "--json"], "\"gone\"");
    let data: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    assert!(data.iter().all(|line| line["time"].is_string()), "{data:#?}");
    assert_eq!(data[0]["fleet"]["instances"], 2, "{data:#?}");
    assert!(data.iter().any(|line| line["instance"]["name"] == "web-3"), "{data:#?}");
    assert_eq!(data.last().unwrap()["gone"], "web-1", "{data:#?}");
}

#[test]
fn a_live_table_shows_who_comes_and_goes_and_what_is_refused() {
    let run = Run::new(VALID, &["fleet", "--watch"]).env("PLAY", "changing fleet");
    let mut terminal = Terminal::with_size(run, 100, 30);
    terminal.sees("2 instances of Settings");
    terminal.sees("web-3  has come");
    terminal.sees("web-1  gone");
    terminal.waits("the row has gone", |screen| !screen.contains("\nweb-1  "));
    terminal.sees("all refuse");
    terminal.sees("must be at least 1");
    terminal.types("q");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(terminal.screen(), "");
}

#[test]
fn it_ends_when_nobody_reads_it_any_more() {
    let mut run = Run::new(VALID, &["fleet", "--watch"]).env("PLAY", "changing fleet");
    let mut child = run.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
