//! Settings are loaded, and follow what is written.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use etcd_config::EtcdConfig;
use etcd_config_tests::{Server, on_each_line, servers, until_live};

const SOON: Duration = Duration::from_secs(5);

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/payments")]
struct Settings {
    #[etcd(default = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[etcd(key = "log/level", default = "info")]
    log_level: String,
    #[etcd(with = humantime_serde, default = "2s")]
    timeout: Duration,
    max_connections: Option<u32>,
    #[etcd(nested)]
    database: Database,
    #[etcd(map)]
    features: HashMap<String, bool>,
    #[etcd(nested)]
    upstreams: BTreeMap<String, Upstream>,
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
    fn check(&self) -> Result<(), String> {
        if self.url.contains("://") { Ok(()) } else { Err("a URL has a scheme".to_owned()) }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "checks take references")]
fn at_least_one(size: &u32) -> Result<(), String> {
    if *size > 0 { Ok(()) } else { Err("must be at least 1".to_owned()) }
}

fn with_settings(server: &Server) {
    server.put("/payments/api_token", "hunter2");
    server.put("/payments/database/url", "pg://db");
    server.put("/payments/features/refunds", "true");
    server.put("/payments/upstreams/bank/addr", "10.0.0.1:443");
    server.put("/payments/limits", r#"{"per_second": 10, "burst": 20}"#);
}

#[test]
fn settings_are_loaded_and_follow_each_write() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        with_settings(&server);
        let settings = Settings::watch(server.endpoint()).expect("a first snapshot");
        let first = settings.snapshot();
        assert_eq!(first.listen.port(), 8080);
        assert_eq!((first.log_level.as_str(), first.timeout), ("info", Duration::from_secs(2)));
        assert_eq!((first.max_connections, first.database.pool_size), (None, 10));
        assert_eq!(first.features, HashMap::from([("refunds".to_owned(), true)]));
        assert_eq!(first.upstreams["bank"], Upstream { addr: ([10, 0, 0, 1], 443).into(), weight: 1 });
        assert_eq!(first.limits, Limits { per_second: 10, burst: 20 });

        let (pools, seen) = mpsc::channel();
        settings.on(
            |s| &s.database.pool_size,
            move |old, new| {
                let _ = pools.send((*old, *new));
            },
        );
        server.put("/payments/log/level", "trace");
        settings.wait_until(|s| s.log_level == "trace", SOON).expect("reloaded");
        server.put("/payments/database/pool_size", "20");
        assert_eq!(seen.recv_timeout(SOON), Ok((10, 20)));
        server.put("/payments/upstreams/card/addr", "10.0.0.2:443");
        settings.wait_until(|s| s.upstreams.len() == 2, SOON).expect("reloaded");
        server.etcdctl(["del", "--prefix", "/payments/upstreams/bank/"]);
        settings.wait_until(|s| s.upstreams.len() == 1, SOON).expect("reloaded");
        server.put("/payments/max_connections", "7");
        settings.wait_until(|s| s.max_connections == Some(7), SOON).expect("reloaded");
        server.etcdctl(["del", "/payments/log/level"]);
        settings.wait_until(|s| s.log_level == "info", SOON).expect("the default again");
        assert_eq!(seen.try_recv(), Err(mpsc::TryRecvError::Empty), "the pool's size did not change again");
    }
}

#[test]
fn what_was_written_is_in_force_when_its_revision_is() {
    let server = Server::start();
    with_settings(&server);
    let settings = Settings::watch(server.endpoint()).expect("a first snapshot");
    let reply = server.etcdctl(["put", "/payments/log/level", "debug", "-w", "json"]);
    let reply: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
    let revision = reply["header"]["revision"].as_u64().expect("a revision");
    settings.wait_for_revision(revision, SOON).expect("in force");
    assert_eq!(settings.load().log_level, "debug");
}

#[test]
fn r51_a_bad_value_is_refused_and_the_last_good_settings_stay() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        with_settings(&server);
        let settings = Settings::watch(server.endpoint()).expect("a first snapshot");
        let (refusals, refused) = mpsc::channel();
        settings.on_rejected(move |rejection| drop(refusals.send(rejection.clone())));
        let before = settings.snapshot();
        for (key, bad, good, says) in [
            ("/payments/listen", "localhost", "127.0.0.1:8080", "/payments/listen"),
            ("/payments/database/pool_size", "0", "10", "must be at least 1"),
            ("/payments/database/url", "db", "pg://db", "a URL has a scheme"),
        ] {
            server.put(key, bad);
            let rejection = refused.recv_timeout(Duration::from_secs(2)).expect("a refusal");
            let text = rejection.to_string();
            assert!(
                text.contains("/payments/") && text.contains(says) && !text.contains("hunter2"),
                "{text}"
            );
            assert!(rejection.revision() > before.revision(), "{text}");
            let problem = &rejection.problems()[0];
            // A check of the whole struct cannot say which of its keys is wrong.
            let is_of_one_key = key != "/payments/database/url";
            let named = (problem.key(), problem.revision());
            assert!(!is_of_one_key || named == (key, Some(rejection.revision())), "{named:?}");
            assert_eq!(**settings.snapshot(), **before);
            assert!(settings.status().refused_since.is_some(), "{}", settings.status());
            server.put(key, good);
            until_live(&settings, Duration::from_secs(2), "current", |settings| {
                settings.status().is_current()
            });
        }
        server.put("/payments/log/level", "debug");
        settings.wait_until(|s| s.log_level == "debug", Duration::from_secs(2)).expect("reloaded");
    });
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let server = Server::start();
    server.put("/payments/listen", "localhost");
    server.put("/payments/database/pool_sze", "3");
    let error = Settings::load_once(server.endpoint()).expect_err("three problems");
    let text = error.to_string();
    for part in ["/payments/listen", "/payments/api_token", "/payments/database/url", "localhost"] {
        assert!(text.contains(part), "no {part} in:\n{text}");
    }
    assert!(error.problems().len() >= 3, "{text}");
}
