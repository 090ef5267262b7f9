//! What the derive writes down about a struct: constants, and nothing that runs.

use crate::leaf::FieldDefault;

/// A derived struct.
#[derive(Debug)]
pub struct Layout {
    /// The name of the struct.
    pub name: &'static str,
    /// Its doc comments.
    pub docs: &'static str,
    /// The prefix as it is written, placeholders and all.
    pub prefix: Option<&'static str>,
    /// The prefixes of the layers above it, the lowest one first, placeholders and all.
    pub layers: &'static [&'static str],
    /// A key that no field reads is a problem.
    pub deny_unknown_keys: bool,
    /// The key that moves last when several are edited, relative to the prefix.
    pub commit_key: Option<&'static str>,
    /// A tuple struct of one field, which has no name of its own and sits where the struct sits.
    pub newtype: bool,
    /// All fields but the skipped ones, in the order of the source.
    pub fields: &'static [Field],
}

impl Layout {
    /// With nothing said but this.
    pub const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        Self {
            name,
            docs: "",
            prefix: None,
            layers: &[],
            deny_unknown_keys: false,
            commit_key: None,
            newtype: false,
            fields,
        }
    }
}

/// A field of a derived struct.
#[derive(Debug)]
pub struct Field {
    /// Without `r#`; empty in a newtype.
    pub name: &'static str,
    /// Relative to the directory of the struct; with a leading slash, from the root of the store;
    /// empty where the field sits in the struct's own place.
    pub key: &'static str,
    /// The type, as it is written.
    pub ty: &'static str,
    /// Its doc comments.
    pub docs: &'static str,
    /// Other keys, which are read while the key itself is absent.
    pub aliases: &'static [&'static str],
    /// What an absent key means.
    pub default: FieldDefault,
    /// The environment variable that comes before the key.
    pub env: Option<&'static str>,
    /// The value is never shown.
    pub secret: bool,
    /// The value stays as it was first read.
    pub restart: bool,
    /// What to use instead.
    pub deprecated: Option<&'static str>,
}

impl Field {
    /// With nothing said but this.
    pub const fn new(name: &'static str, key: &'static str, ty: &'static str) -> Self {
        Self {
            name,
            key,
            ty,
            docs: "",
            aliases: &[],
            default: FieldDefault::Required,
            env: None,
            secret: false,
            restart: false,
            deprecated: None,
        }
    }
}
