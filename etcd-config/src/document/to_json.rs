//! A document, or the value of one key, written as JSON.

use super::item::{Entry, Item, Scalar, ScalarKind};
use super::number::{decimal, is_not_finite};
use super::quoted::quoted;

/// A whole document, in lines.
pub(super) fn table(entries: &[&Entry]) -> String {
    let mut text = String::new();
    write_table(entries.iter().copied(), 0, &mut text);
    text.push('\n');
    text
}

/// A value in one line, as other formats take it, too.
pub(super) fn in_line(item: &Item) -> String {
    match item {
        Item::Null => "null".to_owned(),
        Item::Scalar(scalar) => self::scalar(scalar),
        Item::List(items) => {
            let items: Vec<String> = items.iter().map(in_line).collect();
            format!("[{}]", items.join(", "))
        }
        Item::Table(entries) => {
            let entry = |entry: &Entry| format!("{}: {}", quoted(&entry.name), in_line(&entry.item));
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn scalar(scalar: &Scalar) -> String {
    match scalar.kind {
        ScalarKind::Text => quoted(&scalar.text),
        ScalarKind::Bool => scalar.text.to_ascii_lowercase(),
        ScalarKind::Number => {
            let number = decimal(&scalar.text);
            if is_not_finite(&number) { quoted(&number) } else { number }
        }
    }
}

fn write_table<'e>(entries: impl ExactSizeIterator<Item = &'e Entry>, depth: usize, text: &mut String) {
    if entries.len() == 0 {
        text.push_str("{}");
        return;
    }
    text.push('{');
    for (number, entry) in entries.enumerate() {
        text.push_str(if number == 0 { "\n" } else { ",\n" });
        indent(depth + 1, text);
        text.extend([&quoted(&entry.name), ": "]);
        match &entry.item {
            Item::Table(entries) => write_table(entries.iter(), depth + 1, text),
            other => text.push_str(&in_line(other)),
        }
    }
    text.push('\n');
    indent(depth, text);
    text.push('}');
}

pub(super) fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
}
