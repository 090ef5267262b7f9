//! A configuration of several layers: which one is shown, and which one is changed.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::helper::{Ran, Run};
use crate::terminal::Terminal;

const SEED: &str = "\
/app/workers=12
/app/log/level=warn
/app@eu/workers=20
/app@web-1/limits/a=5
/app/token=hunter2
/app@web-1/token=hunter3
";

fn prepared(seed: &str, args: &[&str]) -> Run {
    let run = Run::new(seed, args).env("LAYERED", "1");
    let mut run = run;
    run.command.args(["--placeholder", "zone=eu", "--placeholder", "instance=web-1"]);
    run
}

fn run_on(seed: &str, args: &[&str]) -> Ran {
    prepared(seed, args).run()
}

fn run(args: &[&str]) -> Ran {
    run_on(SEED, args)
}

#[test]
fn each_value_is_shown_with_its_layer_and_what_it_overrides() {
    let shown = run(&["show"]);
    let table = "\
FIELD     KEY        VALUE  LAYER       SOURCE   REVISION
workers   workers    20     /app@eu     etcd     4
    overrides 12 of /app
level     log/level  warn   /app        etcd     3
limits.a  limits/a   5      /app@web-1  etcd     5
token     token      •••    /app@web-1  etcd     7
    overrides ••• of /app
region    region     here   -           default  -
database  database   -      -           absent   -
";
    assert!(shown.out.ends_with(table), "{}", shown.out);
    let json = run(&["show", "--json"]).json();
    let workers = &json["fields"][0];
    assert_eq!((&workers["layer"], &workers["value"]), (&"/app@eu".into(), &"20".into()));
    let overrides =
        serde_json::json!([{ "layer": "/app", "key": "/app/workers", "value": "12", "revision": 2 }]);
    assert_eq!(workers["overrides"], overrides);
    assert!(json["fields"][1].get("overrides").is_none(), "{json}");
    assert_eq!(json["fields"][3]["overrides"][0]["value"], serde_json::Value::Null);
    for ran in [shown, run(&["show", "--json"])] {
        assert!(!ran.out.contains("hunter"), "{ran:#?}");
    }
    for name in ["workers", "/app@eu/workers"] {
        assert_eq!(run(&["get", name]).out, "20\n", "{name}");
    }
    assert!(run(&["get", "limits"]).out.contains("/app@web-1"));
    // What one layer has, and nothing else.
    assert_eq!(run(&["get", "workers", "--layer", "/app"]).out, "12\n");
    let absent = run(&["get", "workers", "--layer", "/app@web-1"]);
    assert_eq!((absent.code, absent.out.as_str()), (1, ""), "{absent:#?}");
    assert_eq!(absent.err, "workers is absent: there is no key /app@web-1/workers\n");
    assert_eq!(run(&["get", "limits", "--layer", "/app@web-1", "--json"]).json()[0]["value"], "5");
}

/// A zone that is misspelt is seen by that.
#[test]
fn it_is_said_how_many_keys_each_layer_has() {
    let counted = "from /app, /app@eu and /app@web-1 at revision 7: 6 keys, 1 of them in /app@eu, 2 of them in /app@web-1\n";
    let ran = run(&["check"]);
    assert!(ran.code == 0 && ran.out.ends_with(counted), "{ran:#?}");
    assert_eq!(
        run(&["check", "--json"]).json()["layers"][1],
        serde_json::json!({ "prefix": "/app@web-1", "keys": 2 })
    );
    let args = ["--placeholder", "zone=eu1", "--placeholder", "instance=web-1"];
    for command in ["check", "show"] {
        let ran = Run::new(SEED, &[&[command][..], &args].concat()).env("LAYERED", "1").run();
        let line = ran.out.lines().next().unwrap_or_default();
        assert!(line.ends_with("5 keys, none in /app@eu1, 2 of them in /app@web-1"), "{ran:#?}");
    }
    let shown = Run::new(SEED, &[&["show", "--json"][..], &args].concat()).env("LAYERED", "1").run().json();
    assert_eq!(shown["layers"][0], serde_json::json!({ "prefix": "/app@eu1", "keys": 0 }));
}

/// Nothing of it is to be seen where there are none.
#[test]
fn without_layers_there_is_no_column() {
    let shown = crate::helper::run(&["show"]).out;
    assert!(!shown.contains("LAYER") && shown.contains("VALUE           SOURCE"), "{shown}");
    let json = crate::helper::run(&["show", "--json"]).json();
    assert!(json["fields"][0].get("overrides").is_none(), "{json}");
}

