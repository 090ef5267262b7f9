//! Fields that have several names, as places in a tree of keys: what layers have to know of a configuration to lay one
//! over the other.

use super::Node;

/// The fields of a configuration that have several names, and those that lead to such.
#[derive(Debug)]
pub(crate) struct FieldNames {
    pub(crate) top: NamedStruct,
    /// A name lies in the place of another field: whose key one is, is not known from its path. Then all fields are in this.
    pub(crate) tangled: bool,
}

/// Those of one struct.
#[derive(Debug, Default)]
pub(crate) struct NamedStruct {
    pub(crate) fields: Vec<NamedField>,
}

/// A field that has several names, or one that leads to such.
#[derive(Debug)]
pub(crate) struct NamedField {
    /// In the order in which they are looked for.
    pub(crate) names: Vec<FieldName>,
    pub(crate) content: NamedContent,
}

/// A name of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldName {
    /// Below the directory of the struct; empty where the field sits in that directory itself.
    Relative(&'static str),
    /// Below the prefix.
    Absolute(&'static str),
}

/// What there is at the key of a field.
#[derive(Debug)]
pub(crate) struct NamedContent {
    pub(crate) presence: Presence,
    pub(crate) inner: Inner,
}

/// Which keys at a place are the field's, and say that it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The key itself.
    Value,
    /// The keys below it.
    Children,
    /// Both.
    Any,
}

/// Fields with several names inside of a field.
#[derive(Debug)]
pub(crate) enum Inner {
    Nothing,
    Struct(NamedStruct),
    /// Each directory in it is such an entry.
    Entries(Box<NamedContent>),
    /// The struct so many levels up again.
    Above(usize),
}

impl FieldName {
    /// The path of this name of a field, whose struct is in the directory `at`.
    pub(super) fn path(self, at: &str) -> String {
        match self {
            Self::Relative(name) => join(at, name),
            Self::Absolute(path) => path.to_owned(),
        }
    }
}

impl NamedField {
    /// The fields of its struct lie among those of the struct around it.
    pub(super) fn flattened(&self) -> Option<&NamedStruct> {
        match (&self.names[..], &self.content.inner) {
            ([FieldName::Relative("")], Inner::Struct(inner)) => Some(inner),
            _ => None,
        }
    }
}

impl Presence {
    pub(super) fn is_there(self, node: &Node) -> bool {
        match self {
            Self::Value => node.value.is_some(),
            Self::Children => !node.children.is_empty(),
            Self::Any => !node.is_empty(),
        }
    }

    /// Whether the key of this very place is the field's.
    pub(super) fn has_key(self) -> bool {
        self != Self::Children
    }

    /// Whether the keys below are.
    pub(super) fn has_directory(self) -> bool {
        self != Self::Value
    }
}

/// The path of a name in a directory, of which the empty path is the root.
pub(super) fn join(at: &str, name: &str) -> String {
    match (at, name) {
        (at, "") => at.to_owned(),
        ("", name) => name.to_owned(),
        (at, name) => format!("{at}/{name}"),
    }
}

/// What is left of a path below a name of the directory that it is in: nothing, or a slash and names.
pub(crate) fn rest_of<'p>(path: &'p str, name: &str) -> Option<&'p str> {
    path.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
