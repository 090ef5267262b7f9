//! Why no value came of a text.

use std::fmt;

use serde::de::{self, Unexpected};

use super::expectation::Expectation;

/// Why no value came of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The reason in the type's own words; it may hold the text.
    Message(String),
    /// The right kind of value, and yet not this: what the type expected, in its own words.
    Unfit(String),
    /// None of the variants.
    UnknownVariant(&'static [&'static str]),
    /// There was no text.
    Absent,
    /// The answer to the question what the type would accept.
    Expected(Expectation),
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(cause: T) -> Self {
        Self::Message(cause.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Unfit(expected.to_string())
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        if expected.is_empty() {
            return Self::Message(format!("unknown variant {variant:?}"));
        }
        Self::UnknownVariant(expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Message(format!("missing field {field:?}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.write_str(message),
            Self::Unfit(expected) => write!(f, "not {expected}"),
            Self::UnknownVariant(variants) => write!(f, "not one of {}", variants.join(", ")),
            Self::Absent => f.write_str("there is no value"),
            Self::Expected(expectation) => write!(f, "not {}", expectation.noun("value")),
        }
    }
}

impl std::error::Error for Error {}
