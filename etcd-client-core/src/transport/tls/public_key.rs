//! What kind of key a certificate or a client has.

use std::fmt;

use pkcs8::der::asn1::{BitStringRef, ContextSpecific, OctetStringRef, UintRef};
use pkcs8::der::{Decode as _, Reader as _, SliceReader, TagNumber};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{ObjectIdentifier, PrivateKeyInfo};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

#[cfg(not(feature = "p521"))]
use crate::transport::tls::provider;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Below it ring and aws-lc refuse to work with a key; so do browsers.
const LEAST_RSA: usize = 2048;
const MOST_RSA: usize = 8192;

/// The kind and the size of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// With so many bits.
    Rsa(usize),
    Elliptic(ObjectIdentifier),
    Other(ObjectIdentifier),
}

impl KeyKind {
    /// Of the key in a certificate.
    pub(super) fn of_certificate(certificate: &CertificateDer<'_>) -> Option<Self> {
        // rustls parses a certificate as one that is trusted; nothing here is.
        let mut reading = RootCertStore::empty();
        reading.add(certificate.clone().into_owned()).ok()?;
        let info = &reading.roots.first()?.subject_public_key_info;
        let mut reader = SliceReader::new(info).ok()?;
        let algorithm = AlgorithmIdentifierRef::decode(&mut reader).ok()?;
        let key = BitStringRef::decode(&mut reader).ok()?;
        Self::of_parts(&algorithm, || rsa_bits(key.raw_bytes(), false))
    }

    /// Of a client's key.
    pub(super) fn of_key(key: &PrivateKeyDer<'_>) -> Option<Self> {
        match key {
            PrivateKeyDer::Pkcs1(der) => rsa_bits(der.secret_pkcs1_der(), true).map(Self::Rsa),
            PrivateKeyDer::Pkcs8(der) => {
                let info = PrivateKeyInfo::try_from(der.secret_pkcs8_der()).ok()?;
                Self::of_parts(&info.algorithm, || rsa_bits(info.private_key, true))
            }
            PrivateKeyDer::Sec1(der) => curve_of(der.secret_sec1_der()).map(Self::Elliptic),
            _ => None,
        }
    }

    /// Of what a certificate says of its key, DER.
    pub(super) fn of_algorithm(algorithm: &[u8]) -> Option<Self> {
        let mut reader = SliceReader::new(algorithm).ok()?;
        let oid = ObjectIdentifier::decode(&mut reader).ok()?;
        match oid {
            // How long it is stands elsewhere.
            RSA => None,
            ELLIPTIC => ObjectIdentifier::decode(&mut reader).ok().map(Self::Elliptic),
            other => Some(Self::Other(other)),
        }
    }

    fn of_parts(
        algorithm: &AlgorithmIdentifierRef<'_>,
        bits: impl FnOnce() -> Option<usize>,
    ) -> Option<Self> {
        match algorithm.oid {
            RSA => bits().map(Self::Rsa),
            ELLIPTIC => algorithm.parameters_oid().ok().map(Self::Elliptic),
            other => Some(Self::Other(other)),
        }
    }

    /// What is wrong with a key of this kind, wherever it is used.
    pub(super) fn flaw(self) -> Option<String> {
        let curve = |oid: &ObjectIdentifier| CURVES.iter().any(|(known, _)| known == oid);
        match self {
            Self::Rsa(bits) if bits < LEAST_RSA => {
                Some(format!("{self}, which is too short: it takes at least {LEAST_RSA} bits"))
            }
            Self::Rsa(bits) if bits > MOST_RSA => {
                Some(format!("{self}, which is too long: it takes at most {MOST_RSA} bits"))
            }
            Self::Rsa(_) | Self::Other(ED25519) => None,
            #[cfg(not(feature = "p521"))]
            Self::Elliptic(P521) if !provider::knows_p521() => {
                Some(format!("{self}, which needs the feature `p521` of etcd-config or etcd-client-core"))
            }
            Self::Elliptic(oid) if curve(&oid) => None,
            Self::Elliptic(_) | Self::Other(_) => Some(format!(
                "{self}, which is not supported: use P-256, P-384, P-521, Ed25519 or RSA of 2048 bits"
            )),
        }
    }
}

const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

const CURVES: [(ObjectIdentifier, &str); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), "P-256"),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), "P-384"),
    (P521, "P-521"),
];

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA with {bits} bits"),
            Self::Elliptic(oid) => match CURVES.iter().find(|(known, _)| known == oid) {
                Some((_, name)) => f.write_str(name),
                None => write!(f, "on the elliptic curve {oid}"),
            },
            Self::Other(ED25519) => f.write_str("Ed25519"),
            Self::Other(oid) => write!(f, "of the kind {oid}"),
        }
    }
}

/// The curve that a key in SEC1's form is on, if it names one.
fn curve_of(key: &[u8]) -> Option<ObjectIdentifier> {
    let mut reader = SliceReader::new(key).ok()?;
    let curve = reader.sequence(|sequence| {
        u8::decode(sequence)?;
        OctetStringRef::decode(sequence)?;
        let curve = ContextSpecific::<ObjectIdentifier>::decode_explicit(sequence, TagNumber::N0)?;
        sequence.read_slice(sequence.remaining_len())?;
        Ok(curve)
    });
    curve.ok().flatten().map(|curve| curve.value)
}

/// The size of the modulus, which comes first in a public key, and second in a private one.
fn rsa_bits(key: &[u8], private: bool) -> Option<usize> {
    let mut reader = SliceReader::new(key).ok()?;
    let bits = reader.sequence(|sequence| {
        if private {
            u8::decode(sequence)?;
        }
        let modulus = UintRef::decode(sequence)?;
        let first = modulus.as_bytes().first().map_or(0, |byte| byte.leading_zeros() as usize);
        let bits = (modulus.as_bytes().len() * 8).saturating_sub(first);
        sequence.read_slice(sequence.remaining_len())?;
        Ok(bits)
    });
    bits.ok()
}
