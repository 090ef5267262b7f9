//! Users, passwords and tokens of a configuration that is in use.

use std::thread;
use std::time::Duration;

use etcd_client_core::Kind;
use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, State, Status};
use etcd_config_tests::{Proxy, Server};

use crate::history::History;
use crate::witness::{Flat, PREFIX, Witness};

/// A server with the user `app`, who may read and write below `/app/`.
fn secured(token_ttl: &str) -> Server {
    let server = Server::builder().flag("--auth-token-ttl", token_ttl).start();
    server.enable_auth("of-root");
    server.add_user("app", "secret", "/app/");
    server
}

fn client(endpoint: String, password: &str) -> Client {
    Client::builder().endpoints([endpoint]).user("app", password).build().expect("a client")
}

fn change_password(server: &Server, password: &str) {
    let passwd = ["user", "passwd", "app", "--interactive=false"];
    server.try_etcdctl(passwd, password).expect("the password is changed");
}

/// R37
#[test]
fn a_token_that_expired_while_watching_is_renewed_when_it_is_needed() {
    let server = secured("2");
    let history = History::of(&server, PREFIX);
    history.put("a", "1");
    let proxy = Proxy::to(&server.address());
    let live = Flat::watch(client(proxy.endpoint(), "secret")).expect("a first snapshot");
    let witness = Witness::of(&live);
    witness.watches(Duration::from_secs(5));

    thread::sleep(Duration::from_secs(6)); // three lives of a token
    history.put("a", "2");
    witness.converges(&history, Duration::from_secs(3));
    assert_eq!(live.status().counters.reconnects, 0, "the stream was not affected");

    proxy.cut();
    history.put("a", "3");
    witness.converges(&history, Duration::from_secs(3));
}

/// R39
#[test]
fn a_password_that_was_changed_is_said_and_the_last_settings_stay() {
    let server = secured("300");
    let history = History::of(&server, PREFIX);
    history.put("a", "1");
    let proxy = Proxy::to(&server.address());
    let client = client(proxy.endpoint(), "secret");
    let live = Flat::watch(client.clone()).expect("a first snapshot");
    let witness = Witness::of(&live);
    witness.watches(Duration::from_secs(5));

    change_password(&server, "another");
    proxy.cut();
    history.put("a", "2");
    let failed = |status: &Status| matches!(status.state, State::AuthFailed(_));
    witness.waits_for("refused", Duration::from_secs(5), failed);
    let logins = || server.metric(r#"grpc_server_started_total{grpc_method="Authenticate""#);
    let before = logins();
    thread::sleep(Duration::from_secs(3));
    assert!(logins() - before < 10.0, "{} logins in 3 s", logins() - before);
    assert_eq!(live.load().all["a"], "1");
    assert!(!live.status().to_string().contains("secret"));

    client.set_credentials("app", "another");
    witness.converges(&history, Duration::from_secs(35));
}

#[test]
fn wrong_credentials_are_said_at_once() {
    let server = secured("300");
    let error = Flat::watch(client(server.endpoint(), "wrong-one")).expect_err("refused");
    let text = error.to_string();
    assert!(text.contains("app") && !text.contains("wrong-one"), "{text}");
    assert_eq!(error.store().expect("an error of the store").kind(), Kind::Unauthenticated, "{text}");
}

#[test]
fn a_prefix_that_may_not_be_read_is_said_at_once() {
    let server = secured("300");
    let elsewhere = Flat::options().prefix("/elsewhere").watch(client(server.endpoint(), "secret"));
    let error = elsewhere.expect_err("refused");
    let kind = error.store().expect("an error of the store").kind();
    assert_eq!(kind, Kind::PermissionDenied, "{error}");
}
