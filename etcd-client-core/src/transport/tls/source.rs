//! Where PEM text comes from, and what is found in it.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::{Error, Printable};

/// All the authorities that systems come with take a quarter of a megabyte.
const LONGEST: u64 = 16 << 20;

/// A file, or a text in memory.
#[derive(Clone)]
pub(super) enum PemSource {
    File(PathBuf),
    Text(Arc<str>),
}

/// A part of a PEM text, from its BEGIN line to its END line.
pub(super) struct Section<'t> {
    /// What stands in the BEGIN line.
    pub(super) label: &'t str,
    /// The lines between, without what stands around them.
    body: Vec<&'t str>,
    /// Of the BEGIN line, counted from 1.
    line: usize,
    /// Whether there is an END line.
    is_whole: bool,
}

/// The certificates of a bundle.
pub(super) struct Bundle {
    pub(super) certificates: Vec<Certificate>,
    /// What is said of each certificate that cannot be read.
    pub(super) unreadable: Vec<String>,
}

/// A certificate, and where it is in its file.
pub(super) struct Certificate {
    pub(super) der: CertificateDer<'static>,
    /// Such as `certificate 2 (line 31) in ca.pem`.
    pub(super) place: String,
}

impl PemSource {
    /// The text as it is now. Comments in a bundle may be in any encoding.
    pub(super) fn read(&self) -> Result<Arc<str>, Error> {
        let path = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::File(path) => path,
        };
        let bytes =
            contents(path).map_err(|why| Error::invalid_input(format!("{self} cannot be read: {why}")))?;
        match &bytes[..] {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
                Err(Error::invalid_input(format!("{self} is written in UTF-16: save it as UTF-8 or ASCII")))
            }
            [0x30, 0x80..=0x84, ..] => Err(Error::invalid_input(format!(
                "{self} is DER, not PEM; convert it: openssl x509 -inform der -in OLD -out NEW (a certificate), \
                 openssl pkcs12 -in OLD -out NEW (a .p12 or .pfx)"
            ))),
            _ => Ok(String::from_utf8_lossy(&bytes).into()),
        }
    }

    /// All certificates, those that cannot be read apart.
    pub(super) fn bundle(&self) -> Result<Bundle, Error> {
        let text = self.read()?;
        let mut bundle = Bundle { certificates: Vec::new(), unreadable: Vec::new() };
        let sections = sections(&text).into_iter();
        for (index, section) in sections.filter(|section| section.label.ends_with("CERTIFICATE")).enumerate()
        {
            let place = format!("certificate {} (line {}) in {self}", index + 1, section.line);
            match section.certificate() {
                Ok(der) => bundle.certificates.push(Certificate { der, place }),
                Err(why) => bundle.unreadable.push(format!("{place} {why}")),
            }
        }
        if bundle.certificates.is_empty() && bundle.unreadable.is_empty() {
            return Err(Error::invalid_input(format!(
                "{self} holds no certificate ({})",
                lacking(&text, "CERTIFICATE")
            )));
        }
        Ok(bundle)
    }

    /// All certificates, each of which must be readable.
    pub(super) fn chain(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let bundle = self.bundle()?;
        match bundle.unreadable.first() {
            Some(complaint) => Err(Error::invalid_input(complaint.clone())),
            None => Ok(bundle.certificates.into_iter().map(|certificate| certificate.der).collect()),
        }
    }
}

impl fmt::Display for PemSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => Printable::line(&path.display().to_string()).at_most(Printable::BLOCK).fmt(f),
            Self::Text(_) => f.write_str("the PEM text"),
        }
    }
}

impl Section<'_> {
    /// As it is encoded.
    ///
    /// # Errors
    /// Why it cannot be read. Nothing of it is shown: it may be a key.
    pub(super) fn read<T: PemObject>(&self, label: &str) -> Result<T, &'static str> {
        if !self.is_whole {
            return Err("is damaged: it has no END line");
        }
        let body = self.body.join("\n");
        let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        T::from_pem_slice(pem.as_bytes()).map_err(|_| "is damaged: it is not base64")
    }

    fn certificate(&self) -> Result<CertificateDer<'static>, &'static str> {
        match self.label {
            // The second is the name of earlier days.
            "CERTIFICATE" | "X509 CERTIFICATE" => self.read("CERTIFICATE"),
            "TRUSTED CERTIFICATE" => {
                Err("is a TRUSTED CERTIFICATE, which is OpenSSL's own form; convert it: \
                                          openssl x509 -in OLD -out NEW")
            }
            _ => Err("is of another kind than BEGIN CERTIFICATE"),
        }
    }
}

/// Of what is asked for at each new connection: a pipe would hold that up, and be empty the next time.
fn contents(path: &Path) -> Result<Vec<u8>, String> {
    let as_text = |error: io::Error| error.to_string();
    let kind = fs::metadata(path).map_err(as_text)?.file_type();
    if kind.is_dir() {
        return Err("it is a directory".into());
    }
    if !kind.is_file() {
        return Err("it is no regular file, and could not be read again for each connection".into());
    }
    let mut bytes = Vec::new();
    let most = File::open(path).map_err(as_text)?.take(LONGEST + 1).read_to_end(&mut bytes);
    if u64::try_from(most.map_err(as_text)?).is_ok_and(|read| read <= LONGEST) {
        Ok(bytes)
    } else {
        Err(format!("it is larger than {} MiB", LONGEST >> 20))
    }
}

/// What a text lacks that should hold a section with this label.
pub(super) fn lacking(text: &str, label: &str) -> String {
    if text.contains(r"-----\n") {
        return r"its lines end with a backslash and an n: put line breaks in their place".into();
    }
    format!("no BEGIN {label}")
}

/// The sections in their order, whole or cut off. A byte order mark may stand before the first.
pub(super) fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut is_open = false;
    // Before 2001, lines on a Mac ended so.
    let end = if text.contains('\n') { '\n' } else { '\r' };
    for (index, line) in text.split(end).enumerate() {
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let label = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"));
        if let Some(label) = label {
            sections.push(Section { label, body: Vec::new(), line: index + 1, is_whole: false });
            is_open = true;
        } else if let Some(section) = sections.last_mut().filter(|_| is_open) {
            if line.starts_with("-----END ") {
                section.is_whole = true;
                is_open = false;
            } else {
                section.body.push(line);
            }
        }
    }
    sections
}
