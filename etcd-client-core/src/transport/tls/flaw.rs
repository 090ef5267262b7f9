//! Why a handshake has failed, and the way out.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use pkcs8::ObjectIdentifier;
use pkcs8::der::{Decode as _, SliceReader};
use rustls::{CertificateError, Error, OtherError};

use crate::transport::tls::public_key::KeyKind;

/// What is wrong with the certificates of a server, in words.
#[derive(Debug)]
pub(super) enum Flaw {
    AuthorityAsServer,
    /// The kind of a key, and why it will not do.
    Key(String),
    /// The same, of an authority that was named.
    AuthorityKey(String),
    /// The algorithm, and the key that it was used with, if that is known.
    Signature(String, Option<KeyKind>),
    /// Authorities were named, and one of them, perhaps, cannot be read.
    Foreign {
        unreadable: Option<String>,
    },
    /// An authority of this name was named, with another key.
    Namesake,
    /// The certificate is in order, and the server does not have the key of it.
    ForeignKey,
}

impl Flaw {
    /// Of a signature's algorithm, DER.
    pub(super) fn signature(algorithm: &[u8], key: Option<KeyKind>) -> Self {
        let oid = SliceReader::new(algorithm).and_then(|mut reader| ObjectIdentifier::decode(&mut reader));
        Self::Signature(oid.map_or_else(|_| "an unknown algorithm".into(), name_of), key)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthorityAsServer => f.write_str(
                "the server shows an authority's certificate as its own (CaUsedAsEndEntity): name this very \
                 certificate with Tls::ca_file, or give the server one without CA:TRUE",
            ),
            Self::Key(flaw) => write!(f, "a key in the server's certificates is {flaw}"),
            Self::AuthorityKey(flaw) => {
                write!(f, "the key of an authority that Tls::ca_file names is {flaw}")
            }
            Self::Signature(algorithm, key) => {
                write!(f, "a certificate of the server is signed with {algorithm}")?;
                if let Some(key) = key {
                    write!(f, " and a key that is {key}")?;
                    #[cfg(not(feature = "p521"))]
                    if let Some(flaw) = key.flaw() {
                        return write!(f, ": the key is {flaw}");
                    }
                }
                f.write_str(
                    ", which is not supported: have it signed with SHA-256 or SHA-384 \
                     (openssl's -sha256, -sha384)",
                )
            }
            Self::Foreign { unreadable } => {
                f.write_str(
                    "UnknownIssuer: it is signed by none of the authorities that Tls::ca_file names, nor by \
                     certificates that the server sends along: name the authority that has signed it",
                )?;
                unreadable.as_ref().map_or(Ok(()), |complaint| write!(f, "; {complaint}"))
            }
            Self::Namesake => f.write_str(
                "BadSignature: an authority that Tls::ca_file names has the name of its issuer, and has not \
                 signed it: the authority has been replaced, so name the new one",
            ),
            Self::ForeignKey => f.write_str("BadSignature: the server does not have the key of it"),
        }
    }
}

impl StdError for Flaw {}

const TO_HTTP: &str = "the server does not speak TLS: write http://";
const IN_TIME: &str = "give the server a new certificate; or is the clock of this machine wrong?";

#[cfg(feature = "p521")]
const NO_AGREEMENT: &str = "the server wants a client certificate (see Tls::identity_files), or does not know TLS 1.2 \
                            or 1.3 with the ciphers of today";
#[cfg(not(feature = "p521"))]
const NO_AGREEMENT: &str = "the server wants a client certificate (see Tls::identity_files), does not know TLS 1.2 or \
                            1.3 with the ciphers of today, or has a key on P-521, as etcd's --auto-tls makes: turn on \
                            the feature `p521` of etcd-config or etcd-client-core";

/// What rustls says of a certificate of X.509 version 1, which `openssl x509 -req` makes where it is given no extensions.
const VERSION_1: &str = "UnsupportedCertVersion";
const ANEW: &str = "it is of X.509 version 1: have it made anew as version 3, by openssl x509 -req with -extfile, and \
                    subjectAltName in that file";

/// What to do about a certificate that a client has for itself.
pub(super) fn own_certificate(error: &Error) -> Option<&'static str> {
    error.to_string().contains(VERSION_1).then_some(ANEW)
}

