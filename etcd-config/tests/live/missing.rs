//! A start whose required keys are missing names the commands that write them.

use std::net::SocketAddr;
use std::time::Duration;

use etcd_config::{Error, EtcdConfig, MemoryStore, Secret};

use crate::service::SOON;

#[derive(serde::Deserialize, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Level {
    Debug,
    Info,
}

#[derive(serde::Deserialize, Debug, PartialEq)]
struct Limits {
    _most: u32,
}

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/it's here")]
struct Settings {
    listen: SocketAddr,
    level: Level,
    /// Per-request budget, such as `1500ms`.
    #[etcd(with = humantime_serde)]
    timeout: Duration,
    #[etcd(with = humantime_serde)]
    pause: Duration,
    limits: Limits,
    hosts: Vec<String>,
    token: Secret<String>,
    #[etcd(nested)]
    database: Database,
    #[etcd(default = 10)]
    workers: u32,
    comment: Option<String>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Database {
    #[etcd(key = "-url")]
    url: String,
    #[etcd(default = 5)]
    pool_size: u32,
}

fn commands(error: &Error) -> Vec<String> {
    let text = error.to_string();
    let lines = text.lines().skip_while(|line| !line.starts_with("  to write what is missing"));
    lines.skip(1).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn each_missing_key_has_a_command_with_what_is_to_be_filled_in() {
    let error = Settings::load_once(MemoryStore::new()).unwrap_err();
    let put = |key: &str, value: &str| format!("etcdctl put '/it'\\''s here/{key}' '{value}'");
    assert_eq!(
        commands(&error),
        [
            put("listen", "<SocketAddr, such as 127.0.0.1:8080>"),
            put("level", "<one of debug, info>"),
            put("timeout", "<Duration, such as 1500ms>"),
            put("pause", "<Duration, such as 30s or 5m>"),
            put("limits", "<JSON for Limits>"),
            put("hosts", "<JSON for Vec<String>>"),
            // An argument would be in the history of the shell.
            "etcdctl put '/it'\\''s here/token' < FILE".to_owned(),
            put("database/-url", "<String>"),
        ],
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains("and a secret in FILE, without a line break at its end:"), "{text}");
    // The same for `fn main() -> Result<(), Error>`, and not in a line of a log.
    assert!(format!("{error:?}").contains("\n    etcdctl put "), "{error:?}");
    assert!(!format!("{error:#}").contains("etcdctl"), "{error:#}");
}

#[test]
fn a_value_that_is_there_has_none_nor_has_a_key_that_is_misspelt() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/app")]
    struct Pair {
        _url: String,
        #[etcd(key = "port")]
        _port: u16,
    }
    let load = |keys: &[(&str, &str)]| {
        let store: MemoryStore = keys.iter().copied().collect();
        commands(&Pair::load_once(store).unwrap_err())
    };
    assert_eq!(load(&[("/app/port", "x")]), ["etcdctl put /app/_url '<String>'"]);
    assert_eq!(load(&[("/app/_url", "a"), ("/app/port", "x")]), [""; 0]);
    // The way out of these is another one: `is it /app/prot?`, and the directory.
    assert_eq!(load(&[("/app/_url", "a"), ("/app/prot", "1")]), [""; 0]);
    assert_eq!(load(&[("/app/_url", "a"), ("/app/port/x", "1")]), [""; 0]);
}

#[test]
fn of_an_entry_that_is_begun_nothing_is_written_key_by_key() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/app")]
    struct Shards {
        #[etcd(nested)]
        _shards: std::collections::BTreeMap<String, Database>,
    }
    let store = MemoryStore::from([("/app/_shards/a\u{1b}/pool_size", "5")]);
    let error = Shards::load_once(store).unwrap_err();
    assert!(error.to_string().contains("write all of it in one edit"), "{error}");
    assert_eq!(commands(&error), [""; 0]);
}

#[test]
fn of_many_the_first_are_shown() {
    #[derive(EtcdConfig, Debug)]
    struct Five {
        _a: u8,
        _b: u8,
        _c: u8,
        _d: u8,
        _e: u8,
    }
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/app")]
    struct Many {
        #[etcd(nested)]
        _1: Five,
        #[etcd(nested)]
        _2: Five,
        #[etcd(nested)]
        _3: Five,
        #[etcd(nested)]
        _4: Five,
        #[etcd(nested)]
        _5: Five,
    }
    let commands = commands(&Many::load_once(MemoryStore::new()).unwrap_err());
    assert_eq!(commands.len(), 21);
    assert_eq!(commands[19], "etcdctl put /app/_4/_e '<u8>'");
    assert_eq!(commands[20], "... and 5 more: Many::schema().to_etcdctl() has all of them");
}

#[test]
fn an_update_that_takes_keys_away_names_no_commands() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/app")]
    struct One {
        #[etcd(key = "port")]
        _port: u16,
    }
    let store = MemoryStore::from([("/app/port", "80")]);
    let live = One::watch(&store).unwrap();
    let refused = live.wait_for_revision(store.delete("/app/port"), SOON).unwrap_err();
    assert!(refused.to_string().contains("no such key"), "{refused}");
    assert_eq!(commands(&refused), [""; 0]);
}

#[test]
fn where_nothing_listens_it_is_asked_whether_etcd_runs() {
    // Nobody listens on a port that has just been given back, but for a moment somebody may.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let load = |endpoint: String| {
        Settings::options().startup_timeout(Duration::from_millis(300)).load_once(endpoint).unwrap_err()
    };
    let error = load(format!("http://127.0.0.1:{port}"));
    assert!(error.is_timeout(), "{error}");
    let last = error.to_string().lines().last().unwrap_or_default().to_owned();
    assert_eq!(last, "  nothing listens there: is etcd running?", "{error}");
}
