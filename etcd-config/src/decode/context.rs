//! What the decoder knows besides the keys.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::OnceLock;

use etcd_client_core::Prefix;

use super::decoder::Decoder;
use crate::config::EtcdConfig;
use crate::layout::Field;
use crate::problem::Problem;
use crate::schema::Schema;
use crate::schema::branch::Branch;
use crate::schema::plain::Plain;
use crate::tree::{KeyTree, Node};

/// What `restart` fields have read when the process started, by [where they are](pin_path).
pub(crate) type Pins = BTreeMap<String, Pin>;

/// What one of them has read.
#[derive(Clone, Debug)]
pub(crate) struct Pin {
    /// The whole key of the struct that the field is in.
    pub(super) directory: String,
    pub(super) field: &'static Field,
    /// Under which of the field's names it was.
    pub(crate) name: &'static str,
    pub(crate) node: Option<Node>,
}

/// An environment variable that is not UTF-8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotText;

/// What stays the same from one decoding to the next: the fields, the environment as it was when
/// the process started, and what `restart` fields have read then.
pub struct Context {
    prefix: Prefix,
    schema: Schema,
    /// The variables that fields name, where they are set.
    environment: BTreeMap<&'static str, Result<String, NotText>>,
    /// The absolute keys, as paths below the prefix.
    absolute: Vec<String>,
    /// What is wrong with the literal defaults.
    defaults: Vec<Problem>,
    pins: OnceLock<Pins>,
}

impl Context {
    /// For reading a `T` from below `prefix`, with the environment of this process.
    pub fn new<T: EtcdConfig>(prefix: Prefix) -> Self {
        Self::with_environment::<T>(prefix, |name| std::env::var_os(name))
    }

    /// The same with another environment.
    pub fn with_environment<T: EtcdConfig>(
        prefix: Prefix,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let (branch, mut defaults) = survey_at::<T>(Some(&prefix));
        let schema = Schema::new(branch, &prefix);
        hide_secrets(&mut defaults, &schema, &prefix);
        let names = schema.fields().iter().filter_map(|field| field.written.env);
        let environment = names
            .filter_map(|name| variable(name).map(|value| (name, value.into_string().map_err(|_| NotText))))
            .collect();
        let keys = schema.fields().iter().flat_map(|field| field.written.names());
        let absolute = keys
            .filter(|key| key.starts_with('/'))
            .filter_map(|key| prefix.relative(key.as_bytes()))
            .filter_map(|path| std::str::from_utf8(path).ok().map(str::to_owned))
            .collect();
        Self { prefix, schema, environment, absolute, defaults, pins: OnceLock::new() }
    }

    /// The directory that is read.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The fields.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The `restart` keys whose values are other ones now than when the process started: what a
    /// restart would bring into force. Each is a warning, with the revision of the new value.
    pub fn pending(&self, tree: &KeyTree) -> Vec<Problem> {
        let pins = self.pins.get().into_iter().flatten();
        pins.filter_map(|(_, pin)| super::pending::compare(pin, tree)).collect()
    }

    /// What is wrong with the literal defaults of all fields, whether their keys are there or not.
    pub(crate) fn defaults(&self) -> &[Problem] {
        &self.defaults
    }

    pub(crate) fn variable(&self, name: &str) -> Option<Result<&str, NotText>> {
        self.environment.get(name).map(|value| value.as_deref().map_err(|error| *error))
    }

    pub(super) fn absolute(&self) -> &[String] {
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

/// By its name, whatever the names of its key and of the directories around it. The dot is there for
/// a newtype's field, too, which has no name.
pub(super) fn pin_path(path: &str, name: &str) -> String {
    format!("{path}.{name}")
}

/// The fields of a `T`.
pub(crate) fn survey<T: EtcdConfig>() -> Branch {
    survey_at::<T>(None).0
}

/// What is wrong with the literal defaults of a `T`.
pub(crate) fn defaults<T: EtcdConfig>(prefix: Prefix) -> Vec<Problem> {
    Context::with_environment::<T>(prefix, |_| None).defaults
}

fn survey_at<T: EtcdConfig>(prefix: Option<&Prefix>) -> (Branch, Vec<Problem>) {
    let mut decoder = Decoder::survey(prefix);
    let read = |at: &mut Decoder<'_>| drop(T::read(at, None));
    let members = decoder.members(std::any::TypeId::of::<T>(), read).unwrap_or_default();
    (Branch { layout: T::LAYOUT, members }, decoder.finish().problems)
}

/// What one field calls secret is secret for the others that read its key.
fn hide_secrets(problems: &mut [Problem], schema: &Schema, prefix: &Prefix) {
    if problems.is_empty() {
        return;
    }
    let plain = Plain::of(schema, prefix);
    for problem in problems.iter_mut().filter(|problem| problem.value.is_some()) {
        if prefix.relative(problem.key.as_bytes()).is_some_and(|path| plain.is_secret(path)) {
            problem.value = None;
            "(secret) is of no use (the default in the source)".clone_into(&mut problem.what);
        }
    }
}
