//! A document written as commands of etcdctl.

use super::item::{Entry, Item};
use super::quoted::comment_lines;
use crate::schema::etcdctl::quoting::word;

/// A command for each key, below the head. The error names what cannot be written down.
pub(super) fn commands(entries: &[&Entry], head: &str) -> Result<String, String> {
    let mut text = String::new();
    comment_lines(head).for_each(|line| text.extend([&line, "\n"]));
    if !head.is_empty() {
        // The first field's own comment begins below it.
        text.push('\n');
    }
    entries.iter().try_for_each(|entry| write(entry, &mut text))?;
    Ok(text)
}

fn write(entry: &Entry, text: &mut String) -> Result<(), String> {
    let shown = |name: &str| etcd_client_core::Printable::line(name).to_string();
    match (&entry.stored, &entry.item) {
        (Some(stored), _) => {
            if stored.key.contains('\0') || stored.text.contains('\0') {
                return Err(format!(
                    "{} has a zero byte in it, which no shell can hand over",
                    shown(&stored.key)
                ));
            }
            comment_lines(entry.docs).for_each(|line| text.extend([&line, "\n"]));
            let (key, value) = (word(&stored.key), word(&stored.text));
            let dashes = if stored.key.starts_with('-') || stored.text.starts_with('-') { "-- " } else { "" };
            text.extend(["etcdctl put ", dashes, &key, " ", &value, "\n"]);
            Ok(())
        }
        (None, Item::Table(below)) => below.iter().try_for_each(|entry| write(entry, text)),
        (None, _) => Err(format!(
            "which key {} is, and what its text is, only its struct knows: apply the document to an edit, and export",
            shown(&entry.name)
        )),
    }
}
