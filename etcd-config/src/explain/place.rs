//! A place among the keys, as an explanation comes to it, and what is to be known of it.

use crate::leaf::FieldDefault;
use crate::leaf::{cut, quote};
use crate::shape::path::{field_path, whole_key};
use crate::tree::{Node, Raw};

#[derive(Clone)]
pub(super) struct Spot<'a> {
    pub(super) node: Option<&'a Node>,
    pub(super) key: String,
    pub(super) field: String,
    pub(super) secret: bool,
    pub(super) note: Option<String>,
    /// What is shown is what was there at the start.
    pub(super) is_pinned: bool,
    /// What is there now, where that is so.
    pub(super) waiting: Option<&'a Node>,
    /// The whole key of another name, which the snapshot was read from.
    pub(super) read_from: Option<String>,
}

impl<'a> Spot<'a> {
    pub(super) fn child(&self, node: Option<&'a Node>, key: &str, name: &str, secret: bool) -> Self {
        Self {
            node,
            key: whole_key(&self.key, key),
            field: field_path(&self.field, name),
            secret: self.secret || secret,
            note: self.note.clone(),
            is_pinned: self.is_pinned,
            waiting: self.waiting.and_then(|now| now.descend(key)),
            read_from: self.read_from.as_ref().map(|from| whole_key(from, key)),
        }
    }

    /// What the store has at the very place now.
    pub(super) fn now(&self) -> Option<&'a Raw> {
        let now = if self.is_pinned { self.waiting } else { self.node };
        now?.value.as_ref()
    }

    /// What is shown.
    pub(super) fn shown(&self) -> Option<&'a Raw> {
        self.node?.value.as_ref()
    }

    /// What is to be known of a value that the snapshot does not have.
    pub(super) fn not_in_force(&self, before: Option<&Raw>, default: Option<FieldDefault>) -> String {
        let what = if self.now().is_some() { "not in force" } else { "deleted, but still in force" };
        let known = match (before, default) {
            _ if self.secret => String::new(),
            (Some(raw), _) => format!("; in force is {}", quoted(raw)),
            (None, Some(FieldDefault::Text(text))) => format!("; in force is the default {}", quote(text)),
            (None, Some(FieldDefault::Expression(text))) => format!("; in force is the default {text}"),
            (None, _) => "; in force is nothing".to_owned(),
        };
        format!("{what}: refused, or newer than the snapshot{known}")
    }

    /// What is to be known of a value that a restart would bring into force.
    pub(super) fn note_of_waiting(&self) -> String {
        let what = "a change waits for a restart";
        match self.now() {
            _ if self.secret => what.to_owned(),
            Some(raw) => format!("{what}: {}", quoted(raw)),
            None => format!("{what}: the key is gone"),
        }
    }
}

fn quoted(raw: &Raw) -> String {
    format!("{} (set at revision {})", quote(&String::from_utf8_lossy(&raw.value)), raw.revision)
}

pub(super) fn text(raw: &Raw) -> String {
    cut(&String::from_utf8_lossy(&raw.value))
}

pub(super) fn value_of(raw: Option<&Raw>) -> Option<&[u8]> {
    raw.map(|raw| raw.value.as_ref())
}
