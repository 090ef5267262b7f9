//! TLS: whom the client trusts, and who it is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pkcs8::EncryptedPrivateKeyInfo;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::{Error, Kind};

/// How TLS connections are made.
///
/// Without a CA the system's certificates are trusted. Files are checked when they are named and
/// read again for each new connection, so that rotated certificates are taken up without a
/// restart. There is no switch that turns verification off.
///
/// ```no_run
/// use etcd_client_core::Tls;
///
/// let tls = Tls::new()
///     .ca_file("ca.pem")?
///     .identity_files("cert.pem", "key.pem")?
///     .key_passphrase("secret");
/// # Ok::<(), etcd_client_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    authorities: Vec<Source>,
    identity: Option<(Source, Source)>,
    passphrase: Option<Arc<str>>,
}

/// Where PEM text comes from.
#[derive(Clone)]
enum Source {
    File(PathBuf),
    Text(Arc<str>),
}

/// What to say where a server has hung up on a request without TLS, and speaks TLS.
pub(crate) const WANTED: &str =
    "the server speaks TLS: write https://, and name its authority with Tls::ca_file";

/// What to say where a server does not let a client in for want of a certificate that it accepts.
pub(crate) const NOT_LET_IN: &str =
    "the server seems to want a client certificate that it can accept: see Tls::identity_files";

/// The way out of a failed handshake, by the words of the innermost error.
pub(crate) fn hint(cause: &str) -> Option<&'static str> {
    const PLAIN: [&str; 3] = ["tls handshake eof", "corrupt message", "InvalidContentType"];
    const FOREIGN: [&str; 2] = ["UnknownIssuer", "BadSignature"];
    const NAMELESS: [&str; 2] = ["CertificateRequired", "certificate required"];
    const REFUSED: [&str; 3] = ["alert: BadCertificate", "alert: CertificateExpired", "alert: UnknownCA"];
    let says = |signs: &[&str]| signs.iter().any(|sign| cause.contains(sign));
    if says(&PLAIN) {
        Some("the server does not speak TLS: write http://")
    } else if says(&FOREIGN) {
        Some("name the authority that signed the server's certificate with Tls::ca_file")
    } else if says(&NAMELESS) {
        Some("the server wants a client certificate: give one with Tls::identity_files")
    } else {
        says(&REFUSED).then_some(NOT_LET_IN)
    }
}

const ENCRYPTED_BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

impl Tls {
    /// Trusts the system's certificates, and shows none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the certificates in this PEM file instead of the system's; may be repeated.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate.
    pub fn ca_file(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        self.authority(Source::File(path.as_ref().to_owned()))
    }

    /// Trusts the certificates in this PEM text instead of the system's; may be repeated.
    ///
    /// # Errors
    /// The text holds no certificate.
    pub fn ca_pem(self, pem: impl AsRef<str>) -> Result<Self, Error> {
        self.authority(Source::Text(pem.as_ref().into()))
    }

