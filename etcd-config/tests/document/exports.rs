//! What an export says, in each format.

use std::collections::BTreeMap;

use etcd_config::{Document, EtcdConfig, Format, MemoryStore};

use crate::settings::{Settings, store, text};

fn filled() -> MemoryStore {
    store(&[
        ("pool-size", "20"),
        ("ratio", "1.50"),
        ("enabled", "true"),
        ("name", "123"),
        ("timeout", "5s"),
        ("listen", "0.0.0.0:80"),
        ("mode", r#"{"custom": {"level": 3}}"#),
        ("numbers", "[1, 2]"),
        ("labels", "{}"),
        ("limits", r#"{"burst": 3, "names": null}"#),
        ("token", "hunter2"),
        ("log/verbosity", "2"),
        ("log/levels/default", "debug"),
        ("features/dark mode", "true"),
        ("features/a.b", "false"),
        ("upstreams/eu-1/url", "http://eu"),
        ("upstreams/eu-1/headers/x", "# no: comment"),
        ("flattened", "4"),
        ("both", "5"),
        ("both/below", "6"),
        ("huge", "340282366920938463463374607431768211455"),
        ("unknown/key", "lost"),
        ("commit", "7"),
    ])
}

#[test]
fn as_json() {
    let json = r##"{
  "pool-size": 20,
  "huge": 340282366920938463463374607431768211455,
  "ratio": 1.50,
  "enabled": true,
  "name": "123",
  "timeout": "5s",
  "listen": "0.0.0.0:80",
  "mode": {
    "custom": {
      "level": 3
    }
  },
  "numbers": [1, 2],
  "labels": {},
  "limits": {
    "burst": 3,
    "names": null
  },
  "log": {
    "verbosity": 2,
    "levels": {
      "default": "debug"
    }
  },
  "features": {
    "a.b": false,
    "dark mode": true
  },
  "upstreams": {
    "eu-1": {
      "url": "http://eu",
      "headers": {
        "x": "# no: comment"
      }
    }
  },
  "flattened": 4,
  "both": "5",
  "both/below": 6
}
"##;
    assert_eq!(Settings::export(filled()).unwrap().to_json(), json);
}

#[test]
fn as_yaml() {
    let yaml = r##"# Settings below /payments at revision 24
# 1 secret is left out: where this is applied, what is there stays
#
# The service for payments.

# Requests at once.
pool-size: 20
huge: 340282366920938463463374607431768211455
ratio: 1.50
enabled: true
name: "123"
# How long is waited.
#
# For an answer.
timeout: 5s
listen: "0.0.0.0:80"
mode:
  custom:
    level: 3
numbers:
  - 1
  - 2
labels: {}
limits:
  burst: 3
  names: null
# Where it logs.
log:
  # How much.
  verbosity: 2
  levels:
    default: debug
# Switches.
features:
  a.b: false
  "dark mode": true
# Other services.
upstreams:
  eu-1:
    # Its address.
    url: http://eu
    headers:
      x: "# no: comment"
flattened: 4
# A key, and a directory.
both: "5"
both/below: 6
"##;
    assert_eq!(Settings::export(filled()).unwrap().to_yaml(), yaml);
}

#[test]
fn as_toml() {
    let toml = r##"# Settings below /payments at revision 24
# 1 secret is left out: where this is applied, what is there stays
#
# The service for payments.

# Requests at once.
pool-size = 20
huge = "340282366920938463463374607431768211455"
ratio = 1.50
enabled = true
name = "123"
# How long is waited.
#
# For an answer.
timeout = "5s"
listen = "0.0.0.0:80"
mode = { custom = { level = 3 } }
numbers = [1, 2]
labels = {}
limits = "{\"burst\": 3, \"names\": null}"
flattened = 4
# A key, and a directory.
both = "5"
"both/below" = 6

# Where it logs.
[log]
# How much.
verbosity = 2

[log.levels]
default = "debug"

# Switches.
[features]
"a.b" = false
"dark mode" = true

# Other services.
[upstreams]

[upstreams.eu-1]
# Its address.
url = "http://eu"

[upstreams.eu-1.headers]
x = "# no: comment"
"##;
    assert_eq!(Settings::export(filled()).unwrap().to_toml().unwrap(), toml);
}

#[test]
fn as_commands_of_etcdctl() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/app")]
    #[allow(dead_code)]
    struct Small {
        /// It's one.
        #[etcd(default = 0)]
        offset: i8,
        #[etcd(default = "")]
        name: String,
    }
    let store = MemoryStore::from([("/app/offset", "-5"), ("/app/name", "it's\n$HOME")]);
    let commands = Small::export(&store).unwrap().to_etcdctl().unwrap();
    let expected = "# Small below /app at revision 3\n\n# It's one.\netcdctl put -- /app/offset -5\n\
                    etcdctl put /app/name 'it'\\''s\n$HOME'\n";
    assert_eq!(commands, expected);
}

