//! The cryptography under TLS: the process's own choice, or ring, and P-521 if that lacks it.

use std::sync::{Arc, OnceLock};

use rustls::SignatureScheme::{ECDSA_NISTP256_SHA256, ECDSA_NISTP384_SHA384, ECDSA_NISTP521_SHA512};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};

use crate::transport::tls::p521;

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
        provider.signature_verification_algorithms = with_p521(&known);
    }
    Arc::new(provider)
}

fn with_p521(known: &WebPkiSupportedAlgorithms) -> WebPkiSupportedAlgorithms {
    let mut mapping = known.mapping.to_vec();
    for (scheme, algorithms) in &mut mapping {
        // In TLS 1.2 a scheme says which hash it is, and nothing of the curve; in TLS 1.3 the first counts.
        let added = match *scheme {
            ECDSA_NISTP256_SHA256 => p521::WITH_SHA256,
            ECDSA_NISTP384_SHA384 => p521::WITH_SHA384,
            _ => continue,
        };
        *algorithms = [*algorithms, &[added]].concat().leak();
    }
    mapping.push((ECDSA_NISTP521_SHA512, vec![p521::WITH_SHA512].leak()));
    let added = [p521::WITH_SHA256, p521::WITH_SHA384, p521::WITH_SHA512];
    WebPkiSupportedAlgorithms { all: [known.all, &added].concat().leak(), mapping: mapping.leak() }
}
