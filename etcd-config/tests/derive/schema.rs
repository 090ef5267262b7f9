//! What there is to set, as data, and what is set, as a table.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use etcd_client_core::Prefix;
use etcd_config::__private::Context;
use etcd_config::{__private, EtcdConfig, FieldDefault, Origin};
use serde::Deserialize;

use crate::keys::Keys;

/// Settings of the service.
///
/// They are read from etcd.
#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/service")]
struct Settings {
    /// Address to listen on.
    #[etcd(default = "127.0.0.1:8080", restart)]
    listen: SocketAddr,
    /// Lowest level that is
    /// logged | or not.
    #[etcd(key = "log/level", default = "info", alias = "log_level")]
    log_level: Level,
    #[etcd(default = -5, env = "OFFSET")]
    offset: i16,
    max: Option<u32>,
    #[etcd(nested)]
    database: Database,
    #[etcd(nested)]
    tls: Option<Tls>,
    #[etcd(map)]
    features: HashMap<String, bool>,
    #[etcd(nested)]
    upstreams: BTreeMap<String, Upstream>,
    #[etcd(default, deprecated = "use limits")]
    limits: Limits,
    #[etcd(default = "it's")]
    name: String,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Database {
    url: String,
    #[etcd(secret)]
    password: String,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Tls {
    cert: String,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Upstream {
    addr: SocketAddr,
    #[etcd(default = 1)]
    weight: u8,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Level {
    Debug,
    Info,
}

#[derive(Deserialize, Debug, Default, PartialEq)]
struct Limits {
    burst: u32,
}

#[test]
fn fields_as_data() {
    let schema = Settings::schema();
    assert_eq!((schema.name(), schema.prefix()), ("Settings", "/service"));
    assert_eq!(schema.docs(), "Settings of the service.\n\nThey are read from etcd.");
    let rows: Vec<_> =
        schema.fields().iter().map(|field| (field.key(), field.path(), field.type_name())).collect();
    let expected = [
        ("/service/listen", "listen", "SocketAddr"),
        ("/service/log/level", "log_level", "Level"),
        ("/service/offset", "offset", "i16"),
        ("/service/max", "max", "Option<u32>"),
        ("/service/database/url", "database.url", "String"),
        ("/service/database/password", "database.password", "String"),
        ("/service/tls/cert", "tls.cert", "String"),
        ("/service/features/<name>", "features.<name>", "bool"),
        ("/service/upstreams/<name>/addr", "upstreams.<name>.addr", "SocketAddr"),
        ("/service/upstreams/<name>/weight", "upstreams.<name>.weight", "u8"),
        ("/service/limits", "limits", "Limits"),
        ("/service/name", "name", "String"),
    ];
    assert_eq!(rows, expected);
    let field = |path: &str| schema.fields().iter().find(|field| field.path() == path).unwrap();
    assert_eq!(field("listen").default(), FieldDefault::Text("127.0.0.1:8080"));
    assert_eq!(field("limits").default(), FieldDefault::Expression("Limits::default()"));
    assert_eq!(field("max").default(), FieldDefault::Absent);
    assert!(field("listen").is_restart() && !field("listen").is_required());
    assert!(field("database.url").is_required() && !field("database.url").is_in_optional());
    assert!(field("tls.cert").is_required() && field("tls.cert").is_in_optional());
    assert!(field("database.password").is_secret());
    assert_eq!(field("limits").deprecated(), Some("use limits"));
    assert_eq!(field("offset").env(), Some("OFFSET"));
    assert_eq!(field("log_level").aliases(), ["log_level"]);
    assert_eq!(field("log_level").docs(), "Lowest level that is\nlogged | or not.");
}

#[test]
fn as_a_markdown_table() {
    let expected = "\
Settings of the service.

They are read from etcd.

| Key | Type | Default | Notes | Description |
| --- | --- | --- | --- | --- |
| `/service/listen` | `SocketAddr` | `127.0.0.1:8080` | takes effect after a restart | Address to listen on. |
| `/service/log/level` | `Level` | `info` | also `log_level` | Lowest level that is logged \\| or not. |
| `/service/offset` | `i16` | `-5` | overridden by `OFFSET` |  |
| `/service/max` | `Option<u32>` | absent |  |  |
| `/service/database/url` | `String` | required |  |  |
| `/service/database/password` | `String` | required | secret |  |
| `/service/tls/cert` | `String` | required |  |  |
| `/service/features/<name>` | `bool` | no entries |  |  |
| `/service/upstreams/<name>/addr` | `SocketAddr` | required |  |  |
| `/service/upstreams/<name>/weight` | `u8` | `1` |  |  |
| `/service/limits` | `Limits` | `Limits::default()` | deprecated: use limits |  |
| `/service/name` | `String` | `it's` |  |  |
";
    assert_eq!(Settings::schema().to_markdown(), expected);
}

#[test]
fn as_commands_that_write_the_defaults() {
    let expected = "\
etcdctl put /service/listen 127.0.0.1:8080
etcdctl put /service/log/level info
etcdctl put /service/offset -- -5
# etcdctl put /service/max ...   (Option<u32>, optional)
# etcdctl put /service/database/url ...   (String, required)
# etcdctl put /service/database/password ...   (String, required)
# etcdctl put /service/tls/cert ...   (String, required)
# etcdctl put '/service/features/<name>' ...   (bool, optional)
# etcdctl put '/service/upstreams/<name>/addr' ...   (SocketAddr, required)
# etcdctl put '/service/upstreams/<name>/weight' 1   (u8)
# etcdctl put /service/limits ...   (Limits, default Limits::default())
etcdctl put /service/name 'it'\\''s'
";
    assert_eq!(Settings::schema().to_etcdctl(), expected);
}

#[test]
fn as_a_json_schema() {
    let schema: serde_json::Value = serde_json::from_str(&Settings::schema().to_json_schema()).unwrap();
    let upstream = serde_json::json!({
        "type": "object",
        "properties": {
            "addr": {"type": "string"},
            "weight": {"type": "integer", "minimum": 0, "maximum": 255, "default": 1},
        },
        "required": ["addr"],
    });
    let database = serde_json::json!({
        "type": "object",
        "properties": {"url": {"type": "string"}, "password": {"type": "string", "writeOnly": true}},
        "required": ["password", "url"],
    });
    let level = serde_json::json!({
        "type": "object",
        "properties": {"level": {
            "anyOf": [{"enum": ["debug", "info"]}, {"type": "object"}],
            "default": "info",
            "description": "Lowest level that is\nlogged | or not.",
        }},
    });
    let expected = serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings",
        "description": "Settings of the service.\n\nThey are read from etcd.",
        "type": "object",
        "properties": {
            "listen": {"type": "string", "default": "127.0.0.1:8080", "description": "Address to listen on."},
            "log": level,
            "offset": {"type": "integer", "minimum": -32768, "maximum": 32767, "default": -5},
            "max": {"type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32},
            "database": database,
            "tls": {"type": "object", "properties": {"cert": {"type": "string"}}, "required": ["cert"]},
            "features": {"type": "object", "additionalProperties": {"type": "boolean"}},
            "upstreams": {"type": "object", "additionalProperties": upstream},
            "limits": {"type": "object", "properties": {"burst": {}}, "deprecated": true},
            "name": {"type": "string", "default": "it's"},
        },
        "required": ["database"],
    });
    assert_eq!(schema, expected);
}

#[test]
fn an_absolute_key_is_where_it_is_in_the_json_schema() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/app")]
    struct App {
        #[etcd(nested)]
        _one: Shared,
        #[etcd(nested)]
        _other: Option<Shared>,
        #[etcd(key = "/elsewhere/x", default = 1)]
        _outside: u8,
    }
    #[derive(EtcdConfig)]
    struct Shared {
        #[etcd(key = "/app/common/region")]
        _region: String,
        #[etcd(key = "/app/common/zone")]
        _zone: Option<String>,
        #[etcd(key = "size", default = 1)]
        _size: u8,
    }
    let schema: serde_json::Value = serde_json::from_str(&App::schema().to_json_schema()).unwrap();
    let size = serde_json::json!({"type": "integer", "minimum": 0, "maximum": 255, "default": 1});
    let shared = serde_json::json!({"type": "object", "properties": {"size": size}});
    let text = serde_json::json!({"type": "string"});
    let common = serde_json::json!({
        "type": "object", "properties": {"region": text, "zone": text}, "required": ["region"],
    });
    let expected = serde_json::json!({"_one": shared, "_other": shared, "common": common});
    assert_eq!(schema["properties"], expected);
}

#[test]
fn a_recursive_struct_has_a_definition() {
    #[derive(EtcdConfig, Debug)]
    struct Tree {
        #[etcd(default = 0)]
        _weight: u8,
        #[etcd(nested)]
        _children: BTreeMap<String, Tree>,
    }
    let schema: serde_json::Value = serde_json::from_str(&Tree::schema().to_json_schema()).unwrap();
    let children = serde_json::json!({"type": "object", "additionalProperties": {"$ref": "#/$defs/Tree"}});
    assert_eq!(schema["properties"]["_children"], children);
    assert_eq!(schema["$defs"]["Tree"]["properties"]["_children"], children);
}

#[test]
fn where_each_value_comes_from() {
    let pairs = [
        ("/service/listen", "0.0.0.0:1"),
        ("/service/log_level", "debug"),
        ("/service/database/url", "pg://db"),
        ("/service/database/password", "hush"),
        ("/service/features/new_ui", "true"),
        ("/service/upstreams/a/addr", "10.0.0.1:80"),
    ];
    let mut keys = Keys::with_environment::<Settings>("/service", &pairs, &[("OFFSET", "3")]);
    let mut settings = keys.decode::<Settings>().unwrap();
    assert_eq!(settings.offset, 3);
    keys.update(&mut settings, &[("/service/listen", Some("0.0.0.0:2")), ("/service/max", Some("9"))])
        .unwrap();
    let unpublished = keys.change(&[
        ("/service/name", Some("refused")),
        ("/service/max", None),
        ("/service/features/new_ui", None),
        ("/service/features/other", Some("true")),
        ("/service/upstreams/a/addr", None),
        ("/service/database/url", Some("pg://db")),
    ]);
    let expected = "\
FIELD              KEY                         IN FORCE           SOURCE       REVISION
listen             /service/listen             0.0.0.0:1          etcd         1         a change waits for a restart: \"0.0.0.0:2\" (set at revision 2)
log_level          /service/log_level          debug              etcd         1         an old name of log/level
offset             /service/offset             3                  environment  -
max                /service/max                9                  etcd         2         the key is deleted in the store, which is refused, or newer than the snapshot
database.url       /service/database/url       pg://db            etcd         3
database.password  /service/database/password  •••                etcd         1
tls                /service/tls                -                  absent       -
features.other     /service/features/other     -                  absent       -         the store has \"true\" (set at revision 3), which is refused, or newer than the snapshot
features.new_ui    /service/features/new_ui    true               etcd         1         the key is deleted in the store, which is refused, or newer than the snapshot
upstreams.a.addr   /service/upstreams/a/addr   10.0.0.1:80        etcd         1         the key is deleted in the store, which is refused, or newer than the snapshot
limits             /service/limits             Limits::default()  default      -
name               /service/name               it's               default      -         the store has \"refused\" (set at revision 3), which is refused, or newer than the snapshot";
    let explanation = __private::explain(&keys.tree, &keys.context, &unpublished, false);
    assert_eq!(explanation.to_string(), expected);
    assert_eq!(explanation.rows()[5].value(), None, "a secret is no data either");
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Sides {
    #[etcd(default = 1)]
    plain: u8,
    #[etcd(default = 1, alias = "old/name")]
    renamed: u8,
    #[etcd(secret, default = "hush1")]
    token: String,
    #[etcd(secret, restart, default = "hush2")]
    pinned_token: String,
    #[etcd(restart, nested)]
    pinned: PinnedSides,
    #[etcd(default = 1, env = "SIDES_FROM_ENVIRONMENT")]
    outside: u8,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct PinnedSides {
    #[etcd(default = 1)]
    one: u8,
    #[etcd(default = 1)]
    two: u8,
    #[etcd(map)]
    many: BTreeMap<String, u8>,
}

#[test]
fn what_is_stored_and_what_is_in_force_are_both_there() {
    let pairs = [
        ("/sides/plain", "2"),
        ("/sides/old/name", "3"),
        ("/sides/token", "hush3"),
        ("/sides/pinned/one", "4"),
        ("/sides/pinned/many/a", "5"),
        ("/sides/pinned/many/b", "6"),
        ("/sides/outside", "7"),
    ];
    let mut keys = Keys::with_environment::<Sides>("/sides", &pairs, &[("SIDES_FROM_ENVIRONMENT", "8")]);
    keys.decode::<Sides>().unwrap();
    let unpublished = keys.change(&[
        ("/sides/plain", Some("x\u{1b}[2J")),
        ("/sides/renamed", Some("9")),
        ("/sides/token", Some("hush4")),
        ("/sides/pinned_token", Some("hush5")),
        ("/sides/pinned/one", None),
        ("/sides/pinned/many/a", Some("10")),
        ("/sides/pinned/many/c", Some("11")),
        ("/sides/pinned/many/b", None),
    ]);
    let explanation = __private::explain(&keys.tree, &keys.context, &unpublished, false);
    let side = |text: Option<&str>| text.map(str::to_owned);
    let sides: Vec<_> = explanation
        .rows()
        .iter()
        .map(|row| (row.field(), side(row.value()), side(row.stored()), side(row.in_force())))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    let bad = some("x\u{1b}[2J");
    assert_eq!(
        sides,
        [
            ("plain", bad.clone(), bad, some("2")),
            ("renamed", some("9"), some("9"), some("3")),
            ("token", None, None, None),
            ("pinned_token", None, None, None),
            ("pinned.one", some("4"), None, some("4")),
            ("pinned.two", some("1"), None, some("1")),
            ("pinned.many.a", some("5"), some("10"), some("5")),
            ("pinned.many.b", some("6"), None, some("6")),
            ("pinned.many.c", None, some("11"), None),
            ("outside", some("8"), some("7"), some("8")),
        ]
    );
    let text = format!("{explanation} {explanation:?}");
    assert!(!text.contains("hush"), "{text}");
    assert!(!explanation.to_string().contains('\u{1b}'), "{explanation}");
    let notes: Vec<_> = explanation.rows().iter().map(|row| row.note().unwrap_or_default()).collect();
    assert_eq!(
        notes,
        [
            "the store has \"x\\u{1b}[2J\" (set at revision 2), which is refused, or newer than the snapshot",
            "the store has \"9\" (set at revision 2), which is refused, or newer than the snapshot",
            "the store has another value, which is refused, or newer than the snapshot",
            "a change waits for a restart",
            "a change waits for a restart: the key is gone",
            "",
            "a change waits for a restart: \"10\" (set at revision 2)",
            "a change waits for a restart: the key is gone",
            "a change waits for a restart: \"11\" (set at revision 2)",
            "",
        ]
    );
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Circle {
    #[etcd(default = 1)]
    size: u8,
    #[etcd(nested, key = "/circle/again")]
    again: Option<Box<Circle>>,
}

#[test]
fn a_struct_that_is_read_from_the_same_key_again_and_again_is_explained_all_the_same() {
    let keys = Keys::of::<Circle>("/circle", &[("/circle/again/size", "2")]);
    assert!(keys.decode::<Circle>().is_err(), "it has no end");
    let explanation = __private::explain(&keys.tree, &keys.context, &__private::Replaced::default(), false);
    assert_eq!(explanation.rows()[1].key(), "/circle/again/size");
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Moves {
    #[etcd(nested, alias = "old")]
    pool: Pool,
    #[etcd(nested)]
    pools: BTreeMap<String, Pool>,
    #[etcd(nested, restart)]
    fixed: Fixed,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Pool {
    #[etcd(key = "pool-size", default = 1)]
    size: u8,
    #[etcd(default = 2)]
    weight: u8,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Fixed {
    #[etcd(restart, default = 3)]
    inner: u8,
}

#[test]
fn what_is_in_force_is_explained_by_the_fields_that_read_it() {
    let pairs =
        [("/moves/old/pool-size", "5"), ("/moves/pools/a/pool-size", "6"), ("/moves/fixed/inner", "7")];
    let mut keys = Keys::of::<Moves>("/moves", &pairs);
    keys.decode::<Moves>().unwrap();
    let unpublished = keys.change(&[
        ("/moves/pool/pool-size", Some("8")),
        ("/moves/pools/a/pool-size", None),
        ("/moves/pools/b/pool-size", Some("9")),
        ("/moves/fixed/inner", Some("10")),
    ]);
    let explanation = __private::explain(&keys.tree, &keys.context, &unpublished, false);
    let rows: Vec<_> = explanation
        .rows()
        .iter()
        .map(|row| (row.field(), row.value(), row.in_force(), row.stored()))
        .collect();
    assert_eq!(
        rows,
        [
            ("pool.size", Some("8"), Some("5"), Some("8")),
            ("pool.weight", Some("2"), Some("2"), None),
            ("pools.b.size", Some("9"), None, Some("9")),
            ("pools.b.weight", Some("2"), None, None),
            ("pools.a.size", None, Some("6"), None),
            ("fixed.inner", Some("7"), Some("7"), Some("10")),
        ]
    );
    let note = explanation.rows()[5].note();
    assert_eq!(note, Some("a change waits for a restart: \"10\" (set at revision 2)"));
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Accounts {
    #[etcd(nested)]
    database: Option<Account>,
    #[etcd(nested)]
    queue: Option<Account>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Account {
    #[etcd(env = "ACCOUNT_USER")]
    user: String,
    #[etcd(default = 1)]
    size: u8,
}

#[test]
fn a_variable_is_in_force_as_long_as_its_struct_is() {
    let pairs = [("/accounts/database/user", "stored"), ("/accounts/database/size", "3")];
    let mut keys = Keys::with_environment::<Accounts>("/accounts", &pairs, &[("ACCOUNT_USER", "svc")]);
    let unpublished = keys.change(&[
        ("/accounts/database/user", None),
        ("/accounts/database/size", None),
        ("/accounts/queue/size", Some("4")),
    ]);
    let explanation = __private::explain(&keys.tree, &keys.context, &unpublished, false);
    let row = |field: &str| explanation.rows().iter().find(|row| row.field() == field).unwrap();
    assert_eq!(row("database.user").in_force(), Some("svc"), "{explanation}");
    assert_eq!(
        (row("queue.user").value(), row("queue.user").in_force()),
        (Some("svc"), None),
        "{explanation}"
    );
    let note = row("queue.user").note();
    assert_eq!(note, Some("it would be the environment's, which is refused, or newer than the snapshot"));
}

#[test]
fn a_live_configuration_explains_itself() {
    let store = etcd_config::MemoryStore::from([
        ("/service/database/url", "pg://db"),
        ("/service/database/password", "hush"),
    ]);
    let settings = Settings::watch(&store).unwrap();
    let row = |key: &str| {
        let explanation = settings.explain();
        let row = explanation.rows().iter().find(|row| row.key() == key).cloned();
        row.map(|row| (row.value().map(str::to_owned), row.origin(), row.revision(), row.note().is_some()))
    };
    let some = |text: &str| Some(text.to_owned());
    let url = row("/service/database/url").unwrap();
    assert_eq!((url.0, url.1, url.3), (some("pg://db"), Origin::Etcd, false));
    assert_eq!(row("/service/database/password").unwrap().0, None);
    assert_eq!(row("/service/name"), Some((some("it's"), Origin::Default, None, false)));
    let refused = store.put("/service/max", "many");
    settings.wait_for_revision(refused, Duration::from_secs(10)).unwrap_err();
    assert_eq!(row("/service/max"), Some((some("many"), Origin::Etcd, Some(refused), true)));
    let rewritten = store.put("/service/database/url", "pg://db");
    settings.wait_for_revision(rewritten, Duration::from_secs(10)).unwrap_err();
    assert!(!row("/service/database/url").unwrap().3, "the same value is in force");
    settings.wait_for_revision(store.delete("/service/database/url"), Duration::from_secs(10)).unwrap_err();
    assert_eq!(row("/service/database/url"), Some((None, Origin::Missing, None, true)));
    store.put("/service/database/url", "pg://db");
    let accepted = store.put("/service/max", "3");
    settings.wait_for_revision(accepted, Duration::from_secs(10)).unwrap();
    assert_eq!(row("/service/max"), Some((some("3"), Origin::Etcd, Some(accepted), false)));
}

#[test]
fn the_whole_store_and_its_root_directory_are_two_prefixes() {
    #[derive(EtcdConfig)]
    struct Twice {
        #[etcd(key = "/token", secret)]
        hidden: String,
        token: String,
    }
    let context = |prefix| Context::with_environment::<Twice>(Prefix::new(prefix), |_| None);
    let (store, root) = (context(""), context("/"));
    let token = |context: &Context| {
        let field = &context.schema().fields()[1];
        (field.key().to_owned(), field.is_secret())
    };
    assert_eq!(token(&store), ("token".to_owned(), false));
    assert_eq!(token(&root), ("/token".to_owned(), true));
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/{region}/service")]
struct Regional {
    #[etcd(default = "-first\n'second' \"third\"")]
    greeting: String,
    #[etcd(nested)]
    shards: BTreeMap<String, Shard>,
}

#[derive(EtcdConfig)]
struct Shard {
    #[etcd(default = "a\nrm -rf /tmp/nothing")]
    script: String,
}

/// A key with a placeholder in it is none, and no line of a comment is a command.
#[test]
fn what_is_not_filled_in_is_no_command() {
    let commands = Regional::schema().to_etcdctl();
    let first =
        "# /{region}/service has placeholders: Regional::options().placeholder(...).schema() fills them";
    assert_eq!(commands.lines().next(), Some(first));
    for text in [&commands, &Regional::schema().to_etcdctl_if_absent()] {
        assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
    }
    let error = Regional::options().schema().unwrap_err();
    assert!(error.is_invalid_option(), "{error}");
    let schema = Regional::options().placeholder("region", "it's").schema().unwrap();
    assert_eq!(schema.prefix(), "/it's/service");
    let expected = "etcdctl put '/it'\\''s/service/greeting' -- '-first\n'\\''second'\\'' \"third\"'\n\
        # etcdctl put '/it'\\''s/service/shards/<name>/script' 'a\\nrm -rf /tmp/nothing'   (String)\n";
    assert_eq!(schema.to_etcdctl(), expected);
}

#[test]
fn as_a_script_that_overwrites_nothing() {
    let schema = Regional::options().prefix("/service").schema().unwrap();
    let expected = r#"etcdctl txn <<'END'
create("/service/greeting") = "0"

put -- "/service/greeting" "-first\n'second' \"third\""


END
# etcdctl put '/service/shards/<name>/script' 'a\nrm -rf /tmp/nothing'   (String)
"#;
    assert_eq!(schema.to_etcdctl_if_absent(), expected);
}
