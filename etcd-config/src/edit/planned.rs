//! What an edit changes, for people: one row for each key.

use std::fmt;

use etcd_client_core::Printable;

use crate::leaf::{FieldDefault, cut};

/// The widest column. What is longer moves the rest of its own line, and of no other.
const COLUMN: usize = 60;

/// Instead of the text of a secret.
const HIDDEN: &str = "•••";

/// The change of one key in a [`Plan`](crate::Plan), from [`Plan::changes`](crate::Plan::changes).
///
/// `Debug` and the accessors show no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedChange {
    pub(super) field: String,
    pub(super) key: String,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
    pub(super) default: Option<String>,
    pub(super) secret: bool,
    pub(super) restart: bool,
}

impl PlannedChange {
    /// The path of the field that reads the key, such as `database.pool_size`, with the names of entries as they are
    /// stored; empty if no field does.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The whole key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The text that is stored; `None` if there is no such key, and for a secret.
    pub fn old(&self) -> Option<&str> {
        self.old.as_deref().filter(|_| !self.secret)
    }

    /// The text that is to be stored; `None` if the key is to be deleted, and for a secret.
    #[allow(clippy::new_ret_no_self, reason = "the new one beside the old one")]
    pub fn new(&self) -> Option<&str> {
        self.new.as_deref().filter(|_| !self.secret)
    }

    /// Whether the key is to be deleted.
    pub fn is_deletion(&self) -> bool {
        self.new.is_none()
    }

    /// Whether the texts are shown nowhere.
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// Whether running processes take it over when they are started again, and not before.
    pub fn is_restart(&self) -> bool {
        self.restart
    }

    /// The same without texts, if they are secret.
    pub(super) fn hiding(self) -> Self {
        let hidden = |text: Option<String>| text.map(|_| String::new());
        if !self.secret {
            return self;
        }
        // Not even `Debug` shows a secret.
        Self { old: hidden(self.old), new: hidden(self.new), default: hidden(self.default), ..self }
    }

    /// The old text and the new one, or what their absence means, as they may be shown.
    pub(crate) fn shown_texts(&self) -> (String, String) {
        (self.shown(self.old.as_deref()), self.shown(self.new.as_deref()))
    }

    fn shown(&self, text: Option<&str>) -> String {
        match (text, &self.default) {
            (Some(_), _) if self.secret => HIDDEN.to_owned(),
            (Some(text), _) => as_shown(text),
            (None, Some(_)) if self.secret => format!("{HIDDEN} (default)"),
            (None, Some(default)) => format!("{} (default)", as_shown(default)),
            (None, None) => "absent".to_owned(),
        }
    }

    fn cells(&self) -> [String; 4] {
        let field = if self.field.is_empty() { "(no field)" } else { &self.field };
        let (old, new) = self.shown_texts();
        let change = format!("{old} -> {new}");
        let when = if self.restart { "after a restart" } else { "now" };
        [Printable::line(field).to_string(), Printable::line(&self.key).to_string(), change, when.to_owned()]
    }
}

/// What an absent key means, of a field that is no entry of a map.
pub(super) fn default_of(default: FieldDefault) -> Option<String> {
    match default {
        FieldDefault::Text(text) | FieldDefault::Expression(text) => Some(text.to_owned()),
        _ => None,
    }
}

fn as_shown(text: &str) -> String {
    let plain = Printable::line(&cut(text)).to_string();
    if text.is_empty() || text.trim() != text { format!("\"{plain}\"") } else { plain }
}

/// The changes below one another, each in a line of its own.
pub(super) fn write_table(changes: &[PlannedChange], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let rows: Vec<[String; 4]> = changes.iter().map(PlannedChange::cells).collect();
    let width = |text: &String| text.chars().count();
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0).min(COLUMN);
    let widths = [widest(0), widest(1), widest(2)];
    for row in &rows {
        f.write_str("\n ")?;
        for (cell, widest) in row.iter().zip(widths) {
            write!(f, " {cell}{:1$} ", "", widest.saturating_sub(width(cell)))?;
        }
        write!(f, " {}", row[3])?;
    }
    Ok(())
}
