//! Values that are not what was meant, written with etcdctl.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use etcd_config::{EtcdConfig, Live, ProblemKind};
use etcd_config_tests::{Server, log, on_each_line, until_live};

const SOON: Duration = Duration::from_secs(20);

#[derive(EtcdConfig, Debug)]
struct App {
    #[etcd(default = 8080)]
    port: u16,
    #[etcd(default = "127.0.0.1:80")]
    listen: SocketAddr,
    #[etcd(default = "x")]
    name: String,
    #[etcd(secret, default = "x")]
    token: String,
    #[etcd(map)]
    features: HashMap<String, bool>,
    #[etcd(nested)]
    database: Option<Database>,
}

#[derive(EtcdConfig, Debug)]
struct Database {
    #[etcd(default = "x")]
    url: String,
}

fn watch(server: &Server, prefix: &str) -> Live<App> {
    log::keep();
    App::options().prefix(prefix).watch(server.endpoint()).expect("all values have defaults")
}

/// `echo value | etcdctl put key`
fn echo(server: &Server, key: &str, value: &str) {
    server.try_etcdctl(["put", key], &format!("{value}\n")).expect("written");
}

#[test]
fn what_echo_appends_is_taken_or_warned_of_once() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let prefix = format!("/echo{}", etcd.version().minor);
        let live = watch(&server, &prefix);
        for (key, value) in [("port", "81"), ("listen", "127.0.0.1:81"), ("name", "y"), ("token", "hush")] {
            echo(&server, &format!("{prefix}/{key}"), value);
        }
        live.wait_until(|now| now.token == "hush\n", SOON).expect("the last one");
        let now = live.load();
        assert_eq!((now.port, now.listen.port(), now.name.as_str()), (81, 81, "y\n"));
        let lines = || log::warnings_about(&format!("prefix={prefix}")).split_off(1);
        let said = |key: &str| {
            format!(
                "WARN {prefix}/{key} {key}: String: the value ends with a line break, which is part of it: \
                 `echo` adds one, `printf %s` does not name=\"App\" prefix={prefix}"
            )
        };
        assert_eq!(lines(), [said("name"), said("token")]);
        // Other keys, and the same ones again, are no news.
        for port in ["82", "83"] {
            echo(&server, &format!("{prefix}/port"), port);
            echo(&server, &format!("{prefix}/name"), "z");
        }
        live.wait_until(|now| now.port == 83 && now.name == "z\n", SOON).expect("the last one");
        assert_eq!(lines().len(), 2);
        let warnings = live.status().warnings;
        assert!(warnings.iter().all(|warning| warning.kind() == ProblemKind::OddText), "{warnings:?}");
        server.put(&format!("{prefix}/name"), "y");
        server.put(&format!("{prefix}/token"), "hush");
        live.wait_until(|now| now.token == "hush", SOON).expect("both");
        assert!(live.status().warnings.is_empty(), "{}", live.status());
        assert!(!lines().iter().any(|line| line.contains("hush")));
    });
}

#[test]
fn a_refused_value_is_said_with_the_way_out() {
    let server = Server::start();
    let live = watch(&server, "/refused");
    for (key, value, what) in [
        ("port", "1_000", "port: u16    \"1_000\" is not a whole number from 0 to 65535; did you mean 1000?"),
        (
            "port",
            "",
            "port: u16    \"\" is not a whole number from 0 to 65535; delete the key for the default, 8080",
        ),
        (
            "listen",
            "localhost:80",
            "listen: SocketAddr    \"localhost:80\" is not a socket address (such as 127.0.0.1:8080): invalid socket \
             address syntax",
        ),
        ("features/dark", "yes", "features.dark: bool    \"yes\" is not true or false; did you mean true?"),
    ] {
        let key = format!("/refused/{key}");
        server.put(&key, value);
        until_live(&live, SOON, "refused", |live| live.status().refusal().is_some());
        let status = live.status().to_string();
        assert!(status.contains(&format!("{key} {what}   (set at revision ")), "{status}");
        server.etcdctl(["del", &key]);
        until_live(&live, SOON, "accepted again", |live| live.status().refusal().is_none());
    }
    assert!(log::warnings_about("did you mean 1000?").len() == 1);
}

#[test]
fn a_document_for_a_struct_and_for_a_map_is_a_warning_with_the_way_out() {
    let server = Server::start();
    server.put("/doc/database", "{\"url\": \"pg://x\"}");
    server.put("/doc/features", "{\"dark\": true}");
    server.put("/doc/port/", "81");
    let live = watch(&server, "/doc");
    let warnings: Vec<String> = live.status().warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "/doc/database: a key where a directory is expected, and in it a JSON object: each field has a key of \
             its own, such as database/url; for a struct in one key leave `nested` out of the source, and derive \
             serde's `Deserialize` for it",
            "/doc/features: a key where a directory is expected, and in it a JSON object: each entry has a key of \
             its own, such as features/<name>; for a map in one key leave `map` or `nested` out of the source",
            "/doc/port/: unknown key; it has a slash too many: did you mean port?",
        ]
    );
    for warning in warnings {
        assert_eq!(log::warnings_about(&warning).len(), 1, "{warning}");
    }
}
