//! What the change of a key is to a configuration: whose it is, what is said of its texts, when it is taken over.

use etcd_client_core::Prefix;

use super::planned::{PlannedChange, Text};
use super::readers::reader;
use crate::leaf::FieldDefault;
use crate::schema::Schema;
use crate::schema::secrecy::Secrecy;
use crate::shape::branch::Branch;

/// Describes changes of keys.
#[derive(Debug)]
pub(crate) struct Describer<'s> {
    branch: &'s Branch,
    /// What the keys are called by.
    prefix: &'s Prefix,
    /// What absolute names of fields are below: of layers the lowest one, whichever is at hand.
    lowest: &'s Prefix,
    secrecy: Secrecy<'s>,
}

impl<'s> Describer<'s> {
    pub(crate) fn of(schema: &'s Schema, prefix: &'s Prefix) -> Self {
        Self::in_layer(schema, prefix, prefix)
    }

    /// Of the keys of one layer; `whole` is the prefix with all layers.
    pub(crate) fn in_layer(schema: &'s Schema, layer: &'s Prefix, whole: &'s Prefix) -> Self {
        let branch = schema.branch();
        Self { branch, prefix: layer, lowest: whole, secrecy: Secrecy::of(branch, whole) }
    }

    /// The change of what is stored at a path below the prefix. Where no field reads it, it may have been a secret of
    /// another version, or be one whose name is misspelt: what is stored there is not shown, nor is the new text, where
    /// that was stored as well, and no person has given it.
    pub(crate) fn change(
        &self,
        path: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        is_given: bool,
    ) -> PlannedChange {
        let reader = reader(self.branch, self.lowest, path);
        let secret = self.secrecy.is_secret(path.as_bytes());
        let may_be_secret = !self.secrecy.may_be_cached(path.as_bytes());
        let default = reader.as_ref().filter(|reader| !reader.is_entry);
        let default = default.and_then(|reader| default_of(reader.written.default));
        PlannedChange {
            key: self.prefix.join(path),
            old: Text::of(old, may_be_secret),
            new: Text::of(new, secret || may_be_secret && !is_given),
            default: default.map(|text| if secret { Text::Hidden } else { Text::Shown(text.to_owned()) }),
            restart: reader.as_ref().is_some_and(|reader| reader.restart),
            field: reader.map(|reader| reader.field).unwrap_or_default(),
            secret,
            overridden: None,
        }
    }
}

/// What an absent key means, of a field that is no entry of a map.
fn default_of(default: FieldDefault) -> Option<&'static str> {
    match default {
        FieldDefault::Text(text) | FieldDefault::Expression(text) => Some(text),
        _ => None,
    }
}
