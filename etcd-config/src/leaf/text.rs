//! The deserializer over the text of one key.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserializer, IgnoredAny, Visitor};

use super::error::Error;
use super::exact_json::ExactJson;
use super::exact_number::{self, ExactNumber};
use super::expectation::{Expectation, Shape};
use super::function::Decoding;

/// By this name `serde_json` knows that JSON is to stay the text that it is.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// The text of one key, as serde sees it.
///
/// Numbers, booleans, characters, strings and unit variants are plain text; sequences, maps and
/// structs are JSON. A type that takes anything gets what the text looks like, as JSON; of a number that
/// `u64`, `i64` or `f64` would print otherwise it gets the text, so that no digit is lost.
#[derive(Clone, Copy, Debug)]
pub struct Text<'de> {
    text: &'de str,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The text is what is stored.
    Stored,
    /// The same, but a number is a number, whatever digits that costs.
    Rounded,
    /// The text is a string, even where it could be JSON.
    Plain,
    /// There is no text: only an `Option` can live with that.
    Absent,
    /// There is no text: the type is asked what it would accept.
    Probe,
}

impl<'de> Text<'de> {
    pub fn stored(text: &'de str) -> Self {
        Self { text, mode: Mode::Stored }
    }

    pub fn rounded(text: &'de str) -> Self {
        Self { text, mode: Mode::Rounded }
    }

    pub fn plain(text: &'de str) -> Self {
        Self { text, mode: Mode::Plain }
    }

    pub fn absent() -> Self {
        Self { text: "", mode: Mode::Absent }
    }

    pub fn probe() -> Self {
        Self { text: "", mode: Mode::Probe }
    }

    /// The value that `function` makes of the text.
    pub fn through<T>(self, function: impl Decoding<'de, T>) -> Result<T, Error> {
        match self.mode {
            Mode::Stored | Mode::Rounded | Mode::Plain => function.decode(self.text),
            Mode::Absent => Err(Error::Absent),
            Mode::Probe => Err(Error::Expected(Expectation::unknown())),
        }
    }

    /// The same for an `Option`, which is `None` where there is no text.
    pub fn through_some<T>(self, function: impl Decoding<'de, T>) -> Result<Option<T>, Error> {
        if self.mode == Mode::Absent { Ok(None) } else { self.through(function).map(Some) }
    }

    /// Whether there are numbers in the JSON whose digits need care.
    fn keeps_digits(self) -> bool {
        self.mode == Mode::Stored && exact_number::loses_any(self.text)
    }

    /// The text, if there is one to read.
    fn read(self, shape: Shape, visitor: &impl Visitor<'de>) -> Result<&'de str, Error> {
        match self.mode {
            Mode::Stored | Mode::Rounded | Mode::Plain => Ok(self.text),
            Mode::Absent => Err(Error::Absent),
            Mode::Probe => Err(Error::Expected(Expectation::of(shape, visitor))),
        }
    }
}

/// Hands the text to `serde_json`, which must use up all of it.
fn json<'de, T>(
    text: &'de str,
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'de>>) -> serde_json::Result<T>,
) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = read(&mut json).and_then(|value| json.end().map(|()| value));
    value.map_err(|error| Error::Message(error.to_string()))
}

/// Hands a number to a type that takes anything.
fn number<'de, V: Visitor<'de>>(text: &'de str, visitor: V) -> Result<V::Value, Error> {
    match exact_number::exact(text) {
        Some(ExactNumber::Unsigned(number)) => visitor.visit_u64(number),
        Some(ExactNumber::Signed(number)) => visitor.visit_i64(number),
        Some(ExactNumber::Float(number)) => visitor.visit_f64(number),
        // JSON in memory has no other way to write the number.
        None if Expectation::of(Shape::Any, &visitor).is_json() && is_kept_by_json(text) => {
            json(text, |json| json.deserialize_any(visitor))
        }
        None => visitor.visit_borrowed_str(text),
    }
}

/// Whether JSON in memory holds the same number: in this build it may keep all digits, or not.
fn is_kept_by_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text)
        .is_ok_and(|number| exact_number::are_equal(&number.to_string(), text))
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty, $shape:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let text = self.read($shape, &visitor)?;
            match text.trim().parse::<$type>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(Error::Expected(Expectation::of($shape, &visitor))),
            }
        }
    )*};
}

