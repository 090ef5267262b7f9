//! A prefix that nothing lies below.

use std::time::Duration;

use etcd_client_core::{Prefix, Store, v2, v3};
use etcd_config::EtcdConfig;
use etcd_config_tests::{Server, block_on, log, on_each_line, servers};

#[derive(EtcdConfig, Debug)]
struct Needy {
    port: u16,
}

#[derive(EtcdConfig, Debug)]
struct Relaxed {
    #[etcd(default = 80)]
    port: u16,
}

const NOTHING: &str = "there is no key at all below this prefix";

/// What is said of the prefix.
fn said_of_all(error: &etcd_config::Error) -> String {
    let text = error.to_string();
    text.lines().find(|line| line.contains(NOTHING)).unwrap_or_default().trim().to_owned()
}

#[test]
fn over_v3_the_neighbour_is_named() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        server.put("/App/port", "80");
        server.put("/other/deep/er", "x");
        let said = |prefix: &str| {
            said_of_all(&Needy::options().prefix(prefix).load_once(server.endpoint()).unwrap_err())
        };
        assert_eq!(said("/app"), format!("{NOTHING}: there are keys below /App; is that the prefix?"));
        assert_eq!(said("App"), format!("{NOTHING}: there are keys below /App; is that the prefix?"));
        assert_eq!(said("/App/prod"), format!("{NOTHING}: there is /App/port; is the prefix /App?"));
        assert_eq!(said("/zoo"), format!("{NOTHING}: / holds App/, other/"));
    });
}

#[test]
fn over_v2_the_neighbour_is_named() {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        let client = v2::Client::new([server.endpoint()]).expect("a client");
        block_on(client.set("/App/port", "80").into_future()).expect("set");
        let said =
            |prefix: &str| said_of_all(&Needy::options().prefix(prefix).load_once(&client).unwrap_err());
        assert_eq!(said("/app"), format!("{NOTHING}: there are keys below /App; is that the prefix?"));
        assert_eq!(said("/App/prod"), format!("{NOTHING}: there is /App/port; is the prefix /App?"));
        // `etcdctl put` would write for the other API.
        let error = Needy::options().prefix("/zoo").load_once(&client).unwrap_err().to_string();
        assert!(!error.contains("etcdctl"), "{error}");
        for prefix in ["/zoo", "/zoo/a/b", "/zoo/a/b/c/d"] {
            assert_eq!(said(prefix), format!("{NOTHING}: / holds App/"), "{prefix}");
        }
        assert_eq!(said("/App/prod/eu/1"), format!("{NOTHING}: there is /App/port; is the prefix /App?"));
    }
}

#[test]
fn keys_of_the_other_api_are_named() {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        let client = v2::Client::new([server.endpoint()]).expect("a client");
        let said = |api: &str| {
            format!(
                "{NOTHING}: the same servers hold keys there for etcd's {api} API, which is another store: read \
                 them with etcd_config::client::{api}::Client, or write them with the API that is read here"
            )
        };
        block_on(client.set("/old/port", "80").into_future()).expect("set");
        server.put("/new/port", "80");
        let error = Needy::options().prefix("/old").load_once(server.endpoint()).unwrap_err();
        assert_eq!(said_of_all(&error), said("v2"));
        let error = Needy::options().prefix("/new").load_once(&client).unwrap_err();
        assert_eq!(said_of_all(&error), said("v3"));
        // A directory with nothing in it holds no keys.
        block_on(client.mkdir("/empty").into_future()).expect("made");
        let error = Needy::options().prefix("/empty").load_once(server.endpoint()).unwrap_err();
        assert_eq!(said_of_all(&error), format!("{NOTHING}: / holds new/"));
    }
}

#[test]
fn where_all_values_are_defaults_the_log_has_one_line() {
    log::keep();
    let server = Server::start();
    server.put("/quiet", "{}");
    let live = Relaxed::options().prefix("/quiet").watch(server.endpoint()).expect("all have defaults");
    let lines = log::warnings_about("prefix=/quiet");
    assert_eq!(
        lines,
        [
            "WARN nothing was read from the store: there is no key at all below this prefix: /quiet itself is a key, \
          which no field reads: each field has a key of its own, such as /quiet/port name=\"Relaxed\" prefix=/quiet"
        ]
    );
    server.put("/quiet/port", "81");
    live.wait_until(|now| now.port == 81, Duration::from_secs(20)).expect("the change");
    assert!(live.status().warnings.is_empty(), "{}", live.status());
    assert_eq!(log::warnings_about("prefix=/quiet").len(), 1);
}

#[test]
fn whoever_may_read_nothing_else_starts_without_a_hint() {
    let server = Server::start();
    server.put("/App/port", "80");
    server.add_user("app", "secret", "/app/");
    server.enable_auth("root");
    let client = v3::Client::builder().endpoints([server.endpoint()]).user("app", "secret").build();
    let error = Needy::options().prefix("/app").load_once(client.expect("a client")).unwrap_err();
    assert_eq!(said_of_all(&error), NOTHING);
}

#[test]
fn the_names_in_a_directory_cost_little_however_much_is_in_it() {
    let server = Server::start();
    let client = v3::Client::new([server.endpoint()]).expect("a client");
    block_on(async {
        for hundred in 0..5 {
            let puts = (0..100).map(|n| (format!("/a/{hundred}/{n}"), "x"));
            let txn = puts.fold(client.txn(), |txn, (key, value)| txn.then(client.put(key, value)));
            txn.await.expect("written");
        }
        for key in ["/a", "/b", "/b/x", "/b.y", "/c/d/e", "c"] {
            client.put(key, "x").await.expect("put");
        }
        let names = async |directory: &str, limit| {
            client.names(&Prefix::new(directory), limit).await.expect("an answer")
        };
        assert_eq!(names("/", 10).await, ["a", "a/", "b", "b.y", "b/", "c/"]);
        assert_eq!(names("/", 2).await, ["a", "a/"]);
        assert_eq!(names("", 10).await, ["/", "c"]);
        assert_eq!(names("/c", 10).await, ["d/"]);
        assert_eq!(names("/nothing", 10).await, [""; 0]);
    });
}
