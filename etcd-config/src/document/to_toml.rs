//! A document written as TOML, with the documentation of the fields as comments.

use super::item::{Entry, Item, Scalar, ScalarKind};
use super::number::{decimal, fits_toml};
use super::quoted::{comment_lines, quoted};
use super::to_text::json_text;

/// A whole document, below its head. The error names what TOML has no way to say.
pub(super) fn table(entries: &[&Entry], head: &str) -> Result<String, String> {
    let mut text = String::new();
    comment_lines(head).for_each(|line| text.extend([&line, "\n"]));
    // The first field's own comment begins below it; a table has an empty line before it by itself.
    if !head.is_empty() && entries.iter().any(|entry| !is_directory(entry)) {
        text.push('\n');
    }
    write_table(entries, "", &mut text)?;
    Ok(text)
}

/// Whether it has a header of its own: what is a key, is written in a line.
fn is_directory(entry: &Entry) -> bool {
    matches!(entry.item, Item::Table(_)) && entry.stored.is_none()
}

fn write_table(entries: &[&Entry], path: &str, text: &mut String) -> Result<(), String> {
    for entry in entries.iter().filter(|entry| !is_directory(entry)) {
        comment_lines(entry.docs).for_each(|line| text.extend([&line, "\n"]));
        text.extend([&name(&entry.name), " = ", &line(entry)?, "\n"]);
    }
    for entry in entries.iter().filter(|entry| is_directory(entry)) {
        let Item::Table(below) = &entry.item else { continue };
        let name = name(&entry.name);
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        let below: Vec<&Entry> = below.iter().collect();
        // A header is needed where something is written below it, or nothing at all.
        if below.is_empty() || !below.iter().all(|entry| is_directory(entry)) || !entry.docs.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            comment_lines(entry.docs).for_each(|line| text.extend([&line, "\n"]));
            text.extend(["[", &path, "]\n"]);
        }
        write_table(&below, &path, text)?;
    }
    Ok(())
}

fn name(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}

/// The value of a key in its line. JSON that TOML cannot hold is the text that it is.
fn line(entry: &Entry) -> Result<String, String> {
    if let Some(value) = value(&entry.item) {
        return Ok(value);
    }
    let text = match (&entry.stored, &entry.item) {
        (Some(stored), _) => Some(stored.text.clone()),
        (None, Item::Null) => None,
        (None, item) => json_text(item).ok(),
    };
    text.map(|text| quoted(&text)).ok_or_else(|| {
        let name = etcd_client_core::Printable::line(&entry.name).to_string();
        format!("TOML has no null, which {name} is")
    })
}

/// The value as TOML; `None` if TOML has no such value.
fn value(item: &Item) -> Option<String> {
    Some(match item {
        Item::Null => return None,
        Item::Scalar(Scalar { text, kind }) => match kind {
            ScalarKind::Text => quoted(text),
            ScalarKind::Bool => text.to_ascii_lowercase(),
            ScalarKind::Number => {
                let number = decimal(text);
                if !fits_toml(&number) {
                    return None;
                }
                if number == "NaN" { "nan".to_owned() } else { number }
            }
        },
        Item::List(items) => {
            let items: Vec<String> = items.iter().map(value).collect::<Option<_>>()?;
            format!("[{}]", items.join(", "))
        }
        Item::Table(entries) if entries.is_empty() => "{}".to_owned(),
        Item::Table(entries) => {
            let entry = |entry: &Entry| Some(format!("{} = {}", name(&entry.name), value(&entry.item)?));
            let entries: Vec<String> = entries.iter().map(entry).collect::<Option<_>>()?;
            format!("{{ {} }}", entries.join(", "))
        }
    })
}
