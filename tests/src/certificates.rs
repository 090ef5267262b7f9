//! A certificate authority for tests, and the files that servers and clients want.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use pkcs8::{LineEnding, PrivateKeyInfo, pkcs5::pbes2};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;

/// How many authorities there have been.
static COUNT: AtomicU32 = AtomicU32::new(1);

const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// An authority, and a certificate each for a server on loopback and for a client, as PEM files
/// in a temporary folder.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate's file and its key's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// The private key, PKCS#8 PEM.
    pub key: PathBuf,
}

impl Certificates {
    /// A new authority; the server is `127.0.0.1`, `::1` and `localhost`, the client is `client`.
    #[allow(clippy::new_without_default, reason = "it writes files")]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("certificates").tempdir().expect("a temporary folder");
        let (issuer, pem) = authority();
        let certificates = Self { folder, issuer };
        certificates.issue_all(&pem);
        certificates
    }

    /// The authority's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// The server's files.
    pub fn server(&self) -> Identity {
        Identity { certificate: self.file("server.pem"), key: self.file("server-key.pem") }
    }

    /// The client's files.
    pub fn client(&self) -> Identity {
        Identity { certificate: self.file("client.pem"), key: self.file("client-key.pem") }
    }

    /// Replaces the authority by another one, and all files by new ones of that.
    pub fn replace_authority(&mut self) {
        let (issuer, pem) = authority();
        self.issuer = issuer;
        self.issue_all(&pem);
    }

    /// Replaces the server's files by new ones that are valid for so long from now.
    pub fn issue_server(&self, validity: Duration) {
        self.issue_server_for(&["127.0.0.1", "::1", "localhost"], validity);
    }

    /// The same for a server of other names and addresses.
    pub fn issue_server_for(&self, names: &[&str], validity: Duration) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        // etcd is its own client, too, with its server's certificate.
        let uses = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&self.server(), "server", &names, &uses, validity);
    }

    /// Replaces the client's files by new ones: `common_name` is who etcd takes the client for.
    pub fn issue_client(&self, common_name: &str, validity: Duration) {
        self.issue(&self.client(), common_name, &[], &[ExtendedKeyUsagePurpose::ClientAuth], validity);
    }

    /// The client's key once more, encrypted with a passphrase.
    pub fn encrypted_client_key(&self, passphrase: &str) -> PathBuf {
        let pem = fs::read_to_string(self.client().key).expect("the client's key");
        let der = KeyPair::from_pem(&pem).expect("a key").serialize_der();
        let parameters = pbes2::Parameters::pbkdf2_sha256_aes256cbc(2048, b"tests of etcd", &[7; 16]);
        let encrypted = PrivateKeyInfo::try_from(der.as_slice())
            .expect("a PKCS#8 key")
            .encrypt_with_params(parameters.expect("valid parameters"), passphrase)
            .expect("encryption");
        let pem = encrypted.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).expect("PEM");
        self.write("client-key-encrypted.pem", &pem);
        self.file("client-key-encrypted.pem")
    }

    fn issue_all(&self, authority: &str) {
        self.write("ca.pem", authority);
        self.issue_server(TEN_YEARS);
        self.issue_client("client", TEN_YEARS);
    }

    fn issue(
        &self,
        files: &Identity,
        common_name: &str,
        names: &[String],
        uses: &[ExtendedKeyUsagePurpose],
        validity: Duration,
    ) {
        let mut params = CertificateParams::new(names).expect("valid names");
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.extended_key_usages = uses.to_vec();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let now = SystemTime::now();
        params.not_before = (now - Duration::from_secs(60)).into();
        params.not_after = (now + validity).into();
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        self.write(&files.key, &key.serialize_pem());
        self.write(&files.certificate, &certificate.pem());
    }

    /// In one step, so that nobody reads half a file.
    fn write(&self, name: impl AsRef<Path>, pem: &str) {
        let path = self.folder.path().join(name); // a whole path stays what it is
        let draft = path.with_extension("draft");
        fs::write(&draft, pem).expect("a file in the temporary folder");
        fs::rename(draft, path).expect("a file in the temporary folder");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A new authority, and its certificate.
fn authority() -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    // Each authority has a name of its own, as in the world outside.
    let name = format!("authority {} of the tests", COUNT.fetch_add(1, Ordering::Relaxed));
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().expect("a key");
    let pem = params.self_signed(&key).expect("a certificate of its own").pem();
    (Issuer::new(params, key), pem)
}
