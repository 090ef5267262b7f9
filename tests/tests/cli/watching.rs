//! `watch`: as a live table, and as lines.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::helper::{Run, VALID};
use crate::terminal::Terminal;

fn watching(width: u16, height: u16) -> Terminal {
    let run = Run::new(VALID, &["watch"]).env("PLAY", "changes");
    Terminal::with_size(run, width, height)
}

#[test]
fn a_live_table_shows_what_changes_and_what_is_refused() {
    let mut terminal = watching(100, 30);
    terminal.sees("log_level");
    terminal.sees("log_level  info (default) -> debug");
    terminal.sees("REFUSED");
    terminal.sees("\"0\" is refused: must be at least 1");
    terminal.types("q");
    assert_eq!(terminal.ends(), 0);
    // The terminal is as it was before.
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(bytes.contains("\u{1b}[?1049h") && bytes.trim_end().ends_with("\u{1b}[?1049l"), "{bytes:?}");
    assert!(bytes.contains("\u{1b}[?25h"), "the cursor is shown again");
    assert!(!bytes.contains("hunter2"));
}

#[test]
fn every_way_out_leaves_the_terminal_as_it_was() {
    for keys in ["q", "\u{3}", "\u{1b}", "\u{4}"] {
        let mut terminal = watching(80, 24);
        terminal.sees("q ends");
        terminal.types(keys);
        assert_eq!(terminal.ends(), 0, "{keys:?}");
        assert_eq!(terminal.screen(), "", "{keys:?}");
    }
}

#[test]
fn a_small_terminal_scrolls_and_another_size_is_taken_over() {
    let mut terminal = watching(60, 12);
    terminal.sees("listen");
    assert!(!terminal.screen().contains("threads"), "{}", terminal.screen());
    terminal.types("\u{1b}[F"); // End
    terminal.sees("threads");
    terminal.types("\u{1b}[H"); // Home
    terminal.sees("listen");
    terminal.resize(100, 40);
    terminal.waits("all is seen", |screen| screen.contains("listen") && screen.contains("threads"));
    terminal.types("q");
    assert_eq!(terminal.ends(), 0);
}

fn lines(args: &[&str], count: usize) -> Vec<String> {
    let mut run = Run::new(VALID, args).env("PLAY", "changes");
    let mut child = run.command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().expect("it starts");
    let out = BufReader::new(child.stdout.take().expect("its output"));
    let lines = out.lines().take(count).map(|line| line.expect("it is text")).collect();
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
    lines
}

#[test]
fn without_a_terminal_each_change_is_a_line() {
    let lines = lines(&["watch"], 4);
    assert!(lines[0].contains("Settings below /payments at revision 5"), "{lines:#?}");
    let all = lines.join("\n");
    assert!(all.contains("revision 6  log_level  info (default) -> debug"), "{all}");
    assert!(all.contains("refused: 1 problem in Settings"), "{all}");
}

#[test]
fn what_is_refused_already_is_a_line_from_the_beginning() {
    let seed = format!("{VALID}/payments/timeout=many\n");
    let mut run = Run::new(&seed, &["watch"]);
    let mut child = run.command.stdout(Stdio::piped()).spawn().expect("it starts");
    let out = BufReader::new(child.stdout.take().expect("standard output"));
    let lines: Vec<String> = out.lines().take(2).map(|line| line.expect("a line")).collect();
    child.kill().expect("it is ended");
    child.wait().expect("it has ended");
    assert!(lines[0].contains("Settings below /payments at revision 5"), "{lines:#?}");
    assert!(lines[1].contains("refused: 1 problem in Settings") && lines[1].contains("many"), "{lines:#?}");
}

#[test]
fn for_a_program_each_line_is_json() {
    let lines = lines(&["watch", "--json"], 4);
    let data: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    assert!(data.iter().all(|line| line["time"].is_string()), "{data:#?}");
    let change = data.iter().find(|line| !line["change"].is_null()).expect("there is a change");
    assert_eq!(
        (&change["change"]["field"], &change["change"]["new"]),
        (&"log_level".into(), &"debug".into())
    );
    assert!(
        data.iter().any(|line| line["refused"]["problems"][0]["field"] == "database.pool_size"),
        "{data:#?}"
    );
}

#[test]
fn it_ends_when_nobody_reads_it_any_more() {
    let mut run = Run::new(VALID, &["watch"]).env("PLAY", "changes");
    let mut child = run.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
