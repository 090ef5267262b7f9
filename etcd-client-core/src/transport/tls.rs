//! TLS: the certificates that the client trusts, and its own identity.

mod flaw;
mod key;
#[cfg(feature = "p521")]
mod p521;
mod provider;
mod public_key;
mod source;
mod verifier;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, InconsistentKeys, RootCertStore};

use self::key::Unlocked;
use self::provider::provider;
use self::source::PemSource;
use self::verifier::Verifier;
use crate::Error;

#[cfg(feature = "v2")]
pub(crate) use self::flaw::is_of_tls;
pub(crate) use self::flaw::{describe, hint};

/// How TLS connections are made: the option `tls` of both clients' builders. Without it `https` endpoints are verified
/// by the system's certificates.
///
/// Without a CA the system's certificates are trusted. Files are checked when they are named and
/// read again for each new connection, so that rotated certificates are taken up without a
/// restart; a key that is encrypted is decrypted once for each change of its file. There is no switch that
/// turns verification off.
///
/// The cryptography is *ring*'s, or that of the provider that the application has installed with
/// `rustls::crypto::CryptoProvider::install_default`. With the feature `p521` either is completed by ECDSA on P-521,
/// which is what etcd's `--auto-tls` makes. Such a server's certificate is signed by itself: name it with
/// [`ca_file`](Self::ca_file), as `fixtures/client/cert.pem` in the server's data directory.
///
/// If the system's certificates are trusted, the crate `rustls-platform-verifier` logs an error of its own
/// for each certificate that it refuses, beside the one that is answered here.
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
    authorities: Vec<PemSource>,
    identity: Option<(PemSource, PemSource)>,
    passphrase: Option<Arc<str>>,
    /// Shared by clones: what is decrypted once need not be for each connection.
    unlocked: Unlocked,
}

/// What to say of a server that has hung up on a request without TLS, and speaks TLS.
pub(crate) const WANTED: &str =
    "the server speaks TLS: write https://, and name its authority with Tls::ca_file";

/// What to say of a server that has hung up in the handshake, without an alert.
pub(crate) const CUT_OFF: &str = "the server hangs up in the TLS handshake: it does not speak TLS (write http://), \
                                  wants a client certificate (Tls::identity_files), or is a proxy that reaches no server";

/// What to say of a server that wants a client certificate, and has got none that it accepts.
pub(crate) const NOT_LET_IN: &str =
    "the server seems to want a client certificate that it can accept: see Tls::identity_files";

impl Tls {
    /// Trusts the system's certificates, and shows none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the certificates in this PEM file instead of the system's; may be repeated.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate ([`Kind::InvalidInput`](crate::Kind::InvalidInput)).
    pub fn ca_file(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        self.authority(PemSource::File(path.as_ref().to_owned()))
    }

    /// Trusts the certificates in this PEM text instead of the system's; may be repeated.
    ///
    /// # Errors
    /// The text holds no certificate.
    pub fn ca_pem(self, pem: impl AsRef<str>) -> Result<Self, Error> {
        self.authority(PemSource::Text(pem.as_ref().into()))
    }

