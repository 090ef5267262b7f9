//! The cryptography under TLS: the process's own choice, or ring, and P-521 where that lacks it.

use std::sync::{Arc, OnceLock};

use rustls::SignatureScheme::ECDSA_NISTP521_SHA512;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};

use super::p521;

/// What the application has installed for the process, or ring. Never installed from here: that
/// choice is the application's.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static INSTALLED: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    static RING: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    // It can be installed once in a process, and at any time.
    match CryptoProvider::get_default() {
        Some(installed) => INSTALLED.get_or_init(|| completed((**installed).clone())).clone(),
        None => RING.get_or_init(|| completed(ring::default_provider())).clone(),
    }
}

/// Called twice in the life of a process at most: the lists live as long as it does.
fn completed(mut provider: CryptoProvider) -> Arc<CryptoProvider> {
    let known = provider.signature_verification_algorithms;
    let has_p521 = known.mapping.iter().any(|(scheme, _)| *scheme == ECDSA_NISTP521_SHA512);
    // What is certified is left as it is.
    if !has_p521 && !provider.fips() {
        let all = [known.all, &p521::ALGORITHMS].concat();
        let for_handshakes: &'static [_] = Box::leak(Box::new([p521::WITH_SHA512]));
        let mapping = [known.mapping, &[(ECDSA_NISTP521_SHA512, for_handshakes)]].concat();
        provider.signature_verification_algorithms =
            WebPkiSupportedAlgorithms { all: all.leak(), mapping: mapping.leak() };
    }
    Arc::new(provider)
}
