//! A document, or the text of one key, read as JSON: nothing of it is lost, neither digits nor the order of names.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::{DEEPEST, Fault, Lines, Names};
use super::item::{Entry, Item, Place, ScalarKind};

/// The table that a text holds.
pub(super) fn table(text: &str) -> Result<Vec<Entry>, Fault> {
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| syntax(&error))?;
    let reader = Reader { text, lines: Lines::of(text) };
    if let Some(offset) = too_deep(text) {
        return Err(Fault::too_deep(reader.lines.place(offset)));
    }
    match reader.item(whole)? {
        Item::Table(entries) => Ok(entries),
        other => Err(Fault::not_a_table(reader.place(whole), other.noun())),
    }
}

/// The value that the text of a key is; `None` if it is no JSON.
pub(super) fn item(text: &str) -> Option<Item> {
    let whole: &RawValue = serde_json::from_str(text).ok()?;
    if too_deep(text).is_some() {
        return None;
    }
    Reader { text, lines: Lines::of("") }.item(whole).ok()
}

/// Where JSON is too deep, in bytes. Each level of it is read again by the one above.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    text.bytes().position(|byte| {
        match byte {
            _ if escaped => {}
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = in_string && byte == b'\\' && !escaped;
        depth > DEEPEST
    })
}

fn syntax(error: &serde_json::Error) -> Fault {
    let place = Place { line: error.line(), column: error.column() };
    let what = error.to_string();
    let end = what.find(" at line ").unwrap_or(what.len());
    Fault::at(place, &what[..end])
}

struct Reader<'t> {
    text: &'t str,
    lines: Lines<'t>,
}

impl<'t> Reader<'t> {
    fn item(&self, json: &'t RawValue) -> Result<Item, Fault> {
        let text = json.get();
        let scalar = |kind| Ok(Item::scalar(text, kind));
        match text.as_bytes().first() {
            Some(b'{') => self.table(json),
            Some(b'[') => {
                let elements: Vec<&RawValue> = self.read(json)?;
                let elements = elements.into_iter().map(|element| self.item(element));
                elements.collect::<Result<_, _>>().map(Item::List)
            }
            Some(b'"') => self.read::<String>(json).map(Item::text),
            Some(b't' | b'f') => scalar(ScalarKind::Bool),
            Some(b'n') => Ok(Item::Null),
            _ => scalar(ScalarKind::Number),
        }
    }

    fn table(&self, json: &'t RawValue) -> Result<Item, Fault> {
        let Pairs(pairs) = self.read(json)?;
        let mut names = Names::default();
        let mut entries = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let place = self.place(name);
            let name: String = self.read(name)?;
            names.add(&name, place)?;
            entries.push(Entry::new(name, Some(place), self.item(value)?));
        }
        Ok(Item::Table(entries))
    }

    fn read<T: Deserialize<'t>>(&self, json: &'t RawValue) -> Result<T, Fault> {
        serde_json::from_str(json.get())
            .map_err(|error| Fault { place: Some(self.place(json)), ..syntax(&error) })
    }

    /// What is read is a part of the text.
    fn place(&self, part: &RawValue) -> Place {
        let offset = part.get().as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        self.lines.place(offset)
    }
}

/// The names of an object with its values, in the order in which they are written.
struct Pairs<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Pairs<'de>, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = access.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}