    /// Shows the certificate chain in the one of these PEM files, with the key in the other, to a server that asks for it,
    /// as with `--client-cert-auth`. The key is PKCS#8, PKCS#1 or SEC1; for an encrypted one see
    /// [`key_passphrase`](Self::key_passphrase).
    ///
    /// # Errors
    /// A file cannot be read, or holds no certificate or no key ([`Kind::InvalidInput`](crate::Kind::InvalidInput)).
    /// Whether they belong together is found out when the client is built.
    pub fn identity_files(self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, Error> {
        self.identity(
            PemSource::File(certificate.as_ref().to_owned()),
            PemSource::File(key.as_ref().to_owned()),
        )
    }

    /// Shows the certificate chain and the key in these PEM texts to the server.
    ///
    /// # Errors
    /// A text holds no certificate or no key.
    pub fn identity_pem(self, certificate: impl AsRef<str>, key: impl AsRef<str>) -> Result<Self, Error> {
        self.identity(PemSource::Text(certificate.as_ref().into()), PemSource::Text(key.as_ref().into()))
    }

    /// Decrypts the key, which is PKCS#8 (`BEGIN ENCRYPTED PRIVATE KEY`), with this passphrase. This needs the feature
    /// `encrypted-keys`, without which such a key is refused when the client is built.
    ///
    /// May come before or after the key; a wrong one is refused when the client is built.
    #[must_use]
    pub fn key_passphrase(mut self, passphrase: impl AsRef<str>) -> Self {
        self.passphrase = Some(passphrase.as_ref().into());
        self.unlocked = Unlocked::default();
        self
    }

    /// Everything above as rustls wants it, from the files as they are now.
    fn client_config(&self, alpn: &[&[u8]]) -> Result<ClientConfig, Error> {
        let verified =
            protocol_versions()?.dangerous().with_custom_certificate_verifier(Arc::new(self.verifier()?));
        let mut config = match &self.identity {
            None => verified.with_no_client_auth(),
            Some((certificate, key)) => {
                let identity = self.certified_key(certificate, key)?;
                verified.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }

    /// Does what takes long in [`client_config`](Self::client_config), if there is any, on a thread for that.
    pub(crate) async fn unlock(&self) {
        if let Some((_, key)) = &self.identity {
            self.unlocked.unlock(key, self.passphrase.clone()).await;
        }
    }

    /// For connections that are not secured: an HTTP client wants a configuration all the same.
    fn unused() -> Result<ClientConfig, Error> {
        Ok(protocol_versions()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }

    fn authority(mut self, source: PemSource) -> Result<Self, Error> {
        let bundle = source.bundle()?;
        if bundle.certificates.is_empty() {
            return Err(Error::invalid_input(bundle.unreadable.join("; ")));
        }
        self.authorities.push(source);
        for complaint in self.trusted()?.unreadable {
            tracing::warn!("{complaint}: it is not trusted");
        }
        Ok(self)
    }

    fn identity(mut self, certificate: PemSource, key: PemSource) -> Result<Self, Error> {
        certificate.chain()?;
        key::check(&key)?;
        self.identity = Some((certificate, key));
        self.unlocked = Unlocked::default();
        Ok(self)
    }

    fn verifier(&self) -> Result<Verifier, Error> {
        if self.authorities.is_empty() {
            let inner = rustls_platform_verifier::Verifier::new(provider()).map_err(|error| {
                Error::invalid_input(
                    "the system's certificates cannot be loaded; name a CA file with ca_file()",
                )
                .with_source(error)
            })?;
            return Ok(Verifier { inner: Arc::new(inner), named: Vec::new(), unreadable: Vec::new() });
        }
        let Trusted { roots, named, unreadable } = self.trusted()?;
        let inner: Arc<dyn ServerCertVerifier> =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().map_err(
                |error| Error::invalid_input("the named certificates cannot be used").with_source(error),
            )?;
        Ok(Verifier { inner, named, unreadable })
    }

    fn trusted(&self) -> Result<Trusted, Error> {
        let mut trusted =
            Trusted { roots: RootCertStore::empty(), named: Vec::new(), unreadable: Vec::new() };
        for source in &self.authorities {
            let bundle = source.bundle()?;
            trusted.unreadable.extend(bundle.unreadable);
            for certificate in bundle.certificates {
                match trusted.roots.add(certificate.der.clone()) {
                    Ok(()) => trusted.named.push(certificate.der),
                    Err(error) => {
                        let complaint = format!("{} cannot be an authority: {error}", certificate.place);
                        trusted.unreadable.push(complaint);
                    }
                }
            }
        }
        if trusted.named.is_empty() {
            Err(Error::invalid_input(trusted.unreadable.join("; ")))
        } else {
            Ok(trusted)
        }
    }

    fn certified_key(&self, certificate: &PemSource, key: &PemSource) -> Result<CertifiedKey, Error> {
        let signing = self.unlocked.key(key, self.passphrase.as_deref())?;
        let certified = CertifiedKey::new(certificate.chain()?, signing);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
            Err(error) => Err(Error::invalid_input(match flaw::own_certificate(&error) {
                Some(way_out) => format!("the certificate in {certificate} cannot be used: {way_out}"),
                None => format!(
                    "the certificate in {certificate} and the key in {key} cannot be used together: {error}"
                ),
            })),
        }
    }
}

/// Has connections made so, with these names for what is spoken above TLS.
pub(crate) fn configure(
    builder: reqwest::ClientBuilder,
    tls: Option<&Tls>,
    secure: bool,
    alpn: &[&[u8]],
) -> Result<reqwest::ClientBuilder, Error> {
    let config = match tls {
        _ if !secure => Tls::unused()?,
        Some(tls) => tls.client_config(alpn)?,
        None => Tls::new().client_config(alpn)?,
    };
    Ok(builder.tls_backend_preconfigured(config))
}

/// The certificates that were named.
struct Trusted {
    roots: RootCertStore,
    named: Vec<rustls::pki_types::CertificateDer<'static>>,
    /// What is said of those that cannot be read.
    unreadable: Vec<String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authorities: Vec<String> = self.authorities.iter().map(ToString::to_string).collect();
        let identity = self.identity.as_ref().map(|(certificate, key)| format!("{certificate}, {key}"));
        f.debug_struct("Tls")
            .field("authorities", &authorities)
            .field("identity", &identity)
            .field("passphrase", &self.passphrase.as_ref().map(|_| "•••"))
            .finish_non_exhaustive()
    }
}

fn protocol_versions() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::invalid_input("TLS cannot be set up").with_source(error))
}

#[cfg(test)]
mod tests;
