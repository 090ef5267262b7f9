//! Whether what a store holds fits this program: problems and warnings, as data.

use std::fmt;

use etcd_client_core::Printable;

use crate::decode::Derived;
use crate::error::Error;
use crate::lint::absent;
use crate::lint::nothing_read::NothingRead;
use crate::lint::warnings::warnings;
use crate::problem::{Problem, Report};
use crate::reading::{Reading, decode_all};
use crate::runtime::panics;
use crate::tree::directories::{in_layer, layer_paths};

/// What this program would say of the keys if it started now: for a gate before a deployment. From
/// [`EtcdConfig::check_stored`](crate::EtcdConfig::check_stored).
///
/// `Display` is for a person. With the feature `serde` it is `Serialize`.
///
/// ```
/// use etcd_config::{EtcdConfig, MemoryStore};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(default = 10)]
///     workers: u32,
/// }
///
/// let store = MemoryStore::from([("/payments/workers", "many"), ("/payments/wokers", "3")]);
/// let check = Settings::check_stored(&store)?;
/// assert!(!check.is_ok());
/// assert_eq!(check.problems()[0].key(), "/payments/workers");
/// assert_eq!(check.warnings()[0].key(), "/payments/wokers");
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    keys: usize,
    report: Report,
    name: &'static str,
    prefix: String,
    /// Those above the prefix, with the number of keys in each.
    layers: Vec<(String, usize)>,
    warnings: Vec<Problem>,
}

impl Check {
    pub(crate) fn of<T: Derived>(reading: &Reading) -> Self {
        let tree = reading.tree::<T>();
        let schema = crate::schema::Schema::new(crate::decode::survey::<T>(), reading.prefix());
        let nothing_read = NothingRead::find(&schema, &tree, None);
        let (problems, unread) = match decode_all::<T>(&tree) {
            Ok(decoded) => {
                panics::drop_caught(decoded);
                (Vec::new(), None)
            }
            Err(problems) => {
                let unread = match nothing_read {
                    Some(_) => None,
                    None => absent::besides(&problems, &schema, &tree),
                };
                (problems, unread)
            }
        };
        let mut all: Vec<Problem> = nothing_read.iter().map(|nothing| nothing.warning(&tree)).collect();
        all.extend(warnings(&schema, &tree, None));
        let is_problem = |warning: &Problem| {
            problems.iter().any(|problem| (&problem.key, problem.kind) == (&warning.key, warning.kind))
        };
        all.retain(|warning| !is_problem(warning));
        let report = Report::new(T::LAYOUT.name, reading.prefix(), reading.listing.revision, problems);
        Self {
            keys: reading.listing.entries.len(),
            report: report.with_remark(unread.as_deref()),
            name: T::LAYOUT.name,
            prefix: reading.prefix().path().to_owned(),
            layers: layers(reading),
            warnings: all,
        }
    }

    /// Whether a process could start from it. There may be [`warnings`](Self::warnings).
    pub fn is_ok(&self) -> bool {
        self.problems().is_empty()
    }

    /// What a start would fail on: all of it.
    pub fn problems(&self) -> &[Problem] {
        self.report.problems()
    }

    /// What is odd, and no reason to refuse anything.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The name of the struct.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The directory that was read; of several [layers](Self::layers) the lowest one.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The layers above the prefix, the lowest first, and how many keys there are in each. One without keys may be meant
    /// to have none, or its name is wrong: the zone, say, that stands for a placeholder.
    pub fn layers(&self) -> impl Iterator<Item = (&str, usize)> {
        self.layers.iter().map(|(path, keys)| (path.as_str(), *keys))
    }

    /// The revision that was read.
    pub fn revision(&self) -> u64 {
        self.report.revision()
    }

    /// How many keys there are, in all layers together.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// The prefix and the layers, for a person.
    pub(crate) fn places(&self) -> String {
        let mut places = Printable::line(&self.prefix).to_string();
        for (number, (layer, _)) in self.layers().enumerate() {
            let before = if number + 1 == self.layers.len() { " and " } else { ", " };
            places = format!("{places}{before}{}", Printable::line(layer));
        }
        places
    }

    /// How many keys there are, and how many in each of the layers, for a person.
    pub(crate) fn counted(&self) -> String {
        let mut counted = match self.keys {
            1 => "1 key".to_owned(),
            keys => format!("{keys} keys"),
        };
        for (layer, keys) in self.layers() {
            let keys = if keys == 0 { "none".to_owned() } else { format!("{keys} of them") };
            counted = format!("{counted}, {keys} in {}", Printable::line(layer));
        }
        counted
    }

    /// The problems as an error, of which [`Error::is_invalid`] is true.
    ///
    /// # Errors
    /// There are problems.
    pub fn into_result(self) -> Result<(), Error> {
        if self.is_ok() { Ok(()) } else { Err(Error::from_report(self.report)) }
    }
}

/// The layers above the lowest, each with the number of its keys.
fn layers(reading: &Reading) -> Vec<(String, usize)> {
    let mut layers: Vec<_> = layer_paths(reading.prefix()).into_iter().map(|path| (path, 0)).collect();
    if layers.is_empty() {
        return layers;
    }
    for entry in &reading.listing.entries {
        let layer = in_layer(reading.prefix(), &entry.key).and_then(|(number, _)| number.checked_sub(1));
        if let Some((_, keys)) = layer.and_then(|above| layers.get_mut(above)) {
            *keys += 1;
        }
    }
    layers
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ok() {
            let (name, places, revision) = (self.name, self.places(), self.revision());
            write!(f, "{name} can be read from {places} at revision {revision}: {}", self.counted())?;
        } else {
            self.report.fmt(f)?;
        }
        self.warnings.iter().try_for_each(|warning| write!(f, "\n  warning: {warning}"))
    }
}
