//! What the decoder knows besides the keys.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::{Arc, OnceLock};

use etcd_client_core::{Listing, PackedListing, Prefix};

use super::pin::{Pin, Pins, pin_path};
use crate::problem::Problem;
use crate::schema::Schema;
use crate::schema::secrecy::Secrecy;
use crate::tree::KeyTree;

/// An environment variable that is not UTF-8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotText;

/// What stays the same from one decoding to the next: the fields, the environment as it was when
/// the process started, and what `restart` fields have read then.
pub struct Context {
    prefix: Prefix,
    /// Shared by all configurations of the same type and prefix.
    schema: Arc<Schema>,
    /// The variables that fields name, where they are set.
    environment: BTreeMap<&'static str, Result<String, NotText>>,
    /// The absolute keys, as paths below the prefix.
    absolute: Vec<&'static str>,
    /// What is wrong with the literal defaults.
    defaults: Vec<Problem>,
    pins: OnceLock<Pins>,
}

impl Context {
    /// For reading the fields of `schema` from below `prefix`; `defaults` is what is wrong with the literal ones.
    pub(super) fn of(
        schema: Arc<Schema>,
        defaults: Vec<Problem>,
        prefix: Prefix,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Self {
        let names = schema.fields().iter().filter_map(|field| field.written.env);
        let environment = names
            .filter_map(|name| variable(name).map(|value| (name, value.into_string().map_err(|_| NotText))))
            .collect();
        let absolute = schema.branch().absolute(&prefix);
        Self { prefix, schema, environment, absolute, defaults, pins: OnceLock::new() }
    }

    /// The same, where the environment sets nothing.
    #[cfg(feature = "cli")]
    pub(crate) fn without_variables(self) -> Self {
        Self { environment: BTreeMap::new(), ..self }
    }

    /// The directory that is read.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The tree of a listing of it.
    pub fn tree(&self, listing: &Listing) -> KeyTree {
        self.shared_tree(&Arc::new(PackedListing::of(listing)))
    }

    /// The same of one that is packed, which the tree keeps.
    pub(crate) fn shared_tree(&self, listing: &Arc<PackedListing>) -> KeyTree {
        let names = || self.schema.branch().several_names(&self.prefix);
        KeyTree::share(self.prefix.clone(), listing).naming(names)
    }

    /// The fields.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The `restart` keys whose values are other ones now than when the process started: what a
    /// restart would bring into force. Each is a warning, with the revision of the new value.
    pub fn restart_changes(&self, tree: &KeyTree) -> Vec<Problem> {
        let pins = self.pins.get().into_iter().flatten();
        let is_secret = |key: &str| self.is_secret(key);
        pins.filter_map(|(path, pin)| super::pending::compare(path, pin, tree, is_secret)).collect()
    }

    /// Whether a whole key is a secret, or may be one.
    fn is_secret(&self, key: &str) -> bool {
        let path = self.prefix.relative(key.as_bytes());
        path.is_none_or(|path| Secrecy::of(self.schema.branch(), &self.prefix).is_secret(path))
    }

    /// What is wrong with the literal defaults of all fields, whether their keys are there or not.
    pub(crate) fn default_problems(&self) -> &[Problem] {
        &self.defaults
    }

    pub(crate) fn variable(&self, name: &str) -> Option<Result<&str, NotText>> {
        self.environment.get(name).map(|value| value.as_deref().map_err(|error| *error))
    }

    /// Whether any field takes its value from the environment.
    pub(crate) fn has_variables(&self) -> bool {
        !self.environment.is_empty()
    }

    pub(super) fn absolute(&self) -> &[&'static str] {
        &self.absolute
    }

    /// What the field `name` of the struct at `path` has read.
    pub(crate) fn pinned(&self, path: &str, name: &str) -> Option<&Pin> {
        self.pins.get()?.get(&pin_path(path, name))
    }

    /// The first successful decoding decides.
    pub(super) fn pin(&self, pins: Pins) {
        // Ignored on purpose when it is not the first.
        let _ = self.pins.set(pins);
    }
}

/// Shows nothing that may be a secret.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
