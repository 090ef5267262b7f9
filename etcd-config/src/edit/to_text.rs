//! What can be written as the text of one key.

use serde::Serialize;

use crate::leaf::{Encoded, TextSerializer};
use crate::secret::Secret;

/// What [`Edit::set`](crate::Edit::set) takes: whatever is [`serde::Serialize`], and a [`Secret`] of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written as the text of one key: it is not `serde::Serialize`",
    label = "`{Self}` is not `Serialize`",
    note = "derive `serde::Serialize` for it, or write the text itself: `edit.set_text(\"key\", \"text\")`",
    note = "a struct with keys of its own is set field by field"
)]
pub trait ToText {
    /// Writes the value.
    #[doc(hidden)]
    fn to_text(&self, serializer: TextSerializer) -> Encoded;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> ToText for T {
    fn to_text(&self, serializer: TextSerializer) -> Encoded {
        self.serialize(serializer)
    }
}

impl<T: Serialize> ToText for Secret<T> {
    fn to_text(&self, serializer: TextSerializer) -> Encoded {
        self.expose().serialize(serializer)
    }
}
