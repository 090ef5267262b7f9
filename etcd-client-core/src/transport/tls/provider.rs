//! The cryptography under TLS: the process's own choice, or ring, and P-521 if that lacks it.

use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, ring};

#[cfg(feature = "p521")]
use crate::transport::tls::p521::completed;

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

/// Whether signatures by keys on P-521 can be verified.
#[cfg(not(feature = "p521"))]
pub(super) fn knows_p521() -> bool {
    let schemes = provider().signature_verification_algorithms.mapping;
    schemes.iter().any(|(scheme, _)| *scheme == rustls::SignatureScheme::ECDSA_NISTP521_SHA512)
}

#[cfg(not(feature = "p521"))]
fn completed(provider: CryptoProvider) -> Arc<CryptoProvider> {
    Arc::new(provider)
}
