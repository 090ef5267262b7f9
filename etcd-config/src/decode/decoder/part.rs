//! How the fields of one kind are read.

use super::Decoder;
use crate::shape::branch;
use crate::shape::layout::Field;
use crate::tree::Node;

/// How one field is read from its place.
pub trait Part {
    /// The type of the field.
    type Value;

    /// The value at the decoder's place. With `target`, brings that one up to date where it can,
    /// and answers only what is to replace it.
    fn read(
        &self,
        field: &'static Field,
        at: &mut Decoder<'_>,
        target: Option<&mut Self::Value>,
    ) -> Option<Self::Value>;

    /// What the field is.
    fn survey(&self, at: &mut Decoder<'_>) -> branch::Content;

    /// What says whether the keys at a place are of such a field. A name at which there is something else is
    /// passed over for another one.
    fn presence(&self) -> fn(Node<'_>) -> bool;

    /// The value of a literal default. What is wrong with it is noted.
    fn by_default(&self, _text: &'static str, _at: &mut Decoder<'_>) -> Option<Self::Value> {
        None
    }
}
