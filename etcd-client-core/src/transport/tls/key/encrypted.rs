//! Keys that are encrypted with a passphrase.

use std::fmt;

use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::pkcs5::Error as EncryptionError;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::Error;
use crate::transport::tls::source::{PemSource, Section};

/// What to do about a key in OpenSSL's old form.
pub(super) const OLD_FORM: &str = "which proves nothing about the passphrase; convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW";

/// The key in a section that is PKCS#8, and encrypted.
pub(super) fn decrypt(
    source: &PemSource,
    section: &Section<'_>,
    passphrase: Option<&str>,
) -> Result<PrivateKeyDer<'static>, Error> {
    let Some(passphrase) = passphrase else {
        return Err(Error::invalid_input(format!(
            "the key in {source} is encrypted: give its passphrase with key_passphrase()"
        )));
    };
    // The type is for keys that are not encrypted, and knows nothing of what is in it.
    let document: PrivatePkcs8KeyDer<'_> = section
        .read("PRIVATE KEY")
        .map_err(|why| Error::invalid_input(format!("the key in {source} {why}")))?;
    let unsupported = |what: &dyn fmt::Display| {
        Error::invalid_input(format!(
            "the key in {source} is encrypted in a way that is not supported ({what}); \
             convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in OLD -out NEW"
        ))
    };
    let encrypted = EncryptedPrivateKeyInfo::try_from(document.secret_pkcs8_der())
        .map_err(|error| unsupported(&error))?;
    match encrypted.decrypt(passphrase) {
        Ok(key) => Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into()),
        Err(pkcs8::Error::EncryptedPrivateKey(
            why @ (EncryptionError::UnsupportedAlgorithm { .. }
            | EncryptionError::AlgorithmParametersInvalid { .. }
            | EncryptionError::NoPbes1CryptSupport),
        )) => Err(unsupported(&why)),
        // What is decrypted by a wrong passphrase may by chance look whole, and is no key.
        Err(_) => Err(Error::invalid_input(format!(
            "the key in {source} cannot be decrypted: the passphrase is wrong, or the key is damaged"
        ))),
    }
}
