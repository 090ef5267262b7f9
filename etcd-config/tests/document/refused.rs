//! What is said of documents that are not right.

use etcd_config::{Document, EtcdConfig, Format, MemoryStore};

use crate::settings::{Settings, store};

#[track_caller]
fn unreadable(text: &str, format: Format, message: &str) {
    let error = Document::parse(text, format).unwrap_err();
    assert!(error.is_invalid_document() && !error.is_invalid());
    assert_eq!(error.to_string(), message);
}

#[test]
fn text_that_is_no_document() {
    let json =
        |text, message: &str| unreadable(text, Format::Json, &format!("JSON cannot be read at {message}"));
    json("{\"a\": 1,\n\"b\" 2}", "line 2, column 5: expected `:`");
    json("[1]", "line 1, column 1: a document is a table of names and values, and this is a list");
    json("{\"a\": {\n  \"b\": 1, \"b\": 2}}", "line 2, column 11: b is there twice, first in line 2");
    json("", "line 1, column 0: EOF while parsing a value");
    json("{\"a\": \"\\ud800\"}", "line 1, column 7: unexpected end of hex escape");
    let yaml =
        |text, message: &str| unreadable(text, Format::Yaml, &format!("YAML cannot be read at {message}"));
    yaml("a: 1\na: 2\n", "line 2, column 1: a is there twice, first in line 1");
    yaml("- a\n", "line 1, column 1: a document is a table of names and values, and this is a list");
    yaml("a: 1\n---\nb: 2\n", "line 2, column 1: a second document begins here, and one is read");
    yaml("? [a, b]\n: c\n", "line 1, column 3: the name of a key is a text, and no list or table");
    yaml(
        "a: !mine b\n",
        "line 1, column 10: a tag that says nothing here: those of YAML itself, such as !!str, are known",
    );
    yaml("a: &x [*x]\n", "line 1, column 8: an alias of something that is around it");
    yaml("a: {<<: 5}\n", "line 1, column 5: `<<` takes a table, or a list of tables");
    let toml =
        |text, message: &str| unreadable(text, Format::Toml, &format!("TOML cannot be read at {message}"));
    toml("a = 1\na = 2\n", "line 2, column 1: duplicate key");
    toml("a = \n", "line 1, column 5: string values must be quoted, expected literal string");
    let commands = |text, message: &str| {
        unreadable(text, Format::Etcdctl, &format!("etcdctl's commands cannot be read at {message}"));
    };
    commands(
        "etcdctl put /a $HOME",
        "line 1, column 16: a shell would replace what $ begins: put the value between single quotation marks",
    );
    commands(
        "\netcdctl put /a b c",
        "line 2, column 1: there are more words than a key and a value: quotation marks may be missing",
    );
    commands(
        "etcdctl put /a",
        "line 1, column 1: there is no value: etcdctl would read it from its standard input",
    );
    commands(
        "etcdctl put --lease=1 /a b",
        "line 1, column 1: there is an option after `put`, and only a key and a value can be read: one that begins with \
         - comes after --",
    );
    commands(
        "etcdctl del /a",
        "line 1, column 1: only commands such as `etcdctl put /key value` can be read",
    );
    commands("etcdctl put /a 1\netcdctl put /a 2", "line 2, column 1: /a is there twice, first in line 1");
}

#[track_caller]
fn refused(text: &str, format: Format, lines: &[&str]) {
    let store = store(&[]);
    let document = Document::parse(text, format).unwrap();
    let error = Settings::edit(&store).unwrap().apply(&document).unwrap_err();
    assert!(error.is_invalid() && !error.is_invalid_document());
    assert_eq!(error.to_string().lines().collect::<Vec<_>>(), lines);
}

#[test]
fn keys_that_no_field_reads() {
    refused(
        "pol-size: 20\nlog:\n  levles: {default: debug}\n  target/x: 1\nupstreams:\n  eu: http://eu\nqqqqqq: {}\n",
        Format::Yaml,
        &[
            "5 problems in Settings",
            "  /payments/pol-size           unknown key; did you mean pool-size (pool_size)? (line 1, column 1)",
            "  /payments/log/levles/default unknown key; did you mean log/levels/default (log_level)? (line 3, column 12)",
            "  /payments/log/target/x       below a key: log/target is the value of log.target: String, not a directory (line 4, column 3)",
            "  /payments/upstreams/eu       a key where a directory is expected: its keys are below it, such as upstreams/eu/url (line 6, column 3)",
            "  /payments/qqqqqq             unknown key; no field reads it (line 7, column 1)",
            "  nothing of the document is taken over; `allow_unknown` (--allow-unknown) takes keys that no field reads",
        ],
    );
    refused(
        "[other]\n'/elsewhere/x' = 1\n",
        Format::Toml,
        &[
            "1 problem in Settings",
            "  /payments/other//elsewhere/x unknown key; no field reads a key with an empty name in it (line 2, column 1)",
            "  nothing of the document is taken over; `allow_unknown` (--allow-unknown) takes keys that no field reads",
        ],
    );
    refused(
        "etcdctl put /payment/workers 1\n",
        Format::Etcdctl,
        &[
            "1 problem in Settings",
            "  /payment/workers it is not below /payments (line 1, column 1)",
            "  nothing of the document is taken over",
        ],
    );
}

