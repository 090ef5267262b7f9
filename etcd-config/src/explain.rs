//! Where each value of a configuration comes from.

mod compared;
#[cfg(any(feature = "cli", feature = "http"))]
pub(crate) mod difference;
mod walk;

use std::fmt;

use etcd_client_core::Printable;

use self::compared::{ComparedPlace, quoted, text};
use self::walk::Walk;
use crate::decode::Context;
use crate::leaf::{FieldDefault, cut, quote};
use crate::secret::HIDDEN;
use crate::status::resource_status::ResourceStatus;
use crate::text_table;
use crate::tree::{KeyTree, Raw, Replaced};

/// For each field its key, its value, where that comes from and since when: a table, printed by
/// `Display`.
///
/// From [`Live::explain`](crate::Live::explain). The table has what is in force, with the source
/// and the revision of that; what the store has instead is noted at the end of the line. Values are shown as they are
/// stored. Those of secrets are `•••`, long ones are cut. For a program there are the [`rows`](Self::rows); with the
/// feature `serde` it is `Serialize`, as a list of them.
///
/// ```
/// use etcd_config::{EtcdConfig, MemoryStore, Origin};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     workers: u32,
///     #[etcd(default = 3)]
///     retries: u32,
/// }
///
/// let settings = Settings::watch(MemoryStore::from([("/payments/workers", "12")]))?;
/// let explanation = settings.explain();
/// let table = "
/// FIELD    KEY                IN FORCE  SOURCE   REVISION
/// workers  /payments/workers  12        etcd     2
/// retries  /payments/retries  3         default  -";
/// assert_eq!(explanation.to_string(), table.trim());
/// assert_eq!(explanation.rows()[1].origin(), Origin::Default);
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    rows: Vec<Row>,
    /// Whether there are layers.
    layered: bool,
    /// There is not a single key: where there should be some.
    empty: Option<String>,
    resources: Vec<ResourceStatus>,
}

/// One field in an [`Explanation`], or one entry of a map.
///
/// Three texts may differ: [`stored`](Self::stored) is what the store holds now, [`value`](Self::value) what the next
/// snapshot would be read from, [`in_force`](Self::in_force) what the present one was read from. They are the same
/// while nothing is refused and nothing waits.
///
/// ```
/// # use std::time::Duration;
/// # use etcd_config::{EtcdConfig, MemoryStore};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { workers: u32 }
/// let store = MemoryStore::from([("/payments/workers", "12")]);
/// let settings = Settings::watch(&store)?;
/// let refused = store.put("/payments/workers", "many");
/// assert!(settings.wait_for_revision(refused, Duration::from_secs(5)).is_err());
/// let explanation = settings.explain();
/// let row = &explanation.rows()[0];
/// assert_eq!((row.in_force(), row.value(), row.stored()), (Some("12"), Some("many"), Some("many")));
/// assert_eq!(row.revision(), Some(refused));
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    field: String,
    key: String,
    layer: Option<String>,
    value: Option<String>,
    secret: bool,
    origin: Origin,
    revision: Option<u64>,
    in_force: Option<String>,
    stored: Option<String>,
    note: Option<String>,
    shown: Shown,
    overridden: Vec<Overridden>,
}

/// What a lower layer has of a field whose value is from a higher one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overridden {
    pub(crate) layer: String,
    /// The whole key.
    pub(crate) key: String,
    /// Not of a secret.
    pub(crate) value: Option<String>,
    pub(crate) revision: u64,
}

/// What the table has of a field: what is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// As it is printed, which is not the text of a secret.
    pub(crate) value: String,
    pub(crate) origin: Origin,
    pub(crate) revision: Option<u64>,
}

/// Where a value comes from, from [`Row::origin`]. `Display` writes it as the table does: `etcd`, `cache`, `default`,
/// `environment`, `absent`, `missing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A key in etcd.
    Etcd,
    /// A key, as the offline cache has it.
    Cache,
    /// The default; there is no such key.
    Default,
    /// An environment variable, which comes before the key.
    Environment,
    /// Nothing: an `Option` without a key, a map without entries.
    Nothing,
    /// Nothing, although the field wants a value: the configuration was refused.
    Missing,
}

impl Explanation {
    /// The fields, in the order of the source.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What is [made](crate::Live::resource) of the values, below the table.
    pub fn resources(&self) -> &[ResourceStatus] {
        &self.resources
    }

    pub(crate) fn with_resources(self, resources: Vec<ResourceStatus>) -> Self {
        Self { resources, ..self }
    }
}

