//! The v3 client over TLS.

use std::path::{Path, PathBuf};
use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_client_core::{Error, Kind, Tls};
use etcd_config_tests::{Certificates, Identity, Proxy, Server, block_on, servers, soon};

fn client(endpoint: &str, tls: Tls) -> Client {
    Client::builder().endpoints([endpoint]).tls(tls).max_retries(0).build().unwrap()
}

fn trusting(certificates: &Certificates) -> Tls {
    Tls::new().ca_file(certificates.ca_file()).unwrap()
}

fn identified(certificates: &Certificates) -> Tls {
    let identity = certificates.client();
    trusting(certificates).identity_files(identity.certificate, identity.key).unwrap()
}

#[test]
fn a_client_shows_its_certificate_with_a_key_that_is_encrypted() {
    let certificates = Certificates::new();
    let encrypted = certificates.encrypted_client_key("opensesame");
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).mutual_tls(&certificates).start();
        block_on(async {
            let tls = trusting(&certificates)
                .identity_files(certificates.client().certificate, &encrypted)
                .unwrap()
                .key_passphrase("opensesame");
            // An address without a scheme is taken for https where TLS is set up.
            let client = client(&server.address(), tls);
            client.put("/k", "v").await.unwrap();
            let mut watch = client.watch("/k").start_revision(1).await.unwrap();
            assert_eq!(soon(watch.next()).await.unwrap().unwrap().events.len(), 1);
        });
    }
    let tls = trusting(&certificates).identity_files(certificates.client().certificate, &encrypted).unwrap();
    for wrong in [tls.clone(), tls.key_passphrase("guess")] {
        let error = Client::builder().endpoints(["https://127.0.0.1"]).tls(wrong).build().unwrap_err();
        assert!(error.kind() == Kind::InvalidInput && error.to_string().contains("passphrase"), "{error}");
    }
}

#[test]
fn whom_tls_does_not_let_in_is_told_why() {
    let (certificates, others) = (Certificates::new(), Certificates::new());
    let server = Server::builder().mutual_tls(&certificates).start();
    let plain = Server::start();
    block_on(async {
        let refused = async |client: Client| -> Error { client.get("/k").await.unwrap_err() };
        let stranger = refused(client(&server.endpoint(), trusting(&others))).await;
        assert!(stranger.to_string().contains("invalid peer certificate"), "{stranger}");
        let mut nobody = refused(client(&server.endpoint(), trusting(&certificates))).await;
        for _ in 0..50 {
            // Whether the server's reason arrives is a matter of luck.
            assert!(nobody.to_string().contains("client certificate"), "{nobody}");
            nobody = refused(client(&server.endpoint(), trusting(&certificates))).await;
        }
        let to_plain =
            refused(client(&plain.endpoint().replace("http", "https"), trusting(&certificates))).await;
        assert!(to_plain.to_string().contains("cannot connect"), "{to_plain}");
        let from_plain =
            Client::builder().endpoints([server.endpoint().replace("https", "http")]).max_retries(0);
        let from_plain = from_plain.build().unwrap();
        for _ in 0..3 {
            let from_plain = refused(from_plain.clone()).await;
            assert!(from_plain.to_string().contains("write https://"), "{from_plain}");
        }
        let from_plain = refused(from_plain).await;
        for error in [stranger, nobody, to_plain, from_plain] {
            println!("{error:?}");
            assert!(error.is_transient() && error.failures().len() == 1, "{error}");
        }
    });
}

#[test]
fn certificates_are_read_again_for_each_connection() {
    let certificates = Certificates::new();
    let server = Server::builder().mutual_tls(&certificates).start();
    let proxy = Proxy::to(&server.address());
    block_on(async {
        certificates.issue_client("client", Duration::from_secs(6));
        let client = client(&format!("https://{}", proxy.address()), identified(&certificates));
        let mut watch = client.watch("/k").await.unwrap();
        client.put("/k", "v").await.unwrap();
        tokio::time::sleep(Duration::from_secs(7)).await;
        proxy.cut();
        soon(async { while watch.next().await.is_some() {} }).await;
        assert!(client.get("/k").await.unwrap_err().is_transient());
        certificates.issue_client("client", Duration::from_secs(3600));
        client.get("/k").await.unwrap();
        client.watch("/k").await.unwrap();
    });
}