    /// Shows the certificate chain and the key in these PEM files to the server.
    ///
    /// # Errors
    /// A file cannot be read, or holds no certificate or no key.
    pub fn identity_files(self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, Error> {
        self.identity(Source::File(certificate.as_ref().to_owned()), Source::File(key.as_ref().to_owned()))
    }

    /// Shows the certificate chain and the key in these PEM texts to the server.
    ///
    /// # Errors
    /// A text holds no certificate or no key.
    pub fn identity_pem(self, certificate: impl AsRef<str>, key: impl AsRef<str>) -> Result<Self, Error> {
        self.identity(Source::Text(certificate.as_ref().into()), Source::Text(key.as_ref().into()))
    }

    /// Decrypts the key, which is PKCS#8 (`BEGIN ENCRYPTED PRIVATE KEY`), with this passphrase.
    ///
    /// May come before or after the key; a wrong one is refused when the client is built.
    #[must_use]
    pub fn key_passphrase(mut self, passphrase: impl AsRef<str>) -> Self {
        self.passphrase = Some(passphrase.as_ref().into());
        self
    }

    /// Everything above as rustls wants it, from the files as they are now.
    pub(crate) fn client_config(&self, alpn: &[&[u8]]) -> Result<ClientConfig, Error> {
        let builder = protocol_versions()?;
        let verified = if self.authorities.is_empty() {
            let verifier = rustls_platform_verifier::Verifier::new(provider()).map_err(|error| {
                invalid("the system's certificates cannot be loaded; name a CA file with ca_file()".into())
                    .with_source(error)
            })?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        } else {
            builder.with_root_certificates(self.roots()?)
        };
        let mut config = match &self.identity {
            None => verified.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let secret = private_key(key, self.passphrase.as_deref())?;
                verified.with_client_auth_cert(chain, secret).map_err(|error| {
                    invalid(format!("the certificate in {certificate} and the key in {key} cannot be used together: {error}"))
                })?
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }

    /// For connections that are not secured: an HTTP client wants a configuration all the same.
    pub(crate) fn unused() -> Result<ClientConfig, Error> {
        Ok(protocol_versions()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }

    fn authority(mut self, source: Source) -> Result<Self, Error> {
        certificates(&source)?;
        self.authorities.push(source);
        Ok(self)
    }

    fn identity(mut self, certificate: Source, key: Source) -> Result<Self, Error> {
        certificates(&certificate)?;
        check_key(&key)?;
        self.identity = Some((certificate, key));
        Ok(self)
    }

    fn roots(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        for source in &self.authorities {
            for certificate in certificates(source)? {
                roots.add(certificate).map_err(|error| {
                    invalid(format!("a certificate in {source} cannot be an authority: {error}"))
                })?;
            }
        }
        Ok(roots)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authorities: Vec<String> = self.authorities.iter().map(ToString::to_string).collect();
        let identity = self.identity.as_ref().map(|(certificate, key)| format!("{certificate}, {key}"));
        f.debug_struct("Tls")
            .field("authorities", &authorities)
            .field("identity", &identity)
            .field("passphrase", &self.passphrase.as_ref().map(|_| "•••"))
            .finish()
    }
}

impl Source {
    fn read(&self) -> Result<Arc<str>, Error> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => {
                let text = std::fs::read_to_string(path);
                text.map(Into::into).map_err(|error| invalid(format!("{self} cannot be read: {error}")))
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Text(_) => f.write_str("the PEM text"),
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(Kind::InvalidInput, message)
}

/// Named here, never installed for the whole process: that choice is the application's.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn protocol_versions() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid("TLS cannot be set up".into()).with_source(error))
}

fn certificates(source: &Source) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = source.read()?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let found = found.map_err(|error| invalid(format!("{source} is damaged PEM: {error}")))?;
    if found.is_empty() {
        return Err(invalid(format!("{source} holds no certificate (no BEGIN CERTIFICATE)")));
    }
    Ok(found)
}

/// Everything that can be known of a key before the passphrase is.
fn check_key(source: &Source) -> Result<(), Error> {
    let text = source.read()?;
    if encrypted_section(&text).is_some() { Ok(()) } else { plain_key(source, &text).map(drop) }
}

fn private_key(source: &Source, passphrase: Option<&str>) -> Result<PrivateKeyDer<'static>, Error> {
    let text = source.read()?;
    match encrypted_section(&text) {
        Some(section) => decrypt(source, section, passphrase),
        None => plain_key(source, &text),
    }
}

fn plain_key(source: &Source, text: &str) -> Result<PrivateKeyDer<'static>, Error> {
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(invalid(format!(
            "{source} is encrypted in OpenSSL's old form, which proves nothing about the passphrase; \
             convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW"
        )));
    }
    PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|error| invalid(format!("{source} holds no private key that can be read: {error}")))
}

fn encrypted_section(text: &str) -> Option<&str> {
    let begin = text.find(ENCRYPTED_BEGIN)?;
    let end = text[begin..].find(ENCRYPTED_END)?;
    Some(&text[begin..begin + end + ENCRYPTED_END.len()])
}