macro_rules! structures {
    ($($method:ident($($name:ident: $type:ty),*), $shape:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, Error> {
            let text = self.read($shape, &visitor)?;
            if self.keeps_digits() {
                return json(text, |json| ExactJson::new(json).$method($($name,)* visitor));
            }
            json(text, |json| json.$method($($name,)* visitor))
        }
    )*};
}

macro_rules! integer {
    ($type:ty) => {
        Shape::Integer { least: <$type>::MIN as i128, greatest: <$type>::MAX as u128 }
    };
}

#[allow(
    clippy::cast_lossless,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "the limits of the types themselves"
)]
impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    numbers! {
        deserialize_i8 visit_i8 i8, integer!(i8);
        deserialize_i16 visit_i16 i16, integer!(i16);
        deserialize_i32 visit_i32 i32, integer!(i32);
        deserialize_i64 visit_i64 i64, integer!(i64);
        deserialize_i128 visit_i128 i128, integer!(i128);
        deserialize_u8 visit_u8 u8, integer!(u8);
        deserialize_u16 visit_u16 u16, integer!(u16);
        deserialize_u32 visit_u32 u32, integer!(u32);
        deserialize_u64 visit_u64 u64, integer!(u64);
        deserialize_u128 visit_u128 u128, integer!(u128);
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.read(Shape::Number, &visitor)?;
        match exact_number::finite(text.trim(), |number: &f32| number.is_finite()) {
            Ok(Some(number)) => visitor.visit_f32(number),
            Ok(None) => Err(Error::Expected(Expectation::of(Shape::Number, &visitor))),
            Err(too_large) => Err(Error::Message(too_large)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.read(Shape::Number, &visitor)?;
        match exact_number::finite(text.trim(), |number: &f64| number.is_finite()) {
            Ok(Some(number)) => visitor.visit_f64(number),
            Ok(None) => Err(Error::Expected(Expectation::of(Shape::Number, &visitor))),
            Err(too_large) => Err(Error::Message(too_large)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.read(Shape::Bool, &visitor)?.trim() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Error::Expected(Expectation::of(Shape::Bool, &visitor))),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.read(Shape::Char, &visitor)?;
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => visitor.visit_char(character),
            _ => Err(Error::Expected(Expectation::of(Shape::Char, &visitor))),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.read(Shape::Text, &visitor)?;
        visitor.visit_borrowed_str(text)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.read(Shape::Bytes, &visitor)?;
        visitor.visit_borrowed_bytes(text.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.mode == Mode::Absent { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name != RAW_VALUE {
            return visitor.visit_newtype_struct(self);
        }
        let text = self.read(Shape::Any, &visitor)?;
        json(text, |json| json.deserialize_newtype_struct(name, visitor))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.read(Shape::Unit, &visitor)?.trim() {
            "" | "null" => visitor.visit_unit(),
            _ => Err(Error::Expected(Expectation::of(Shape::Unit, &visitor))),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text = self.read(Shape::Variants(variants), &visitor)?.trim();
        if text.starts_with('{') && self.keeps_digits() {
            return json(text, |json| ExactJson::new(json).deserialize_enum(name, variants, visitor));
        }
        if text.starts_with('{') {
            return json(text, |json| json.deserialize_enum(name, variants, visitor));
        }
        visitor.visit_enum(BorrowedStrDeserializer::new(text))
    }

    structures! {
        deserialize_seq(), Shape::List;
        deserialize_tuple(length: usize), Shape::List;
        deserialize_tuple_struct(name: &'static str, length: usize), Shape::List;
        deserialize_map(), Shape::Map;
        deserialize_struct(name: &'static str, fields: &'static [&'static str]), Shape::Struct(fields);
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.read(Shape::Any, &visitor)?;
        if self.mode == Mode::Stored && exact_number::is_number(text.trim()) {
            return number(text.trim(), visitor);
        }
        if self.keeps_digits() && serde_json::from_str::<IgnoredAny>(text).is_ok() {
            return json(text, |json| ExactJson::new(json).deserialize_any(visitor));
        }
        if self.mode != Mode::Plain && serde_json::from_str::<IgnoredAny>(text).is_ok() {
            return json(text, |json| json.deserialize_any(visitor));
        }
        visitor.visit_borrowed_str(text)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.read(Shape::Any, &visitor)?;
        visitor.visit_unit()
    }
}
