//! A whole configuration as a text: JSON, YAML, TOML, or commands of etcdctl.

mod apply;
mod assigned;
mod export;
mod fault;
mod format;
mod from_etcdctl;
mod from_json;
#[cfg(feature = "toml")]
mod from_toml;
#[cfg(feature = "yaml")]
mod from_yaml;
mod item;
mod meant;
mod number;
mod quoted;
#[cfg(any(test, fuzzing))]
pub(crate) mod round_trips;
mod shell;
mod stored_keys;
mod to_etcdctl;
mod to_json;
mod to_text;
mod to_toml;
mod to_yaml;
mod yaml_scalar;

use std::fmt;

pub(crate) use self::export::exported;
use self::fault::{Fault, LONGEST};
pub use self::format::Format;
use self::item::{Entry, Item};
use crate::error::Error;

/// A whole configuration, or a part of one, as a text in one of the [formats](Format): from
/// [`EtcdConfig::export`](crate::EtcdConfig::export), or written by hand; for [`Edit::apply`](crate::Edit::apply),
/// [`Edit::fill`](crate::Edit::fill) and [`Edit::replace_with`](crate::Edit::replace_with).
///
/// # How keys are written
/// | in etcd | in a document |
/// | --- | --- |
/// | a key below the prefix | its name, and its names separated by slashes as tables in one another: `log/level` is `level` in `log`. `log/level` as one name is read, too, and a whole key that begins with a slash |
/// | the entries of a map | the names in its table |
/// | a number, or `true` and `false`, of a field that is one | the same, without quotation marks; all digits of it count |
/// | JSON of a field that is a list, a map or a struct of serde's | the list or table |
/// | everything else: strings, durations, addresses, variants | a text |
/// | a key that is not there | nothing; where a document is applied, `null` deletes the key |
///
/// A text in a document is the text of the key as `etcdctl put` would store it, whatever the type of the field: `"5"` for
/// a number is 5. Where a field takes anything (`serde_json::Value`), the text `5` is a number for it; `"\"5\""` is the
/// string. What would not lead back to the same text or the same JSON is written as that text, and so is what a format
/// cannot hold: in TOML a `null` in a list or table, and whole numbers of more than 64 bits. Dates of TOML are read as texts
/// in the form of RFC 3339.
///
/// # What is in an export
/// The keys that fields are read from, under the present names of the fields. Defaults, keys that no field reads, variables
/// of the environment and the `commit_key` are not in it, and secrets only [if asked for](Self::with_secrets). YAML, TOML
/// and etcdctl's commands have the documentation of the fields as comments.
///
/// ```
/// use etcd_config::{Document, EtcdConfig, MemoryStore};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     /// Requests at once.
///     #[etcd(default = 10)]
///     workers: u32,
///     #[etcd(key = "log/level", default = "info")]
///     log_level: String,
///     #[etcd(secret)]
///     token: Option<String>,
/// }
///
/// let store = MemoryStore::from([("/payments/workers", "20"), ("/payments/token", "hunter2")]);
/// let document = Settings::export(&store)?;
/// assert_eq!(document.to_json(), "{\n  \"workers\": 20\n}\n");
/// // What is exported is what is there: applying it changes nothing.
/// assert!(Settings::edit(&store)?.apply(&document)?.plan()?.is_empty());
///
/// // Or one that is made by hand: what it does not name stays as it is.
/// let document = Document::from_json(r#"{"log": {"level": "debug"}}"#)?;
/// Settings::edit(&store)?.apply(&document)?.plan()?.commit()?;
/// assert_eq!(store.get("/payments/log/level").as_deref(), Some(&b"debug"[..]));
/// assert_eq!(store.get("/payments/token").as_deref(), Some(&b"hunter2"[..]));
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone)]
pub struct Document {
    root: Vec<Entry>,
    /// What it was read from, if that was a store.
    exported: Option<Exported>,
    shows_secrets: bool,
    allows_unknown: bool,
}

/// What an export is of.
#[derive(Clone)]
struct Exported {
    name: &'static str,
    docs: &'static str,
    prefix: String,
    revision: u64,
}

