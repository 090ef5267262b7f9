//! A configuration over TLS, in both directions.

use std::time::Duration;

use etcd_client_core::Tls;
use etcd_client_core::v3::Client;
use etcd_config::EtcdConfig;
use etcd_config_tests::{Certificates, Proxy, Server, servers};

use crate::history::State;
use crate::witness::Flat;

fn client(endpoint: String, tls: Tls) -> Client {
    Client::builder().endpoints([endpoint]).tls(tls).build().expect("a client")
}

#[test]
fn a_service_with_a_certificate_and_an_encrypted_key_is_served() {
    for etcd in servers::all() {
        let certificates = Certificates::new();
        let server = Server::builder().etcd(etcd).mutual_tls(&certificates).start();
        server.put("/app/all/a", "1");
        let tls = Tls::new().ca_file(certificates.ca_file()).expect("the authority's certificate");
        let key = certificates.encrypted_client_key("passphrase");
        let tls = tls.identity_files(certificates.client().certificate, key).expect("the client's files");
        let client = client(server.endpoint(), tls.key_passphrase("passphrase"));
        let live = Flat::watch(client).expect("a first snapshot");
        assert_eq!(live.load().all, State::from([("a".to_owned(), "1".to_owned())]));
        server.put("/app/all/a", "2");
        live.wait_until(|flat| flat.all["a"] == "2", Duration::from_secs(5)).expect("reloaded");
    }
}

/// R52
#[test]
fn certificates_that_are_replaced_count_from_the_next_connection() {
    const SHORT: Duration = Duration::from_secs(4);
    let certificates = Certificates::new();
    let server = Server::builder().mutual_tls(&certificates).start();
    let proxy = Proxy::to(&server.address());
    certificates.issue_client("client", SHORT);
    certificates.issue_server(SHORT);
    let tls = Tls::new().ca_file(certificates.ca_file()).expect("the authority's certificate");
    let identity = certificates.client();
    let tls = tls.identity_files(identity.certificate, identity.key).expect("the client's files");
    let client = client(format!("https://{}", proxy.address()), tls);
    server.put("/app/all/a", "1");
    let live = Flat::watch(client).expect("a first snapshot");

    certificates.issue_client("client", SHORT * 100);
    certificates.issue_server(SHORT * 100);
    std::thread::sleep(SHORT);
    proxy.cut();
    server.put("/app/all/a", "2");
    live.wait_until(|flat| flat.all["a"] == "2", Duration::from_secs(5)).expect("the new ones are used");
}

#[test]
fn the_name_in_a_certificate_is_a_user() {
    let certificates = Certificates::new();
    let server = Server::builder().mutual_tls(&certificates).start();
    server.put("/app/all/a", "1");
    server.add_user("client", "unused", "/app/");
    server.enable_auth("of-root");
    let tls = Tls::new().ca_file(certificates.ca_file()).expect("the authority's certificate");
    let identity = certificates.client();
    let tls = tls.identity_files(identity.certificate, identity.key).expect("the client's files");
    let client = client(server.endpoint(), tls);
    Flat::watch(client.clone()).expect("a first snapshot");
    let error = Flat::options().prefix("/elsewhere").watch(client).expect_err("not permitted");
    assert!(error.to_string().contains("permission denied"), "{error}");
}
