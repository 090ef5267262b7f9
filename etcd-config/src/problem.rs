//! What is wrong with the keys, one finding each, and the report over all of them.

use std::fmt;

use etcd_client_core::Printable;

/// One thing that is wrong, or worth a warning, with one key.
///
/// | from | what it means there |
/// | --- | --- |
/// | [`Error::problems`](crate::Error::problems) | there is no configuration until it is corrected |
/// | [`Rejection::problems`](crate::Rejection::problems) | the update was refused, older values are in force |
/// | [`Status::warnings`](crate::Status::warnings), [`Live::on_warning`](crate::Live::on_warning) | what is in force is not affected |
/// | [`Status::pending`](crate::Status::pending) | a restart would bring it into force, or fail on it |
///
/// `Display` is one finding for a person, escaped. With the feature `serde` it is `Serialize`.
///
/// ```
/// use etcd_config::{EtcdConfig, MemoryStore, ProblemKind};
///
/// #[derive(EtcdConfig, Debug)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     workers: u32,
/// }
///
/// let error = Settings::load_once(MemoryStore::from([("/payments/workers", "many")])).unwrap_err();
/// let problem = &error.problems()[0];
/// assert_eq!(problem.kind(), ProblemKind::Undecodable);
/// assert_eq!((problem.key(), problem.field()), ("/payments/workers", "workers"));
/// assert_eq!((problem.expected(), problem.value()), ("u32", Some("many")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(crate) kind: Kind,
    pub(crate) key: String,
    pub(crate) field: String,
    pub(crate) expected: String,
    pub(crate) what: String,
    pub(crate) value: Option<String>,
    pub(crate) revision: Option<u64>,
}

/// The kinds of problems, from [`Problem::kind`].
///
/// [`Undecodable`](Self::Undecodable), [`Missing`](Self::Missing), [`Refused`](Self::Refused),
/// [`OutsidePrefix`](Self::OutsidePrefix), [`TooDeep`](Self::TooDeep) and [`NotBuilt`](Self::NotBuilt) are reasons to
/// refuse a configuration.
/// [`Unknown`](Self::Unknown), [`NotADirectory`](Self::NotADirectory) and [`NotAKey`](Self::NotAKey) are warnings, and
/// reasons only under `deny_unknown_keys`. [`Pending`](Self::Pending) and [`RestartRefused`](Self::RestartRefused) are
/// about the next start. The others are always warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The value does not decode to the field's type.
    Undecodable,
    /// There is no such key, and the field has no default.
    Missing,
    /// A `validate` function refused the value.
    Refused,
    /// No field reads the key.
    Unknown,
    /// A key where the directory of a nested struct or of a map is expected.
    NotADirectory,
    /// A key below one that is a field's value.
    NotAKey,
    /// The key is an alias of the field's key.
    Alias,
    /// The key's field is deprecated.
    Deprecated,
    /// The field's absolute key is not below the prefix.
    OutsidePrefix,
    /// The fields are nested too deep.
    TooDeep,
    /// A string that is in force has something in it that may not be meant: a line break at its end, quotation
    /// marks around it.
    OddText,
    /// No field reads any key below the prefix: it may be the wrong one.
    NothingRead,
    /// A `restart` field has changed, and the change waits for a restart.
    Pending,
    /// A `restart` field has changed to something that a start would refuse.
    RestartRefused,
    /// What is made of the values could not be made: a [`resource`](crate::Live::resource), or the step of a
    /// [`prepare`](crate::Live::prepare). The key is the prefix, as the whole configuration may matter.
    NotBuilt,
    /// The [instance](crate::Options::instance) is not listed in the fleet as it should be.
    Instance,
}

impl Problem {
    /// What is said of a required key that is not there.
    pub(crate) const NO_SUCH_KEY: &str = "required, but there is no such key";