/// Files of the client's own tests.
fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../etcd-client-core/testdata").join(name)
}

/// On P-521, and since 3.6 an authority of its own.
#[test]
fn what_etcd_makes_for_itself_is_accepted() {
    let others = Certificates::new();
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).auto_tls().start();
        block_on(async {
            let tls = Tls::new().ca_file(server.auto_tls_certificate()).unwrap();
            let client_of_it = client(&server.endpoint(), tls);
            client_of_it.put("/k", "v").await.unwrap();
            assert_eq!(client_of_it.get("/k").await.unwrap().kvs[0].value, "v");

            let refused =
                client(&server.endpoint(), trusting(&others)).get("/k").await.unwrap_err().to_string();
            assert!(refused.contains("Tls::ca_file"), "{etcd}: {refused}");
            println!("{etcd}: {refused}");
        });
    }
}

#[test]
fn both_sides_may_have_keys_on_p521() {
    let identity = Identity { certificate: testdata("p521/certificate.pem"), key: testdata("p521/key.pem") };
    for etcd in servers::all() {
        let authority = identity.certificate.clone();
        let server = Server::builder().etcd(etcd).tls_files(authority, identity.clone(), true).start();
        block_on(async {
            let tls = Tls::new().ca_file(&identity.certificate).unwrap();
            let tls = tls.identity_files(&identity.certificate, &identity.key).unwrap();
            client(&server.endpoint(), tls).put("/k", "v").await.unwrap();
        });
    }
}

#[test]
fn a_server_with_a_key_that_is_too_short_is_told_apart() {
    let (certificate, key) = (testdata("rsa1024.pem"), testdata("rsa1024.key.pem"));
    let identity = Identity { certificate: certificate.clone(), key };
    let server = Server::builder().tls_files(certificate.clone(), identity, false).start();
    block_on(async {
        let tls = Tls::new().ca_file(certificate).unwrap();
        let refused = client(&server.endpoint(), tls).get("/k").await.unwrap_err().to_string();
        assert!(refused.contains("RSA with 1024 bits") && refused.contains("2048"), "{refused}");
        assert!(!refused.contains("name the authority"), "{refused}");
    });
}

#[test]
fn hundreds_of_watches_do_not_wait_for_each_other() {
    let certificates = Certificates::new();
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).mutual_tls(&certificates).start();
        block_on(async {
            let client = client(&server.endpoint(), identified(&certificates));
            let mut watches = Vec::new();
            for i in 0..300 {
                watches.push(client.watch(format!("/{i}")).await.unwrap());
            }
            client.put("/299", "v").await.unwrap();
            assert_eq!(soon(watches[299].next()).await.unwrap().unwrap().events.len(), 1);
        });
    }
}

#[test]
fn a_watch_does_not_wait_for_large_answers() {
    let certificates = Certificates::new();
    let server = Server::builder().mutual_tls(&certificates).start();
    block_on(async {
        let client = client(&server.endpoint(), identified(&certificates));
        for i in 0..10 {
            client.put(format!("/large/{i}"), vec![b'x'; 1 << 20]).await.unwrap();
        }
        let mut watch = client.watch("/k").await.unwrap();
        let ranges: Vec<_> =
            (0..24).map(|_| tokio::spawn(client.get("/large/").prefix().into_future())).collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let writer = client.with_own_connections();
        let start = std::time::Instant::now();
        writer.put("/k", "v").await.unwrap();
        assert_eq!(soon(watch.next()).await.unwrap().unwrap().events.len(), 1);
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert!(ranges.iter().any(|range| !range.is_finished()), "there was nothing to wait for");
        for range in ranges {
            assert_eq!(range.await.unwrap().unwrap().kvs.len(), 10);
        }
    });
}