impl Row {
    /// The path of the field, such as `database.pool_size`, with the names of the entries as they are
    /// stored: [`Printable`] shows it.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The whole key, as it is stored, in its [`layer`](Self::layer): [`Printable`] shows it. Of a field that is read by an
    /// old name, that name.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The prefix of the layer that the [`key`](Self::key) is in. `None` where there are no layers, and where there is no
    /// such key.
    ///
    /// ```
    /// use etcd_config::{EtcdConfig, MemoryStore};
    ///
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments", layers("/payments@{zone}"))]
    /// struct Settings {
    ///     workers: u32,
    ///     retries: u32,
    /// }
    ///
    /// let stored = [("/payments/retries", "3"), ("/payments/workers", "12"), ("/payments@eu-1/workers", "20")];
    /// let settings = Settings::options().placeholder("zone", "eu-1").watch(MemoryStore::from(stored))?;
    /// let explanation = settings.explain();
    /// let table = "
    /// FIELD    KEY                     IN FORCE  LAYER           SOURCE  REVISION
    /// workers  /payments@eu-1/workers  20        /payments@eu-1  etcd    4
    /// retries  /payments/retries       3         /payments       etcd    2";
    /// assert_eq!(explanation.to_string(), table.trim());
    /// assert_eq!(explanation.rows()[0].layer(), Some("/payments@eu-1"));
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn layer(&self) -> Option<&str> {
        self.layer.as_deref()
    }

    /// The text of the value; `None` for a secret, and where there is none.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref().filter(|_| !self.secret)
    }

    /// The text of the value that the snapshot was read from. It differs from [`value`](Self::value) where
    /// an update was refused or waits. `None` for a secret, and where there is none.
    pub fn in_force(&self) -> Option<&str> {
        self.in_force.as_deref()
    }

    /// The text that the store has now at the key. It differs from [`value`](Self::value) where a change
    /// waits for a restart. `None` for a secret, and where there is no key.
    pub fn stored(&self) -> Option<&str> {
        self.stored.as_deref()
    }

    /// Where the value comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The revision at which the key was set last; `None` where the value does not come from a key.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// What is in force, as the table has it.
    #[cfg(any(feature = "cli", feature = "http"))]
    pub(crate) fn shown(&self) -> &Shown {
        &self.shown
    }

    /// What lower layers have of it, the highest of them first.
    #[cfg(feature = "serde")]
    pub(crate) fn overridden(&self) -> &[Overridden] {
        &self.overridden
    }

    /// What else is to be known: a refused value, one that waits for a restart, an old name.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

/// Explains what is read from `tree`, of which what is `unpublished` is not in the snapshot; `cached`
/// says that the snapshot came from the offline cache.
pub fn explain(tree: &KeyTree, context: &Context, unpublished: &Replaced, cached: bool) -> Explanation {
    let published = tree.root_before(unpublished);
    let rows = Walk::new(context, tree, published.read()).rows(cached);
    let empty = tree.is_empty().then(|| tree.prefix().to_string());
    Explanation { rows, layered: !tree.layers().is_empty(), empty, resources: Vec::new() }
}

#[cfg(any(feature = "cli", feature = "http"))]
impl Overridden {
    /// On one line, for a person.
    pub(crate) fn line(&self) -> String {
        let Self { layer, value, .. } = self;
        let value =
            value.as_deref().map_or_else(|| HIDDEN.to_owned(), |value| Printable::line(value).to_string());
        format!("overrides {value} of {}", Printable::line(layer))
    }
}

impl Row {
    /// What nobody has set, and what has no default, such as an entry of a map that is not there.
    #[cfg(feature = "cli")]
    pub(crate) fn absent(field: String, key: String, secret: bool) -> Self {
        Self {
            field,
            key,
            layer: None,
            value: None,
            secret,
            origin: Origin::Nothing,
            revision: None,
            in_force: None,
            stored: None,
            note: None,
            shown: Shown { value: "-".to_owned(), origin: Origin::Nothing, revision: None },
            overridden: Vec::new(),
        }
    }

