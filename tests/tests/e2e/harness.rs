//! The harness itself.

use std::time::Duration;

use etcd_config_tests::{Certificates, Cluster, Server, servers};

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
