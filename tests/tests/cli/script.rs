//! A script, with exit codes and JSON.

use crate::helper::{Ran, Run, VALID, run, run_on};

#[test]
fn check_says_by_its_exit_code_whether_a_start_would_succeed() {
    let fine = run(&["check"]);
    assert_eq!((fine.code, fine.err.as_str()), (0, ""), "{fine:#?}");
    assert_eq!(fine.out, "Settings can be read from /payments at revision 5: 4 keys\n");

    let bad = run_on(&format!("{VALID}/payments/database/pool_size=many\n"), &["check"]);
    assert_eq!(bad.code, 1, "{bad:#?}");
    assert!(bad.out.contains("/payments/database/pool_size"), "{bad:#?}");

    let odd = format!("{VALID}/payments/database/pool_sze=3\n");
    assert_eq!(run_on(&odd, &["check"]).code, 0);
    assert_eq!(run_on(&odd, &["check", "--strict"]).code, 1);
}

#[test]
fn what_prints_data_prints_json() {
    let check = run_on("/payments/database/pool_size=many\n", &["check", "--json"]);
    assert_eq!((check.code, &check.json()["ok"]), (1, &false.into()));
    let show = run(&["show", "--json"]).json();
    assert_eq!(show["fields"][5]["field"], "database.pool_size");
    assert_eq!(show["fields"][5]["origin"], "default");
    assert!(!show.to_string().contains("hunter2"));
    assert_eq!(run(&["get", "log_level", "--json"]).json()["value"], "info");
    assert_eq!(run(&["get", "database", "--json"]).json()[0]["value"], "postgres://db");
    assert_eq!(run(&["schema", "--json"]).json()["fields"][0]["path"], "listen");
    let plan = run(&["set", "database.pool_size=20", "--json", "--yes"]);
    assert_eq!((&plan.json()["written"], plan.code), (&6.into(), 0), "{plan:#?}");
    assert_eq!(plan.json()["plan"]["changes"][0]["new"], "20");
    let dry = run(&["set", "database.pool_size=20", "--json", "--dry-run"]);
    assert!(dry.json()["written"].is_null() && !dry.after.contains("pool_size"), "{dry:#?}");
    let refused = run(&["set", "database.pool_size=0", "--json", "--yes"]);
    assert_eq!((refused.code, &refused.json()["problems"][0]["field"]), (1, &"database.pool_size".into()));
}

#[test]
fn a_value_is_printed_as_it_is_stored_and_nothing_else() {
    let seed = format!("{VALID}/payments/greeting=a\\e[31mb\\nc\n");
    assert_eq!(run_on(&seed, &["get", "greeting"]).out, "a\u{1b}[31mb\nc\n");
    assert_eq!(run(&["get", "database.pool_size"]).out, "10\n");
    for name in ["database/url", "/payments/database/url", "database.url"] {
        assert_eq!(run(&["get", name]).out, "postgres://db\n", "{name}");
    }
    let absent = run(&["get", "max_connections"]);
    assert_eq!((absent.code, absent.out.as_str()), (1, ""), "{absent:#?}");
    let secret = run(&["get", "api_token"]);
    assert_eq!((secret.code, secret.out.as_str()), (2, ""), "{secret:#?}");
    assert!(secret.err.contains("etcdctl get --print-value-only /payments/api_token"), "{secret:#?}");
}

#[test]
fn what_is_absent_ends_with_1_also_in_json_and_has_the_members_of_every_value() {
    let members = |ran: &Ran| -> Vec<String> {
        let json = ran.json();
        json.as_object().unwrap_or_else(|| panic!("{ran:#?}")).keys().cloned().collect()
    };
    let all = members(&run(&["get", "log_level", "--json"]));
    assert!(all.contains(&"origin".to_owned()), "{all:?}");
    let without_token = VALID.replace("/payments/api_token=hunter2\n", "");
    for field in ["features.nope", "max_connections", "upstreams.nope.addr", "api_token"] {
        let text = run_on(&without_token, &["get", field]);
        assert_eq!((text.code, text.out.as_str()), (1, ""), "{text:#?}");
        let data = run_on(&without_token, &["get", field, "--json"]);
        assert_eq!((data.code, members(&data)), (1, all.clone()), "{data:#?}");
        assert!(data.json()["value"].is_null() && data.json()["field"] == field, "{data:#?}");
    }
}

