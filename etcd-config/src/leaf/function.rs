//! Functions of the user's that make a value of a text.

use std::fmt::Display;

use super::error::Error;

/// What `decode_with` names.
#[diagnostic::on_unimplemented(
    message = "`decode_with` takes a function from `&str` to `Result<{T}, E>` with an `E` that can be printed",
    label = "this is `{Self}`",
    note = "`fn decode(text: &str) -> Result<{T}, String>` would do; a function that answers an `Option` has to say what \
            is wrong with the text: `.ok_or(\"...\")`"
)]
pub trait Decoding<'de, T> {
    /// The value that the function makes of the text.
    fn decode(self, text: &'de str) -> Result<T, Error>;
}

#[diagnostic::do_not_recommend]
impl<'de, T, E: Display, F: FnOnce(&'de str) -> Result<T, E>> Decoding<'de, T> for F {
    fn decode(self, text: &'de str) -> Result<T, Error> {
        self(text).map_err(|error| Error::Message(error.to_string()))
    }
}
