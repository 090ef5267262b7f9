//! Documents as a person writes them.

use etcd_config::{Document, EtcdConfig, Format, MemoryStore, field};

use crate::settings::{Settings, store, text};

fn applied(document: &str, format: Format) -> MemoryStore {
    let store = MemoryStore::new();
    let document = Document::parse(document, format).unwrap();
    let plan = Settings::edit(&store).unwrap().apply(&document).unwrap().plan().unwrap();
    plan.commit().unwrap();
    store
}

fn check(store: &MemoryStore, keys: &[(&str, &str)]) {
    for (key, expected) in keys {
        assert_eq!(text(store, key).as_deref(), Some(*expected), "{key}");
    }
    assert_eq!(text(store, "commit").as_deref(), Some("1"));
}

#[test]
fn yaml() {
    let yaml = "
pool-size: 20          # more than before
offset: -5
ratio: .5
weight: 1e3
enabled: True
letter: y
name: yes
path: /etc/app
timeout: 5s
listen: 0.0.0.0:80
home: https://example.org/
id: 67e55044-10b1-426f-9247-bb680e5fe0c8
size: 5MiB
since: 2026-01-02T03:04:05Z
price: 1.10
mode: {custom: {level: 0x10}}
numbers:
- 1
- 2
labels:
  a.b/c: 'd'
  zip: \"01234\"
pair: [1, two]
limits:
  burst: 3
  nested: [fast, {only: 7}]
anything: {deep: [1, true, null, text]}
port: 8080
halves: 1/2
log:
  target: |
    two
    lines
  levels/default: debug
features: {dark: true, on: false}
upstreams:
  eu-1: &upstream
    url: http://eu
    weight: 2
  eu-2:
    <<: *upstream
    weight: 3
backup: *upstream
flattened: 9
elsewhere/limit: 8
both: 5
both/below: 6
retries: 2
tree:
  left: {left: {value: -1}}
  children: {a: {value: 2}}
";
    let store = applied(yaml, Format::Yaml);
    check(
        &store,
        &[
            ("pool-size", "20"),
            ("offset", "-5"),
            ("ratio", "0.5"),
            ("weight", "1e3"),
            ("enabled", "true"),
            ("letter", "y"),
            ("name", "yes"),
            ("timeout", "5s"),
            ("listen", "0.0.0.0:80"),
            ("since", "2026-01-02T03:04:05Z"),
            ("price", "1.10"),
            ("mode", r#"{"custom":{"level":16}}"#),
            ("numbers", "[1,2]"),
            ("labels", r#"{"a.b/c":"d","zip":"01234"}"#),
            ("pair", r#"[1,"two"]"#),
            ("limits", r#"{"burst":3,"nested":["fast",{"only":7}]}"#),
            ("anything", r#"{"deep":[1,true,null,"text"]}"#),
            ("port", "8080"),
            ("halves", "1/2"),
            ("log/target", "two\nlines\n"),
            ("log/levels/default", "debug"),
            ("features/dark", "true"),
            ("features/on", "false"),
            ("upstreams/eu-1/weight", "2"),
            ("upstreams/eu-2/url", "http://eu"),
            ("upstreams/eu-2/weight", "3"),
            ("backup/url", "http://eu"),
            ("flattened", "9"),
            ("elsewhere/limit", "8"),
            ("both", "5"),
            ("both/below", "6"),
            ("tree/left/left/value", "-1"),
            ("tree/children/a/value", "2"),
        ],
    );
    let settings = Settings::load_once(&store).unwrap();
    assert_eq!((settings.pool_size, settings.timeout.as_secs()), (20, 5));
}

#[test]
fn toml() {
    let toml = "
pool-size = 1_000
offset = 0x10
ratio = inf
name = 5
enabled = true
timeout = '5s'
since = 2026-01-02 03:04:05Z
log.levels.default = 'debug'
numbers = [1, 2,]
limits = { burst = 3, nested = ['fast'] }

[features]
dark = true

[upstreams.eu-1]
url = 'http://eu'

[upstreams.'eu.2']
url = \"\"\"
two
lines\"\"\"

[anything]
when = 1979-05-27
list = [{ a = 1 }, { b = 0b11 }]
";
    let store = applied(toml, Format::Toml);
    check(
        &store,
        &[
            ("pool-size", "1000"),
            ("offset", "16"),
            ("ratio", "inf"),
            ("name", "5"),
            ("since", "2026-01-02T03:04:05Z"),
            ("log/levels/default", "debug"),
            ("numbers", "[1,2]"),
            ("limits", r#"{"burst":3,"nested":["fast"]}"#),
            ("features/dark", "true"),
            ("upstreams/eu-1/url", "http://eu"),
            ("upstreams/eu.2/url", "two\nlines"),
            ("anything", r#"{"when":"1979-05-27","list":[{"a":1},{"b":3}]}"#),
        ],
    );
}

#[test]
fn json_with_every_digit() {
    let json = r#"{"huge": 340282366920938463463374607431768211455, "offset": -9223372036854775808,
        "price": 12345678901234567890.120, "limits": {"burst": 1, "price": 12345678901234567890.12},
        "log": {"levels": {"default": "a\u00e9\n"}}, "/payments/pool-size": 5}"#;
    let store = applied(json, Format::Json);
    check(
        &store,
        &[
            ("huge", "340282366920938463463374607431768211455"),
            ("offset", "-9223372036854775808"),
            ("price", "12345678901234567890.120"),
            ("limits", r#"{"burst":1,"price":12345678901234567890.12}"#),
            ("log/levels/default", "aé\n"),
            ("pool-size", "5"),
        ],
    );
}

#[test]
fn commands_of_etcdctl() {
    let commands = "# the first import\nexport ETCDCTL_API=3\n";
    let error = Document::from_etcdctl(commands).unwrap_err().to_string();
    let message = "etcdctl's commands cannot be read at line 2, column 1: only commands such as `etcdctl put /key value` can \
                   be read";
    assert_eq!(error, message);
    let commands = "# the first import\nETCDCTL_API=3 etcdctl --endpoints http://a:2379 put /payments/pool-size 20\n\
                    etcdctl put /payments/offset -- -5\nput /payments/numbers '[1, 2]' # both\n  /usr/bin/etcdctl put \
                    \\\n /payments/name \"it's \\\"me\\\"\nagain\"\n";
    let store = applied(commands, Format::Etcdctl);
    let keys = [("pool-size", "20"), ("offset", "-5"), ("numbers", "[1, 2]"), ("name", "it's \"me\"\nagain")];
    check(&store, &keys);
}

#[test]
fn nothing_is_no_document_of_anything() {
    for (text, format) in [
        ("", Format::Yaml),
        ("# a comment\n", Format::Yaml),
        ("{}", Format::Yaml),
        ("", Format::Toml),
        ("{}", Format::Json),
        ("\n# x", Format::Etcdctl),
    ] {
        let document = Document::parse(text, format).unwrap();
        assert!(document.is_empty(), "{format}: {text:?}");
    }
}

#[test]
fn null_deletes_a_key_and_says_nothing_of_a_directory() {
    let store = store(&[
        ("pool-size", "20"),
        ("log/verbosity", "2"),
        ("features/dark", "true"),
        ("features/b", "true"),
    ]);
    let yaml = "pool-size:\nlog:\nfeatures: {dark: ~}\nname: null\n";
    let document = Document::from_yaml(yaml).unwrap();
    let plan = Settings::edit(&store).unwrap().apply(&document).unwrap().plan().unwrap();
    plan.commit().unwrap();
    assert_eq!(text(&store, "pool-size"), None);
    assert_eq!(text(&store, "features/dark"), None);
    assert_eq!(text(&store, "features/b").as_deref(), Some("true"));
    assert_eq!(text(&store, "log/verbosity").as_deref(), Some("2"));
    // Nothing is seeded by it.
    assert!(Settings::edit(&store).unwrap().fill(&document).unwrap().plan().unwrap().is_empty());
}

#[test]
fn seeding_leaves_alone_what_is_there_and_what_the_edit_has_set() {
    let store = store(&[("pool-size", "20"), ("features/dark", "true")]);
    let document =
        Document::from_yaml("pool-size: 1\noffset: 2\nenabled: true\nfeatures: {dark: false, b: true}\n")
            .unwrap();
    let edit = Settings::edit(&store).unwrap().set(field!(Settings.offset), &7).unwrap();
    edit.unset(field!(Settings.pool_size)).fill(&document).unwrap().plan().unwrap().commit().unwrap();
    assert_eq!(text(&store, "pool-size").as_deref(), Some("1"), "the edit has deleted it");
    assert_eq!(text(&store, "offset").as_deref(), Some("7"));
    assert_eq!(text(&store, "enabled").as_deref(), Some("true"));
    assert_eq!(text(&store, "features/dark").as_deref(), Some("true"));
    assert_eq!(text(&store, "features/b").as_deref(), Some("true"));
}

#[test]
fn a_whole_configuration_deletes_what_it_does_not_name() {
    let store = store(&[
        ("pool-size", "20"),
        ("features/dark", "true"),
        ("features/b", "true"),
        ("token", "hunter2"),
        ("commit", "1"),
        ("unknown", "x"),
        ("upstreams/eu/url", "a"),
    ]);
    let document = Document::from_yaml("features: {dark: true}\n").unwrap();
    let plan = Settings::edit(&store).unwrap().replace_with(&document).unwrap().plan().unwrap();
    let gone: Vec<&str> = plan
        .changes()
        .iter()
        .filter(|change| change.is_deletion())
        .map(etcd_config::PlannedChange::key)
        .collect();
    assert_eq!(gone, ["/payments/features/b", "/payments/pool-size", "/payments/upstreams/eu/url"]);
    plan.commit().unwrap();
    assert_eq!(text(&store, "token").as_deref(), Some("hunter2"));
    assert_eq!(text(&store, "commit").as_deref(), Some("1"));
    assert_eq!(text(&store, "unknown").as_deref(), Some("x"));
}