fn decrypt(
    source: &Source,
    section: &str,
    passphrase: Option<&str>,
) -> Result<PrivateKeyDer<'static>, Error> {
    let Some(passphrase) = passphrase else {
        return Err(invalid(format!(
            "the key in {source} is encrypted: give its passphrase with key_passphrase()"
        )));
    };
    let (_, document) = pkcs8::SecretDocument::from_pem(section)
        .map_err(|error| invalid(format!("{source} is damaged PEM: {error}")))?;
    let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(|error| {
        invalid(format!(
            "the key in {source} is encrypted in a way that is not supported ({error}); \
             convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in OLD -out NEW"
        ))
    })?;
    let key = encrypted.decrypt(passphrase).map_err(|_| {
        invalid(format!(
            "the key in {source} cannot be decrypted: the passphrase is wrong, or the key is damaged"
        ))
    })?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = include_str!("../testdata/certificate.pem");
    const KEY: &str = include_str!("../testdata/key.pem");
    const ENCRYPTED: &str = include_str!("../testdata/key.encrypted.pem");
    const LEGACY: &str = include_str!("../testdata/key.legacy.pem");
    const OLD_CIPHER: &str = include_str!("../testdata/key.pbes1.pem");

    fn message<T>(result: Result<T, Error>) -> String {
        result.map_or_else(
            |error| {
                assert_eq!(error.kind(), Kind::InvalidInput);
                error.to_string()
            },
            |_| "accepted".to_owned(),
        )
    }

    #[test]
    fn a_plain_key_needs_no_passphrase() {
        let tls = Tls::new().ca_pem(CERTIFICATE).unwrap().identity_pem(CERTIFICATE, KEY).unwrap();
        let config = tls.client_config(&[b"h2"]).unwrap();
        assert_eq!(config.alpn_protocols, [b"h2".to_vec()]);
        assert!(config.client_auth_cert_resolver.has_certs());
    }

    #[test]
    fn an_encrypted_key_is_decrypted_by_its_passphrase_only() {
        let tls = Tls::new().ca_pem(CERTIFICATE).unwrap();
        let before = tls.clone().key_passphrase("opensesame").identity_pem(CERTIFICATE, ENCRYPTED).unwrap();
        assert!(before.client_config(&[]).unwrap().client_auth_cert_resolver.has_certs());

        let tls = tls.identity_pem(CERTIFICATE, ENCRYPTED).unwrap();
        assert!(message(tls.client_config(&[])).contains("key_passphrase()"));
        let wrong = tls.clone().key_passphrase("guess");
        assert!(message(wrong.client_config(&[])).contains("the passphrase is wrong"));
        assert!(tls.key_passphrase("opensesame").client_config(&[]).is_ok());
    }

    #[test]
    fn an_outdated_encryption_is_refused_with_the_way_out() {
        let legacy = Tls::new().identity_pem(CERTIFICATE, LEGACY);
        assert!(message(legacy).contains("openssl pkcs8 -topk8"));
        let old = Tls::new().ca_pem(CERTIFICATE).unwrap();
        let old = old.identity_pem(CERTIFICATE, OLD_CIPHER).unwrap().key_passphrase("opensesame");
        assert!(message(old.client_config(&[])).contains("openssl pkcs8 -topk8"));
    }

    #[test]
    fn what_is_missing_or_mixed_up_is_named() {
        assert!(message(Tls::new().ca_file("no/such/ca.pem")).contains("no/such/ca.pem cannot be read"));
        assert!(message(Tls::new().ca_pem(KEY)).contains("no certificate"));
        assert!(message(Tls::new().identity_pem(CERTIFICATE, CERTIFICATE)).contains("no private key"));
    }

    #[test]
    fn files_are_read_again_for_each_connection() {
        let path = std::env::temp_dir().join(format!("etcd-client-core-ca-{}.pem", std::process::id()));
        std::fs::write(&path, CERTIFICATE).unwrap();
        let tls = Tls::new().ca_file(&path).unwrap();
        assert!(tls.client_config(&[]).is_ok());
        std::fs::write(&path, "rotated into nothing").unwrap();
        let outcome = tls.client_config(&[]);
        std::fs::remove_file(&path).unwrap();
        assert!(message(outcome).contains("no certificate"));
    }

    #[test]
    fn no_secret_is_shown() {
        let tls = Tls::new().identity_pem(CERTIFICATE, KEY).unwrap().key_passphrase("opensesame");
        let shown = format!("{tls:?}");
        assert!(!shown.contains("opensesame") && !shown.contains("BEGIN"), "{shown}");
    }
}
