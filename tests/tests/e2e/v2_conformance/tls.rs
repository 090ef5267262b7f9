//! TLS, with certificates on both sides.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v2::Client;
use etcd_client_core::{Error, Kind, Tls};
use etcd_config_tests::{Certificates, Reply, Scripted, Server, block_on, servers};

use super::line::next;

fn client(endpoint: &str, tls: Tls) -> Result<Client, Error> {
    Client::builder().endpoints([endpoint]).tls(tls).build()
}

#[test]
fn t01_certificates_and_an_encrypted_client_key() {
    for etcd in servers::with_v2() {
        let certificates = Certificates::new();
        let server = Server::builder().etcd(etcd).v2().mutual_tls(&certificates).start();
        let identity = certificates.client();
        let encrypted = certificates.encrypted_client_key("opensesame");
        let plain = Tls::new().ca_file(certificates.ca_file()).unwrap();
        let locked = plain.clone().identity_files(&identity.certificate, &encrypted).unwrap();
        for tls in [
            plain.identity_files(&identity.certificate, &identity.key).unwrap(),
            locked.key_passphrase("opensesame"),
        ] {
            block_on(async {
                let client = client(&server.endpoint(), tls).unwrap();
                let start = client.set("/k", "0").await.unwrap().into_body().index().unwrap();
                let mut watcher = client.watcher("/k").index(start + 1).start();
                client.set("/k", "1").await.unwrap();
                assert_eq!(next(&mut watcher).await.change().unwrap().value(), Some("1"));
                assert_eq!(client.get("/k").await.unwrap().value(), Some("1"));
            });
        }
    }
}

#[test]
fn t02_failures_are_typed_and_quick() {
    for etcd in servers::with_v2() {
        let certificates = Certificates::new();
        let server = Server::builder().etcd(etcd).v2().mutual_tls(&certificates).start();
        let plain = Server::builder().etcd(etcd).v2().start();
        let identity = certificates.client();
        let trusting = Tls::new().ca_file(certificates.ca_file()).unwrap();
        let known = trusting.clone().identity_files(&identity.certificate, &identity.key).unwrap();
        let strange = Certificates::new();
        let stranger = Tls::new().ca_file(strange.ca_file()).unwrap();
        let stranger = stranger.identity_files(&identity.certificate, &identity.key).unwrap();
        let elsewhere = format!("https://{}", forwarder(server.address()));
        let secure_to_plain = plain.endpoint().replace("http://", "https://");
        let plain_to_secure = server.endpoint().replace("https://", "http://");
        block_on(async {
            for (name, client, reason) in [
                ("no client certificate", client(&server.endpoint(), trusting.clone()), "ertificate"),
                ("another name", client(&elsewhere, known.clone()), "not valid for name"),
                ("another authority", client(&server.endpoint(), stranger), "invalid peer certificate"),
                ("https:// to a plain port", client(&secure_to_plain, known), "http://"),
                ("http:// to a TLS port", Client::new([plain_to_secure]), "https://"),
            ] {
                let started = Instant::now();
                let error = client.unwrap().get("k").await.unwrap_err();
                assert!(error.to_string().contains(reason), "{name}: {error}");
                assert_eq!(error.retries(), 0, "{name}: {error}");
                assert_eq!(error.failures().len(), 1, "{name}: {error}");
                assert!(started.elapsed() < Duration::from_secs(3), "{name}: {:?}", started.elapsed());
            }
        });
        let encrypted = certificates.encrypted_client_key("opensesame");
        let locked = trusting.identity_files(&identity.certificate, &encrypted).unwrap();
        let error = client(&server.endpoint(), locked.key_passphrase("guess")).unwrap_err();
        assert!(
            error.kind() == Kind::InvalidInput && error.to_string().contains("passphrase is wrong"),
            "{error}"
        );
    }
}

/// An address that the server's certificate does not name, behind which it is all the same.
fn forwarder(server: String) -> String {
    let listener = TcpListener::bind("127.0.0.2:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client?;
            let backend = TcpStream::connect(&server)?;
            for (mut from, mut to) in [(client.try_clone()?, backend.try_clone()?), (backend, client)] {
                thread::spawn(move || io::copy(&mut from, &mut to));
            }
        }
        Ok::<_, io::Error>(())
    });
    address
}

/// One port for both, as etcd has with both kinds of --listen-client-urls: what it was asked in plain HTTP may have
/// been done.
#[test]
fn a_creation_that_was_lost_where_tls_is_spoken_too_is_not_made_again() {
    let certificates = Certificates::new();
    let secure = Server::builder().tls(&certificates).start();
    let plain = Scripted::new(|asked| match asked.method.as_str() {
        "POST" => Reply::hang_up(),
        _ => Reply::new(200, r#"{"etcdserver":"3.5.1"}"#),
    });
    let both = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", both.local_addr().unwrap());
    let backends = (secure.address(), plain.address());
    thread::spawn(move || {
        for client in both.incoming().flatten() {
            let mut first = [0];
            let is_tls = client.peek(&mut first).is_ok() && first == [0x16];
            let Ok(server) = TcpStream::connect(if is_tls { &backends.0 } else { &backends.1 }) else {
                continue;
            };
            for (mut from, mut to) in
                [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
            {
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
    let client = Client::builder().endpoints([endpoint]).max_retries(2).build().unwrap();
    let error = block_on(async { client.create_in_order("jobs", "x").await }).unwrap_err();
    let posts = plain.asked().iter().filter(|asked| asked.method == "POST").count();
    assert_eq!((posts, error.maybe_applied()), (1, true), "{error}");
}
