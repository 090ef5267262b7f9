//! A configuration over TLS, in both directions.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_client_core::{Tls, v2};
use etcd_config::{EtcdConfig, Status};
use etcd_config_tests::{
    Api, Certificates, Flat, Identity, Proxy, Server, State as Keys, Witness, over_each_api, servers,
};

fn client(endpoint: String, tls: Tls) -> Client {
    Client::builder().endpoints([endpoint]).tls(tls).build().expect("a client")
}

fn trusting(certificates: &Certificates) -> Tls {
    Tls::new().ca_file(certificates.ca_file()).expect("the authority's certificate")
}

fn identified(certificates: &Certificates) -> Tls {
    let Identity { certificate, key } = certificates.client();
    trusting(certificates).identity_files(certificate, key).expect("the client's files")
}

#[test]
fn a_service_with_a_certificate_and_an_encrypted_key_is_served() {
    for etcd in servers::all() {
        let certificates = Certificates::new();
        let server = Server::builder().etcd(etcd).mutual_tls(&certificates).start();
        server.put("/app/all/a", "1");
        let key = certificates.encrypted_client_key("passphrase");
        let tls = trusting(&certificates).identity_files(certificates.client().certificate, key);
        let tls = tls.expect("the client's files");
        let client = client(server.endpoint(), tls.key_passphrase("passphrase"));
        let live = Flat::watch(client).expect("a first snapshot");
        assert_eq!(live.load().all, Keys::from([("a".to_owned(), "1".to_owned())]));
        server.put("/app/all/a", "2");
        live.wait_until(|flat| flat.all["a"] == "2", Duration::from_secs(5)).expect("reloaded");
    }
}

/// Whoever still used the old ones would not be let in, and would not let the server in.
#[test]
fn r52_certificates_that_are_replaced_count_from_the_next_connection() {
    // Long enough for a busy machine to come to a first snapshot.
    const SHORT: Duration = Duration::from_secs(15);
    over_each_api(|stage| {
        let certificates = Certificates::new();
        let server = stage.server().mutual_tls(&certificates).start();
        let history = stage.history(&server);
        history.put("a", "1");
        // etcd ends where it starts to listen for TLS while its files are being replaced.
        Flat::load_once(client(server.endpoint(), identified(&certificates))).expect("it listens for TLS");
        let proxy = Proxy::to(&server.address());
        certificates.issue_client("client", SHORT);
        certificates.issue_server(SHORT);
        let issued = Instant::now();
        let (endpoint, tls) = (format!("https://{}", proxy.address()), identified(&certificates));
        let live = match stage.api() {
            Api::V2 => {
                Flat::watch(v2::Client::builder().endpoints([endpoint]).tls(tls).build().expect("a client"))
            }
            Api::V3 => Flat::watch(client(endpoint, tls)),
        };
        let live = live.expect("a first snapshot");
        let witness = Witness::watching(&live);

        let old = tempfile::tempdir().expect("a temporary folder");
        let Identity { certificate, key } = certificates.client();
        let [old_certificate, old_key] = ["certificate", "key"].map(|name| old.path().join(name));
        std::fs::copy(certificate, &old_certificate).expect("copied");
        std::fs::copy(key, &old_key).expect("copied");
        certificates.issue_client("client", SHORT * 100);
        certificates.issue_server(SHORT * 100);
        thread::sleep((SHORT + Duration::from_secs(1)).saturating_sub(issued.elapsed()));
        proxy.cut();
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(5));

        let expired = trusting(&certificates).identity_files(old_certificate, old_key).expect("files");
        let expired =
            Flat::options().startup_timeout(Duration::from_secs(1)).watch(client(server.endpoint(), expired));
        expired.expect_err("the old certificate has expired");
    });
}

/// The server comes first, then one of the service's files after the other, as deployments do it.
#[test]
fn an_authority_that_is_replaced_is_taken_up_without_a_restart() {
    over_each_api(|stage| {
        let mut certificates = Certificates::new();
        let server = stage.server().mutual_tls(&certificates).start();
        let history = stage.history(&server);
        history.put("a", "1");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [authority, certificate, key] = ["ca", "certificate", "key"].map(|name| folder.path().join(name));
        let copy = |from: PathBuf, to: &PathBuf| assert!(std::fs::copy(from, to).expect("copied") > 0);
        let copy_identity = |certificates: &Certificates| {
            copy(certificates.client().certificate, &certificate);
            copy(certificates.client().key, &key);
        };
        copy(certificates.ca_file(), &authority);
        copy_identity(&certificates);
        let tls = Tls::new().ca_file(&authority).expect("the authority's certificate");
        let tls = tls.identity_files(&certificate, &key).expect("the client's files");
        let endpoint = server.endpoint();
        let live = match stage.api() {
            Api::V2 => {
                Flat::watch(v2::Client::builder().endpoints([endpoint]).tls(tls).build().expect("a client"))
            }
            Api::V3 => Flat::watch(client(endpoint, tls)),
        };
        let live = live.expect("a first snapshot");
        let witness = Witness::watching(&live);
        let says = |what: &'static str| {
            let says = |status: &Status| status.state.error().is_some_and(|it| it.to_string().contains(what));
            witness.waits_for(what, Duration::from_secs(10), says);
        };

        certificates.replace_authority();
        server.restart();
        history.put("a", "2");
        says("UnknownIssuer");
        std::fs::remove_file(&authority).expect("removed");
        says("cannot be read");
        std::fs::write(&authority, "").expect("written");
        says("no certificate");
        copy(certificates.ca_file(), &authority);
        says("a client certificate that it can accept");
        assert_eq!(live.load().all["a"], "1");
        copy_identity(&certificates);
        witness.converges(&history, Duration::from_secs(10));
        witness.watches(Duration::from_secs(5));
        history.put("a", "3");
        witness.converges(&history, Duration::from_secs(5));
        assert_eq!(live.status().counters.rewinds, 0);
    });
}

#[test]
fn the_name_in_a_certificate_is_a_user() {
    let certificates = Certificates::new();
    let server = Server::builder().mutual_tls(&certificates).start();
    server.put("/app/all/a", "1");
    server.add_user("client", "unused", "/app/");
    server.enable_auth("of-root");
    let client = client(server.endpoint(), identified(&certificates));
    Flat::watch(client.clone()).expect("a first snapshot");
    let error = Flat::options().prefix("/elsewhere").watch(client).expect_err("not permitted");
    assert!(error.to_string().contains("permission denied"), "{error}");
}
