//! What is shown in the place of a value, which may be secret.

use std::fmt;

/// A text by its length alone.
pub(super) struct Length(usize);

impl Length {
    pub(super) fn of(text: impl AsRef<[u8]>) -> Self {
        Self(text.as_ref().len())
    }
}

impl fmt::Debug for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0)
    }
}