    /// What is to be said of a whole key, rather than of a field.
    pub(crate) fn of_key(kind: Kind, key: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            kind,
            key: key.into(),
            field: String::new(),
            expected: String::new(),
            what: what.into(),
            value: None,
            revision: None,
        }
    }

    /// Something could not be made of the values. What is said of it is the user's, and may hold secrets.
    pub(crate) fn not_built(prefix: &str, label: String, what: &str) -> Self {
        Self { expected: label, ..Self::of_key(Kind::NotBuilt, prefix, what) }
    }

    /// What kind of problem it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The whole key, as it is stored: [`Printable`] shows it.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The path of the field, such as `database.pool_size`, with the names of the entries as they are
    /// stored; empty where no field is meant, as of a key that no field reads.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The type of the field as it is written in the source; empty where no field is meant. Of what could
    /// [not be built](Kind::NotBuilt) it is what, such as `resource pool`.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What is wrong, for a person. Never holds a secret.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What is stored, as it is, cut where it is long; `None` where nothing is, for a secret, and for a key that no field
    /// reads, as that may be a secret whose name is misspelt. It is not escaped: [`Printable`] shows it.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The revision at which the key was set, where it is there.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Whether the configuration is as good with it as without: an alias, a deprecated field, a change that waits for
    /// a restart, an instance that the fleet does not see.
    pub fn is_harmless(&self) -> bool {
        matches!(self.kind, Kind::Alias | Kind::Deprecated | Kind::Pending | Kind::Instance)
    }

    fn subject(&self) -> String {
        let field = Printable::line(&self.field);
        // These say something of a key; the field is for programs.
        if matches!(self.kind, Kind::Pending | Kind::RestartRefused | Kind::Alias | Kind::Deprecated) {
            return String::new();
        }
        match (self.field.as_str(), self.expected.as_str()) {
            ("", "") => String::new(),
            ("", expected) => expected.to_owned(),
            (_, "") => field.to_string(),
            (_, expected) => format!("{field}: {expected}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.subject();
        let between = if subject.is_empty() { "" } else { " " };
        write!(f, "{}{between}{subject}: {}", Printable::line(&self.key), self.shown())?;
        self.write_origin(f, " ")
    }
}

impl Problem {
    /// A function of the user's may have made several lines; they stay below their key.
    fn shown(&self) -> Printable<'_> {
        Printable::block(&self.what, "      ")
    }

    fn write_origin(&self, f: &mut fmt::Formatter<'_>, gap: &str) -> fmt::Result {
        match (self.kind, self.revision) {
            (Kind::Undecodable | Kind::Refused, Some(revision)) => {
                write!(f, "{gap}(set at revision {revision})")
            }
            _ => Ok(()),
        }
    }
}

/// The most problems that are printed: a wrong prefix may make one of every key.
const PRINTED: usize = 50;

/// The widest column. What is longer moves the rest of its own line, and of no other.
const COLUMN: usize = 80;

/// All problems of one attempt, as a person reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    name: String,
    prefix: String,
    revision: u64,
    problems: Vec<Problem>,
    /// What is to be known of all of them.
    remarks: Vec<String>,
    /// What can be typed to put it right: lines of their own, which no log wants.
    commands: Option<Box<str>>,
}

impl Report {
    /// The problems of the struct `name`, read from `prefix` at `revision`.
    pub fn new(
        name: impl Into<String>,
        prefix: impl fmt::Display,
        revision: u64,
        problems: Vec<Problem>,
    ) -> Self {
        let (name, prefix) = (name.into(), prefix.to_string());
        Self { name, prefix, revision, problems, remarks: Vec::new(), commands: None }
    }

    /// The same with something that is to be known of all problems.
    pub(crate) fn with_remark(mut self, remark: Option<&str>) -> Self {
        self.remarks.extend(remark.map(str::to_owned));
        self
    }

    /// The same with commands that put it right, after a line that says so.
    pub(crate) fn with_commands(self, commands: Option<String>) -> Self {
        Self { commands: commands.map(String::into_boxed_str), ..self }
    }

    /// The problems.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The revision that has them.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, prefix, revision, problems, remarks, commands } = self;
        let count = problems.len();
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} problem{plural} in {name}")?;
        // No revision has been read where the source alone is wrong.
        if *revision > 0 {
            write!(f, " from {prefix} at revision {revision}")?;
        }
        let rows: Vec<(String, String, &Problem)> = problems
            .iter()
            .take(PRINTED)
            .map(|problem| (Printable::line(&problem.key).to_string(), problem.subject(), problem))
            .collect();
        // `{:#}` goes into one line, where columns are none.
        let is_table = !f.alternate();
        let padding =
            |column: usize, cell: &str| if is_table { column.saturating_sub(width(cell)) } else { 0 };
        let keys = widest(rows.iter().map(|(key, ..)| key));
        let subjects = widest(rows.iter().map(|(_, subject, _)| subject));
        for (key, subject, problem) in &rows {
            write!(f, "\n  {key}{:1$}", "", padding(keys, key) + 1)?;
            if !subject.is_empty() {
                let between = if is_table { "    " } else { ": " };
                write!(f, "{subject}{:1$}{between}", "", padding(subjects, subject))?;
            }
            write!(f, "{}", problem.shown())?;
            problem.write_origin(f, if is_table { "   " } else { " " })?;
        }
        if count > PRINTED {
            write!(f, "\n  ... and {} more", count - PRINTED)?;
        }
        let commands = commands.iter().filter(|_| is_table);
        let mut remarks = remarks.iter().map(String::as_str).chain(commands.map(|commands| &**commands));
        remarks.try_for_each(|remark| write!(f, "\n  {remark}"))
    }
}

fn widest<'c>(cells: impl Iterator<Item = &'c String>) -> usize {
    cells.map(|cell| width(cell)).max().unwrap_or(0).min(COLUMN)
}

fn width(text: &str) -> usize {
    text.chars().count()
}
