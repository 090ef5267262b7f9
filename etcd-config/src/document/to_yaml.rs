//! A document written as YAML, with the documentation of the fields as comments.

use super::item::{Entry, Item, Scalar, ScalarKind};
use super::number::{decimal, is_not_finite};
use super::quoted::{comment_lines, quoted};
use super::to_json::{in_line, indent};
use super::yaml_scalar::is_text;

/// A whole document, below its head.
pub(super) fn table(entries: &[&Entry], head: &str) -> String {
    let mut text = String::new();
    comment_lines(head).for_each(|line| text.extend([&line, "\n"]));
    if !head.is_empty() {
        // The first field's own comment begins below it.
        text.push('\n');
    }
    if entries.is_empty() {
        text.push_str("{}\n");
    }
    write_entries(entries.iter().copied(), 0, &mut text);
    text
}

fn write_entries<'e>(entries: impl Iterator<Item = &'e Entry>, depth: usize, text: &mut String) {
    for entry in entries {
        for line in comment_lines(entry.docs) {
            indent(depth, text);
            text.extend([&line, "\n"]);
        }
        indent(depth, text);
        let name = &entry.name;
        text.push_str(&if is_text(name) { name.clone() } else { quoted(name) });
        text.push(':');
        match &entry.item {
            Item::Table(entries) if !entries.is_empty() => {
                text.push('\n');
                write_entries(entries.iter(), depth + 1, text);
            }
            Item::List(items) if !items.is_empty() => {
                text.push('\n');
                for item in items {
                    indent(depth + 1, text);
                    text.extend(["- ", &value(item), "\n"]);
                }
            }
            Item::Scalar(scalar) if is_block(scalar) => write_block(&scalar.text, depth + 1, text),
            other => text.extend([" ", &value(other), "\n"]),
        }
    }
}

fn value(item: &Item) -> String {
    match item {
        Item::Scalar(Scalar { text, kind: ScalarKind::Text }) if is_text(text) => text.clone(),
        Item::Scalar(Scalar { text, kind: ScalarKind::Number }) => {
            let number = decimal(text);
            if is_not_finite(&number) {
                number.to_ascii_lowercase().replace("inf", ".inf").replace("nan", ".nan")
            } else {
                number
            }
        }
        // JSON in one line is YAML.
        other => in_line(other),
    }
}

/// Whether a text of several lines can be written as it is: certificates, templates.
fn is_block(scalar: &Scalar) -> bool {
    let is_shown = |c: char| {
        c == '\n'
            || (!c.is_control()
                && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
    };
    scalar.kind == ScalarKind::Text
        && scalar.text.trim_end_matches('\n').contains('\n')
        && !scalar.text.starts_with([' ', '\n'])
        && scalar.text.chars().all(is_shown)
        && scalar.text.lines().all(|line| !line.ends_with(' ') && !line.starts_with('\t'))
}

fn write_block(block: &str, depth: usize, text: &mut String) {
    let lines = block.trim_end_matches('\n');
    let breaks = block.len() - lines.len();
    text.push_str(match breaks {
        0 => " |-\n",
        1 => " |\n",
        _ => " |+\n",
    });
    for line in lines.split('\n').chain(std::iter::repeat_n("", breaks.saturating_sub(1))) {
        if !line.is_empty() {
            indent(depth, text);
        }
        text.extend([line, "\n"]);
    }
}
