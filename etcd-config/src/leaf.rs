//! One key's text, as the value of a field.

mod complaint;
mod default;
mod error;
mod exact_json;
mod exact_number;
mod expectation;
mod function;
mod json_list;
mod json_type;
mod rewrite;
pub(crate) mod similar;
mod text;
mod text_serializer;

use etcd_client_core::Printable;
use serde::de::DeserializeOwned;

pub(crate) use self::complaint::{Wanted, complaint, may_be_odd, not_text, oddity, refused};
pub use self::default::FieldDefault;
pub(crate) use self::default::IN_SOURCE;
pub(crate) use self::error::Error;
pub(crate) use self::expectation::{Expectation, Shape};
pub(crate) use self::json_type::JsonSchemaOf;
pub use self::json_type::JsonType;
pub(crate) use self::text::Text;
pub(crate) use self::text_serializer::{Encoded, is_same_value};
pub use self::text_serializer::{NoText, TextSerializer};
use crate::runtime::panics;

/// How a field's value is made from text.
pub(crate) type Decode<T> = fn(Text<'_>) -> Result<T, Error>;

/// The longest part of a value that an error shows, in characters.
const SHOWN: usize = 80;

/// A type that one key's text can hold: any [`serde::Deserialize`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from the text of one key: it is not `serde::Deserialize`",
    label = "the value of this field is one key, and `{Self}` is not `Deserialize`",
    note = "an enum, or a struct that is one key of JSON: derive `serde::Deserialize` for `{Self}`",
    note = "a struct with keys of its own: derive `EtcdConfig` for `{Self}` and mark the field `#[etcd(nested)]`, which \
            stands in the place of `map`, too",
    note = "a type of another crate: `#[etcd(with = module)]` names serde functions for it, \
            `#[etcd(decode_with = function)]` a function from `&str`"
)]
pub trait Leaf: Sized {
    #[doc(hidden)]
    fn from_text(text: Text<'_>) -> Result<Self, Error>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Leaf for T {
    fn from_text(text: Text<'_>) -> Result<Self, Error> {
        T::deserialize(text)
    }
}

/// A type that one key's text can hold, with the type in it that decides about that: of a `Vec<Level>` the
/// `Level`.
#[diagnostic::on_unimplemented(
    message = "`{E}` cannot be read from text: it is not `serde::Deserialize`",
    label = "the value of this field is one key, and `{E}` is not `Deserialize`",
    note = "a value of one key: derive `serde::Deserialize` for `{E}`",
    note = "a struct with keys of its own: derive `EtcdConfig` for `{E}`, and make the field `{E}`, `Option<{E}>` or \
            `BTreeMap<String, {E}>` with `#[etcd(nested)]`",
    note = "a type of another crate: `#[etcd(with = module)]` names serde functions for the field, \
            `#[etcd(decode_with = function)]` a function from `&str`"
)]
pub trait Holds<E: ?Sized>: Sized {
    #[doc(hidden)]
    fn from_text(text: Text<'_>) -> Result<Self, Error>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned, E: ?Sized> Holds<E> for T {
    fn from_text(text: Text<'_>) -> Result<Self, Error> {
        T::deserialize(text)
    }
}

/// Reads `text`. Where a type does not take it as it is, white space around it does not count.
pub(crate) fn decode<T>(text: &str, decode: Decode<T>) -> Result<T, Error> {
    as_written(text, decode).or_else(|error| {
        let shorter = [text.trim_end_matches(['\r', '\n']), text.trim()];
        let mut shorter = shorter.into_iter().filter(|shorter| shorter.len() < text.len());
        shorter.find_map(|text| as_written(text, decode).ok()).ok_or(error)
    })
}

/// Reads `text` as it is.
///
/// A type that takes whatever the text looks like is offered all digits of a number, then the number
/// as far as `f64` goes, then a string.
fn as_written<T>(text: &str, decode: Decode<T>) -> Result<T, Error> {
    decode(Text::stored(text)).or_else(|error| {
        if matches!(expectation(decode).shape, Shape::Any) {
            return decode(Text::rounded(text)).or_else(|error| decode(Text::plain(text)).map_err(|_| error));
        }
        // Something within the JSON may want the nearest number, and no text.
        if exact_number::loses_any(text) { decode(Text::rounded(text)) } else { Err(error) }
    })
}

/// The value of a field whose key is absent, if the type has one: `None`.
pub(crate) fn absent<T>(decode: Decode<T>) -> Option<T> {
    panics::caught(|| decode(Text::absent())).ok()?.ok()
}

/// What a type would accept, asked of the type itself.
pub(crate) fn expectation<T>(decode: Decode<T>) -> Expectation {
    // A type that unwraps what it is given does so here, too, and is none the worse for it.
    match panics::caught(|| decode(Text::probe())) {
        Ok(Err(Error::Expected(expectation))) => expectation,
        _ => Expectation::unknown(),
    }
}

/// A value between quotation marks, cut where it is long. JSON keeps its own quotation marks as
/// they are.
pub(crate) fn quote(text: &str) -> String {
    let (shown, rest) = match text.char_indices().nth(SHOWN) {
        Some((end, _)) => (&text[..end], "…"),
        None => (text, ""),
    };
    let is_plain = !shown.contains(['\'', '\\']) && Printable::line(shown).to_string() == shown;
    if shown.contains('"') && is_plain { format!("'{shown}'{rest}") } else { format!("{shown:?}{rest}") }
}

/// A value as data, cut where it is long.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
