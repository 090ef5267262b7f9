//! Between the text of one key and the value that a document shows for it.
//!
//! A text in a document is the text of the key, as `etcdctl put` would write it. So whatever is stored can be shown as a
//! text, and is shown as something else only where the way back leads to the same bytes, or to the same JSON.

use super::from_json;
use super::item::{Item, Scalar, ScalarKind};
use super::number::{decimal, is_json_number, is_not_finite};
use super::quoted::quoted;
use crate::leaf::{Expectation, Shape};

/// What a document shows for a text that is stored.
pub(super) fn shown(text: &str, expectation: &Expectation) -> Item {
    let structure = || from_json::item(text).filter(|item| matches!(item, Item::List(_) | Item::Table(_)));
    let number = || is_json_number(text).then(|| Item::scalar(text, ScalarKind::Number));
    let truth = || matches!(text, "true" | "false").then(|| Item::scalar(text, ScalarKind::Bool));
    let natural = match expectation.shape {
        Shape::Bool => truth(),
        Shape::Integer { .. } | Shape::Number => number(),
        Shape::List | Shape::Map | Shape::Struct(_) | Shape::Variants(_) => structure(),
        Shape::Any => truth().or_else(number).or_else(structure),
        Shape::Char | Shape::Text | Shape::Bytes | Shape::Unit => None,
    };
    natural.unwrap_or_else(|| Item::text(text))
}

/// The text that a key has where a document says `item` of it. The error says what is wrong, for a person.
pub(super) fn text_of(item: &Item, expectation: &Expectation) -> Result<String, String> {
    match item {
        Item::Scalar(Scalar { text, kind }) => Ok(match kind {
            // As it is written, even if it looks like something else.
            _ if expectation.is_string() => text.clone(),
            ScalarKind::Text => text.clone(),
            ScalarKind::Bool => text.to_ascii_lowercase(),
            ScalarKind::Number => decimal(text),
        }),
        Item::List(_) | Item::Table(_) => {
            if expectation.is_string() {
                return Err(format!("{} where a text is expected", item.noun()));
            }
            if expectation.is_scalar() && !matches!(expectation.shape, Shape::Variants(_)) {
                return Err(format!("{} where one value is expected", item.noun()));
            }
            json_text(item)
        }
        Item::Null => Err("there is no value".to_owned()),
    }
}

/// A value as JSON without spaces, as this library stores it.
pub(super) fn json_text(item: &Item) -> Result<String, String> {
    Ok(match item {
        Item::Null => "null".to_owned(),
        Item::Scalar(Scalar { text, kind: ScalarKind::Text }) => string(text),
        Item::Scalar(Scalar { text, kind: ScalarKind::Bool }) => text.to_ascii_lowercase(),
        Item::Scalar(Scalar { text, kind: ScalarKind::Number }) => {
            let number = decimal(text);
            if is_not_finite(&number) {
                return Err(format!("there is {number} in it, which JSON does not have"));
            }
            number
        }
        Item::List(items) => {
            let items: Vec<String> = items.iter().map(json_text).collect::<Result<_, _>>()?;
            format!("[{}]", items.join(","))
        }
        Item::Table(entries) => {
            let entry = |entry: &super::item::Entry| {
                Ok::<_, String>(format!("{}:{}", string(&entry.name), json_text(&entry.item)?))
            };
            let entries: Vec<String> = entries.iter().map(entry).collect::<Result<_, _>>()?;
            format!("{{{}}}", entries.join(","))
        }
    })
}

fn string(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| quoted(text))
}

/// Whether a text that is stored is the value already. The order of names counts, and each digit.
pub(super) fn is_same(stored: &str, item: &Item) -> bool {
    matches!(item, Item::List(_) | Item::Table(_))
        && from_json::item(stored).is_some_and(|stored| normal(&stored).is_same(&normal(item)))
}

/// The same value with its numbers as JSON writes them.
fn normal(item: &Item) -> Item {
    match item {
        Item::Null => Item::Null,
        Item::Scalar(Scalar { text, kind }) => match kind {
            ScalarKind::Text => Item::text(text.clone()),
            ScalarKind::Bool => Item::scalar(text.to_ascii_lowercase(), *kind),
            ScalarKind::Number => Item::scalar(decimal(text), *kind),
        },
        Item::List(items) => Item::List(items.iter().map(normal).collect()),
        Item::Table(entries) => Item::Table(
            entries
                .iter()
                .map(|entry| super::item::Entry { item: normal(&entry.item), ..entry.clone() })
                .collect(),
        ),
    }
}
