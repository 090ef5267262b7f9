//! What `restart` fields have read when the process started.

use std::collections::BTreeMap;

use crate::shape::field_key::FieldKey;
use crate::shape::layout::Field;
use crate::tree::{Node, NodeBuf};

/// What `restart` fields have read when the process started, by [where they are](pin_path).
pub(crate) type Pins = BTreeMap<String, Pin>;

/// What one of them has read.
#[derive(Clone, Debug)]
pub(crate) struct Pin {
    /// The whole key of the struct that the field is in.
    pub(super) directory: String,
    pub(super) field: &'static Field,
    /// What says whether the keys at a place are of the field.
    pub(super) is_there: fn(Node<'_>) -> bool,
    /// Under which of the field's names it was.
    pub(crate) name: FieldKey,
    pub(crate) node: Option<NodeBuf>,
}

/// By its name, whatever the names of its key and of the directories around it. The dot is there for
/// a newtype's field, too, which has no name.
pub(super) fn pin_path(path: &str, name: &str) -> String {
    format!("{path}.{name}")
}
