//! A configuration needs no feature, and whatever needs one says which.

use etcd_config::client::v3::Client;
use etcd_config::{EtcdConfig, MemoryStore};

#[derive(EtcdConfig)]
#[etcd(prefix = "/app")]
struct Settings {
    #[etcd(default = 10)]
    workers: u32,
    name: Option<String>,
}

#[test]
fn a_configuration_of_a_store_needs_no_feature() {
    let store = MemoryStore::from([("/app/name", "one")]);
    let settings = Settings::watch(&store).unwrap();
    assert_eq!((settings.load().workers, settings.load().name.as_deref()), (10, Some("one")));
    store.put("/app/workers", "11");
    let (sender, workers) = std::sync::mpsc::channel();
    settings.follow(
        |s| &s.workers,
        move |workers| {
            let _ = sender.send(*workers);
        },
    );
    let patience = std::time::Duration::from_secs(10);
    while workers.recv_timeout(patience).expect("the new value comes") != 11 {}
}

#[test]
fn an_endpoint_without_tls_needs_no_feature() {
    Client::new(["http://127.0.0.1:1"]).unwrap();
}

#[cfg(not(feature = "tls"))]
#[test]
fn an_endpoint_with_tls_names_the_feature_when_the_client_is_built() {
    let error = Client::new(["https://127.0.0.1:1"]).unwrap_err().to_string();
    assert!(error.contains("https://") && error.contains("the feature `tls`"), "{error}");
    let error = Settings::watch("https://127.0.0.1:1").unwrap_err().to_string();
    assert!(error.contains("the feature `tls`"), "{error}");
}

/// Whatever speaks TLS answers the beginning of a handshake, if only by an alert, and hangs up on all else.
#[cfg(not(feature = "tls"))]
#[test]
fn a_server_that_speaks_tls_is_known_without_the_feature() {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut first) = (stream.unwrap(), [0; 1]);
            if stream.read(&mut first).unwrap_or(0) == 1 && first == [0x16] {
                let _ = stream.write_all(b"\x15\x03\x03\0\x02\x02\x28");
            }
        }
    });
    let options = Settings::options().startup_timeout(std::time::Duration::from_secs(3));
    let error = options.watch(&*endpoint).unwrap_err().to_string();
    assert!(error.contains("the server speaks TLS") && error.contains("the feature `tls`"), "{error}");
}

/// Also where nobody has named an endpoint with TLS, but a server sends the client to one.
#[cfg(all(feature = "v2", not(feature = "tls")))]
#[test]
fn a_redirection_to_tls_names_the_feature() {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut request) = (stream.unwrap(), [0; 1024]);
            let _ = stream.read(&mut request);
            let _ = stream.write_all(
                b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://127.0.0.1:1/v2/keys\r\n\
                  Content-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    let client = etcd_config::client::v2::Client::new([&*endpoint]).unwrap();
    let options = Settings::options().startup_timeout(std::time::Duration::from_secs(3));
    let error = options.watch(client).unwrap_err().to_string();
    assert!(
        error.contains("redirected to https://127.0.0.1:1") && error.contains("the feature `tls`"),
        "{error}"
    );
}

#[cfg(feature = "tls")]
mod tls {
    use etcd_config::client::{Tls, v3::Client};

    const CERTIFICATE: &str = include_str!("../../../etcd-client-core/testdata/certificate.pem");
    const KEY: &str = include_str!("../../../etcd-client-core/testdata/key.pem");
    const ENCRYPTED: &str = include_str!("../../../etcd-client-core/testdata/key.encrypted.pem");
    const P521: &str = include_str!("../../../etcd-client-core/testdata/p521/certificate.pem");
    const P521_KEY: &str = include_str!("../../../etcd-client-core/testdata/p521/key.pem");

    fn built(certificate: &str, key: &str) -> String {
        let tls = Tls::new().ca_pem(certificate).unwrap().identity_pem(certificate, key).unwrap();
        let client =
            Client::builder().endpoints("https://127.0.0.1:1").tls(tls.key_passphrase("opensesame")).build();
        client.map_or_else(|error| error.to_string(), |_| "built".to_owned())
    }

    #[test]
    fn keys_that_need_another_feature_name_it() {
        assert_eq!(built(CERTIFICATE, KEY), "built");
        let why = built(CERTIFICATE, ENCRYPTED);
        assert!(why.contains("is encrypted") && why.contains("the feature `encrypted-keys`"), "{why}");
        let why = built(P521, P521_KEY);
        assert!(why.contains("P-521") && why.contains("the feature `p521`"), "{why}");
    }
}
