//! Changes of settings, checked before they are written as every reader will check them.

mod checked;
pub(crate) mod commit;
pub(crate) mod described;
mod expected;
pub(crate) mod field_path;
mod foremost;
mod layer_edit;
mod overridden;
pub(crate) mod plan;
pub(crate) mod planned;
pub(crate) mod readers;
mod restoring;
mod target;
pub(crate) mod to_text;
mod unanswered;
pub(crate) mod update;

use std::fmt;

use bytes::Bytes;
use etcd_client_core::{Prefix, Printable};

use self::field_path::FieldPath;
pub(crate) use self::layer_edit::layer_number;
use self::layer_edit::{LayerEdit, Origin, Proof};
use self::plan::Plan;
use self::target::{Target, What, is_untyped};
use self::to_text::ToText;
use crate::decode::{Derived, survey};
use crate::error::Error;
use crate::leaf::{NoText, TextSerializer};
use crate::reading::Reading;
use crate::schema::Schema;
use crate::tree::KeyTree;
use crate::tree::directories::{directories, in_layer, path_of};

/// Changes of the settings of a `T`, from [`EtcdConfig::edit`](crate::EtcdConfig::edit): decided on one revision, and
/// written only if nothing has changed since.
///
/// Nothing is sent before [`Plan::commit`]. A later change of a key takes the place of an earlier one.
///
/// ```
/// use etcd_config::{EtcdConfig, MemoryStore, field};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(default = 10, validate = at_least_one)]
///     workers: u32,
///     #[etcd(key = "log/level", default = "info")]
///     log_level: String,
///     limit: Option<u32>,
/// }
///
/// fn at_least_one(workers: &u32) -> Result<(), &'static str> {
///     if *workers == 0 { Err("at least one is needed") } else { Ok(()) }
/// }
///
/// let store = MemoryStore::from([("/payments/limit", "5")]);
/// let edit = Settings::edit(&store)?
///     .set(field!(Settings.workers), &20)?
///     .set_text("log/level", "debug")
///     .unset(field!(Settings.limit));
/// let plan = edit.plan()?;
/// println!("{plan}");
/// let written = plan.commit()?;
/// assert_eq!(written.revision(), store.revision());
/// assert_eq!(store.get("/payments/workers").as_deref(), Some(&b"20"[..]));
///
/// // What no reader would take over does not get in.
/// let refused = Settings::edit(&store)?.set(field!(Settings.workers), &0)?.plan().unwrap_err();
/// assert_eq!(refused.problems()[0].key(), "/payments/workers");
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[must_use = "nothing is checked before `plan`, nor written before `Plan::commit`"]
pub struct Edit<T> {
    reading: Reading,
    /// All layers together, where there are several.
    whole: Option<Box<KeyTree>>,
    /// What is changed in the layer at hand; of a configuration without layers everything.
    here: LayerEdit<T>,
    /// What was changed in others.
    others: Vec<LayerEdit<T>>,
    /// What is wrong with calls that have no error of their own.
    mistakes: Vec<String>,
}

impl<T: Derived> Edit<T> {
    pub(crate) fn new(reading: Reading) -> Self {
        let whole = reading.tree::<T>();
        let number = reading.layer();
        if whole.layers().is_empty() {
            let here = LayerEdit::new(number, whole);
            return Self { reading, whole: None, here, others: Vec::new(), mistakes: Vec::new() };
        }
        let here = LayerEdit::new(number, whole.layer(number).clone());
        Self { reading, whole: Some(Box::new(whole)), here, others: Vec::new(), mistakes: Vec::new() }
    }