#[test]
fn an_old_name_below_is_overridden_as_well() {
    let seed = "/app/threads=12\n/app@web-1/workers=3\n";
    assert!(
        run_on(seed, &["show"]).out.contains("overrides 12 of /app\n"),
        "{}",
        run_on(seed, &["show"]).out
    );
    let json = run_on(seed, &["show", "--json"]).json();
    assert_eq!(json["fields"][0]["overrides"][0]["key"], "/app/threads");
}

#[test]
fn values_are_set_and_unset_in_the_layer_that_is_named() {
    let ran = run(&["set", "workers=7", "limits.b=1", "--layer", "/app@web-1", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.out.starts_with("2 changes in Layered below /app@web-1,"), "{ran:#?}");
    assert!(
        ran.after.contains("/app@web-1/workers=7\n") && ran.after.contains("/app@web-1/limits/b=1\n"),
        "{ran:#?}"
    );
    assert!(
        ran.after.contains("/app/workers=12\n") && ran.after.contains("/app@eu/workers=20\n"),
        "{ran:#?}"
    );
    // As it is written on the struct, and by its whole key.
    let ran = run(&["set", "/app@eu/workers=21", "--layer", "/app@{zone}", "--yes"]);
    assert!(ran.code == 0 && ran.after.contains("/app@eu/workers=21\n"), "{ran:#?}");
    let ran = run(&["unset", "workers", "--layer", "/app@eu", "--yes"]);
    assert!(ran.code == 0 && !ran.after.contains("/app@eu/workers"), "{ran:#?}");
    assert!(ran.after.contains("/app/workers=12\n"), "{ran:#?}");
    // What the layer does not have is not unset in another one.
    let ran = run(&["unset", "workers", "--layer", "/app@web-1", "--yes"]);
    assert!(ran.out.contains("Layered below /app@web-1 is so already"), "{ran:#?}");
}

#[test]
fn without_a_layer_it_is_the_lowest_and_what_is_overridden_is_said() {
    let ran = run(&["set", "workers=13", "log_level=debug", "--yes"]);
    assert_eq!(ran.code, 2, "{ran:#?}");
    let ran = run(&["set", "workers=13", "level=debug", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(
        ran.after.contains("/app/workers=13\n") && ran.after.contains("/app@eu/workers=20\n"),
        "{ran:#?}"
    );
    assert!(
        ran.out.contains("12    13     overridden\n    overridden by /app@eu/workers: not in force here"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("warn  debug  at once"), "{}", ran.out);
    let plan = run(&["set", "workers=13", "--json", "--yes"]).json();
    assert_eq!(plan["plan"]["changes"][0]["overridden_by"], "/app@eu/workers");
    // So it is for documents.
    for command in ["apply", "seed"] {
        let seed = "/app@eu/workers=20\n/app/token=hunter2\n";
        let args = [command, "-", "--format", "yaml", "--yes"];
        let ran = prepared(seed, &args).input("workers: 13\n").run();
        assert!(ran.code == 0 && ran.after.contains("/app/workers=13\n"), "{ran:#?}");
        assert!(ran.out.contains("overridden by /app@eu/workers: not in force here"), "{}", ran.out);
    }
    // A value that no reader takes is refused also where it is overridden.
    let ran = run(&["set", "workers=0", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    // A field that is stored under an old name in this layer is set under that.
    let ran = run_on("/app/threads=3\n/app@eu/workers=5\n", &["set", "workers=4", "--yes"]);
    assert!(ran.after.contains("/app/threads=4\n") && !ran.after.contains("/app/workers"), "{ran:#?}");
}

#[test]
fn documents_are_of_one_layer() {
    let exported = run(&["export", "--layer", "/app@web-1"]);
    assert_eq!(exported.code, 0, "{exported:#?}");
    assert!(exported.out.contains("limits:\n  a: 5") && !exported.out.contains("workers"), "{exported:#?}");
    let apply = |args: &[&str], text: &str| prepared(SEED, args).input(text).run();
    let document = "workers: 3\nlimits:\n  a: 5\n";
    let diff = apply(&["diff", "-", "--format", "yaml", "--layer", "/app@web-1"], document);
    assert_eq!(diff.code, 1, "{diff:#?}");
    assert!(diff.out.starts_with("Layered below /app@web-1 at revision 7: 1 key differs"), "{diff:#?}");
    let applied = apply(&["apply", "-", "--format", "yaml", "--layer", "/app@web-1", "--yes"], document);
    assert!(applied.after.contains("/app@web-1/workers=3\n"), "{applied:#?}");
    let replaced = apply(
        &["apply", "-", "--format", "yaml", "--layer", "/app@web-1", "--replace", "--yes"],
        "workers: 3\n",
    );
    assert!(
        !replaced.after.contains("limits") && replaced.after.contains("/app@eu/workers=20"),
        "{replaced:#?}"
    );
    let seeded = apply(&["seed", "-", "--format", "yaml", "--layer", "/app@eu", "--yes"], document);
    assert!(
        seeded.after.contains("/app@eu/workers=20\n") && seeded.after.contains("/app@eu/limits/a=5\n"),
        "{seeded:#?}"
    );
}

#[test]
fn a_layer_that_is_none_is_answered_with_those_that_are() {
    for args in [&["set", "workers=1", "--yes"][..], &["unset", "workers", "--yes"], &["export"]] {
        let ran = run(&[args, &["--layer", "/app@us"]].concat());
        assert_eq!(ran.code, 2, "{ran:#?}");
        let words =
            "/app@us is none of the layers of the configuration, which are: /app, /app@eu, /app@web-1";
        assert!(ran.err.contains(words), "{ran:#?}");
    }
    // The key of another layer than the one at hand.
    let ran = run(&["set", "/app@eu/workers=1", "--yes"]);
    assert_eq!(ran.code, 2, "{ran:#?}");
    assert!(
        ran.err.contains("/app@eu/workers is in the layer /app@eu: --layer /app@eu makes changes there"),
        "{ran:#?}"
    );
    // One whose key is written whole on the struct is in each layer as well.
    let ran = run(&["set", "region=there", "--layer", "/app@eu", "--yes"]);
    assert!(ran.code == 0 && ran.after.contains("/app@eu/region=there\n"), "{ran:#?}");
    assert!(run(&["set", "region=there", "--yes"]).after.contains("/app/region=there"));
    let ran = run(&["unset", "/app/limits", "--layer", "/app@eu", "--yes"]);
    assert!(
        ran.code == 2 && ran.err.contains("/app/limits is in the layer /app: --layer /app makes"),
        "{ran:#?}"
    );
    assert_eq!(run(&["unset", "/app@eu/limits", "--layer", "/app@eu", "--yes"]).code, 0);
    // And one without a value says which flag gives it one.
    let unfilled = Run::new(SEED, &["show", "--placeholder", "zone=eu"]).env("LAYERED", "1").run();
    assert_eq!(unfilled.code, 2, "{unfilled:#?}");
    assert!(unfilled.err.contains("give it with --placeholder instance=..., or set the"), "{unfilled:#?}");
}

#[test]
fn a_rollback_is_of_all_layers() {
    let ran = run(&["rollback", "3", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.after.contains("/app/workers=12\n") && !ran.after.contains('@'), "{ran:#?}");
    assert!(ran.out.contains("/app@eu/workers"), "{ran:#?}");
}

#[test]
fn who_watches_sees_the_layer() {
    let mut run = prepared("/app/workers=12\n", &["watch"]).env("PLAY", "layers");
    let mut child = run.command.stdout(Stdio::piped()).spawn().expect("it starts");
    let out = BufReader::new(child.stdout.take().expect("standard output"));
    let change = out.lines().map(|line| line.expect("a line")).find(|line| line.contains("->"));
    child.kill().expect("it is ended");
    child.wait().expect("it has ended");
    let change = change.expect("there is a change");
    assert!(change.ends_with("workers  12 -> 20  in /app@eu"), "{change}");
    let run = prepared("/app/workers=12\n", &["watch"]).env("PLAY", "layers");
    let mut terminal = Terminal::with_size(run, 80, 24);
    terminal.sees("LAYER");
    terminal.sees("workers   workers    20     /app@eu");
    terminal.types("q");
    assert_eq!(terminal.ends(), 0);
}

/// A variable is of the process that reads it, and of no layer.
#[test]
fn a_layer_has_what_is_stored_in_it_whatever_the_environment_sets() {
    let in_environment = |args: &[&str]| prepared(SEED, args).env("APP_LEVEL", "trace").run();
    assert_eq!(in_environment(&["get", "log_level"]).code, 2);
    assert_eq!(in_environment(&["get", "level", "--json"]).json()["value"], "trace");
    let of_layer = in_environment(&["get", "level", "--layer", "/app", "--json"]);
    let json = of_layer.json();
    assert_eq!((of_layer.code, &json["value"], &json["origin"]), (0, &"warn".into(), &"etcd".into()));
}
