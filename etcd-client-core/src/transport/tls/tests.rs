//! What is accepted, what is refused, and in which words.

use std::time::Duration;

use pkcs8::der::asn1::BitStringRef;
use pkcs8::der::{Decode as _, Reader as _, SliceReader};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::Kind;
use crate::transport::tls::*;

mod forms;

const CERTIFICATE: &str = include_str!("../../../testdata/certificate.pem");
const KEY: &str = include_str!("../../../testdata/key.pem");
const ENCRYPTED: &str = include_str!("../../../testdata/key.encrypted.pem");
const LEGACY: &str = include_str!("../../../testdata/key.legacy.pem");
const OLD_CIPHER: &str = include_str!("../../../testdata/key.pbes1.pem");

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

const P521: &str = include_str!("../../../testdata/p521/certificate.pem");
const P521_KEY: &str = include_str!("../../../testdata/p521/key.pem");
const P521_KEY_SEC1: &str = include_str!("../../../testdata/p521/key.sec1.pem");
const P521_SHA256: &str = include_str!("../../../testdata/p521/sha256.pem");
const P521_SHA384: &str = include_str!("../../../testdata/p521/sha384.pem");
const RSA_1024: &str = include_str!("../../../testdata/rsa1024.pem");
const RSA_1024_KEY: &str = include_str!("../../../testdata/rsa1024.key.pem");
const OF_RSA_1024: &str = include_str!("../../../testdata/of_rsa1024.pem");
const OF_NAMESAKE: &str = include_str!("../../../testdata/of_namesake.pem");
const P384_SHA512: &str = include_str!("../../../testdata/p384sha512.pem");
const TRUSTED: &str = include_str!("../../../testdata/trusted.pem");
const SHA1_KEY: &str = include_str!("../../../testdata/key.sha1.pem");
const SECP256K1_KEY: &str = include_str!("../../../testdata/secp256k1.key.sec1.pem");
const VERSION_1: &str = include_str!("../../../testdata/version1.pem");
const DES3_KEY: &str = include_str!("../../../testdata/key.des3.pem");

fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
    PemSource::Text(pem.into()).chain().unwrap()
}