    /// Makes the changes that follow in this layer: in what is below its prefix, which overrides the layers below it. What
    /// it may be is the prefix of the configuration or of one of its [layers](crate::Options::layer). Without it, an edit
    /// changes the lowest one, or that of [`Options::in_layer`](crate::Options::in_layer).
    ///
    /// All changes are written in one transaction, whatever layers they are in, and only if none of the layers has changed
    /// meanwhile. [`unset`](Self::unset) takes the override of this layer away. What is read back,
    /// [`stored`](Self::stored), is that of this layer. Keys are given below its prefix; those of fields with an absolute
    /// key can be set in the lowest layer only, except by [`set_text`](Self::set_text).
    ///
    /// ```
    /// use etcd_config::{EtcdConfig, MemoryStore, field};
    ///
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments", layers("/payments@{zone}"))]
    /// struct Settings {
    ///     workers: u32,
    /// }
    ///
    /// let store = MemoryStore::from([("/payments/workers", "12"), ("/payments@eu-1/workers", "20")]);
    /// let edit = Settings::options().placeholder("zone", "eu-1").edit(&store)?;
    /// let plan = edit.set(field!(Settings.workers), &15)?.plan()?;
    /// assert_eq!(plan.changes()[0].overridden_by(), Some("/payments@eu-1/workers"));
    ///
    /// // The override goes, and the new value comes into force, in one transaction.
    /// let edit = Settings::options().placeholder("zone", "eu-1").edit(&store)?;
    /// let edit = edit.set(field!(Settings.workers), &15)?;
    /// edit.in_layer("/payments@eu-1")?.unset(field!(Settings.workers)).plan()?.commit()?;
    /// assert_eq!(store.get("/payments@eu-1/workers"), None);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such layer ([`Error::is_invalid_option`]).
    pub fn in_layer(self, prefix: &str) -> Result<Self, Error> {
        let number = layer_number(self.reading.prefix(), prefix)?;
        Ok(self.at_layer(number))
    }

    fn at_layer(mut self, number: usize) -> Self {
        if number == self.here.number {
            return self;
        }
        let there = if let Some(place) = self.others.iter().position(|other| other.number == number) {
            self.others.swap_remove(place)
        } else {
            let tree = self.whole.as_deref().map_or(&self.here.tree, |whole| whole.layer(number));
            LayerEdit::new(number, tree.clone())
        };
        self.others.push(std::mem::replace(&mut self.here, there));
        self
    }

    /// The revision that the changes are decided on.
    pub fn revision(&self) -> u64 {
        self.reading.listing.revision
    }

    /// The text that is stored for a key, given below the prefix, as it was read: without the changes.
    pub fn stored(&self, key: &str) -> Option<&[u8]> {
        self.here.tree.get(key)
    }

