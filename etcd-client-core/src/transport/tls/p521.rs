//! ECDSA on the curve P-521, which ring does not know, and which etcd chooses for `--auto-tls`.

use std::sync::Arc;

use p521::ecdsa::signature::Signer as _;
use p521::ecdsa::signature::hazmat::PrehashVerifier as _;
use p521::ecdsa::{Signature, SigningKey as Secret, VerifyingKey};
use p521::pkcs8::DecodePrivateKey as _;
use rustls::SignatureScheme::{ECDSA_NISTP256_SHA256, ECDSA_NISTP384_SHA384, ECDSA_NISTP521_SHA512};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, PrivateKeyDer, SignatureVerificationAlgorithm,
    SubjectPublicKeyInfoDer, alg_id,
};
use rustls::sign::{Signer, SigningKey, public_key_to_spki};
use rustls::{SignatureAlgorithm, SignatureScheme};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// As many bytes as a number of 521 bits takes.
const FIELD: usize = 66;

/// Signatures by keys on P-521, with each of the hashes that are in use.
pub(super) static WITH_SHA256: &dyn SignatureVerificationAlgorithm = &Verification { hash: Hash::Sha256 };
pub(super) static WITH_SHA384: &dyn SignatureVerificationAlgorithm = &Verification { hash: Hash::Sha384 };
pub(super) static WITH_SHA512: &dyn SignatureVerificationAlgorithm = &Verification { hash: Hash::Sha512 };

/// A provider that knows the curve. Called twice in the life of a process at most: the lists live as long as it does.
pub(super) fn completed(mut provider: CryptoProvider) -> Arc<CryptoProvider> {
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
            ECDSA_NISTP256_SHA256 => WITH_SHA256,
            ECDSA_NISTP384_SHA384 => WITH_SHA384,
            _ => continue,
        };
        *algorithms = [*algorithms, &[added]].concat().leak();
    }
    mapping.push((ECDSA_NISTP521_SHA512, vec![WITH_SHA512].leak()));
    let added = [WITH_SHA256, WITH_SHA384, WITH_SHA512];
    WebPkiSupportedAlgorithms { all: [known.all, &added].concat().leak(), mapping: mapping.leak() }
}

#[derive(Debug)]
struct Verification {
    hash: Hash,
}

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// The number that is signed, as wide as the field: SHA-256 is too short for what checks it.
    fn of(self, message: &[u8]) -> [u8; FIELD] {
        let mut wide = [0; FIELD];
        let mut fill = |digest: &[u8]| wide[FIELD - digest.len()..].copy_from_slice(digest);
        match self {
            Self::Sha256 => fill(&Sha256::digest(message)),
            Self::Sha384 => fill(&Sha384::digest(message)),
            Self::Sha512 => fill(&Sha512::digest(message)),
        }
        wide
    }
}

impl SignatureVerificationAlgorithm for Verification {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        key.verify_prehash(&self.hash.of(message), &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self.hash {
            Hash::Sha256 => alg_id::ECDSA_SHA256,
            Hash::Sha384 => alg_id::ECDSA_SHA384,
            Hash::Sha512 => alg_id::ECDSA_SHA512,
        }
    }
}

/// A client's key on P-521; `None` if it is no such key.
pub(super) fn signing_key(key: &PrivateKeyDer<'_>) -> Option<Arc<dyn SigningKey>> {
    let secret = match key {
        PrivateKeyDer::Pkcs8(der) => p521::SecretKey::from_pkcs8_der(der.secret_pkcs8_der()).ok()?,
        PrivateKeyDer::Sec1(der) => p521::SecretKey::from_sec1_der(der.secret_sec1_der()).ok()?,
        _ => return None,
    };
    let secret = Secret::from_bytes(&secret.to_bytes()).ok()?;
    let point = VerifyingKey::from(&secret).to_encoded_point(false);
    let public = public_key_to_spki(&alg_id::ECDSA_P521, point.as_bytes());
    Some(Arc::new(Key { secret: Arc::new(secret), public }))
}

struct Key {
    secret: Arc<Secret>,
    public: SubjectPublicKeyInfoDer<'static>,
}

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let offered = offered.contains(&SignatureScheme::ECDSA_NISTP521_SHA512);
        offered.then(|| Box::new(Signature512(self.secret.clone())) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.public.clone())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(P-521)")
    }
}

/// Signs with SHA-512.
struct Signature512(Arc<Secret>);

impl Signer for Signature512 {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let signature: Result<Signature, _> = self.0.try_sign(message);
        let failed = |_| rustls::Error::General("signing with a P-521 key failed".into());
        Ok(signature.map_err(failed)?.to_der().as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP521_SHA512
    }
}

impl std::fmt::Debug for Signature512 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signature512")
    }
}