fn verified(tls: &Tls, shown: &[CertificateDer<'static>], name: &'static str, now: UnixTime) -> String {
    let name = ServerName::try_from(name).unwrap();
    let verified = tls.verifier().unwrap().verify_server_cert(&shown[0], &shown[1..], &name, &[], now);
    verified.map_or_else(|error| describe(&error).unwrap(), |_| "accepted".to_owned())
}

#[test]
fn an_authority_that_is_the_server_is_accepted_where_it_is_named() {
    let tls = Tls::new().ca_pem(P521).unwrap();
    let shown = chain(P521);
    let now = UnixTime::now();
    assert_eq!(verified(&tls, &shown, "127.0.0.1", now), "accepted");
    assert_eq!(verified(&tls, &shown, "localhost", now), "accepted");

    let elsewhere = verified(&tls, &shown, "10.0.0.1", now);
    assert!(elsewhere.contains("not valid for name \"10.0.0.1\""), "{elsewhere}");
    assert!(hint(&elsewhere).unwrap().contains("subjectAltName"));
    let late = UnixTime::since_unix_epoch(Duration::from_secs(200 * 365 * 24 * 3600));
    assert!(verified(&tls, &shown, "127.0.0.1", late).contains("expired"));
    let unnamed = verified(&Tls::new().ca_pem(CERTIFICATE).unwrap(), &shown, "127.0.0.1", now);
    assert!(unnamed.contains("name this very certificate with Tls::ca_file"), "{unnamed}");
    assert!(unnamed.contains("CaUsedAsEndEntity"), "{unnamed}");
}

#[test]
fn what_cannot_be_verified_is_named_with_the_way_out() {
    let now = UnixTime::now();
    let shown = chain(P384_SHA512);
    let authority = P384_SHA512.rfind("-----BEGIN").unwrap();
    let tls = Tls::new().ca_pem(&P384_SHA512[authority..]).unwrap();
    let why = verified(&tls, &shown[..1], "127.0.0.1", now);
    assert!(why.contains("ECDSA and SHA-512") && why.contains("P-384") && why.contains("-sha384"), "{why}");

    // An authority was named: to say that one should be is no help.
    let named = Tls::new().ca_pem(CERTIFICATE).unwrap();
    let why = verified(&named, &chain(OF_NAMESAKE), "127.0.0.1", now);
    assert!(why.contains("the authority has been replaced") && hint(&why).is_none(), "{why}");
    let why = verified(&named, &chain(P384_SHA512)[..1], "127.0.0.1", now);
    assert!(why.contains("none of the authorities that Tls::ca_file names") && hint(&why).is_none(), "{why}");

    let shown = chain(OF_RSA_1024);
    let why = verified(&Tls::new().ca_pem(RSA_1024).unwrap(), &shown, "127.0.0.1", now);
    assert!(why.contains("RSA with 1024 bits") && why.contains("2048"), "{why}");
    assert!(why.contains("an authority that Tls::ca_file names") && hint(&why).is_none(), "{why}");
}

#[test]
fn a_certificate_of_version_1_is_named_as_that() {
    let own = Tls::new().ca_pem(CERTIFICATE).unwrap().identity_pem(VERSION_1, KEY).unwrap();
    let why = message(own.client_config(&[]));
    assert!(why.contains("X.509 version 1") && why.contains("openssl x509 -req"), "{why}");
    assert!(!why.contains("together"), "{why}");
    let why = verified(&Tls::new().ca_pem(CERTIFICATE).unwrap(), &chain(VERSION_1), "v1", UnixTime::now());
    assert!(hint(&why).is_some_and(|hint| hint.contains("X.509 version 1")), "{why}");
    // As an authority it will do.
    assert!(Tls::new().ca_pem(VERSION_1).is_ok());
}

/// What webpki asks: whether the bytes that are signed are signed by this key.
#[test]
fn signatures_on_p521_are_verified_with_each_hash() {
    use crate::transport::tls::p521::{WITH_SHA256, WITH_SHA384, WITH_SHA512};
    for (pem, algorithm) in [(P521, WITH_SHA512), (P521_SHA256, WITH_SHA256), (P521_SHA384, WITH_SHA384)] {
        let [certificate] = &chain(pem)[..] else { panic!("one certificate") };
        let mut reader = SliceReader::new(certificate).unwrap();
        let (signed, name, signature) = reader
            .sequence(|whole| {
                let (signed, name) = (whole.tlv_bytes()?, whole.tlv_bytes()?);
                Ok((signed, name, BitStringRef::decode(whole)?.raw_bytes()))
            })
            .unwrap();
        assert!(name.ends_with(algorithm.signature_alg_id().as_ref()), "{algorithm:?}");
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let mut info = SliceReader::new(&roots.roots[0].subject_public_key_info).unwrap();
        assert!(info.tlv_bytes().unwrap().ends_with(algorithm.public_key_alg_id().as_ref()));
        let key = BitStringRef::decode(&mut info).unwrap().raw_bytes();

        assert!(algorithm.verify_signature(key, signed, signature).is_ok(), "{algorithm:?}");
        let mut forged = signed.to_vec();
        forged[40] ^= 1;
        assert!(algorithm.verify_signature(key, &forged, signature).is_err());
        let mut spoilt = signature.to_vec();
        *spoilt.last_mut().unwrap() ^= 1;
        assert!(algorithm.verify_signature(key, signed, &spoilt).is_err());
        assert!(algorithm.verify_signature(&key[1..], signed, signature).is_err());
        assert!(algorithm.verify_signature(key, signed, &[]).is_err());
    }
}

#[test]
fn a_client_may_have_a_key_on_p521() {
    for key in [P521_KEY, P521_KEY_SEC1] {
        let tls = Tls::new().ca_pem(P521).unwrap().identity_pem(P521, key).unwrap();
        assert!(tls.client_config(&[]).unwrap().client_auth_cert_resolver.has_certs());
    }
    let foreign = Tls::new().ca_pem(P521).unwrap().identity_pem(P521_SHA256, P521_KEY).unwrap();
    assert!(message(foreign.client_config(&[])).contains("cannot be used together"));
}

#[test]
fn a_key_that_is_too_short_is_named() {
    let tls = Tls::new().ca_pem(P521).unwrap().identity_pem(RSA_1024, RSA_1024_KEY).unwrap();
    let why = message(tls.client_config(&[]));
    assert!(why.contains("RSA with 1024 bits") && why.contains("at least 2048"), "{why}");
}

#[test]
fn an_encryption_that_is_not_supported_is_no_wrong_passphrase() {
    for key in [SHA1_KEY, DES3_KEY] {
        let tls = Tls::new().ca_pem(CERTIFICATE).unwrap().identity_pem(CERTIFICATE, key).unwrap();
        let why = message(tls.key_passphrase("opensesame").client_config(&[]));
        assert!(why.contains("not supported") && why.contains("-v2prf hmacWithSHA256"), "{why}");
        assert!(!why.contains("passphrase is wrong"), "{why}");
    }
}

/// By chance, one in 256 wrong passphrases decrypts a key into something that ends like one.
#[test]
fn every_wrong_passphrase_is_called_wrong() {
    let tls = Tls::new().ca_pem(CERTIFICATE).unwrap().identity_pem(CERTIFICATE, ENCRYPTED).unwrap();
    for guess in 0..20 {
        let why = message(tls.clone().key_passphrase(format!("guess {guess}")).client_config(&[]));
        assert!(why.contains("the passphrase is wrong"), "{guess}: {why}");
    }
}

#[test]
fn a_key_is_decrypted_once_for_each_change_of_its_file() {
    let path = std::env::temp_dir().join(format!("etcd-client-core-key-{}.pem", std::process::id()));
    std::fs::write(&path, ENCRYPTED).unwrap();
    let certificate = std::env::temp_dir().join(format!("etcd-client-core-chain-{}.pem", std::process::id()));
    std::fs::write(&certificate, CERTIFICATE).unwrap();
    let tls = Tls::new().ca_pem(CERTIFICATE).unwrap();
    let tls = tls.identity_files(&certificate, &path).unwrap().key_passphrase("opensesame");
    let key = |tls: &Tls| {
        let (certificate, key) = tls.identity.clone().unwrap();
        tls.certified_key(&certificate, &key).map(|certified| certified.key)
    };
    let first = key(&tls).unwrap();
    let twin = tls.clone();
    assert!(Arc::ptr_eq(&first, &key(&twin).unwrap()), "decrypted again");
    let source = twin.identity.as_ref().unwrap().1.clone();
    assert!(!twin.unlocked.is_stale(&source));

    std::fs::write(&path, ENCRYPTED.to_owned() + "\n").unwrap();
    assert!(tls.unlocked.is_stale(&source));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(twin.unlock());
    assert!(!tls.unlocked.is_stale(&source), "decrypted for its clones as well");
    assert!(!Arc::ptr_eq(&first, &key(&tls).unwrap()));

    std::fs::write(&path, "rotated into nothing").unwrap();
    assert!(message(key(&tls)).contains("no private key"));
    // A failure costs as much, and is kept, too.
    std::fs::write(&path, ENCRYPTED).unwrap();
    let wrong = tls.key_passphrase("guess");
    assert!(message(key(&wrong)).contains("passphrase is wrong"));
    assert!(!wrong.unlocked.is_stale(&source));
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(&certificate).unwrap();
}

#[test]
fn a_bundle_may_hold_what_cannot_be_read_and_says_which() {
    let damaged = CERTIFICATE.replacen("MII", "MIx", 1).replacen("MIx", "M!!", 1);
    let bundle = format!("\u{feff}# a comment\n{CERTIFICATE}{damaged}{TRUSTED}{P521}");
    let tls = Tls::new().ca_pem(&bundle).unwrap();
    let trusted = tls.trusted().unwrap();
    assert_eq!(trusted.named, [chain(CERTIFICATE), chain(P521)].concat());
    let line = CERTIFICATE.lines().count() + 2;
    let [first, second] = &trusted.unreadable[..] else { panic!("{:?}", trusted.unreadable) };
    assert!(first.contains(&format!("certificate 2 (line {line}) in the PEM text is damaged")), "{first}");
    assert!(second.contains("certificate 3") && second.contains("openssl x509 -in OLD -out NEW"), "{second}");

    // Whoever it was that signed: it may be one of those.
    let why = verified(&tls, &chain(P384_SHA512)[..1], "127.0.0.1", UnixTime::now());
    assert!(why.contains("UnknownIssuer") && why.contains("certificate 2"), "{why}");

    assert!(message(Tls::new().ca_pem(TRUSTED)).contains("openssl x509 -in OLD -out NEW"));
    assert!(message(Tls::new().ca_pem(&damaged)).contains("certificate 1 (line 1)"));
    assert!(message(Tls::new().identity_pem(&bundle, KEY)).contains("certificate 2"));
}

#[test]
fn a_file_of_another_form_is_told_apart() {
    let path = std::env::temp_dir().join(format!("etcd-client-core-form-{}.pem", std::process::id()));
    let written = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Tls::new().ca_file(&path)
    };
    assert!(message(written(&chain(CERTIFICATE)[0])).contains("-inform der"));
    assert!(message(written(b"\xFF\xFE-\0-\0")).contains("UTF-16"));
    // A byte order mark, the label of earlier days, ends of lines as on Windows, a comment in Latin-1.
    let old = CERTIFICATE.replace("CERTIFICATE", "X509 CERTIFICATE").replace('\n', "\r\n");
    let mut bytes = b"\xEF\xBB\xBF".to_vec();
    bytes.extend_from_slice(old.as_bytes());
    bytes.extend_from_slice(b"# Autorit\xE9\n");
    assert!(written(&bytes).is_ok());
    std::fs::remove_file(&path).unwrap();
}

