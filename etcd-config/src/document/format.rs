//! The formats of a document.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::error::Error;

/// A format of a [`Document`](crate::Document), by its name or by the ending of a file.
///
/// JSON and commands of etcdctl are always there. Reading YAML takes the feature `yaml`, reading TOML the feature `toml`;
/// an error says so where it is off. Writing takes none.
///
/// ```
/// use etcd_config::Format;
///
/// assert_eq!("yaml".parse::<Format>()?, Format::Yaml);
/// assert_eq!(Format::from_path("deploy/prod.toml")?, Format::Toml);
/// assert_eq!(Format::Json.to_string(), "json");
/// let unknown = "ini".parse::<Format>().unwrap_err();
/// assert_eq!(unknown.to_string(), "\"ini\" is no format of a document: it is one of json, yaml, toml, etcdctl");
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// JSON: `json`.
    Json,
    /// YAML 1.2: `yaml`, `yml`.
    Yaml,
    /// TOML: `toml`.
    Toml,
    /// Lines such as `etcdctl put /payments/workers 10`: `etcdctl`, `sh`.
    Etcdctl,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Json, Self::Yaml, Self::Toml, Self::Etcdctl];

    /// The format that the ending of a file names: `json`, `yaml`, `yml`, `toml`, `etcdctl`, `sh`.
    ///
    /// # Errors
    /// The file has another ending, or none. [`Error::is_invalid_option`] is true of it.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let format = path.extension().and_then(|ending| Self::of(ending.to_str()?));
        format.ok_or_else(|| {
            let path = path.to_string_lossy();
            let path = etcd_client_core::Printable::line(&path);
            Error::option(format!(
                "the name of {path} does not end in that of a format: .json, .yaml, .yml, .toml, .sh"
            ))
        })
    }

    fn of(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "json" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            "toml" => Self::Toml,
            "etcdctl" | "sh" => Self::Etcdctl,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Etcdctl => "etcdctl's commands",
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::of(name).ok_or_else(|| {
            let name = etcd_client_core::Printable::line(name).to_string();
            Error::option(format!(
                "\"{name}\" is no format of a document: it is one of json, yaml, toml, etcdctl"
            ))
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Etcdctl => "etcdctl",
        })
    }
}