#[test]
fn a_secret_that_is_absent_is_said_to_be_absent() {
    let absent = run_on("/payments/database/url=postgres://db\n", &["get", "api_token"]);
    assert_eq!((absent.code, absent.out.as_str()), (1, ""), "{absent:#?}");
    assert!(
        absent.err.starts_with("api_token is absent: there is no key /payments/api_token"),
        "{absent:#?}"
    );
}

#[test]
fn a_name_that_is_not_there_proposes_those_that_are() {
    for (args, proposed) in [
        (&["get", "database.pool_sze"][..], "did you mean database.pool_size?"),
        (&["get", "pool_size"], "did you mean database.pool_size?"),
        (&["set", "log.levl=x", "--yes"], "did you mean log_level?"),
        (&["set", "log/levl=x", "--yes"], "did you mean log/level?"),
        (&["unset", "/payments/lissten", "--yes"], "did you mean listen?"),
        (&["history", "databse"], "did you mean database?"),
        (&["get", "quite_another"], "`schema` lists what there is"),
        (&["set", "database=x", "--yes"], "database.url, database.pool_size"),
    ] {
        let ran = run(args);
        assert_eq!(ran.code, 2, "{ran:#?}");
        assert!(ran.err.contains(proposed), "{args:?}: {ran:#?}");
    }
}

#[test]
fn all_names_that_are_not_there_are_said_at_once() {
    let ran = run(&["set", "lissten=x", "database.pool_sze=3", "log_level=x", "--yes"]);
    assert_eq!((ran.code, ran.err.lines().count()), (2, 2), "{ran:#?}");
    assert!(ran.err.contains("mean listen?") && ran.err.contains("mean database.pool_size?"), "{ran:#?}");
}

#[test]
fn a_value_that_does_not_fit_is_said_beside_a_name_that_is_not_there() {
    let args = ["set", "database.pool_size=many", "nope=3", "log_level=x", "--yes"];
    let ran = run(&args);
    assert_eq!((ran.code, ran.err.lines().count()), (2, 2), "{ran:#?}");
    assert!(ran.err.starts_with("Settings has no field nope"), "{ran:#?}");
    assert!(ran.err.contains("/payments/database/pool_size database.pool_size: u32: \"many\""), "{ran:#?}");
    let data = run(&[&args[..], &["--json"]].concat()).json();
    assert_eq!((&data["code"], &data["problems"][0]["field"]), (&2.into(), &"database.pool_size".into()));
    // Only what is wrong with these values: the rest may be right once the name is.
    let misspelt = run_on("", &["set", "database.urll=x", "threads=many", "--yes"]);
    assert_eq!((misspelt.code, misspelt.err.lines().count()), (2, 2), "{misspelt:#?}");
    // Also among several configurations, and where nothing else is wrong.
    let several = Run::new(VALID, &["set", "per_second=many", "nope=3", "--yes"]).env("SEVERAL", "1").run();
    assert!(several.code == 2 && several.err.contains("has no field nope"), "{several:#?}");
}

#[test]
fn a_field_that_is_named_twice_is_no_change() {
    for second in ["log/level=b", "log_level=b"] {
        let ran = run(&["set", "log_level=a", second, "--yes"]);
        assert_eq!(ran.code, 2, "{ran:#?}");
        assert!(ran.err.contains("is named twice"), "{ran:#?}");
    }
}

#[test]
fn a_field_without_a_value_is_told_how_to_give_one() {
    let plain = run(&["set", "log_level"]);
    assert!(
        plain.err.starts_with("log_level has no value: set log_level=VALUE, set log_level --from"),
        "{plain:#?}"
    );
    let secret = run(&["set", "api_token"]);
    assert!(secret.err.starts_with("api_token has no value: set api_token --from-file FILE"), "{secret:#?}");
    assert!(run(&["set", "lissten"]).err.contains("did you mean listen?"));
    for nameless in ["=5", ""] {
        let ran = run(&["set", nameless]);
        assert_eq!((ran.code, ran.err.contains("write it as FIELD=VALUE")), (2, true), "{ran:#?}");
    }
}

