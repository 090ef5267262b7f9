//! The client's key: read, decrypted, and kept while its file stays as it is.

#[cfg(feature = "encrypted-keys")]
mod encrypted;
#[cfg(not(feature = "encrypted-keys"))]
mod no_decryption;

use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;

#[cfg(feature = "encrypted-keys")]
use self::encrypted::{OLD_FORM, decrypt};
#[cfg(not(feature = "encrypted-keys"))]
use self::no_decryption::{OLD_FORM, decrypt};
use crate::Error;
#[cfg(feature = "p521")]
use crate::transport::tls::p521::signing_key as p521_key;
use crate::transport::tls::provider::provider;
use crate::transport::tls::public_key::KeyKind;
use crate::transport::tls::source::{PemSource, Section, lacking, sections};

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
/// PKCS#8, PKCS#1 and SEC1.
const PLAIN: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];

/// What has come of decrypting a key, which takes a tenth of a second and more by design.
#[derive(Clone, Default)]
pub(super) struct Unlocked(Arc<Mutex<Option<Outcome>>>);

struct Outcome {
    /// The encrypted key that it is of.
    text: Arc<str>,
    key: Result<Arc<dyn SigningKey>, Error>,
}

impl Unlocked {
    /// The key as its file is now, decrypted if it was not already.
    pub(super) fn key(
        &self,
        source: &PemSource,
        passphrase: Option<&str>,
    ) -> Result<Arc<dyn SigningKey>, Error> {
        let text = source.read()?;
        let Some(section) = encrypted_section(&text) else {
            return usable(source, &plain_key(source, &text)?);
        };
        let mut outcome = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = outcome.as_ref().filter(|known| known.text == text) {
            return known.key.clone();
        }
        let key = decrypt(source, &section, passphrase).and_then(|key| usable(source, &key));
        *outcome = Some(Outcome { text, key: key.clone() });
        key
    }

    /// Decrypts the key on a thread for that, if it was not already.
    pub(super) async fn unlock(&self, source: &PemSource, passphrase: Option<Arc<str>>) {
        if self.is_stale(source) {
            let (unlocked, source) = (self.clone(), source.clone());
            let unlocking = tokio::task::spawn_blocking(move || {
                // Its failure is kept as well, and is returned when the connection is made.
                drop(unlocked.key(&source, passphrase.as_deref()));
            });
            drop(unlocking.await);
        }
    }

    /// Whether [`key`](Self::key) would take its time now.
    pub(super) fn is_stale(&self, source: &PemSource) -> bool {
        let Ok(text) = source.read() else { return false };
        if encrypted_section(&text).is_none() {
            return false;
        }
        // Whoever holds the lock is decrypting.
        let Ok(outcome) = self.0.try_lock() else { return true };
        outcome.as_ref().is_none_or(|known| known.text != text)
    }
}

/// Everything that can be known of a key before the passphrase is.
pub(super) fn check(source: &PemSource) -> Result<(), Error> {
    let text = source.read()?;
    if encrypted_section(&text).is_some() { Ok(()) } else { plain_key(source, &text).map(drop) }
}

fn usable(source: &PemSource, key: &PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
    let loaded = provider().key_provider.load_private_key(key.clone_key());
    loaded.or_else(|error| {
        p521_key(key).ok_or_else(|| match KeyKind::of_key(key).and_then(KeyKind::flaw) {
            Some(flaw) => Error::invalid_input(format!("the key in {source} is {flaw}")),
            None => Error::invalid_input(format!("the key in {source} cannot be used: {error}")),
        })
    })
}

#[cfg(not(feature = "p521"))]
fn p521_key(_: &PrivateKeyDer<'static>) -> Option<Arc<dyn SigningKey>> {
    None
}

fn plain_key(source: &PemSource, text: &str) -> Result<PrivateKeyDer<'static>, Error> {
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(Error::invalid_input(format!("{source} is encrypted in OpenSSL's old form, {OLD_FORM}")));
    }
    let Some(section) = sections(text).into_iter().find(|section| PLAIN.contains(&section.label)) else {
        return Err(Error::invalid_input(format!(
            "{source} holds no private key ({})",
            lacking(text, "PRIVATE KEY")
        )));
    };
    section.read(section.label).map_err(|why| Error::invalid_input(format!("the key in {source} {why}")))
}

fn encrypted_section(text: &str) -> Option<Section<'_>> {
    sections(text).into_iter().find(|section| section.label == ENCRYPTED)
}