    /// Sets a field that is one key. `None` of an `Option` deletes the key.
    ///
    /// Numbers, booleans, characters, strings and variants without data are stored as they are, everything else as
    /// JSON. That text has to be read as the same value, which [`plan`](Self::plan) checks. That of a field with `with` or
    /// `decode_with` rarely is: use [`set_with`](Self::set_with) or [`set_text`](Self::set_text) for it. A field that is
    /// stored under an old name is set under that name.
    ///
    /// # Errors
    /// The field is not one key, or its value has no text. [`Error::is_invalid_option`] is true of these.
    pub fn set<V: ToText + 'static>(self, field: FieldPath<T, V>, value: &V) -> Result<Self, Error> {
        self.set_with(field, value, V::to_text)
    }

    /// The same with the `serialize` function of a serde module: for a field with `with`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use etcd_config::{EtcdConfig, MemoryStore, field};
    ///
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     #[etcd(with = humantime_serde, default = "2s")]
    ///     timeout: Duration,
    /// }
    ///
    /// let store = MemoryStore::new();
    /// let timeout = Duration::from_millis(1_500);
    /// let edit = Settings::edit(&store)?;
    /// edit.set_with(field!(Settings.timeout), &timeout, humantime_serde::serialize)?.plan()?.commit()?;
    /// assert_eq!(store.get("/payments/timeout").as_deref(), Some(&b"1s 500ms"[..]));
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_with<V: 'static>(
        mut self,
        field: FieldPath<T, V>,
        value: &V,
        serialize: impl Fn(&V, TextSerializer) -> Result<Option<String>, NoText> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let cannot = |why: String| Error::option(format!("{field} cannot be set: {why}"));
        let target = Target::find(&self.here.schema, &self.here.tree, field.steps()).map_err(cannot)?;
        let What::Key(expectation) = target.what else {
            let directory = Printable::line(&self.here.tree.prefix().join(&target.path)).to_string();
            return Err(cannot(format!("it is a directory of keys, {directory}: set the fields in it")));
        };
        let serializer = TextSerializer::new(is_untyped(expectation));
        let path = target.path.clone();
        let text = serialize(value, serializer).map_err(|error| {
            // A type may say what is in it.
            let is_secret = self.is_secret(&path);
            cannot(if is_secret { "its value has no text".to_owned() } else { line(&error.to_string()) })
        })?;
        let Some(text) = text else {
            for key in target.keys(&self.here.tree) {
                self.here.changes.insert(key, None);
            }
            self.here.changes.insert(path, None);
            return Ok(self);
        };
        let name = field.to_string();
        let again = Box::new(move |config: &T| Some(serialize(field.value(config)?, serializer)));
        self.here.proofs.push(Proof { path: path.clone(), field: name, text: text.clone(), again });
        self.here.changes.insert(path, Some(text.into()));
        Ok(self)
    }

    /// Sets a key below the prefix to this text, as `etcdctl put` would; the whole key may be given, too. A key that no
    /// field reads is a warning of the plan, or refused by `deny_unknown_keys`.
    pub fn set_text(mut self, key: impl AsRef<str>, text: impl Into<Vec<u8>>) -> Self {
        if let Some(path) = self.path_of(key.as_ref()) {
            self.here.unseen.remove(&path);
            self.here.changes.insert(path, Some(Bytes::from(text.into())));
        }
        self
    }

    /// Deletes the key of a field, so that its default is in force; of a struct, a map or an entry all its keys. Keys of old
    /// names are deleted, too.
    #[allow(clippy::needless_pass_by_value, reason = "as `set` takes it, from `field!`")]
    pub fn unset<V>(mut self, field: FieldPath<T, V>) -> Self {
        match Target::find(&self.here.schema, &self.here.tree, field.steps()) {
            Ok(target) => {
                for key in target.keys(&self.here.tree) {
                    self.here.changes.insert(key, None);
                }
                // What this edit has set there.
                let is_below = |path: &str| {
                    path.strip_prefix(&target.path)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                self.here
                    .changes
                    .iter_mut()
                    .filter(|(path, _)| is_below(path))
                    .for_each(|(_, text)| *text = None);
            }
            Err(why) => self.mistakes.push(format!("{field} cannot be unset: {why}")),
        }
        self
    }

    /// Deletes a key below the prefix; the whole key may be given, too. It may be one that could not be written here,
    /// such as one with an empty name in it.
    pub fn unset_key(mut self, key: impl AsRef<str>) -> Self {
        if let Some(path) = self.odd_path_of(key.as_ref()).or_else(|| self.path_of(key.as_ref())) {
            self.here.changes.insert(path, None);
        }
        self
    }

    /// Decodes and checks everything as it would be with the changes, as every reader will. Nothing is sent.
    ///
    /// The checks are those of this program, and run on this thread. Readers may have other environment variables than
    /// this process, so a bad key is refused even if a variable takes its place here.
    ///
    /// # Errors
    /// - [`Error::is_invalid`]: [`Error::problems`] are all that a reader would refuse, whether or not it comes from
    ///   this edit.
    /// - [`Error::is_invalid_option`]: a call of this edit was wrong; or there are more changes than the store writes at
    ///   once, and the struct has no `commit_key`.
    pub fn plan(self) -> Result<Plan<T>, Error> {
        Plan::of(self)
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.here.schema
    }

    /// An edit of the same layer, without the changes.
    pub(crate) fn afresh(&self) -> Self {
        Self::new(self.reading.clone()).at_layer(self.here.number)
    }

    /// The keys of the layer at hand, as they were read.
    pub(crate) fn tree(&self) -> &KeyTree {
        &self.here.tree
    }

    /// Whether there is a key at a path below the prefix, with the changes.
    pub(crate) fn is_set(&self, path: &str) -> bool {
        self.here.changes.get(path).map_or_else(|| self.here.tree.get(path).is_some(), Option::is_some)
    }

    /// Changes the key at a path below the prefix; `place` says where that is written.
    pub(crate) fn change(&mut self, path: String, text: Option<String>, place: Option<String>) {
        let text = text.map(Bytes::from);
        self.here.unseen.insert(path.clone());
        if let Some(place) = place {
            self.here.origins.insert(path.clone(), Origin { text: text.clone(), place });
        }
        self.here.changes.insert(path, text);
    }

    fn is_secret(&self, path: &str) -> bool {
        let prefix = self.reading.prefix();
        crate::schema::secrecy::Secrecy::of(self.here.schema.branch(), prefix).is_secret(path.as_bytes())
    }

    /// The path of a whole key that is there.
    fn odd_path_of(&self, key: &str) -> Option<String> {
        let path = key.strip_prefix(self.here.tree.prefix().directory())?;
        self.here.tree.get(path).map(|_| path.to_owned())
    }

    /// What is said of a whole key that is in another layer.
    fn other_layer_of(&self, key: &str) -> Option<String> {
        let all = self.reading.prefix();
        let (number, _) = in_layer(all, key.as_bytes()).filter(|_| key.starts_with('/'))?;
        let layer = directories(all).nth(number).map(path_of)?;
        Some(format!("it is in the layer {}: `in_layer` makes changes there", Printable::line(layer)))
    }

    /// The path below the prefix; what is wrong with the key is noted.
    fn path_of(&mut self, key: &str) -> Option<String> {
        let prefix = self.here.tree.prefix();
        match relative(prefix, key) {
            Ok(path) => Some(path.to_owned()),
            Err(why) => {
                let why = self.other_layer_of(key).unwrap_or(why);
                let key = Printable::line(key).to_string();
                self.mistakes.push(format!("{key:?} cannot be written: {why}"));
                None
            }
        }
    }
}

