//! A field that is one key.

use super::comparison::{Comparing, Same, is_same};
use super::decoder::{CheckFn, Decoder, FieldText, Part};
use super::literal_default;
use crate::leaf::FieldDefault;
use crate::leaf::{self, Decode, Holds, Leaf, Wanted};
use crate::problem::Kind;
use crate::shape::branch;
use crate::shape::layout::Field;
use crate::tree::Node;

/// Reads one key.
pub struct LeafPart<T> {
    decode: Decode<T>,
    make_default: Option<fn() -> T>,
    same: Option<Same<T>>,
}

/// A part whose value has to pass a check.
pub struct Checked<P: Part> {
    part: P,
    check: CheckFn<P::Value>,
}

/// One key, read by its type's own `Deserialize`.
pub fn leaf<T: Leaf>() -> LeafPart<T> {
    leaf_with(T::from_text)
}

/// One key, read by a function.
pub fn leaf_with<T>(decode: Decode<T>) -> LeafPart<T> {
    LeafPart { decode, make_default: None, same: None }
}

/// A part whose value has to pass `check`.
pub fn checked<P: Part>(part: P, check: CheckFn<P::Value>) -> Checked<P> {
    Checked { part, check }
}

/// The value of a field that is not read, where there is none yet.
pub fn skipped<S, T>(target: &Option<&mut S>, make: fn() -> T) -> Option<T> {
    target.is_none().then(make)
}

/// One key of a type with others in it, of which `E` is the one that a person has to do something about.
pub fn leaf_of<T: Holds<E>, E: ?Sized>() -> LeafPart<T> {
    leaf_with(T::from_text)
}

impl<T> LeafPart<T> {
    /// What makes the value when the key is absent.
    #[must_use]
    pub fn or(self, make_default: fn() -> T) -> Self {
        Self { make_default: Some(make_default), ..self }
    }

    fn decode(
        &self,
        text: &str,
        default: FieldDefault,
        at: &mut Decoder<'_>,
        note: &str,
        revision: Option<u64>,
    ) -> Option<T> {
        at.note_secret(text);
        match leaf::decode(text, self.decode) {
            Ok(value) => Some(value),
            Err(error) => {
                let ty = at.type_name();
                let wanted = Wanted { ty: &ty, default, secret: at.is_secret() };
                let what = leaf::complaint(text, wanted, self.decode, &error);
                at.problem(Kind::Undecodable, format!("{what}{note}"), Some(text), revision);
                None
            }
        }
    }

    /// Notes whether the value differs from that of the published snapshot.
    fn compare(&self, field: &'static Field, value: &T, at: &mut Decoder<'_>) {
        at.compare(|before| {
            let same = self.same.zip(self.value_of(field, before.map(|raw| raw.value)));
            same.is_some_and(|(same, before)| is_same(same, before, value))
        });
    }

    /// The value of what was stored, which has been read before.
    fn value_of(&self, field: &'static Field, stored: Option<&[u8]>) -> Option<T> {
        match (stored, field.default) {
            (Some(stored), _) => leaf::decode(std::str::from_utf8(stored).ok()?, self.decode).ok(),
            (None, FieldDefault::Text(text)) => leaf::decode(text, self.decode).ok(),
            (None, _) => self.make_default.map_or_else(|| leaf::absent(self.decode), |make| Some(make())),
        }
    }

    fn absent(&self, field: &'static Field, at: &mut Decoder<'_>) -> Option<T> {
        if let FieldDefault::Text(text) = field.default {
            return literal_default::decode(text, self.decode, at);
        }
        let value = self.make_default.map_or_else(|| leaf::absent(self.decode), |make| Some(make()));
        if value.is_none() {
            at.missing();
        }
        value
    }
}

impl<T> Clone for LeafPart<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for LeafPart<T> {}

impl<T> Comparing for LeafPart<T> {
    type Leaf = T;

    fn comparing(self, same: Same<T>) -> Self {
        Self { same: Some(same), ..self }
    }
}

impl<T> Part for LeafPart<T> {
    type Value = T;

    fn read(&self, field: &'static Field, at: &mut Decoder<'_>, _held: Option<&mut T>) -> Option<T> {
        let value = match at.text(field) {
            FieldText::Stored(text, revision) => self.decode(text, field.default, at, "", Some(revision)),
            FieldText::Environment(text, name) => {
                let note = format!(" (from the environment variable {name})");
                return self.decode(text, FieldDefault::Required, at, &note, None);
            }
            FieldText::Absent => self.absent(field, at),
            FieldText::Unreadable => None,
        };
        if let Some(value) = &value {
            self.compare(field, value, at);
        }
        value
    }

    fn survey(&self, _at: &mut Decoder<'_>) -> branch::Content {
        branch::Content::Leaf(leaf::expectation(self.decode))
    }

    fn presence(&self) -> fn(Node<'_>) -> bool {
        |node| node.value.is_some()
    }

    fn by_default(&self, text: &'static str, at: &mut Decoder<'_>) -> Option<T> {
        literal_default::decode(text, self.decode, at)
    }
}

impl<P: Part> Part for Checked<P> {
    type Value = P::Value;

    fn read(
        &self,
        field: &'static Field,
        at: &mut Decoder<'_>,
        mut target: Option<&mut P::Value>,
    ) -> Option<P::Value> {
        let before = at.problems();
        let fresh = self.part.read(field, at, target.as_deref_mut());
        if at.problems() > before {
            return None;
        }
        let answer = fresh.as_ref().or(target.as_deref()).map_or(Ok(()), self.check);
        match answer {
            Ok(()) => fresh,
            Err(refusal) => {
                match at.default_read(field) {
                    Some(text) => literal_default::refuse(text, &refusal, at),
                    None => at.refuse(&refusal),
                }
                None
            }
        }
    }

    fn survey(&self, at: &mut Decoder<'_>) -> branch::Content {
        self.part.survey(at)
    }

    fn presence(&self) -> fn(Node<'_>) -> bool {
        self.part.presence()
    }

    fn by_default(&self, text: &'static str, at: &mut Decoder<'_>) -> Option<P::Value> {
        let value = self.part.by_default(text, at)?;
        match (self.check)(&value) {
            Ok(()) => Some(value),
            Err(refusal) => {
                literal_default::refuse(text, &refusal, at);
                None
            }
        }
    }
}