impl Document {
    /// Reads JSON.
    ///
    /// ```
    /// use etcd_config::Document;
    ///
    /// let error = Document::from_json("{\"workers\": 20,\n \"workers\": 30}").unwrap_err();
    /// assert!(error.is_invalid_document());
    /// let message = "JSON cannot be read at line 2, column 2: workers is there twice, first in line 1";
    /// assert_eq!(error.to_string(), message);
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid_document`] is true of what cannot be read, with its line and column: no JSON, no object, a name that
    /// comes twice, more than 16 MiB, objects and lists more than 96 deep in one another.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        Self::parse(text, Format::Json)
    }

    /// Reads YAML 1.2: one document, whose anchors, aliases and merge keys (`<<`) are resolved. Needs the feature `yaml`.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json); and too much that aliases repeat, or a tag that is not YAML's own.
    /// [`Error::is_invalid_option`]: the feature is off.
    pub fn from_yaml(text: &str) -> Result<Self, Error> {
        Self::parse(text, Format::Yaml)
    }

    /// Reads TOML. Needs the feature `toml`.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json). [`Error::is_invalid_option`]: the feature is off.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Self::parse(text, Format::Toml)
    }

    /// Reads commands of etcdctl, one a line, with whole keys: `etcdctl put /payments/workers 10`. Quotation marks, escapes
    /// and comments are read as a shell does.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json): a line that is anything else, or that has in it what a shell would replace.
    pub fn from_etcdctl(text: &str) -> Result<Self, Error> {
        Self::parse(text, Format::Etcdctl)
    }

    /// Reads a text in a format.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json), and [`Error::is_invalid_option`] if the feature of the format is off.
    pub fn parse(text: &str, format: Format) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > LONGEST {
            return Err(Error::document(format!(
                "{} of {} bytes is too long: a document has {LONGEST} at most",
                format.name(),
                text.len()
            )));
        }
        let root = match format {
            Format::Json => from_json::table(text),
            Format::Etcdctl => from_etcdctl::table(text),
            #[cfg(feature = "yaml")]
            Format::Yaml => from_yaml::table(text),
            #[cfg(feature = "toml")]
            Format::Toml => from_toml::table(text),
            #[cfg(not(feature = "yaml"))]
            Format::Yaml => return Err(off(format)),
            #[cfg(not(feature = "toml"))]
            Format::Toml => return Err(off(format)),
        };
        let root = root.map_err(|fault| unreadable(format, &fault))?;
        Ok(Self { root, exported: None, shows_secrets: true, allows_unknown: false })
    }

    /// The document as JSON, in lines.
    pub fn to_json(&self) -> String {
        to_json::table(&self.shown().iter().collect::<Vec<_>>())
    }

    /// The document as YAML, with the documentation of the fields as comments.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     /// Requests at once.
    ///     #[etcd(default = 10)]
    ///     workers: u32,
    /// }
    ///
    /// let store = MemoryStore::from([("/payments/workers", "20")]);
    /// let yaml = "# Settings below /payments at revision 2\n\n# Requests at once.\nworkers: 20\n";
    /// assert_eq!(Settings::export(&store)?.to_yaml(), yaml);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn to_yaml(&self) -> String {
        to_yaml::table(&self.shown().iter().collect::<Vec<_>>(), &self.head())
    }

    /// The document as TOML, with the documentation of the fields as comments.
    ///
    /// # Errors
    /// There is a `null` in a document that was read from another format, which TOML does not have.
    /// [`Error::is_invalid_document`] is true of it.
    pub fn to_toml(&self) -> Result<String, Error> {
        to_toml::table(&self.shown().iter().collect::<Vec<_>>(), &self.head()).map_err(Error::document)
    }

    /// The document as commands of etcdctl, one a line, with the documentation of the fields as comments.
    ///
    /// # Errors
    /// The document was read from a text in another format, which does not say which keys it is of; or a key or a value has
    /// a zero byte in it. [`Error::is_invalid_document`] is true of these.
    pub fn to_etcdctl(&self) -> Result<String, Error> {
        to_etcdctl::commands(&self.shown().iter().collect::<Vec<_>>(), &self.head()).map_err(Error::document)
    }

    /// The document in a format.
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml) and [`to_etcdctl`](Self::to_etcdctl).
    pub fn render(&self, format: Format) -> Result<String, Error> {
        match format {
            Format::Json => Ok(self.to_json()),
            Format::Yaml => Ok(self.to_yaml()),
            Format::Toml => self.to_toml(),
            Format::Etcdctl => self.to_etcdctl(),
        }
    }

    /// Shows the values of `secret` fields, which an export leaves out otherwise. Where a document without them is
    /// applied, the secrets that are stored stay as they are.
    #[must_use]
    pub fn with_secrets(self) -> Self {
        Self { shows_secrets: true, ..self }
    }

    /// Allows keys that no field reads where it is applied, which are an error otherwise: their texts, numbers and lists are
    /// the text of a key, tables are directories.
    ///
    /// ```
    /// use etcd_config::{Document, EtcdConfig, MemoryStore};
    ///
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     #[etcd(default = 10)]
    ///     workers: u32,
    /// }
    ///
    /// let store = MemoryStore::new();
    /// let document = Document::from_json("{\n  \"wokers\": 20\n}")?;
    /// let error = Settings::edit(&store)?.apply(&document).unwrap_err();
    /// assert_eq!(error.problems()[0].what(), "unknown key; did you mean workers? (line 2, column 3)");
    /// assert!(Settings::edit(&store)?.apply(&document.allow_unknown()).is_ok());
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    #[must_use]
    pub fn allow_unknown(self) -> Self {
        Self { allows_unknown: true, ..self }
    }

