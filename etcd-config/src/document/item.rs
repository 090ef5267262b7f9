//! What a document is made of, whatever the format.

use std::fmt;

/// A value in a document.
#[derive(Clone)]
pub(super) enum Item {
    Null,
    Scalar(Scalar),
    List(Vec<Item>),
    Table(Vec<Entry>),
}

/// A value that is one text, as it is written.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) kind: ScalarKind,
}

/// What a format says of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarKind {
    Text,
    Number,
    Bool,
}

/// One name of a table with its value.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Where it is written, in a document that was read from a text.
    pub(super) place: Option<Place>,
    /// The documentation of the field.
    pub(super) docs: &'static str,
    /// The key, if it is known to be one.
    pub(super) stored: Option<Stored>,
    pub(super) item: Item,
}

/// A whole key with its text.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) secret: bool,
}

/// A place in a text; both numbers begin with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl Item {
    pub(super) fn scalar(text: impl Into<String>, kind: ScalarKind) -> Self {
        Self::Scalar(Scalar { text: text.into(), kind })
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::scalar(text, ScalarKind::Text)
    }

    /// Whether both are the same value, wherever they are written.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Scalar(left), Self::Scalar(right)) => left == right,
            (Self::List(left), Self::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.is_same(right))
            }
            (Self::Table(left), Self::Table(right)) => {
                let is_same = |(left, right): (&Entry, &Entry)| {
                    left.name == right.name && left.item.is_same(&right.item)
                };
                left.len() == right.len() && left.iter().zip(right).all(is_same)
            }
            _ => false,
        }
    }

    /// With its article, for a person.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Scalar(scalar) => match scalar.kind {
                ScalarKind::Text => "a text",
                ScalarKind::Number => "a number",
                ScalarKind::Bool => "true or false",
            },
        }
    }
}

impl Entry {
    pub(super) fn new(name: impl Into<String>, place: Option<Place>, item: Item) -> Self {
        Self { name: name.into(), place, docs: "", stored: None, item }
    }

    /// Whether it is a value that is shown nowhere.
    pub(super) fn is_secret(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.secret)
    }
}
