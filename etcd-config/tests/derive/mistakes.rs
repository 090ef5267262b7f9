//! What a person is told of mistakes in the contents of keys: the words themselves.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use etcd_client_core::{Batch, Change, Entry, Prefix};
use etcd_config::__private::{self, Context, KeyTree};
use etcd_config::{EtcdConfig, Secret};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::keys::{Keys, lines, problems};

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Level {
    Debug,
    Info,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct App {
    #[etcd(default = 8080)]
    port: u16,
    limit: Option<u32>,
    #[etcd(default = true)]
    debug: bool,
    #[etcd(default = 0.5)]
    ratio: f64,
    #[etcd(default = "info")]
    level: Level,
    #[etcd(default = "billing")]
    name: String,
    #[etcd(default = "[80, 443]")]
    ports: Vec<u16>,
    #[etcd(default)]
    hosts: Vec<String>,
    #[etcd(with = humantime_serde, default = "30s")]
    timeout: Duration,
    #[etcd(default_fn = second)]
    plain: Duration,
    #[etcd(default = "127.0.0.1:80")]
    listen: SocketAddr,
    #[etcd(default)]
    labels: BTreeMap<String, String>,
    #[etcd(decode_with = even, default = "12 and 34")]
    pair: String,
    #[etcd(map)]
    features: HashMap<String, bool>,
    #[etcd(secret, with = humantime_serde, default = "10s")]
    hidden: Duration,
    #[etcd(secret, default = 5)]
    pin: u32,
}

fn second() -> Duration {
    Duration::from_secs(1)
}

fn even(text: &str) -> Result<String, &'static str> {
    if text.contains(" and ") { Ok(text.to_owned()) } else { Err("there is no `and`") }
}

/// What is said of one value.
#[track_caller]
fn said(key: &str, value: &str) -> String {
    let keys = Keys::of::<App>("/app", &[(&format!("/app/{key}"), value)]);
    let found = keys.decode::<App>().expect_err("must be refused");
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].what().to_owned()
}

#[test]
fn what_would_do_is_shown_where_it_is_not_plain_from_the_type() {
    for (key, value, what) in [
        ("timeout", "30", "\"30\" is not a duration (such as 30s or 5m)"),
        (
            "listen",
            "localhost:80",
            "\"localhost:80\" is not a socket address (such as 127.0.0.1:8080): invalid socket address syntax",
        ),
        (
            "listen",
            "10.0.0.1",
            "\"10.0.0.1\" is not a socket address (such as 127.0.0.1:8080): invalid socket address syntax; \
             the port is missing",
        ),
        ("pair", "x", "\"x\" is not a valid String (such as 12 and 34): there is no `and`"),
        (
            "ports",
            "x",
            "\"x\" is not JSON for Vec<u16> (such as [80, 443]): expected value at line 1 column 1",
        ),
        (
            "plain",
            "30s",
            "\"30s\" is not JSON for Duration: invalid type: integer `30`, expected struct Duration at line 1 \
             column 2; for values such as 30s mark the field with #[etcd(with = humantime_serde)]",
        ),
        // Of a secret nothing is shown, not even the default.
        ("hidden", "30", "(secret) is not a duration (such as 30s or 5m)"),
        ("pin", "1_000", "(secret) is not a whole number from 0 to 4294967295"),
        ("pin", "", "(secret) is not a whole number from 0 to 4294967295"),
    ] {
        assert_eq!(said(key, value), what);
    }
}

#[test]
fn what_was_meant_is_asked_where_it_would_do() {
    for (key, value, meant) in [
        ("debug", "True", "true"),
        ("debug", "yes", "true"),
        ("debug", "0", "false"),
        ("port", "1_000", "1000"),
        ("port", "1,000", "1000"),
        ("port", "0x10", "16"),
        ("port", "80.0", "80"),
        ("port", "1e3", "1000"),
        ("port", "\"30\"", "30"),
        ("port", "\u{feff}80", "80"),
        ("ratio", "1,5", "1.5"),
        ("level", "Debug", "debug"),
        ("level", "debgu", "debug"),
        ("ports", "80,443", "[80, 443]"),
        ("hosts", "a,b", "[\"a\", \"b\"]"),
        ("hosts", "[a, b]", "[\"a\", \"b\"]"),
        ("hosts", "[\"a\",]", "[\"a\"]"),
        ("timeout", "\"30s\"", "30s"),
        ("labels", "{'a': 'b'}", "{\"a\": \"b\"}"),
        ("features/dark", "on", "true"),
    ] {
        let said = said(key, value);
        assert!(said.ends_with(&format!("; did you mean {meant}?")), "{said}");
    }
}