    /// The revision that was exported; `None` of a document that was read from a text.
    pub fn revision(&self) -> Option<u64> {
        self.exported.as_ref().map(|exported| exported.revision)
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.shown().is_empty()
    }

    /// What is in it, without the secrets that were not asked for.
    fn shown(&self) -> Vec<Entry> {
        if self.shows_secrets { self.root.clone() } else { without_secrets(&self.root).0 }
    }

    /// What comes first, as a comment.
    fn head(&self) -> String {
        let Some(Exported { name, docs, prefix, revision }) = &self.exported else { return String::new() };
        let prefix = etcd_client_core::Printable::line(prefix);
        let mut head = format!("{name} below {prefix} at revision {revision}");
        let hidden = if self.shows_secrets { 0 } else { without_secrets(&self.root).1 };
        if hidden > 0 {
            let secrets = if hidden == 1 { "secret is" } else { "secrets are" };
            let left_out = format!("{hidden} {secrets} left out: where this is applied, what is there stays");
            head.extend(["\n", &left_out]);
        }
        if !docs.is_empty() {
            head.extend(["\n\n", docs]);
        }
        head
    }
}

/// What is no secret, and how many are.
fn without_secrets(entries: &[Entry]) -> (Vec<Entry>, usize) {
    let mut hidden = 0;
    let mut shown = Vec::with_capacity(entries.len());
    for entry in entries {
        match &entry.item {
            _ if entry.is_secret() => hidden += 1,
            Item::Table(below) if entry.stored.is_none() => {
                let (rest, more) = without_secrets(below);
                hidden += more;
                if !rest.is_empty() || below.is_empty() {
                    shown.push(Entry { item: Item::Table(rest), ..entry.clone() });
                }
            }
            _ => shown.push(entry.clone()),
        }
    }
    (shown, hidden)
}

fn unreadable(format: Format, Fault { place, what }: &Fault) -> Error {
    let what = etcd_client_core::Printable::line(what).to_string();
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    Error::document(format!("{} cannot be read{place}: {what}", format.name()))
}

#[cfg(not(all(feature = "yaml", feature = "toml")))]
fn off(format: Format) -> Error {
    let name = format.name();
    Error::option(format!(
        "{name} cannot be read: the feature `{format}` of etcd-config is off; `features = [\"{format}\"]` turns it on"
    ))
}

/// Shows no value.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.root.iter().map(|entry| entry.name.as_str()).collect();
        f.debug_struct("Document")
            .field("names", &names)
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}
