//! The settings of the README: what they are read from, and what is said about bad ones.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use etcd_config::EtcdConfig;

use crate::keys::{Keys, lines};

/// Settings of the payment service.
#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/payments")]
struct Settings {
    /// Address to listen on.
    #[etcd(default = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Lowest level that is logged.
    #[etcd(key = "log/level", default = "info")]
    log_level: String,
    /// Per-request budget, such as `1500ms`.
    #[etcd(with = humantime_serde, default = "2s")]
    timeout: Duration,
    /// Absent means unlimited.
    max_connections: Option<u32>,
    #[etcd(nested)]
    database: Database,
    #[etcd(map)]
    features: HashMap<String, bool>,
    #[etcd(nested)]
    upstreams: BTreeMap<String, Upstream>,
    /// One key that holds JSON.
    #[etcd(default)]
    limits: Limits,
    #[etcd(secret)]
    api_token: String,
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(validate = Database::check)]
struct Database {
    url: String,
    #[etcd(default = 10, validate = at_least_one)]
    pool_size: u32,
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
struct Upstream {
    addr: SocketAddr,
    #[etcd(default = 1)]
    weight: u8,
}

#[derive(serde::Deserialize, Clone, Debug, Default, PartialEq)]
struct Limits {
    per_second: u32,
    burst: u32,
}

impl Database {
    fn check(&self) -> Result<(), &'static str> {
        if self.url.starts_with("sqlite:") && self.pool_size > 1 {
            return Err("sqlite has one connection: pool_size must be 1");
        }
        Ok(())
    }
}

fn at_least_one(size: &u32) -> Result<(), String> {
    if *size == 0 { Err("at least one is needed".to_owned()) } else { Ok(()) }
}

const LEAST: [(&str, &str); 2] = [("/payments/api_token", "t"), ("/payments/database/url", "pg://db")];

fn least() -> Settings {
    Settings {
        listen: "127.0.0.1:8080".parse().unwrap(),
        log_level: "info".to_owned(),
        timeout: Duration::from_secs(2),
        max_connections: None,
        database: Database { url: "pg://db".to_owned(), pool_size: 10 },
        features: HashMap::new(),
        upstreams: BTreeMap::new(),
        limits: Limits::default(),
        api_token: "t".to_owned(),
    }
}

#[test]
fn defaults_stand_in_for_absent_keys() {
    let keys = Keys::of::<Settings>("/payments", &LEAST);
    assert_eq!(keys.decode::<Settings>().unwrap(), least());
    assert_eq!(keys.warnings(), []);
}