#[test]
fn values_of_another_kind() {
    refused(
        "{\"pool-size\": [1],\n \"name\": {\"a\": 1}, \"enabled\": {}, \"limits\": {\"burst\": 1}}",
        Format::Json,
        &[
            "3 problems in Settings",
            "  /payments/pool-size pool_size: u32    a list where one value is expected (line 1, column 2)",
            "  /payments/name      name: String      a table where a text is expected (line 2, column 2)",
            "  /payments/enabled   enabled: bool     a table where one value is expected (line 2, column 20)",
            "  nothing of the document is taken over",
        ],
    );
    refused(
        "numbers: [.inf]\n",
        Format::Yaml,
        &[
            "1 problem in Settings",
            "  /payments/numbers numbers: Vec<u32>    there is inf in it, which JSON does not have (line 1, column 1)",
            "  nothing of the document is taken over",
        ],
    );
}

#[test]
fn values_that_the_plan_refuses_are_found_in_the_document() {
    let yaml = "timeout: 5s\npool-size: many\nnumbers: [1, two]\nlog: {verbosity: 256}\ntoken: x\n";
    let store = MemoryStore::new();
    let document = Document::from_yaml(yaml).unwrap();
    let error = Settings::edit(&store).unwrap().apply(&document).unwrap().plan().unwrap_err();
    let lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "3 problems in Settings",
            "  /payments/pool-size     pool_size: u32       \"many\" is not a whole number from 0 to 4294967295 (line 2, column 1 of the document)",
            "  /payments/numbers       numbers: Vec<u32>    '[1,\"two\"]' is not JSON for Vec<u32>: invalid type: string \"two\", expected u32 at line 1 column 8 (line 3, column 1 of the document)",
            "  /payments/log/verbosity log.verbosity: u8    \"256\" is not a whole number from 0 to 255 (line 4, column 7 of the document)",
            "  based on revision 1: nothing is written",
        ]
    );
    // What has taken its place since is not in the document.
    let edit =
        Settings::edit(&store).unwrap().apply(&Document::from_yaml("pool-size: many").unwrap()).unwrap();
    let error = edit.set_text("pool-size", "more").plan().unwrap_err();
    assert!(!error.to_string().contains("document"), "{error}");
}

#[test]
fn a_misspelt_name_is_told_the_field_also_if_that_is_stored() {
    let store = store(&[("pool-size", "20")]);
    let what = |text: &str| {
        let document = Document::from_yaml(text).unwrap();
        let error = Settings::edit(&store).unwrap().apply(&document).unwrap_err();
        error.problems()[0].what().to_owned()
    };
    assert_eq!(what("pol-size: 3"), "unknown key; did you mean pool-size (pool_size)? (line 1, column 1)");
    let beside = "unknown key; it is like pool-size, which is there (line 2, column 1)";
    assert_eq!(what("pool-size: 3\npol-size: 3"), beside);
}

#[test]
fn unknown_keys_are_taken_where_that_is_asked_for() {
    let yaml = "pool-size: 20\nextra: {list: [1, 2], text: 007, yes: true, gone: null}\n";
    let store = store(&[("extra/gone", "x")]);
    let document = Document::from_yaml(yaml).unwrap().allow_unknown();
    let plan = Settings::edit(&store).unwrap().apply(&document).unwrap().plan().unwrap();
    assert_eq!(plan.warnings().len(), 3, "{plan}");
    plan.commit().unwrap();
    let text = |key: &str| crate::settings::text(&store, key);
    assert_eq!(text("extra/list").as_deref(), Some("[1,2]"));
    assert_eq!(text("extra/text").as_deref(), Some("007"));
    assert_eq!(text("extra/yes").as_deref(), Some("true"));
    assert_eq!(text("extra/gone"), None);
    let empty = Document::from_json(r#"{"extra//x": 1}"#).unwrap().allow_unknown();
    assert!(Settings::edit(&store).unwrap().apply(&empty).unwrap_err().is_invalid());
}

#[test]
fn no_secret_is_in_what_is_said() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/app")]
    #[allow(dead_code)]
    struct Guarded {
        #[etcd(secret)]
        pin: u16,
    }
    let document = Document::from_yaml("pin: hunter2\n").unwrap();
    assert!(!format!("{document:?}").contains("hunter2"));
    let edit = Guarded::edit(MemoryStore::new()).unwrap().apply(&document).unwrap();
    assert!(!format!("{edit:?}").contains("hunter2"));
    let error = edit.plan().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    assert!(error.to_string().contains("(line 1, column 1 of the document)"), "{error}");
}