/// The paths below the prefix that a field may be read from: of its key, or of a directory that is its own. `None` if it
/// lies among others.
pub(crate) fn places_of<T: Derived, V>(prefix: &Prefix, field: &FieldPath<T, V>) -> Option<Vec<String>> {
    let (schema, tree) = (Schema::new(survey::<T>(), prefix), KeyTree::new(prefix.clone()));
    let target = Target::find(&schema, &tree, field.steps()).ok()?;
    target.places().map(<[String]>::to_vec)
}

fn line(text: &str) -> String {
    Printable::line(text).to_string()
}

fn relative<'k>(prefix: &Prefix, key: &'k str) -> Result<&'k str, String> {
    if prefix.directory().is_empty() && !key.is_empty() {
        return Ok(key);
    }
    let path = match key.strip_prefix(prefix.directory()) {
        Some(path) => path,
        _ if key.starts_with('/') => return Err(format!("it is not below {prefix}")),
        _ => key,
    };
    if path.is_empty() || path.split('/').any(str::is_empty) {
        return Err("there is an empty name in it".to_owned());
    }
    Ok(path)
}

/// Shows no value.
impl<T> fmt::Debug for Edit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = std::iter::once(&self.here).chain(&self.others).flat_map(|layer| layer.changes.keys());
        let keys: Vec<_> = all.map(|path| Printable::line(path).to_string()).collect();
        f.debug_struct("Edit")
            .field("prefix", &self.here.tree.prefix())
            .field("revision", &self.reading.listing.revision)
            .field("keys", &keys)
            .finish_non_exhaustive()
    }
}
