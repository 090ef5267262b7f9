//! The cryptography that an application has chosen for its process is the one that is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use etcd_client_core::{Tls, v2, v3};
use rustls::crypto::{CryptoProvider, KeyProvider, ring};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;

static LOADED: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
struct Counting;

impl KeyProvider for Counting {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        LOADED.fetch_add(1, Ordering::Relaxed);
        ring::sign::any_supported_type(&key)
    }
}

/// One test, for the whole process has one.
#[test]
fn the_processes_own_provider_is_used_and_completed() {
    let tls =
        |certificate, key| Tls::new().ca_pem(certificate).unwrap().identity_pem(certificate, key).unwrap();
    let usual = tls(include_str!("../testdata/certificate.pem"), include_str!("../testdata/key.pem"));
    v3::Client::builder().endpoints(["https://host"]).tls(usual.clone()).build().unwrap();
    assert!(CryptoProvider::get_default().is_none(), "the choice is the application's");
    assert_eq!(LOADED.load(Ordering::Relaxed), 0);

    let provider = CryptoProvider { key_provider: &Counting, ..ring::default_provider() };
    provider.install_default().unwrap();
    v3::Client::builder().endpoints(["https://host"]).tls(usual.clone()).build().unwrap();
    assert_eq!(LOADED.load(Ordering::Relaxed), 1);
    v2::Client::builder().endpoints(["https://host"]).tls(usual).build().unwrap();
    assert_eq!(LOADED.load(Ordering::Relaxed), 2);
    let p521 =
        tls(include_str!("../testdata/p521/certificate.pem"), include_str!("../testdata/p521/key.pem"));
    v3::Client::builder().endpoints(["https://host"]).tls(p521).build().unwrap();
}
