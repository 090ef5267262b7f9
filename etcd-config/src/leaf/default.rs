//! What a field is when its key is absent.

use std::fmt;

/// Where the text of a literal default comes from, for a person.
pub(crate) const IN_SOURCE: &str = " (the default in the source)";

/// What a field is when its key is absent.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldDefault {
    /// There is none: the key must be there.
    Required,
    /// `None`, or no entry.
    Absent,
    /// What this text decodes to.
    Text(&'static str),
    /// What this Rust expression makes.
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