#[test]
fn secrets_are_in_it_if_asked_for_and_never_in_debug() {
    let document = Settings::export(filled()).unwrap();
    assert!(!format!("{document:?}").contains("hunter2"));
    for format in Format::ALL {
        assert!(!document.render(format).unwrap().contains("hunter2"), "{format}");
    }
    let document = document.with_secrets();
    assert!(!format!("{document:?}").contains("hunter2"));
    for format in Format::ALL {
        assert!(document.render(format).unwrap().contains("hunter2"), "{format}");
    }
}

#[test]
fn applying_what_was_exported_without_secrets_leaves_them_alone() {
    let store = filled();
    let document = Settings::export(&store).unwrap();
    for edit in [
        Settings::edit(&store).unwrap().apply(&document).unwrap(),
        Settings::edit(&store).unwrap().replace_with(&document).unwrap(),
        Settings::edit(&store).unwrap().fill(&document).unwrap(),
    ] {
        assert!(edit.plan().unwrap().is_empty());
    }
    // Elsewhere it makes the rest.
    let other = MemoryStore::new();
    Settings::edit(&other).unwrap().apply(&document).unwrap().plan().unwrap().commit().unwrap();
    assert_eq!(text(&other, "token"), None);
    assert_eq!(text(&other, "mode").as_deref(), Some(r#"{"custom": {"level": 3}}"#), "byte for byte");
    assert_eq!(text(&other, "unknown/key"), None);
}

#[test]
fn what_was_exported_from_one_prefix_is_applied_to_another() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/app")]
    #[allow(dead_code)]
    struct Small {
        #[etcd(alias = "old", default = 0)]
        size: u8,
        #[etcd(key = "size/below", map)]
        below: BTreeMap<String, u8>,
    }
    let store = MemoryStore::from([("/app/old", "1"), ("/app/size/below/a", "2")]);
    let document = Small::export(&store).unwrap();
    let edit = Small::options().prefix("/staging/app").edit(&store).unwrap();
    edit.apply(&document).unwrap().plan().unwrap().commit().unwrap();
    assert_eq!(store.get("/staging/app/size").as_deref(), Some(&b"1"[..]));
    assert_eq!(store.get("/staging/app/size/below/a").as_deref(), Some(&b"2"[..]));
}

#[test]
fn an_earlier_revision_is_exported_too_and_what_is_not_valid() {
    let store = store(&[("pool-size", "many"), ("pool-size", "20")]);
    let before = Settings::options().export_at(&store, 2).unwrap();
    assert_eq!(before.to_json(), "{\n  \"pool-size\": \"many\"\n}\n");
    assert_eq!(before.revision(), Some(2));
    assert_eq!(Document::from_json("{}").unwrap().revision(), None);
}

#[test]
fn what_is_no_text_is_not_exported() {
    let store = MemoryStore::new();
    store.put("/payments/name", *b"\xff");
    store.put("/payments/pool-size", "1");
    store.put("/payments/unknown", *b"\xff");
    let error = Settings::export(&store).unwrap_err();
    let message = "1 problem in Settings from /payments at revision 4\n  /payments/name its bytes are not UTF-8, and no \
                   field reads such\n  nothing is exported: a document is text; correct or delete these keys first";
    assert_eq!(error.to_string(), message);
    assert!(error.is_invalid());
}

#[test]
fn in_a_runtime() {
    let store = filled();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let here = Settings::export_async(&store).await.unwrap();
        let before = Settings::options().export_at_async(&store, 2).await.unwrap();
        assert_eq!(here.revision(), Some(24));
        assert_eq!(before.to_json(), "{\n  \"pool-size\": 20\n}\n");
    });
}

