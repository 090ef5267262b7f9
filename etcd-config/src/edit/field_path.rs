//! A field of a configuration, as `field!` names it: the way to it by names, and a function that goes it.

use std::fmt;
use std::sync::Arc;

use crate::decode::{Derived, Entries};
use crate::leaf;

/// A field of the configuration `T`, whose value is a `V`: from [`field!`](crate::field), for [`Edit`](crate::Edit).
///
/// `Display` is its path, such as `database.pool_size`.
///
/// ```
/// use etcd_config::{EtcdConfig, FieldPath, field};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(default = 10)]
///     workers: u32,
/// }
///
/// let workers: FieldPath<Settings, u32> = field!(Settings.workers);
/// assert_eq!(workers.to_string(), "workers");
/// ```
pub struct FieldPath<T, V> {
    steps: Arc<[Step]>,
    project: Arc<Project<T, V>>,
}

type Project<T, V> = dyn Fn(&T) -> Option<&V> + Send + Sync;

/// One step on the way to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A field, by its name in Rust; of a newtype `0`.
    Field(&'static str),
    /// An entry of a map, by its name.
    Entry(String),
}

impl Step {
    /// A field of a struct.
    pub fn field(name: &'static str) -> Self {
        Self::Field(name)
    }

    /// An entry of a map.
    pub fn entry(name: &str) -> Self {
        Self::Entry(name.to_owned())
    }
}

/// What `field!` makes.
pub fn field_path<T: Derived, V>(
    steps: Box<[Step]>,
    project: impl for<'a> Fn(&'a T) -> Option<&'a V> + Send + Sync + 'static,
) -> FieldPath<T, V> {
    FieldPath { steps: steps.into(), project: Arc::new(project) }
}

/// What is inside of something on the way: of an `Option` the value that it may have.
pub struct Through<'a, T>(pub &'a T);

impl<'a, T> Through<'a, Option<T>> {
    /// The value, where there is one.
    pub fn inner(self) -> Option<&'a T> {
        self.0.as_ref()
    }
}

/// The same for what is no `Option`; rustc takes the method of the type itself where there is one.
pub trait Plain<'a, T> {
    /// The thing itself.
    fn inner(self) -> Option<&'a T>;
}

impl<'a, T> Plain<'a, T> for Through<'a, T> {
    fn inner(self) -> Option<&'a T> {
        Some(self.0)
    }
}

/// The name of an entry, which may be a text, a number, and whatever else is the key of a map.
pub fn entry_name(name: &(impl fmt::Display + ?Sized)) -> String {
    name.to_string()
}

/// An entry of a map, where it is there.
pub fn entry<'m, M: Entries<Value = V>, V>(map: &'m M, name: &str) -> Option<&'m V> {
    map.get(&leaf::decode(name, <M::Key as leaf::Leaf>::from_text).ok()?)
}

impl<T, V> FieldPath<T, V> {
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The path as problems and plans have it: newtypes are no step in it.
    pub(crate) fn below_prefix(&self) -> String {
        let is_named = |step: &&Step| **step != Step::Field("0");
        named(&self.steps.iter().filter(is_named).cloned().collect::<Vec<_>>())
    }

    /// The value of the field, where it is there: an `Option` on the way may be `None`, an entry missing.
    pub(super) fn value<'a>(&self, config: &'a T) -> Option<&'a V> {
        (self.project)(config)
    }
}

impl<T, V> Clone for FieldPath<T, V> {
    fn clone(&self) -> Self {
        Self { steps: Arc::clone(&self.steps), project: Arc::clone(&self.project) }
    }
}

impl<T, V> fmt::Display for FieldPath<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&named(&self.steps))
    }
}

impl<T, V> fmt::Debug for FieldPath<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldPath({self})")
    }
}

/// The path that these steps go, for a person.
pub(super) fn named(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Field(name) => crate::shape::path::append(&mut path, '.', name),
            Step::Entry(name) => {
                let name = etcd_client_core::Printable::line(name).to_string();
                crate::shape::path::append(&mut path, '.', &name);
            }
        }
    }
    path
}
