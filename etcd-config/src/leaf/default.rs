//! What a field is when its key is absent.

use std::fmt;

/// Where the text of a literal default comes from, for a person.
pub(crate) const IN_SOURCE: &str = " (the default in the source)";

/// What a field is when its key is absent, from [`Field::default`](crate::Field::default). `Display` writes the text or
/// the expression, also that of a secret; `Debug` does not.
///
/// ```
/// use etcd_config::{EtcdConfig, FieldDefault};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     name: String,
///     limit: Option<u32>,
///     #[etcd(default = 10)]
///     workers: u32,
///     #[etcd(default)]
///     tags: Vec<String>,
/// }
///
/// let schema = Settings::schema();
/// let defaults: Vec<_> = schema.fields().iter().map(|field| field.default()).collect();
/// assert_eq!(defaults[..3], [FieldDefault::Required, FieldDefault::Absent, FieldDefault::Text("10")]);
/// assert!(matches!(defaults[3], FieldDefault::Expression(_))); // Vec<String>::default()
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldDefault {
    /// There is none: the key must be there.
    Required,
    /// `None` of an `Option`, or no entry of a map.
    Absent,
    /// What this text decodes to, as if it were stored: `default = 10` is `"10"`.
    Text(&'static str),
    /// What this Rust expression makes: of `default` alone, and of `default_fn`.
    Expression(&'static str),
}

impl fmt::Display for FieldDefault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("required"),
            Self::Absent => f.write_str("absent"),
            Self::Text(text) | Self::Expression(text) => f.write_str(text),
        }
    }
}

/// Says that there is a default, and not which: it may be a secret's.
impl fmt::Debug for FieldDefault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("Required"),
            Self::Absent => f.write_str("Absent"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Expression(text) => write!(f, "Expression({} bytes)", text.len()),
        }
    }
}