#[test]
fn what_no_reader_would_take_is_not_written() {
    let ran = run(&["set", "database.pool_size=0", "listen=localhost", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(ran.err.starts_with("2 problems in Settings"), "{ran:#?}");
    assert!(ran.err.contains("must be at least 1") && ran.err.contains("nothing is written"), "{ran:#?}");
    assert!(!ran.after.contains("pool_size"), "{ran:#?}");
}

#[test]
fn several_values_are_written_at_once() {
    let ran = run(&["set", "database/pool_size=20", "features.dark=true", "features.refunds=false", "-y"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.out.contains("3 changes in Settings below /payments, based on revision 5"), "{ran:#?}");
    assert!(ran.out.ends_with("Written at revision 6\n"), "{ran:#?}");
    // Nothing is written yet when it is shown, and instances may refuse it.
    assert!(ran.out.contains("TAKES EFFECT\n") && !ran.out.contains("IN FORCE"), "{ran:#?}");
    assert!(ran.out.contains("20     at once\n"), "{ran:#?}");
    let restart = run(&["set", "threads=8", "--dry-run"]);
    assert!(restart.out.contains("8    after a restart\n"), "{restart:#?}");
    for line in ["database/pool_size=20", "features/dark=true", "features/refunds=false"] {
        assert!(ran.after.contains(line), "{ran:#?}");
    }
    let again = run(&["set", "features.refunds=true", "-y"]);
    assert!(again.out.contains("there is nothing to write"), "{again:#?}");
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_written() {
    let ran = Run::new(VALID, &["set", "database.pool_size=20"]).input("y\n").run();
    assert_eq!(ran.code, 2, "{ran:#?}");
    assert!(ran.err.contains("--yes writes without the question"), "{ran:#?}");
    assert!(!ran.after.contains("pool_size"), "{ran:#?}");
}

#[test]
fn a_secret_is_no_argument() {
    let refused = run(&["set", "api_token=correct-horse", "--yes"]);
    assert_eq!(refused.code, 2, "{refused:#?}");
    assert!(refused.err.contains("set api_token --from-file FILE"), "{refused:#?}");
    assert!(!format!("{refused:?}").contains("correct-horse"), "{refused:#?}");

    // Behind a space it is an argument of its own, which no message repeats.
    for args in [
        &["set", "api_token", "correct-horse", "--yes"][..],
        &["set", "api_token", "correct-horse", "--yes", "--json"],
        &["set", "greeting=correct", "correct-horse", "--yes"],
        &["rollout", "api_token", "correct-horse", "--to", "web-1", "--yes", "--json"],
    ] {
        let refused = run(args);
        assert_eq!(refused.code, 2, "{refused:#?}");
        let said = format!("{}{}", refused.out, refused.err);
        assert!(said.contains("FIELD --from-file FILE") && !said.contains("correct-horse"), "{refused:#?}");
    }

    let input = Run::new(VALID, &["set", "api_token", "-", "--yes"]).input("correct-horse\n").run();
    assert!(
        input.after.contains("/payments/api_token=correct-horse\n/payments")
            || input.after.contains("/payments/api_token=correct-horse\n"),
        "{input:#?}"
    );
    assert!(!input.out.contains("correct-horse") && !input.out.contains("hunter2"), "{input:#?}");

    let asked = Run::new(VALID, &["set", "api_token", "-"]).input("correct-horse\n").run();
    assert_eq!(asked.code, 2, "{asked:#?}");
    assert!(asked.err.contains("standard input had the value"), "{asked:#?}");

    let file = Run::new(VALID, &["set", "api_token", "--yes", "--from-file"]);
    let path = file.folder.path().join("token");
    std::fs::write(&path, "from-a-file\r\n").unwrap();
    let mut file = file;
    file.command.arg(&path);
    let file = file.run();
    assert!(file.after.contains("/payments/api_token=from-a-file\n"), "{file:#?}");
    let none = run(&["set", "api_token", "--from-file", "/no/such/file", "--yes"]);
    assert_eq!(none.code, 2, "{none:#?}");
    assert!(none.err.contains("/no/such/file cannot be read"), "{none:#?}");
}

#[test]
fn unset_brings_defaults_back_by_whatever_name_the_key_has() {
    let seed =
        format!("{VALID}/payments/greeting_text=hi\n/payments/greeting=ho\n/payments/features/dark=true\n");
    let ran = run_on(&seed, &["unset", "greeting", "features", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(!ran.after.contains("greeting") && !ran.after.contains("features"), "{ran:#?}");
    let required = run(&["unset", "database.url", "--yes"]);
    assert_eq!(required.code, 1, "{required:#?}");
    assert!(required.after.contains("database/url"), "{required:#?}");
}

#[test]
fn a_value_goes_where_it_is_read_from() {
    let ran = run_on(&format!("{VALID}/payments/greeting_text=hi\n"), &["set", "greeting=ho", "--yes"]);
    assert!(ran.after.contains("/payments/greeting_text=ho\n"), "{ran:#?}");
}

#[test]
fn a_conflict_is_exit_code_4() {
    let ran = Run::new(VALID, &["set", "database.pool_size=20", "--yes"]).env("PLAY", "conflict").run();
    assert_eq!(ran.code, 4, "{ran:#?}");
    assert!(!ran.after.contains("pool_size"), "{ran:#?}");
}

#[test]
fn an_etcd_that_cannot_be_read_is_exit_code_3() {
    let refused = Run::new(VALID, &["check", "--startup-timeout", "1s"]).env("PLAY", "refuse").run();
    assert_eq!((refused.code, refused.out.as_str()), (3, ""), "{refused:#?}");
    assert!(refused.err.starts_with("no configuration within 1s"), "{refused:#?}");
    let nobody = run(&["check", "--startup-timeout", "1s", "--endpoints", "127.0.0.1:9"]);
    assert_eq!(nobody.code, 3, "{nobody:#?}");
    assert!(nobody.err.contains("127.0.0.1:9"), "{nobody:#?}");
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_named_as_it_was_written() {
    for (args, named) in [
        (&["chek"][..], "'check'"),
        (&["check", "--endpoints", "ftp://host"], "--endpoints: "),
        (&["check", "--endpoints", "https://h", "--cacert", "/no/such/file"], "--cacert"),
        (&["check", "--endpoints", "h", "--user", "root"], "--user holds no password"),
        (&["check", "--placeholder", "region"], "NAME=VALUE"),
        (&["set", "log_level", "--yes"], "set log_level=VALUE"),
        (&["set", "log_level=x", "listen=y", "--from-file", "f"], "set log_level --from-file FILE"),
        (&["show", "--config", "Limits"], "there is no Limits here: there is Settings"),
    ] {
        let ran = run(args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:#?}");
        assert!(ran.err.contains(named), "{args:?}: {ran:#?}");
    }
}

#[test]
fn a_command_line_that_cannot_be_parsed_is_json_too() {
    for (args, named) in [
        (&["set", "workers=3", "--yess", "--json"][..], "unexpected argument '--yess' found"),
        (&["nope", "--json"], "unrecognized subcommand 'nope'"),
        (&["--json", "history", "--last", "many"], "invalid value 'many' for '--last <COUNT>'"),
        (&["set", "--json"], "the following required arguments were not provided"),
        (&["--json"], "'settings-program' requires a subcommand but one was not provided"),
    ] {
        let ran = run(args);
        let json = ran.json();
        assert_eq!((ran.code, &json["code"], &json["problems"]), (2, &2.into(), &serde_json::json!([])));
        let error = json["error"].as_str().unwrap_or_else(|| panic!("{ran:#?}"));
        assert!(error.starts_with(named) && !error.contains("Usage"), "{args:?}: {ran:#?}");
        assert!(ran.err.contains("--help") && !error.contains("--help"), "{args:?}: {ran:#?}");
    }
    let other = run(&["get", "quite_another", "--json"]).json();
    let members = |json: &serde_json::Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&run(&["nope", "--json"]).json()), members(&other));
    // What was asked for is no failure.
    for args in [&["--help", "--json"][..], &["set", "--json", "--help"]] {
        let help = run(args);
        assert_eq!((help.code, help.err.as_str(), help.out.contains("Usage: ")), (0, "", true), "{help:#?}");
    }
}

#[test]
fn several_configurations_are_one_command_line() {
    let seed = format!("{VALID}/limits/per_second=many\n");
    let run = |args: &[&str]| Run::new(&seed, args).env("SEVERAL", "1").run();
    let check = run(&["check"]);
    assert_eq!(check.code, 1, "{check:#?}");
    assert!(
        check.out.contains("Settings can be read") && check.out.contains("1 problem in Limits"),
        "{check:#?}"
    );
    assert_eq!(run(&["check", "--config", "Settings"]).code, 0);
    assert_eq!(run(&["check", "--json"]).json()[1]["name"], "Limits");
    // By the field alone it is clear which is meant.
    assert_eq!(run(&["get", "mode"]).out, "burst\n");
    assert!(run(&["set", "per_second=5", "--yes"]).out.contains("1 change in Limits below /limits"));
    let one = run(&["watch"]);
    assert_eq!(one.code, 2, "{one:#?}");
    assert!(one.err.contains("name it with --config"), "{one:#?}");
    assert!(run(&["check", "--prefix", "/other"]).err.contains("--config"));
}

#[test]
fn a_pipe_that_is_closed_is_no_panic() {
    let shell = |command: &str| {
        let run = Run::new(VALID, &[]);
        let mut shell = std::process::Command::new("bash");
        for (name, value) in run.command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let program = env!("CARGO_BIN_EXE_settings-program");
        let output =
            shell.args(["-c", &format!("{program} {command} | true; exit ${{PIPESTATUS[0]}}")]).output();
        let output = output.expect("there is a shell");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for command in ["show", "schema", "show --json", "completions bash", "--help"] {
        let (code, error) = shell(command);
        assert!(!error.contains("panicked") && code == Some(0), "{command}: {code:?} {error}");
    }
}

#[test]
fn the_schema_and_completions_need_no_etcd() {
    let run = |args: &[&str]| Run::new("", args).env("PLAY", "refuse").run();
    assert!(run(&["schema"]).out.contains("| `"), "{:#?}", run(&["schema"]));
    assert!(run(&["schema", "--format", "json-schema"]).json()["properties"].is_object());
    assert!(run(&["schema", "--format", "etcdctl"]).out.contains("/payments/log/level"));
    let other =
        run(&["schema", "--format", "etcdctl", "--prefix", "/{zone}/payments", "--placeholder", "zone=eu"]);
    assert!(other.out.contains("/eu/payments/log/level"), "{other:#?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]);
        assert!(script.code == 0 && script.out.contains("database.pool_size"), "{shell}: {script:#?}");
    }
}

/// The seed is written line by line: each line is a revision, from 2 on.
const PAST: &str = "\
/payments/api_token=hunter2
/payments/database/url=postgres://db
/payments/database/pool_size=20
/payments/log/level=debug
/payments/database/pool_size=0
/payments/database/pool_size=30
/payments/other=hidden
";

#[test]
fn history_says_what_was_changed_and_whether_it_could_be_read() {
    let all = run_on(PAST, &["history"]);
    assert_eq!(all.code, 0, "{all:#?}");
    assert!(all.out.contains("7         database.pool_size  database/pool_size  0"), "{all:#?}");
    assert!(all.out.contains("refused: /payments/database/pool_size"), "{all:#?}");
    assert!(!all.out.contains("hunter2") && !all.out.contains("hidden"), "{all:#?}");
    let data = run_on(PAST, &["history", "database.pool_size", "--json"]).json();
    let revisions: Vec<_> = data["steps"].as_array().unwrap().iter().map(|step| &step["revision"]).collect();
    assert_eq!(revisions, [7, 6, 4]);
    assert_eq!(data["steps"][1]["valid"], false);
    for field in ["database/pool_size", "/payments/database", "database"] {
        let json = run_on(PAST, &["history", field, "--json"]).json();
        assert!(json["steps"].as_array().unwrap().len() >= 3, "{field}: {json}");
    }
    let last = run_on(PAST, &["history", "--last", "2"]);
    assert!(last.out.contains("5 older changes are not shown"), "{last:#?}");
    let one = run_on(PAST, &["history", "--from", "4", "--to", "4", "--json"]).json();
    assert_eq!(one["steps"].as_array().unwrap().len(), 1, "{one}");
    assert_eq!(run_on(PAST, &["history", "pol_size"]).code, 2);
}

#[test]
fn history_of_a_field_has_the_changes_of_that_field_only() {
    let mut run = Run::new(VALID, &["history", "database.pool_size"]);
    run.command.env("PLAY", "several at once");
    let text = run.run();
    assert!(text.out.contains("6         database.pool_size") && !text.out.contains("log"), "{text:#?}");
    for (field, keys) in [
        ("database.pool_size", &["/payments/database/pool_size"][..]),
        ("database", &["/payments/database/pool_size", "/payments/database/url"]),
        ("log/level", &["/payments/log/level"]),
    ] {
        let data = Run::new(VALID, &["history", field, "--json", "--from", "6"])
            .env("PLAY", "several at once")
            .run();
        let json = data.json();
        let changes = json["steps"][0]["changes"].as_array().unwrap_or_else(|| panic!("{data:#?}"));
        let keys_there: Vec<&str> = changes.iter().filter_map(|change| change["key"].as_str()).collect();
        assert_eq!(keys_there, keys, "{field}: {data:#?}");
    }
}

#[test]
fn rollback_brings_secrets_back_too() {
    let past = format!("{VALID}/payments/api_token=another\n/payments/features/dark=true\n");
    let back = run_on(&past, &["rollback", "5", "--yes"]);
    assert_eq!(back.code, 0, "{back:#?}");
    assert!(back.after.contains("api_token=hunter2\n") && !back.after.contains("dark"), "{back:#?}");
    assert!(!back.out.contains("hunter2") && !back.out.contains("another"), "{back:#?}");
}

#[test]
fn rollback_is_a_change_like_any_other() {
    let shown = run_on(PAST, &["rollback", "4", "--dry-run"]);
    assert_eq!(shown.code, 0, "{shown:#?}");
    assert!(shown.out.contains("30") && shown.out.contains("A dry run"), "{shown:#?}");
    let back = run_on(PAST, &["rollback", "4", "--yes"]);
    assert!(back.after.contains("database/pool_size=20\n") && !back.after.contains("log/level"), "{back:#?}");
    assert!(!back.out.contains("hidden"), "{back:#?}");
    let refused = run_on(PAST, &["rollback", "6", "--yes"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.after.contains("pool_size=30"), "{refused:#?}");
    let future = run_on(PAST, &["rollback", "999", "--yes"]);
    assert_eq!(future.code, 2, "{future:#?}");
}

pub(crate) fn with_file(seed: &str, name: &str, text: &str, args: &[&str]) -> Ran {
    let mut run = Run::new(seed, &args[..1]);
    let path = run.folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    run.command.arg(path).args(&args[1..]);
    run.run()
}

const PROD: &str = "database:\n  pool_size: 20\nfeatures:\n  dark: true\n";

#[test]
fn a_document_is_compared_and_applied() {
    let diff = with_file(VALID, "prod.yaml", PROD, &["diff"]);
    assert_eq!(diff.code, 1, "{diff:#?}");
    assert!(
        diff.out.starts_with("Settings below /payments at revision 5: 2 keys differ from the document\n"),
        "{diff:#?}"
    );
    assert!(!diff.after.contains("pool_size"), "{diff:#?}");
    let applied = with_file(VALID, "prod.yaml", PROD, &["apply", "--yes"]);
    assert_eq!(applied.code, 0, "{applied:#?}");
    assert!(
        applied.after.contains("database/pool_size=20") && applied.after.contains("features/refunds"),
        "{applied:#?}"
    );
    let same = with_file(
        &format!("{VALID}/payments/database/pool_size=20\n/payments/features/dark=true\n"),
        "prod.yaml",
        PROD,
        &["diff"],
    );
    assert_eq!(same.code, 0, "{same:#?}");
    let json = with_file(VALID, "prod.json", "{\"database\": {\"pool_size\": 20}}", &["diff", "--json"]);
    assert_eq!(json.json()["changes"][0]["new"], "20");
    let replaced =
        with_file(VALID, "prod.toml", "database.url = \"postgres://db\"\n", &["apply", "--replace", "--yes"]);
    assert_eq!(replaced.code, 0, "{replaced:#?}");
    assert!(!replaced.after.contains("refunds") && replaced.after.contains("hunter2"), "{replaced:#?}");
}

#[test]
fn seeding_leaves_what_is_there() {
    let seed = format!("{VALID}/payments/database/pool_size=5\n");
    let ran = with_file(&seed, "prod.yaml", PROD, &["seed", "--yes"]);
    assert!(ran.after.contains("pool_size=5") && ran.after.contains("features/dark=true"), "{ran:#?}");
}

#[test]
fn what_is_wrong_in_a_document_is_named_with_its_line() {
    for (name, text, code, named) in [
        ("a.yaml", "database:\n  pool_size: many\n", 1, "line 2"),
        ("a.yaml", "database:\n  pool_sze: 3\n", 1, "line 2"),
        ("a.yaml", "database: [\n", 2, "a.yaml"),
        ("a.json", "{", 2, "a.json"),
        ("a.ini", "", 2, ".json, .yaml"),
    ] {
        let ran = with_file(VALID, name, text, &["apply", "--yes"]);
        assert_eq!(ran.code, code, "{text:?}: {ran:#?}");
        assert!(ran.err.contains(named), "{text:?}: {ran:#?}");
        assert!(!ran.after.contains("pool_s"), "{text:?}: {ran:#?}");
    }
    let unknown =
        with_file(VALID, "a.yaml", "database:\n  pool_sze: 3\n", &["apply", "--yes", "--allow-unknown"]);
    assert_eq!(unknown.code, 0, "{unknown:#?}");
    let nameless = Run::new(VALID, &["apply", "-", "--yes"]).input("{}").run();
    assert!(nameless.code == 2 && nameless.err.contains("--format"), "{nameless:#?}");
    let input = Run::new(VALID, &["apply", "-", "--format", "yaml", "--yes"]).input(PROD).run();
    assert!(input.after.contains("pool_size=20"), "{input:#?}");
}

#[test]
fn keys_that_no_field_reads_and_values_that_do_not_fit_are_said_at_once() {
    let document = "workerz: 3\ndatabase: {pool_size: many, url: other}\nthreads: 1\nlisten: [1]\n";
    let both = with_file(VALID, "a.yaml", document, &["apply", "--yes"]);
    assert_eq!(both.code, 1, "{both:#?}");
    assert!(both.err.starts_with("3 problems in Settings"), "{both:#?}");
    for named in ["/payments/workerz", "is not a whole number", "line 2, column 12", "line 4, column 1"] {
        assert!(both.err.contains(named), "{named}: {both:#?}");
    }
    // What seeding would not write is not looked at.
    let there = format!("{VALID}/payments/database/pool_size=5\n");
    let seeded = with_file(&there, "a.yaml", document, &["seed", "--yes"]);
    assert!(seeded.err.starts_with("2 problems in Settings"), "{seeded:#?}");
    // What is wrong with others only because a key is not read is not said.
    let misspelt = with_file("", "a.yaml", "database: {urll: x, pool_size: 0}\n", &["apply", "--yes"]);
    assert!(misspelt.err.starts_with("2 problems in Settings"), "{misspelt:#?}");
    assert!(misspelt.err.contains("urll") && misspelt.err.contains("must be at least 1"), "{misspelt:#?}");
}

#[test]
fn what_is_exported_is_applied_without_a_change() {
    for format in ["json", "yaml", "toml", "etcdctl"] {
        let text = run(&["export", "--format", format]);
        assert_eq!(text.code, 0, "{format}: {text:#?}");
        assert!(text.out.contains("postgres://db") && !text.out.contains("hunter2"), "{format}: {text:#?}");
        let same = with_file(VALID, "document", &text.out, &["diff", "--format", format]);
        assert_eq!(same.code, 0, "{format}: {same:#?}");
    }
    assert!(run(&["export", "--secrets"]).out.contains("hunter2"));
    assert_eq!(run(&["export", "--json"]).json()["database"]["url"], "postgres://db");
}

#[test]
fn help_names_the_exit_codes() {
    let help = run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.out.starts_with("Settings of the payment service.\n"), "{help:#?}");
    let own = run(&["set", "--help"]).out;
    let place = |flag: &str| own.find(flag).unwrap_or_else(|| panic!("{flag}: {own}"));
    assert!(place("--from-file <") < place("--dry-run") && place("--yes") < place("--prefix"), "{own}");
    assert!(help.out.contains("4  a conflict") && help.out.contains("ETCDCTL_ENDPOINTS"), "{help:#?}");
}