#[test]
fn nothing_is_made_up_where_it_is_not_known_what_was_meant() {
    for (key, value, what) in [
        ("port", "65536", "\"65536\" is not a whole number from 0 to 65535"),
        ("port", "0x10000", "\"0x10000\" is not a whole number from 0 to 65535"),
        ("port", "-1", "\"-1\" is not a whole number from 0 to 65535"),
        ("port", "80.5", "\"80.5\" is not a whole number from 0 to 65535"),
        ("port", "80ms", "\"80ms\" is not a whole number from 0 to 65535; a number has no unit here"),
        ("ratio", "1,000", "\"1,000\" is not a number"),
        ("ratio", "50%", "\"50%\" is not a number; a number has no unit here"),
        ("level", "loud", "\"loud\" is not one of debug, info"),
        ("debug", "maybe", "\"maybe\" is not true or false"),
        (
            "port",
            "8\u{0}0\u{0}",
            "\"8\\00\\0\" is not a whole number from 0 to 65535; there are zero bytes in it, as UTF-16 has: write \
             it as UTF-8",
        ),
    ] {
        assert_eq!(said(key, value), what);
    }
}

#[test]
fn an_empty_value_is_no_absent_one() {
    for (key, value, what) in [
        ("port", "", "\"\" is not a whole number from 0 to 65535; delete the key for the default, 8080"),
        ("port", "\n", "\"\\n\" is not a whole number from 0 to 65535; delete the key for the default, 8080"),
        ("limit", "", "\"\" is not a whole number from 0 to 4294967295; delete the key for `None`"),
        ("limit", "null", "\"null\" is not a whole number from 0 to 4294967295; delete the key for `None`"),
        ("debug", "", "\"\" is not true or false; delete the key for the default, true"),
        ("features/dark", "", "\"\" is not true or false"),
    ] {
        assert_eq!(said(key, value), what);
    }
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Bare {
    listen: SocketAddr,
    host: IpAddr,
    id: Uuid,
    #[etcd(with = humantime_serde)]
    timeout: Duration,
    #[etcd(decode_with = hex)]
    mask: u32,
    letter: char,
    names: HashMap<String, u8>,
}

fn hex(text: &str) -> Result<u32, std::num::ParseIntError> {
    u32::from_str_radix(text, 16)
}

#[test]
fn white_space_around_does_not_count_where_the_type_does_not_take_it() {
    let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let keys = |end: &str| {
        let values = ["127.0.0.1:80", "::1", id, "30s", "ff", "x", "{\"a\": 1}"];
        let names = ["listen", "host", "id", "timeout", "mask", "letter", "names"];
        let pairs: Vec<(String, String)> = names
            .iter()
            .zip(values)
            .map(|(name, value)| (format!("/app/{name}"), format!("{value}{end}")))
            .collect();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (&**key, &**value)).collect();
        Keys::of::<Bare>("/app", &pairs)
    };
    let bare = keys("").decode::<Bare>().unwrap();
    for end in ["\n", "\r\n", " ", " \n"] {
        let keys = keys(end);
        assert_eq!(keys.decode::<Bare>().as_ref(), Ok(&bare), "{end:?}");
        assert_eq!(keys.warnings(), [], "{end:?}");
    }
    assert_eq!(Keys::of::<Letter>("/app", &[("/app/letter", " \n")]).decode(), Ok(Letter { letter: ' ' }));
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Letter {
    letter: char,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Texts {
    name: Option<String>,
    token: Option<Secret<String>>,
    path: Option<PathBuf>,
    #[etcd(map)]
    notes: HashMap<String, String>,
}

#[test]
fn a_string_keeps_what_may_not_be_meant_and_that_is_a_warning() {
    let line_break =
        "the value ends with a line break, which is part of it: `echo` adds one, `printf %s` does not";
    let quotes = "the value has quotation marks around it, which are part of it: write it without them";
    for (key, value, what) in [
        ("name", "x\n", format!("/app/name name: Option<String>: {line_break}")),
        ("name", "x\r\n", format!("/app/name name: Option<String>: {line_break}")),
        ("path", "/etc\n", format!("/app/path path: Option<PathBuf>: {line_break}")),
        ("notes/a", "x\n", format!("/app/notes/a notes.a: String: {line_break}")),
        ("token", "hush\n", format!("/app/token token: Option<Secret<String>>: {line_break}")),
        ("name", "\"x\"", format!("/app/name name: Option<String>: {quotes}")),
        (
            "name",
            "\u{feff}x",
            "/app/name name: Option<String>: the value begins with a byte order mark, which is part of it: write \
             it without"
                .to_owned(),
        ),
        (
            "name",
            "x\u{0}y\u{0}",
            "/app/name name: Option<String>: the value has zero bytes in it, as UTF-16 has: write it as UTF-8"
                .to_owned(),
        ),
    ] {
        let keys = Keys::of::<Texts>("/app", &[(&format!("/app/{key}"), value)]);
        assert_eq!(lines(&keys.warnings()), [what], "{value:?}");
        let texts = keys.decode::<Texts>().unwrap();
        if key == "name" {
            assert_eq!(texts.name.as_deref(), Some(value), "it is taken as it is");
        }
    }
    // Several lines end with a line break, and a quotation is no string in quotation marks.
    for value in ["a\nb\n", "", "\"a\" and \"b\"", "\"", "x "] {
        assert_eq!(Keys::of::<Texts>("/app", &[("/app/name", value)]).warnings(), [], "{value:?}");
    }
}

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(deny_unknown_keys)]
struct Strict {
    name: String,
}

#[test]
fn an_odd_string_is_no_unknown_key() {
    let keys = Keys::of::<Strict>("/app", &[("/app/name", "x\n")]);
    assert_eq!(keys.decode(), Ok(Strict { name: "x\n".to_owned() }));
    assert!(!keys.warnings()[0].is_harmless());
}

#[derive(EtcdConfig, Debug)]
struct Raw {
    document: Box<RawValue>,
    other: Option<Box<RawValue>>,
    #[etcd(map)]
    each: HashMap<String, Box<RawValue>>,
}

#[test]
fn raw_json_is_a_value() {
    let document = "{ \"a\": 1.10, \"b\": [12345678901234567890.12] }";
    let pairs = [("/app/document", document), ("/app/other", "1.10\n"), ("/app/each/a", "null")];
    let raw = Keys::of::<Raw>("/app", &pairs).decode::<Raw>().unwrap();
    assert_eq!(
        (raw.document.get(), raw.other.unwrap().get(), raw.each["a"].get()),
        (document, "1.10", "null")
    );
    let raw = Keys::of::<Raw>("/app", &pairs[..1]).decode::<Raw>().unwrap();
    assert!(raw.other.is_none() && raw.each.is_empty());
    assert_eq!(
        problems::<Raw>("/app", &[("/app/document", "x")]),
        [
            "/app/document document: Box<RawValue>: \"x\" is not JSON: expected value at line 1 column 1 (set at revision 1)"
        ]
    );
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Service {
    #[etcd(nested)]
    database: Database,
    #[etcd(nested)]
    replica: Option<Database>,
    #[etcd(map)]
    features: HashMap<String, bool>,
    #[etcd(default = 1, alias = "poolsize")]
    pool_size: u32,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Database {
    url: String,
    user: String,
}

#[test]
fn a_document_in_the_place_of_a_directory_is_named_once() {
    let document = "{\"url\": \"hush\", \"user\": \"a\"}";
    let keys = Keys::of::<Service>("/app", &[("/app/database", document)]);
    let of_struct = "a key where a directory is expected, and in it a JSON object: each field has a key of its own, \
                     such as database/url; for a struct in one key leave `nested` out of the source, and derive \
                     serde's `Deserialize` for it";
    assert_eq!(
        lines(&keys.decode::<Service>().unwrap_err()),
        [
            format!("/app/database: {of_struct}"),
            "/app/database/url database.url: String: required, but there is no such key".to_owned(),
            "/app/database/user database.user: String: required, but there is no such key".to_owned(),
        ]
    );
    let good = [("/app/database/url", "x"), ("/app/database/user", "x")];
    for (key, what) in [
        ("/app/replica", of_struct.replace("database/url", "replica/url")),
        (
            "/app/features",
            "a key where a directory is expected, and in it a JSON object: each entry has a key of its own, such as \
             features/<name>; for a map in one key leave `map` or `nested` out of the source"
                .to_owned(),
        ),
    ] {
        let keys = Keys::of::<Service>("/app", &[good[0], good[1], (key, document)]);
        assert_eq!(lines(&keys.warnings()), [format!("{key}: {what}")]);
    }
    let keys = Keys::of::<Service>("/app", &[good[0], good[1], ("/app/features", "true")]);
    let what =
        "/app/features: a key where a directory is expected: its keys are below it, such as features/<name>";
    assert_eq!(lines(&keys.warnings()), [what]);
}

#[test]
fn keys_that_are_written_almost_right() {
    let good = [("/app/database/url", "x"), ("/app/database/user", "x")];
    for (key, what) in [
        ("/app/pool_size/", "unknown key; it has a slash too many: did you mean pool_size?"),
        ("/app//pool_size", "unknown key; it has a slash too many: did you mean pool_size?"),
        ("/app//other", "unknown key; no field reads a key with an empty name in it"),
        ("/app/Pool_Size", "unknown key; did you mean pool_size?"),
        ("/app/poolSize", "unknown key; did you mean pool_size?"),
        ("/app/poolsize", "poolsize is an old name of pool_size, which counts where both are there"),
        ("/app/features/a/b", "below a key: features/a is the value of features.a: bool, not a directory"),
    ] {
        let keys = Keys::of::<Service>("/app", &[good[0], good[1], (key, "2")]);
        assert_eq!(lines(&keys.warnings()), [format!("{key}: {what}")]);
    }
    assert_eq!(
        problems::<Service>("/app", &[good[0], ("/app/database/user/", "x")]),
        [
            "/app/database/user database.user: String: required, but there is no such key, only a directory of that \
          name; is it /app/database/user/, which no field reads?"
        ]
    );
}

#[test]
fn a_name_that_is_no_text_is_not_taken_for_itself() {
    let prefix = Prefix::new("/app");
    let context = Context::with_environment::<Service>(prefix.clone(), |_| None);
    let mut tree = KeyTree::new(prefix);
    let put = |key: Vec<u8>| Change::Put(Entry { key: key.into(), value: "true".into(), revision: 5 });
    let deep = format!("/app/{}x", "a/".repeat(64));
    let changes = vec![put(b"/app/features/\xff\xfe".to_vec()), put(deep.clone().into_bytes())];
    tree.apply(&Batch { revision: 5, changes });
    let warnings = lines(&__private::warnings(context.schema(), &tree, None));
    assert_eq!(
        warnings[1],
        "/app/features/\u{fffd}\u{fffd}: unknown key; its name is not UTF-8, which no field's is: \
         features/\\xff\\xfe"
    );
    assert_eq!(warnings[0], format!("{deep}: unknown key; it is too deep for any field"));
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Spelt {
    #[etcd(default = "Lifo")]
    order: Order,
    #[etcd(default = "info", validate = known)]
    level: String,
    #[etcd(default = "a")]
    picky: Picky,
    #[etcd(default = "a", secret)]
    token: Picky,
}

#[derive(serde::Deserialize, Debug, PartialEq)]
enum Order {
    Fifo,
    Lifo,
}

fn known(level: &str) -> Result<(), &'static str> {
    if level == "info" { Ok(()) } else { Err("not debug, info or warn") }
}

/// A type that says what it was given.
#[derive(Debug, PartialEq)]
struct Picky;

impl<'de> serde::Deserialize<'de> for Picky {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let phrase = format!("something other than {text}");
        let unexpected = serde::de::Unexpected::Str(&text);
        if text == "a" {
            Ok(Self)
        } else {
            Err(serde::de::Error::invalid_value(unexpected, &phrase.as_str()))
        }
    }
}

#[test]
fn a_variant_in_another_case_is_likelier_than_one_with_another_letter() {
    assert_eq!(
        problems::<Spelt>("/app", &[("/app/order", "lifo")]),
        [
            "/app/order order: Order: \"lifo\" is not one of Fifo, Lifo; did you mean Lifo? (set at revision 1)"
        ]
    );
}

#[test]
fn a_line_break_that_a_check_refuses_is_named() {
    for value in ["debug\n", "debug\r\n"] {
        assert_eq!(
            problems::<Spelt>("/app", &[("/app/level", value)]),
            [format!(
                "/app/level level: String: {value:?} is refused: not debug, info or warn; the value ends with a line \
                 break, which is part of it: `echo` adds one, `printf %s` does not (set at revision 1)"
            )]
        );
    }
    let without = problems::<Spelt>("/app", &[("/app/level", "debug")]).concat();
    assert!(!without.contains("line break"), "{without}");
}

#[test]
fn what_a_type_says_of_a_value_gives_no_secret_away_and_makes_no_lines() {
    let found = problems::<Spelt>("/app", &[("/app/token", "hushhush")]);
    assert_eq!(found, ["/app/token token: Picky: (secret) is not a valid Picky (set at revision 1)"]);
    let found = problems::<Spelt>("/app", &[("/app/picky", "x\n  /app/level forged\u{1b}[2J")]).concat();
    assert!(found.contains("is not something other than x\\n"), "{found}");
    assert!(!found.contains('\n') && !found.contains('\u{1b}'), "{found}");
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Tenants {
    #[etcd(nested)]
    tenants: BTreeMap<String, Tenant>,
    #[etcd(nested)]
    tls: Option<Tls>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Tenant {
    from: String,
    #[etcd(default = true)]
    enabled: bool,
    #[etcd(default = 1)]
    size: u8,
    #[etcd(default = 1)]
    weight: u8,
    #[etcd(default = 1)]
    zone: u8,
    #[etcd(nested)]
    database: Option<Tls>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Tls {
    cert: String,
    key: String,
}

#[test]
fn a_half_written_entry_names_what_is_there_and_the_way_out() {
    let txn = "write all of it in one edit, or in one `etcdctl txn`";
    let missing = |key: &str, rest: &str| {
        let field = key.replace('/', ".");
        format!("/app/{key} {field}: String: required, but there is no such key; {rest}")
    };
    let mut keys = Keys::of::<Tenants>("/app", &[]);
    let mut value = keys.decode::<Tenants>().unwrap();
    let refused = keys.update(&mut value, &[("/app/tenants/foo/enabled", Some("true"))]).unwrap_err();
    let only = format!("of the entry foo there is only /app/tenants/foo/enabled: {txn}");
    assert_eq!(lines(&refused), [missing("tenants/foo/from", &only)]);
    // The rest of it, and no word is lost about it.
    keys.update(&mut value, &[("/app/tenants/foo/from", Some("x"))]).unwrap();

    let only = format!("of this directory there is only /app/tls/key: {txn}");
    assert_eq!(problems::<Tenants>("/app", &[("/app/tls/key", "x")]), [missing("tls/cert", &only)]);

    let many = ["enabled", "size", "weight", "zone"].map(|name| format!("/app/tenants/foo/{name}"));
    let pairs: Vec<(&str, &str)> =
        many.iter().map(|key| (key.as_str(), if key.ends_with("enabled") { "true" } else { "1" })).collect();
    let only = format!("of the entry foo there is only {}, {}, {}, ...: {txn}", many[0], many[1], many[2]);
    assert_eq!(problems::<Tenants>("/app", &pairs), [missing("tenants/foo/from", &only)]);
    // A misspelt key is the likelier cause.
    let found = problems::<Tenants>("/app", &[("/app/tenants/foo/form", "x")]);
    assert_eq!(found, [missing("tenants/foo/from", "is it /app/tenants/foo/form, which no field reads?")]);
}

/// Each is looked for among all fields, and nobody reads them all.
#[test]
fn of_very_many_half_written_entries_the_first_are_explained() {
    #[derive(EtcdConfig, Debug, PartialEq)]
    struct Many {
        #[etcd(nested)]
        entries: BTreeMap<String, Half>,
    }
    #[derive(EtcdConfig, Debug, PartialEq)]
    struct Half {
        one: u32,
        two: u32,
        three: u32,
    }
    let written: Vec<(String, &str)> =
        (0..5_000).map(|number| (format!("/app/entries/{number}/one"), "1")).collect();
    let pairs: Vec<(&str, &str)> = written.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let problems = Keys::of::<Many>("/app", &pairs).decode::<Many>().unwrap_err();
    let explained = problems.iter().filter(|problem| problem.what().contains("write all of it")).count();
    assert_eq!((problems.len(), explained), (10_000, 100));
}