    /// What is known of a place. `value` is the one that is shown, and comes from `origin`, as far as that is not
    /// the cache; `default` is what an absent key means. `secret` is so where any field calls the key secret.
    fn of(
        place: &ComparedPlace<'_>,
        keys: RealKeys,
        value: Option<String>,
        origin: Origin,
        default: Option<FieldDefault>,
        (secret, cached): (bool, bool),
    ) -> Self {
        // A variable is in force as soon as its struct is.
        let is_in_force = origin == Origin::Environment && place.published.is_some();
        let is_awaited = !is_in_force && place.differs(value.is_some());
        let published = place.published_raw().filter(|_| is_awaited);
        let published_default = default.filter(|_| place.published.is_some() && published.is_none());
        let in_force = match published_default {
            _ if !is_awaited => value.clone(),
            Some(FieldDefault::Text(text) | FieldDefault::Expression(text)) => Some(cut(text)),
            _ => published.map(text),
        };
        let is_key = origin == Origin::Etcd;
        let shown = Shown {
            value: match &in_force {
                Some(_) if secret => HIDDEN.to_owned(),
                Some(text) => Printable::line(text).to_string(),
                None => "-".to_owned(),
            },
            origin: match (published, published_default) {
                _ if !is_awaited && is_key && cached => Origin::Cache,
                _ if !is_awaited => origin,
                (Some(_), _) if cached => Origin::Cache,
                (Some(_), _) => Origin::Etcd,
                (None, Some(FieldDefault::Text(_) | FieldDefault::Expression(_))) => Origin::Default,
                (None, _) => Origin::Nothing,
            },
            revision: if is_awaited { published } else { place.next_raw().filter(|_| is_key) }
                .map(Raw::revision),
        };
        let notes = [
            is_awaited.then(|| not_in_force(place, value.as_deref(), origin, secret)),
            keys.in_force.filter(|_| is_awaited).map(|key| format!("in force is {key}")),
            place.waits().then(|| waiting(place, secret)),
            place.note.clone(),
        ];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        Self {
            field: place.field.clone(),
            key: keys.key,
            layer: keys.layer,
            // Not even `Debug` shows a secret.
            value: if secret { value.map(|_| String::new()) } else { value },
            secret,
            origin: if is_key && cached && !is_awaited { Origin::Cache } else { origin },
            revision: place.next_raw().map(Raw::revision).filter(|_| is_key),
            in_force: in_force.filter(|_| !secret),
            stored: place.stored_raw().map(text).filter(|_| !secret),
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            shown,
            overridden: keys.overridden,
        }
    }
}

/// The keys of a row as they are in their layers.
struct RealKeys {
    key: String,
    layer: Option<String>,
    /// What the snapshot was read from, where that is another one.
    in_force: Option<String>,
    overridden: Vec<Overridden>,
}

/// What the store has that the snapshot does not; `value` is what it comes to.
fn not_in_force(place: &ComparedPlace<'_>, value: Option<&str>, origin: Origin, secret: bool) -> String {
    let what = match (place.next_raw(), value) {
        (Some(_), _) if secret => "the store has another value".to_owned(),
        (Some(raw), _) => format!("the store has {}", quoted(raw)),
        (None, _) if place.published_raw().is_some() => "the key is deleted in the store".to_owned(),
        (None, _) if origin == Origin::Environment => "it would be the environment's".to_owned(),
        (None, Some(default)) if !secret => format!("it would be the default {}", quote(default)),
        (None, _) => "it would be a default".to_owned(),
    };
    format!("{what}, which is refused, or newer than the snapshot")
}

/// What is to be known of a value that a restart would bring into force.
fn waiting(place: &ComparedPlace<'_>, secret: bool) -> String {
    let what = "a change waits for a restart";
    match place.stored_raw() {
        _ if secret => what.to_owned(),
        Some(raw) => format!("{what}: {}", quoted(raw)),
        None => format!("{what}: the key is gone"),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Etcd => "etcd",
            Self::Cache => "cache",
            Self::Default => "default",
            Self::Environment => "environment",
            Self::Nothing => "absent",
            Self::Missing => "missing",
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines =
            vec![["FIELD", "KEY", "IN FORCE", "LAYER", "SOURCE", "REVISION", ""].map(str::to_owned)];
        lines.extend(self.rows.iter().map(|row| {
            let Shown { value, origin, revision } = &row.shown;
            let revision = revision.map_or_else(|| "-".to_owned(), |revision| revision.to_string());
            let note = row.note.clone().unwrap_or_default();
            let (field, key) =
                (Printable::line(&row.field).to_string(), Printable::line(&row.key).to_string());
            let layer = row
                .layer
                .as_deref()
                .map_or_else(|| "-".to_owned(), |layer| Printable::line(layer).to_string());
            [field, key, value.clone(), layer, origin.to_string(), revision, note]
        }));
        if self.layered {
            text_table::write(f, &lines)?;
        } else {
            let lines: Vec<[String; 6]> = lines
                .into_iter()
                .map(|[field, key, value, _, origin, revision, note]| {
                    [field, key, value, origin, revision, note]
                })
                .collect();
            text_table::write(f, &lines)?;
        }
        let mut empty = self.empty.iter();
        empty.try_for_each(|prefix| write!(f, "\nthere is no key at all below {prefix}"))?;
        self.resources.iter().try_for_each(|resource| write!(f, "\n{resource}"))
    }
}
