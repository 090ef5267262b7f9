//! Whether a server is who it says it is, and in words why not.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use crate::transport::tls::flaw::Flaw;
use crate::transport::tls::public_key::KeyKind;

/// rustls's verification, and what it leaves out: a certificate that a person has named is good for
/// the server itself, too, and an error says what a person can do about it.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) inner: Arc<dyn ServerCertVerifier>,
    /// The certificates that were named; none if the system's are trusted.
    pub(super) named: Vec<CertificateDer<'static>>,
    /// What is said of named certificates that cannot be read.
    pub(super) unreadable: Vec<String>,
}

impl Verifier {
    /// A certificate that signs itself and may sign others, such as `openssl req -x509` and etcd's
    /// `--auto-tls` make, is refused by rustls as a server's. Where this very certificate was named, whoever
    /// has its key could sign another for itself: nothing is gained by refusing it. It has been found
    /// to be within its time before rustls came to that.
    fn is_named(&self, error: &Error, certificate: &CertificateDer<'_>) -> bool {
        is_authority_as_server(error) && self.named.iter().any(|named| named == certificate)
    }

    /// `shown` is what the server has shown, its own certificate first.
    fn explain(&self, error: Error, shown: &[&CertificateDer<'_>], step: Step) -> Error {
        let Error::InvalidCertificate(why) = &error else { return error };
        let flaw = match why {
            _ if is_authority_as_server(&error) => Some(Flaw::AuthorityAsServer),
            CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. } => {
                Some(Flaw::signature(signature_algorithm_id, None))
            }
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id,
                public_key_algorithm_id,
            } => {
                Some(Flaw::signature(signature_algorithm_id, KeyKind::of_algorithm(public_key_algorithm_id)))
            }
            CertificateError::BadSignature | CertificateError::UnknownIssuer => {
                self.flawed_key(why, shown).or_else(|| self.foreign(why, step))
            }
            _ => None,
        };
        flaw.map_or(error, |flaw| CertificateError::Other(OtherError(Arc::new(flaw))).into())
    }

    /// ring calls a signature bad if it does not support the kind of key. An authority that has not
    /// signed is no cause, whatever its key.
    fn flawed_key(&self, why: &CertificateError, shown: &[&CertificateDer<'_>]) -> Option<Flaw> {
        let flaw = |certificate: &CertificateDer<'_>| KeyKind::of_certificate(certificate)?.flaw();
        let of_server = shown.iter().find_map(|certificate| flaw(certificate)).map(Flaw::Key);
        let named = if *why == CertificateError::BadSignature { &self.named[..] } else { &[] };
        of_server.or_else(|| named.iter().find_map(flaw).map(Flaw::AuthorityKey))
    }

    /// What to say to a person who has named authorities already.
    fn foreign(&self, why: &CertificateError, step: Step) -> Option<Flaw> {
        match (why, step) {
            (_, Step::Handshake) => Some(Flaw::ForeignKey),
            _ if self.named.is_empty() => None,
            (CertificateError::BadSignature, Step::Chain) => Some(Flaw::Namesake),
            (_, Step::Chain) => Some(Flaw::Foreign { unreadable: self.unreadable.first().cloned() }),
        }
    }
}

/// When a signature is verified.
#[derive(Clone, Copy)]
enum Step {
    /// Of a certificate, by the next one.
    Chain,
    /// Of the handshake, by the server's certificate.
    Handshake,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(error) if self.is_named(&error, end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            Err(error) => {
                let shown: Vec<_> = std::iter::once(end_entity).chain(intermediates).collect();
                Err(self.explain(error, &shown, Step::Chain))
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = self.inner.verify_tls12_signature(message, cert, dss);
        verified.map_err(|error| self.explain(error, &[cert], Step::Handshake))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = self.inner.verify_tls13_signature(message, cert, dss);
        verified.map_err(|error| self.explain(error, &[cert], Step::Handshake))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// webpki's own word for it, which rustls passes on as an error of another crate.
fn is_authority_as_server(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(other))) = error else { return false };
    other.to_string() == "CaUsedAsEndEntity"
}