#[test]
fn lines_of_text_are_lines_in_yaml() {
    let certificate = "-----BEGIN-----\nabc=\n\n-----END-----\n";
    let store = store(&[("notes/a", certificate), ("notes/b", "x\ny"), ("notes/c", "x\n\ny\n\n\n")]);
    let document = Settings::export(&store).unwrap();
    let yaml = document.to_yaml();
    let expected = "notes:\n  a: |\n    -----BEGIN-----\n    abc=\n\n    -----END-----\n  b: |-\n    x\n    y\n  c: |+\n    \
                    x\n\n    y\n\n\n";
    assert!(yaml.ends_with(expected), "{yaml}");
    let again = Document::from_yaml(&yaml).unwrap();
    assert!(Settings::edit(&store).unwrap().apply(&again).unwrap().plan().unwrap().is_empty());
}

#[test]
fn a_document_goes_from_one_format_to_another() {
    let yaml = "pool-size: 0x10\nratio: .inf\nlog: {target: \"a\\u00e9\"}\nnumbers: [1, 2]\nname: null\n";
    let document = Document::from_yaml(yaml).unwrap();
    let json = "{\n  \"pool-size\": 16,\n  \"ratio\": \"inf\",\n  \"log\": {\n    \"target\": \"aé\"\n  },\n  \"numbers\": \
                [1, 2],\n  \"name\": null\n}\n";
    assert_eq!(document.to_json(), json);
    assert_eq!(document.to_toml().unwrap_err().to_string(), "TOML has no null, which name is");
    let error = document.to_etcdctl().unwrap_err();
    assert!(
        error.is_invalid_document() && error.to_string().starts_with("which key pool-size is"),
        "{error}"
    );
    let commands = "etcdctl put /payments/pool-size 5\n";
    let document = Document::from_etcdctl(commands).unwrap();
    assert_eq!(document.to_etcdctl().unwrap(), commands);
    assert_eq!(document.to_yaml(), "/payments/pool-size: \"5\"\n");
    let store = MemoryStore::new();
    let again = Document::from_yaml(&document.to_yaml()).unwrap();
    Settings::edit(&store).unwrap().apply(&again).unwrap().plan().unwrap().commit().unwrap();
    assert_eq!(text(&store, "pool-size").as_deref(), Some("5"));
}

#[test]
fn the_whole_store_as_a_prefix() {
    #[derive(EtcdConfig)]
    #[allow(dead_code)]
    struct Rootless {
        #[etcd(key = "/a/limit", default = 1)]
        limit: u8,
        #[etcd(key = "/a/names", map)]
        names: BTreeMap<String, u8>,
    }
    let store = MemoryStore::from([("/a/limit", "3"), ("/a/names/x", "4")]);
    let options = || Rootless::options().prefix("/");
    let document = options().export(&store).unwrap();
    assert_eq!(
        document.to_yaml(),
        "# Rootless below / at revision 3\n\na:\n  limit: 3\n  names:\n    x: 4\n"
    );
    for format in Format::ALL {
        let document = Document::parse(&document.render(format).unwrap(), format).unwrap();
        assert!(
            options().edit(&store).unwrap().apply(&document).unwrap().plan().unwrap().is_empty(),
            "{format}"
        );
    }
}
