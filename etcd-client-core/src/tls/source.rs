//! Where PEM text comes from, and what is found in it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::invalid;
use crate::Error;

/// A file, or a text in memory.
#[derive(Clone)]
pub(super) enum Source {
    File(PathBuf),
    Text(Arc<str>),
}

/// A part of a PEM text, from its BEGIN line to its END line.
struct Section<'t> {
    /// What stands in the BEGIN line.
    label: &'t str,
    text: &'t str,
    /// Of the BEGIN line, counted from 1.
    line: usize,
}

/// The certificates of a bundle.
pub(super) struct Bundle {
    pub(super) certificates: Vec<Certificate>,
    /// What is said of each certificate that cannot be read.
    pub(super) unreadable: Vec<String>,
}

/// A certificate, and where it stands.
pub(super) struct Certificate {
    pub(super) der: CertificateDer<'static>,
    /// Such as `certificate 2 (line 31) in ca.pem`.
    pub(super) place: String,
}

impl Source {
    /// The text as it is now. Comments in a bundle may be in any encoding.
    pub(super) fn read(&self) -> Result<Arc<str>, Error> {
        let path = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::File(path) => path,
        };
        let bytes =
            std::fs::read(path).map_err(|error| invalid(format!("{self} cannot be read: {error}")))?;
        match &bytes[..] {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
                Err(invalid(format!("{self} is written in UTF-16: save it as UTF-8 or ASCII")))
            }
            [0x30, 0x80..=0x84, ..] => Err(invalid(format!(
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
        let of_certificates = sections(&text).filter(|section| section.label.ends_with("CERTIFICATE"));
        for (index, section) in of_certificates.enumerate() {
            let place = format!("certificate {} (line {}) in {self}", index + 1, section.line);
            match section.certificate() {
                Ok(der) => bundle.certificates.push(Certificate { der, place }),
                Err(why) => bundle.unreadable.push(format!("{place} {why}")),
            }
        }
        if bundle.certificates.is_empty() && bundle.unreadable.is_empty() {
            return Err(invalid(format!("{self} holds no certificate (no BEGIN CERTIFICATE)")));
        }
        Ok(bundle)
    }

    /// All certificates, each of which must be readable.
    pub(super) fn chain(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let bundle = self.bundle()?;
        match bundle.unreadable.first() {
            Some(complaint) => Err(invalid(complaint.clone())),
            None => Ok(bundle.certificates.into_iter().map(|certificate| certificate.der).collect()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display().to_string().escape_debug()),
            Self::Text(_) => f.write_str("the PEM text"),
        }
    }
}

impl Section<'_> {
    fn certificate(&self) -> Result<CertificateDer<'static>, String> {
        const LABEL: &str = "CERTIFICATE";
        match self.label {
            LABEL => CertificateDer::from_pem_slice(self.text.as_bytes()),
            // The name of earlier days.
            "X509 CERTIFICATE" => {
                CertificateDer::from_pem_slice(self.text.replace(self.label, LABEL).as_bytes())
            }
            "TRUSTED CERTIFICATE" => {
                return Err("is a TRUSTED CERTIFICATE, which is OpenSSL's own form; convert it: \
                            openssl x509 -in OLD -out NEW"
                    .into());
            }
            _ => return Err("is of another kind than BEGIN CERTIFICATE".into()),
        }
        .map_err(|error| format!("is damaged PEM: {error}"))
    }
}

/// The sections in their order, whole or cut off. A byte order mark may stand before the first.
fn sections(text: &str) -> impl Iterator<Item = Section<'_>> {
    const BEGIN: &str = "-----BEGIN ";
    const END: &str = "-----END ";
    let starts = text.match_indices(BEGIN).filter(move |(start, _)| {
        text[..*start]
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .trim_matches(['\u{feff}', ' ', '\t'])
            .is_empty()
    });
    starts.filter_map(move |(start, _)| {
        let rest = &text[start..];
        let label = rest[BEGIN.len()..].lines().next()?.trim_end().strip_suffix("-----")?;
        let next = rest[BEGIN.len()..].find(BEGIN).map_or(rest.len(), |next| next + BEGIN.len());
        let end = rest[..next]
            .find(END)
            .map_or(next, |end| rest[end..next].find('\n').map_or(next, |newline| end + newline + 1));
        let line = text[..start].matches('\n').count() + 1;
        Some(Section { label, text: &rest[..end], line })
    })
}
