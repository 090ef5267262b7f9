//! A value as the text of one key: what [`Text`](super::Text) reads.

use std::fmt::{self, Display};

use serde::de::IgnoredAny;
use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// By these names `serde_json` hands over text that is JSON already.
const VERBATIM: [&str; 2] = ["$serde_json::private::RawValue", "$serde_json::private::Number"];

/// Why a value has no text.
#[derive(Debug)]
pub struct NoText(String);

/// The text of a key; `None` is a key that is not there, as of an `Option` that is `None`.
pub(crate) type Encoded = Result<Option<String>, NoText>;

/// Writes a value as the text of one key: numbers, booleans, characters, strings and unit variants as they are,
/// everything else as JSON. It is what the `serialize` function of a serde module is given by
/// [`Edit::set_with`](crate::Edit::set_with).
#[derive(Clone, Copy, Debug)]
pub struct TextSerializer {
    /// Whoever reads it takes anything, so a string must not look like JSON.
    untyped: bool,
}

impl TextSerializer {
    pub(crate) fn new(untyped: bool) -> Self {
        Self { untyped }
    }
}

/// Whether two texts are the same value: JSON may be written in another order.
pub(crate) fn is_same_value(left: &str, right: &str) -> bool {
    left == right || canonical(left).is_some_and(|left| Some(left) == canonical(right))
}

fn canonical(text: &str) -> Option<serde_json::Value> {
    let mut value = serde_json::from_str(text).ok()?;
    sort(&mut value);
    Some(value)
}

/// The elements of a set come in any order.
fn sort(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(elements) => {
            elements.iter_mut().for_each(sort);
            elements.sort_by_cached_key(ToString::to_string);
        }
        serde_json::Value::Object(fields) => fields.values_mut().for_each(sort),
        _ => {}
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, NoText> {
    serde_json::to_string(value).map_err(|error| NoText(error.to_string()))
}

/// A list, or an object, with what has been written of it.
#[derive(Debug)]
pub struct Json {
    text: String,
    has_elements: bool,
    end: &'static str,
    /// The value of its one field is the text.
    is_verbatim: bool,
}

impl Json {
    fn new(start: impl Into<String>, end: &'static str) -> Self {
        Self { text: start.into(), has_elements: false, end, is_verbatim: false }
    }

    fn verbatim() -> Self {
        Self { is_verbatim: true, ..Self::new("", "") }
    }

    /// Of a variant: in an object with its name.
    fn variant(name: &str, start: &str, end: &'static str) -> Result<Self, NoText> {
        Ok(Self::new(format!("{{{}:{start}", json(name)?), end))
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoText> {
        let value = json(value)?;
        self.separate();
        self.text.push_str(&value);
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), NoText> {
        if self.is_verbatim {
            self.text = value.serialize(TextSerializer::new(false))?.unwrap_or_default();
            return Ok(());
        }
        let (name, value) = (json(name)?, json(value)?);
        self.separate();
        self.text.extend([&name, ":", &value]);
        Ok(())
    }

    fn separate(&mut self) {
        if std::mem::replace(&mut self.has_elements, true) {
            self.text.push(',');
        }
    }

    fn finish(mut self) -> String {
        self.text.push_str(self.end);
        self.text
    }
}

macro_rules! plain {
    ($($method:ident $type:ty;)*) => {$(
        fn $method(self, value: $type) -> Encoded {
            Ok(Some(value.to_string()))
        }
    )*};
}

impl Serializer for TextSerializer {
    type Ok = Option<String>;
    type Error = NoText;
    type SerializeSeq = Json;
    type SerializeTuple = Json;
    type SerializeTupleStruct = Json;
    type SerializeTupleVariant = Json;
    type SerializeMap = Json;
    type SerializeStruct = Json;
    type SerializeStructVariant = Json;

    plain! {
        serialize_bool bool;
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_i128 i128;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
        serialize_u128 u128;
    }

    fn serialize_f32(self, value: f32) -> Encoded {
        if value.is_finite() { json(&value).map(Some) } else { Err(not_finite(value)) }
    }

    fn serialize_f64(self, value: f64) -> Encoded {
        if value.is_finite() { json(&value).map(Some) } else { Err(not_finite(value)) }
    }

    fn serialize_char(self, value: char) -> Encoded {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Encoded {
        let looks_like_json =
            || serde_json::from_str::<IgnoredAny>(value).is_ok() || value.trim().parse::<f64>().is_ok();
        if self.untyped && (value.trim() != value || looks_like_json()) {
            return json(value).map(Some);
        }
        Ok(Some(value.to_owned()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Encoded {
        let text = std::str::from_utf8(value).map_err(|_| NoText("its bytes are not UTF-8".to_owned()))?;
        Ok(Some(text.to_owned()))
    }

    fn serialize_none(self) -> Encoded {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Encoded {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Encoded {
        Ok(Some("null".to_owned()))
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Encoded {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Encoded {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Encoded {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Encoded {
        let mut object = Json::new("{", "}");
        object.field(variant, value)?;
        Ok(Some(object.finish()))
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Json, NoText> {
        Ok(Json::new("[", "]"))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Json, NoText> {
        Ok(Json::new("[", "]"))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Json, NoText> {
        Ok(Json::new("[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Json, NoText> {
        Json::variant(variant, "[", "]}")
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Json, NoText> {
        Ok(Json::new("{", "}"))
    }

    fn serialize_struct(self, name: &'static str, _length: usize) -> Result<Json, NoText> {
        Ok(if VERBATIM.contains(&name) { Json::verbatim() } else { Json::new("{", "}") })
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Json, NoText> {
        Json::variant(variant, "{", "}}")
    }
}

fn not_finite(value: impl Display) -> NoText {
    NoText(format!("{value} is no number that can be stored"))
}

macro_rules! elements {
    ($($trait:ident $method:ident;)*) => {$(
        impl $trait for Json {
            type Ok = Option<String>;
            type Error = NoText;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoText> {
                self.element(value)
            }

            fn end(self) -> Encoded {
                Ok(Some(self.finish()))
            }
        }
    )*};
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! fields {
    ($($trait:ident;)*) => {$(
        impl $trait for Json {
            type Ok = Option<String>;
            type Error = NoText;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), NoText> {
                self.field(name, value)
            }

            fn end(self) -> Encoded {
                Ok(Some(self.finish()))
            }
        }
    )*};
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

impl SerializeMap for Json {
    type Ok = Option<String>;
    type Error = NoText;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NoText> {
        let key = json(key)?;
        self.separate();
        match key.as_bytes() {
            [b'"', ..] => self.text.push_str(&key),
            // JSON has names that are strings only.
            [b'0'..=b'9' | b'-' | b't' | b'f', ..] => self.text.extend(["\"", &key, "\""]),
            _ => return Err(NoText("the key of a map in JSON must be a string".to_owned())),
        }
        self.text.push(':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoText> {
        self.text.push_str(&json(value)?);
        Ok(())
    }

    fn end(self) -> Encoded {
        Ok(Some(self.finish()))
    }
}

impl ser::Error for NoText {
    fn custom<T: Display>(cause: T) -> Self {
        Self(cause.to_string())
    }
}

impl Display for NoText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoText {}