#[test]
fn every_field_is_read_from_its_key() {
    let pairs = [
        ("/payments/listen", "0.0.0.0:1"),
        ("/payments/log/level", "debug"),
        ("/payments/timeout", "1500ms"),
        ("/payments/max_connections", "7\n"),
        ("/payments/database/url", "pg://other"),
        ("/payments/database/pool_size", "3"),
        ("/payments/features/new_ui", "true"),
        ("/payments/features/dark", "false"),
        ("/payments/upstreams/a/addr", "10.0.0.1:80"),
        ("/payments/upstreams/b/addr", "10.0.0.2:80"),
        ("/payments/upstreams/b/weight", "9"),
        ("/payments/limits", r#"{"per_second": 5, "burst": 6}"#),
        ("/payments/api_token", "secret"),
    ];
    let keys = Keys::of::<Settings>("/payments", &pairs);
    let settings = keys.decode::<Settings>().unwrap();
    let upstream = |addr: &str, weight| Upstream { addr: addr.parse().unwrap(), weight };
    assert_eq!(
        settings,
        Settings {
            listen: "0.0.0.0:1".parse().unwrap(),
            log_level: "debug".to_owned(),
            timeout: Duration::from_millis(1500),
            max_connections: Some(7),
            database: Database { url: "pg://other".to_owned(), pool_size: 3 },
            features: HashMap::from([("new_ui".to_owned(), true), ("dark".to_owned(), false)]),
            upstreams: BTreeMap::from([
                ("a".to_owned(), upstream("10.0.0.1:80", 1)),
                ("b".to_owned(), upstream("10.0.0.2:80", 9)),
            ]),
            limits: Limits { per_second: 5, burst: 6 },
            api_token: "secret".to_owned(),
        }
    );
    assert_eq!(keys.warnings(), []);
}

#[test]
fn an_update_follows_the_keys() {
    let mut keys = Keys::of::<Settings>("/payments", &LEAST);
    let mut settings = keys.decode::<Settings>().unwrap();
    let steps: [&[(&str, Option<&str>)]; 8] = [
        &[("/payments/listen", Some("1.2.3.4:5")), ("/payments/log/level", Some("trace"))],
        &[("/payments/features/a", Some("true")), ("/payments/features/b", Some("true"))],
        &[("/payments/features/a", None), ("/payments/features/b", Some("false"))],
        &[("/payments/upstreams/x/addr", Some("1.1.1.1:1"))],
        &[("/payments/upstreams/x/weight", Some("7")), ("/payments/upstreams/y/addr", Some("1.1.1.1:2"))],
        &[("/payments/upstreams/x/weight", None), ("/payments/upstreams/x/addr", None)],
        &[("/payments/listen", None), ("/payments/database/pool_size", Some("3"))],
        &[("/payments/max_connections", Some("5")), ("/payments/unknown/key", Some("x"))],
    ];
    for step in steps {
        keys.update(&mut settings, step).unwrap();
    }
    assert_eq!(settings.max_connections, Some(5));
    assert_eq!(settings.upstreams.len(), 1);
    assert_eq!(settings.features, HashMap::from([("b".to_owned(), false)]));
}

#[test]
fn all_problems_come_at_once() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/payments", deny_unknown_keys)]
    struct Strict {
        #[etcd(default = "127.0.0.1:8080")]
        listen: SocketAddr,
        #[etcd(secret)]
        api_token: String,
        #[etcd(nested)]
        database: Database,
    }
    let pairs = [
        ("/payments/listen", "localhost"),
        ("/payments/database/url", "pg://db"),
        ("/payments/database/pool_sze", "3"),
    ];
    let mut keys = Keys::of::<Strict>("/payments", &pairs);
    keys.change(&[]);
    let found = keys.decode::<Strict>().unwrap_err();
    let report = etcd_config::__private::Report::new("Settings", "/payments", 48121, found);
    let expected = "\
3 problems in Settings from /payments at revision 48121
  /payments/listen            listen: SocketAddr    \"localhost\" is not a socket address (such as 127.0.0.1:8080): invalid socket address syntax   (set at revision 1)
  /payments/api_token         api_token: String     required, but there is no such key
  /payments/database/pool_sze unknown key; did you mean pool_size (database.pool_size)?";
    assert_eq!(report.to_string(), expected);
}

#[test]
fn a_refused_update_names_the_check() {
    let mut keys = Keys::of::<Settings>("/payments", &LEAST);
    let mut settings = keys.decode::<Settings>().unwrap();
    let refused = keys.update(&mut settings, &[("/payments/database/pool_size", Some("0"))]).unwrap_err();
    let expected = "/payments/database/pool_size database.pool_size: u32: \"0\" is refused: at least one is needed \
                    (set at revision 2)";
    assert_eq!(lines(&refused), [expected]);
    let changes = [("/payments/database/pool_size", Some("2")), ("/payments/database/url", Some("sqlite:x"))];
    let refused = keys.update(&mut settings, &changes).unwrap_err();
    let expected = "/payments/database database: Database: sqlite has one connection: pool_size must be 1; \
                    the newest of its keys is /payments/database/pool_size, set at revision 3";
    assert_eq!(lines(&refused), [expected]);
}

#[test]
fn a_report_does_not_fill_the_screen() {
    let names: Vec<String> = (0..1000).map(|number| format!("/payments/features/{number:04}")).collect();
    let pairs: Vec<(&str, &str)> =
        names.iter().map(|name| (name.as_str(), "maybe")).chain(LEAST.iter().copied()).collect();
    let found = Keys::of::<Settings>("/payments", &pairs).decode::<Settings>().unwrap_err();
    let report = etcd_config::__private::Report::new("Settings", "/payments", 7, found).to_string();
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines.len(), 52);
    assert_eq!(lines[0], "1000 problems in Settings from /payments at revision 7");
    let first = "  /payments/features/0000 features.0000: bool    \"maybe\" is not true or false   (set at revision 1)";
    assert_eq!(lines[1], first);
    assert_eq!(lines[51], "  ... and 950 more");
}
