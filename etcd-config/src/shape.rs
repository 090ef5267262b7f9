//! What a derived struct is, as data: its fields, its keys, and the structs within it.

pub(crate) mod branch;
pub(crate) mod field_key;
#[allow(missing_docs, reason = "written by derived code, and by nobody else")]
pub(crate) mod layout;
pub(crate) mod path;
mod several_names;