/// What is in the way is not the network's thread, which has other connections to look after.
#[test]
fn the_thread_that_reads_the_network_decrypts_no_key() {
    let tls = Tls::new().identity_pem(CERTIFICATE, ENCRYPTED).unwrap().key_passphrase("opensesame");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut unlocking = std::pin::pin!(tls.unlock());
        let first = std::future::poll_fn(|cx| std::task::Poll::Ready(unlocking.as_mut().poll(cx)));
        assert!(first.await.is_pending(), "it was decrypted on this thread");
        unlocking.await;
    });
    assert!(!tls.unlocked.is_stale(&tls.identity.as_ref().unwrap().1));
}

/// Such a one is among the authorities of some systems, and has nothing to do with the server.
#[test]
fn a_weak_authority_that_has_not_signed_is_not_the_cause() {
    let now = UnixTime::now();
    let tls = Tls::new().ca_pem(RSA_1024).unwrap().ca_pem(CERTIFICATE).unwrap();
    let why = verified(&tls, &chain(P384_SHA512)[..1], "127.0.0.1", now);
    assert!(why.contains("none of the authorities that Tls::ca_file names"), "{why}");
}

#[test]
fn a_time_that_is_over_or_to_come_is_named_with_the_way_out() {
    let tls = Tls::new().ca_pem(P521).unwrap();
    for (seconds, why) in [(200 * 365 * 24 * 3600, "expired"), (1, "not valid yet")] {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let said = verified(&tls, &chain(P521), "127.0.0.1", now);
        assert!(said.contains(why), "{said}");
        let whole = format!("{said}: {}", hint(&said).unwrap_or_default());
        assert_eq!(whole.matches("clock").count(), 1, "{whole}");
    }
}

/// What servers say that are set up in another way than etcd is by default.
#[test]
fn what_ends_a_handshake_has_a_way_out() {
    use rustls::{AlertDescription, CertificateError, Error};
    for (error, way_out) in [
        (CertificateError::Expired.into(), "clock"),
        (CertificateError::NotValidYet.into(), "clock"),
        (
            Error::InvalidCertificate(CertificateError::InvalidPurposeContext {
                required: rustls::ExtendedKeyPurpose::ServerAuth,
                presented: vec![rustls::ExtendedKeyPurpose::ClientAuth],
            }),
            "serverAuth",
        ),
        (Error::AlertReceived(AlertDescription::HandshakeFailure), "identity_files"),
        (Error::AlertReceived(AlertDescription::ProtocolVersion), "TLS 1.2"),
        (Error::AlertReceived(AlertDescription::NoApplicationProtocol), "etcd's port"),
        (Error::AlertReceived(AlertDescription::CertificateRequired), "identity_files"),
        (Error::AlertReceived(AlertDescription::UnknownCA), "identity_files"),
    ] {
        let said = describe(&error).unwrap();
        assert!(hint(&said).is_some_and(|hint| hint.contains(way_out)), "{said}: {:?}", hint(&said));
    }
}
