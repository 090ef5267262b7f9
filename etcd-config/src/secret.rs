//! A value that is never printed.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// What is shown in place of a secret.
pub(crate) const HIDDEN: &str = "•••";

/// A value that shows itself only when it is [asked to](Self::expose): `Debug` writes `•••`.
///
/// There is no `Display`: `format!("Bearer {token}")` does not compile, rather than send `•••` as a credential.
///
/// ```compile_fail,E0277
/// let token = etcd_config::Secret::new("hunter2");
/// let header = format!("Bearer {token}");
/// ```
///
/// The derive treats a field of this type as if it were marked `#[etcd(secret)]`, so that its value is in
/// no error, no log, no status, no [`explain`](crate::Live::explain) and no cache file either. A field
/// that is marked so, but is a `String`, is printed by the `derive(Debug)` of your own struct.
///
/// It can be compared and cloned as its value can. It is not `Serialize`, so that no dump of a struct shows it
/// (`#[serde(skip)]` the field; the feature `serde` does not change that), and its
/// memory is not overwritten when it is dropped.
///
/// The derive recognizes it by its name: `Secret<..>`, also inside of others such as `Option<Secret<..>>`. Mark
/// the field as `secret` if the type has another name there, as with a type alias.
///
/// ```
/// use etcd_config::{EtcdConfig, MemoryStore, Secret};
///
/// #[derive(EtcdConfig, Clone, Debug, PartialEq)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     api_token: Secret<String>,
/// }
///
/// let settings = Settings::load_once(MemoryStore::from([("/payments/api_token", "hunter2")]))?;
/// assert_eq!(format!("{settings:?}"), "Settings { api_token: ••• }");
/// assert_eq!(settings.api_token.expose(), "hunter2");
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value: for tests and defaults. What comes from the store is wrapped when it is decoded.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Printing it is visible in your code by this call.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, which is no longer hidden.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// As its value is read.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

/// As its value is described.
#[cfg(feature = "schemars")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Secret<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}