/// Signs of what is the matter, and the way out.
const WAYS_OUT: [(&[&str], &str); 10] = [
    (&[VERSION_1], ANEW),
    (&["corrupt message", "InvalidContentType"], TO_HTTP),
    (
        &["certificate not valid for name"],
        "write the endpoint by a name in the certificate, or have this one put into it (subjectAltName)",
    ),
    (&["certificate expired: verification", "certificate: Expired"], IN_TIME),
    (
        &["certificate not valid yet", "certificate: NotValidYet"],
        "is the clock of this machine wrong, or that of who made the certificate?",
    ),
    (
        &["extended key usage for server"],
        "give the server a certificate that is for servers (extendedKeyUsage = serverAuth), or for anything",
    ),
    (
        &["alert: NoApplicationProtocol"],
        "the server speaks TLS, and not what this client speaks in it: is it etcd's port for clients?",
    ),
    (&["alert: HandshakeFailure", "alert: ProtocolVersion"], NO_AGREEMENT),
    (
        &["CertificateRequired", "certificate required"],
        "the server wants a client certificate: give one with Tls::identity_files",
    ),
    (
        &["alert: BadCertificate", "alert: CertificateExpired", "alert: UnknownCA"],
        crate::transport::tls::NOT_LET_IN,
    ),
];

/// The way out of a failed handshake, by the words of the innermost error.
pub(crate) fn hint(cause: &str) -> Option<&'static str> {
    // Where more is said, authorities were named already.
    if cause.ends_with("UnknownIssuer") || cause.ends_with("BadSignature") {
        return Some("name the authority that has signed the server's certificate with Tls::ca_file");
    }
    let known = WAYS_OUT.iter().find(|(signs, _)| signs.iter().any(|sign| cause.contains(sign)));
    known.map(|(_, way_out)| *way_out)
}

/// What rustls says, in words, if `error` is one of rustls.
pub(crate) fn describe(error: &(dyn StdError + 'static)) -> Option<String> {
    Some(match of_rustls(error)? {
        Error::InvalidCertificate(CertificateError::Other(OtherError(flaw))) => {
            format!("invalid peer certificate: {flaw}")
        }
        Error::InvalidCertificate(CertificateError::ExpiredContext { time, not_after }) => {
            let since = time.as_secs().saturating_sub(not_after.as_secs());
            format!(
                "the server's certificate has expired, {} ago: renew it, or set the clock here",
                span(since)
            )
        }
        Error::InvalidCertificate(CertificateError::NotValidYetContext { time, not_before }) => {
            let until = span(not_before.as_secs().saturating_sub(time.as_secs()));
            format!("the server's certificate is not valid yet, but in {until}: is the clock here right?")
        }
        other => other.to_string(),
    })
}

/// Whether an error, or what it is wrapped in, is one of rustls.
#[cfg(feature = "v2")]
pub(crate) fn is_of_tls(error: &(dyn StdError + 'static)) -> bool {
    of_rustls(error).is_some()
}

/// In the largest unit of which there are two.
fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let unit = UNITS.iter().find(|(unit, _)| seconds >= 2 * unit);
    unit.map_or_else(|| format!("{seconds} seconds"), |(unit, name)| format!("{} {name}", seconds / unit))
}

/// An error that is wrapped in an I/O error is not among its sources, and may be wrapped twice.
fn of_rustls<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Error> {
    match error.downcast_ref::<io::Error>() {
        Some(outer) => of_rustls(outer.get_ref()?),
        None => error.downcast_ref(),
    }
}

fn name_of(oid: ObjectIdentifier) -> String {
    const NAMES: [(&str, &str); 8] = [
        ("1.2.840.10045.4.1", "ECDSA and SHA-1"),
        ("1.2.840.10045.4.3.2", "ECDSA and SHA-256"),
        ("1.2.840.10045.4.3.3", "ECDSA and SHA-384"),
        ("1.2.840.10045.4.3.4", "ECDSA and SHA-512"),
        ("1.2.840.113549.1.1.4", "RSA and MD5"),
        ("1.2.840.113549.1.1.5", "RSA and SHA-1"),
        ("1.2.840.113549.1.1.10", "RSA-PSS"),
        ("1.2.840.113549.1.1.14", "RSA and SHA-224"),
    ];
    let text = oid.to_string();
    NAMES.iter().find(|(known, _)| *known == text).map_or(text, |(_, name)| (*name).to_owned())
}
