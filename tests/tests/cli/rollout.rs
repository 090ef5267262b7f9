//! `rollout`, over a store in memory with instances in the same process.

use crate::helper::{Ran, Run};
use crate::terminal::Terminal;

const SEED: &str = "/service/workers=12\n";

fn prepared(seed: &str, args: &[&str]) -> Run {
    let run = Run::new(seed, &[&["rollout"], args].concat());
    run.env("SERVICE", "1").env("MEMBERS", "web-1,web-2")
}

fn run(args: &[&str]) -> Ran {
    prepared(SEED, args).run()
}

#[test]
fn a_change_is_for_one_first_and_then_for_all() {
    let ran = run(&["workers=20", "level=debug", "--to", "web-1", "--observe", "200ms", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    let [title, _, workers, level, first, staged, in_force, promoted] =
        ran.out.lines().collect::<Vec<_>>()[..]
    else {
        panic!("{ran:#?}")
    };
    assert!(title.starts_with("2 changes in Service below /service"), "{ran:#?}");
    assert!(workers.starts_with("workers") || level.starts_with("workers"), "{ran:#?}");
    assert_eq!(first, "First for web-1, through /service@web-1; watched there for 200ms, then for all");
    assert!(staged.starts_with("Staged at revision ") && staged.ends_with(", for web-1"), "{staged}");
    assert_eq!(in_force, "In force, and watched for 200ms");
    let revision = promoted.strip_prefix("Promoted at revision ").and_then(|rest| rest.split_once(':'));
    let Some((revision, rest)) = revision else { panic!("{promoted}") };
    assert_eq!(rest, format!(" `fleet --wait {revision}` says when all have it"));
    assert_eq!(ran.after, "/service/level=debug\n/service/workers=20\n");
}

#[test]
fn a_dry_run_says_for_whom_and_writes_nothing() {
    for (args, first) in [
        (&["--to-layer", "/service@web-2"][..], "First for web-2, through /service@web-2"),
        (&["--to", "web-1,web-2"], "First for web-1, web-2, through /service@web-1, /service@web-2"),
        (&["--share", "50%"], "First for web-2, through /service@web-2; watched there for 1m, then for all"),
        (&[], "First for web-2, through /service@web-2"),
    ] {
        let ran = run(&[&["workers=20", "--dry-run"], args].concat());
        assert_eq!((ran.code, &ran.after[..]), (0, SEED), "{ran:#?}");
        assert!(ran.out.contains(first) && ran.out.ends_with("A dry run: nothing is written\n"), "{ran:#?}");
    }
}

#[test]
fn for_a_program_it_is_json_and_the_steps_are_elsewhere() {
    let ran = run(&["workers=20", "--to", "web-1", "--observe", "0s", "--yes", "--json"]);
    let data = ran.json();
    assert_eq!(
        (ran.code, &data["instances"][0], &data["layers"][0]),
        (0, &"web-1".into(), &"/service@web-1".into())
    );
    assert!(data["promoted"].as_u64() > data["staged"].as_u64() && data["id"].is_string(), "{data:#}");
    assert_eq!(data["plan"]["changes"][0]["new"], "20");
    assert!(ran.err.starts_with("Staged at revision") && ran.err.contains("\nPromoted at"), "{ran:#?}");

    let dry = run(&["workers=20", "--to", "web-1", "--dry-run", "--json"]).json();
    assert!(dry["id"].is_null() && dry["promoted"].is_null() && dry["instances"][0] == "web-1", "{dry:#}");
    let list = run(&["--json"]).json();
    assert_eq!(list, serde_json::json!({ "name": "Service", "rollouts": [] }));
    let refused = run(&["workers=20", "--to", "web-3", "--yes", "--json"]);
    assert_eq!((refused.code, &refused.json()["code"]), (2, &2.into()), "{refused:#?}");
}

#[test]
fn what_cannot_be_rolled_out_is_refused_and_nothing_is_written() {
    for (args, words) in [
        (&["workers=20", "--to", "wbe-1", "--yes"][..], "did you mean web-1"),
        (&["workers=20", "--to", "db-7", "--yes"], "there is web-1, web-2"),
        (&["workers=20", "--to-layer", "/service@eu", "--yes"], "they read /service@web-1, /service@web-2"),
        (&["workers=20", "--to", "web-1"], "--yes writes without the question"),
        (&["wrokers=20", "--to", "web-1", "--yes"], "did you mean workers?"),
        (&["workers=many", "--to", "web-1", "--yes"], "many"),
        (&["token=hunter2", "--to", "web-1", "--yes"], "rollout token --from-file FILE"),
        (&["workers", "--to", "web-1", "--yes"], "rollout workers=VALUE"),
        (&["--to", "web-1"], "there is nothing to roll out"),
        (&["--yes"], "there is nothing to roll out"),
        (&["workers=20", "--share", "0%"], "more than nothing, and at most all"),
        (&["workers=20", "--share", "half"], "write it as 10%, or as 0.1"),
        (&["workers=20", "--share", "10%", "--to", "web-1"], "cannot be used with"),
        (&["workers=20", "--continue"], "cannot be used with"),
        (&["--continue", "--abort"], "cannot be used with"),
        (&["--continue", "--yes"], "there is no rollout that has begun and not ended"),
        (&["--abort", "x", "--yes"], "there is no rollout that has begun and not ended"),
    ] {
        let ran = run(args);
        let code = if args[0] == "workers=many" { 1 } else { 2 };
        assert_eq!(ran.code, code, "{args:?}: {ran:#?}");
        assert!(ran.err.contains(words), "{args:?}: {ran:#?}");
        assert!(ran.after.is_empty() || ran.after == SEED, "{args:?}: {ran:#?}");
        assert!(!ran.err.contains("hunter2"), "{ran:#?}");
    }
    let nothing = run(&["workers=12", "--to", "web-1", "--yes"]);
    assert_eq!(nothing.code, 0);
    assert!(nothing.out.contains("there is nothing to roll out"), "{nothing:#?}");
}

#[test]
fn an_override_is_replaced_only_where_that_is_said() {
    let seed = format!("{SEED}/service@web-1/workers=15\n");
    let args = ["workers=20", "--to", "web-1", "--observe", "0s", "--yes"];
    let refused = prepared(&seed, &args).run();
    assert_eq!((refused.code, &refused.after[..]), (2, &seed[..]), "{refused:#?}");
    assert!(refused.err.contains("/service@web-1/workers = 15"), "{refused:#?}");
    let ran = prepared(&seed, &[&args[..], &["--replace"]].concat()).run();
    assert_eq!((ran.code, &ran.after[..]), (0, "/service/workers=20\n"), "{ran:#?}");
}

#[test]
fn a_document_and_a_secret_are_rolled_out_too() {
    let run =
        prepared(SEED, &["--file", "-", "--format", "yaml", "--to", "web-1", "--observe", "0s", "--yes"]);
    let ran = run.input("workers: 20\nlevel: debug\n").run();
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(ran.after, "/service/level=debug\n/service/workers=20\n");
    let run = prepared(SEED, &["token", "-", "--to", "web-1", "--observe", "0s", "--yes"]);
    let ran = run.input("hunter2\n").run();
    assert_eq!((ran.code, &ran.after[..]), (0, "/service/token=hunter2\n/service/workers=12\n"), "{ran:#?}");
    assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{ran:#?}");
}

#[test]
fn what_has_begun_is_listed_and_garbage_is_too() {
    let record = r#"{"format":1,"keys":[{"path":"workers","field":"workers","was_at":2}],"instances":["web-1"],"layers":["/service@web-1"],"read_at":2,"observe_ms":200,"by":"ann\u001b[2J","started":1700000000000,"restarts":false,"former":[]}"#;
    let seed = format!("{SEED}/service.rollout/a={record}\n/service.rollout/b=?\n");
    let ran = prepared(&seed, &[]).run();
    assert_eq!(ran.code, 0, "{ran:#?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0].starts_with("ROLLOUT  FIELDS") && lines[1].starts_with("a        workers"), "{ran:#?}");
    assert!(lines[1].contains("web-1") && lines[1].ends_with("nobody drives it"), "{ran:#?}");
    assert!(!ran.out.contains('\u{1b}') && ran.out.contains("unreadable: it is no JSON"), "{ran:#?}");
    // Whoever drives it may have died: the key goes when the lease ends.
    let driven = prepared(&format!("{seed}/service.rollout/a/owner=ann\n"), &[]).run();
    let first = driven.out.lines().nth(1).unwrap_or_default();
    assert!(first.ends_with("  driven, or died less than 15s ago"), "{driven:#?}");
    // The one that can be read is meant; its override is not there, and nothing is put in its place.
    let dry = prepared(&seed, &["--abort", "--dry-run"]).run();
    assert_eq!(
        (dry.code, &dry.out[..]),
        (0, "Take back a: workers for web-1? A dry run: nothing is written\n")
    );
    let ran = prepared(&seed, &["--abort", "--yes"]).run();
    assert_eq!((ran.code, &ran.after[..]), (0, "/service/workers=12\n/service.rollout/b=?\n"), "{ran:#?}");
    let ran = prepared(&seed, &["--continue", "--observe", "0s", "--within", "1s", "--yes"]).run();
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(ran.err.contains("somebody else has changed /service@web-1/workers"), "{ran:#?}");
    // No other try would be promoted either.
    let end = "; it cannot be promoted with that: abort it, and begin anew from what is stored now\n  rollout --abort a\n";
    assert!(ran.err.ends_with(end) && !ran.err.contains("--continue"), "{ran:#?}");
    for (id, words) in
        [("b", "b is no rollout that this program can end"), ("c", "there is no rollout c: there is a, b")]
    {
        let ran = prepared(&seed, &["--abort", id, "--yes"]).run();
        assert_eq!(ran.code, 2, "{ran:#?}");
        assert!(ran.err.contains(words), "{ran:#?}");
    }
    let garbage = format!("{SEED}/service.rollout/b=?\n");
    let ran = prepared(&garbage, &["--abort", "--yes"]).run();
    assert!(ran.code == 2 && ran.err.contains("can end: it cannot read b"), "{ran:#?}");
}

#[test]
fn a_person_is_asked_and_takes_it_back_with_ctrl_c() {
    let run = prepared(SEED, &["workers=20", "--to", "web-1", "--observe", "1h"]);
    let mut terminal = Terminal::start(run, 100);
    terminal.sees("Roll it out? [y/N]");
    terminal.types("y\n");
    terminal.sees("In force, and watched for 3600s");
    terminal.types("\u{3}");
    terminal.sees("Ctrl-C: taking it back; a second one leaves it staged");
    assert_eq!(terminal.ends(), 1, "{}", terminal.screen());
    terminal.sees("Taken back at revision");
    assert_eq!(terminal.after(), SEED);

    let run = prepared(SEED, &["workers=20", "--to", "web-1"]);
    let mut terminal = Terminal::start(run, 100);
    terminal.sees("Roll it out? [y/N]");
    terminal.types("n\n");
    assert_eq!((terminal.ends(), &terminal.after()[..]), (1, SEED));
}
