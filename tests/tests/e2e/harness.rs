//! The harness itself.

use std::time::Duration;

use etcd_config_tests::{Certificates, Cluster, History, Server, difference, servers};

#[test]
fn each_line_of_servers_starts_and_keeps_its_data_over_a_restart() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        server.put("/a", "1");
        server.kill();
        assert!(!server.is_healthy());
        server.restart();
        assert_eq!(server.etcdctl(["get", "/a", "--print-value-only"]).trim(), "1");
        server.wipe();
        server.restart();
        assert_eq!(server.etcdctl(["get", "/a"]), "");
    }
}

#[test]
fn a_server_that_was_asked_to_end_does() {
    let server = Server::start();
    server.terminate();
    assert!(server.wait_until_ended(Duration::from_secs(20)));
    server.restart();
}

#[test]
fn a_frozen_server_answers_nothing_and_goes_on_later() {
    let server = Server::start();
    server.pause();
    assert!(server.try_etcdctl(["--command-timeout=300ms", "get", "/a"], "").is_err());
    server.resume();
    server.etcdctl(["get", "/a"]);
}

#[test]
fn a_server_dies_with_its_handle() {
    let server = Server::start();
    let process = server.process_id().expect("it runs");
    drop(server);
    assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
}

#[test]
fn a_server_with_authentication_wants_credentials() {
    let server = Server::start();
    server.enable_auth("secret");
    server.add_user("payments", "pw", "/payments/");
    server.set_user(None);
    assert!(server.try_etcdctl(["get", "/payments/a"], "").is_err());
    server.set_user(Some("payments:pw"));
    server.put("/payments/a", "1");
    assert!(server.try_etcdctl(["put", "/other", "1"], "").is_err());
}

#[test]
fn a_server_with_mutual_tls_serves_those_with_a_certificate() {
    let certificates = Certificates::new();
    let server = Server::builder().mutual_tls(&certificates).start();
    assert!(server.endpoint().starts_with("https://"));
    server.put("/a", "1");
    certificates.issue_client("client", Duration::ZERO);
    assert!(server.try_etcdctl(["--command-timeout=1s", "put", "/a", "2"], "").is_err());
}

#[test]
fn a_cluster_goes_on_without_its_leader() {
    let cluster = Cluster::start();
    let leader = cluster.leader();
    cluster.member(leader).kill();
    let next = cluster.leader();
    assert_ne!(next, leader);
    cluster.member(next).put("/a", "1");
    cluster.member(leader).restart();
    assert_eq!(cluster.member(leader).etcdctl(["get", "/a", "--print-value-only"]).trim(), "1");
}

#[test]
fn the_history_knows_every_state_even_of_compacted_revisions() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, "/app/");
        let first = history.write([("a", Some("1")), ("b", Some(""))]);
        let second = history.write([("a", Some("2")), ("b", None), ("c", Some("3"))]);
        history.compact();
        let (old, new) = (history.at(first), history.at(second));
        assert_eq!(Vec::from_iter(difference(&old, &new)), ["a", "b", "c"]);
        server.etcdctl(["del", "/app/c"]);
        history.read();
        assert_eq!(history.head(), (second + 1, [("a".to_owned(), "2".to_owned())].into()));
        assert_eq!(history.at(second), new);
    }
}

#[test]
fn a_snapshot_brings_back_what_was_before() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        server.put("/a", "1");
        let backup = tempfile::tempdir().expect("a temporary folder");
        let file = backup.path().join("snapshot");
        server.save_snapshot(&file);
        server.put("/a", "2");
        server.restore_snapshot(&file);
        server.restart();
        assert_eq!(server.etcdctl(["get", "/a", "--print-value-only"]).trim(), "1");
    }
}

#[test]
fn a_counter_of_the_server_is_read_with_some_of_its_labels() {
    let server = Server::start();
    let ranges = || server.metric(r#"grpc_server_started_total{grpc_method="Range""#);
    let before = ranges();
    server.etcdctl(["get", "/a"]);
    assert!((ranges() - before - 1.0).abs() < f64::EPSILON, "{before} and then {}", ranges());
    assert!(server.metric("grpc_server_started_total") > 0.0);
}
