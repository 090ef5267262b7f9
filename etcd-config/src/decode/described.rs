//! A field whose values are JSON that their type describes.

use super::decoder::{Decoder, Part};
use crate::leaf::{JsonSchemaOf, JsonType};
use crate::shape::branch::Content;
use crate::shape::layout::Field;
use crate::tree::Node;

/// A part that knows what describes the values of its keys.
pub struct Described<P> {
    part: P,
    schema: JsonSchemaOf,
}

/// A part whose keys hold the JSON of a `T`.
pub fn described<T: JsonType + ?Sized, P: Part>(part: P) -> Described<P> {
    Described { part, schema: JsonSchemaOf::of::<T>() }
}

impl<P: Part> Part for Described<P> {
    type Value = P::Value;

    fn read(
        &self,
        field: &'static Field,
        at: &mut Decoder<'_>,
        target: Option<&mut P::Value>,
    ) -> Option<P::Value> {
        self.part.read(field, at, target)
    }

    fn survey(&self, at: &mut Decoder<'_>) -> Content {
        match self.part.survey(at) {
            Content::Leaf(expectation) => Content::Leaf(expectation.described_by(self.schema)),
            Content::Map { entry, ty } => Content::Map { entry: entry.described_by(self.schema), ty },
            directory => directory,
        }
    }

    fn presence(&self) -> fn(Node<'_>) -> bool {
        self.part.presence()
    }

    fn by_default(&self, text: &'static str, at: &mut Decoder<'_>) -> Option<P::Value> {
        self.part.by_default(text, at)
    }
}
