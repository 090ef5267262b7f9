//! What an edit changes, for people: one row for each key.

use std::fmt;

use etcd_client_core::Printable;

use crate::leaf::cut;
use crate::secret::HIDDEN;
use crate::text_table::write_indented;

/// The change of one key in a [`Plan`](crate::Plan), from [`Plan::changes`](crate::Plan::changes).
///
/// `Debug` and the accessors show no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedChange {
    pub(super) field: String,
    pub(super) key: String,
    pub(super) old: Text,
    pub(super) new: Text,
    pub(super) default: Option<Text>,
    pub(super) secret: bool,
    pub(super) restart: bool,
    /// What is in force in its place.
    pub(super) overridden: Option<String>,
}

/// The text of a key, or that it is shown nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Absent,
    Hidden,
    Shown(String),
}

impl Text {
    pub(super) fn of(stored: Option<&[u8]>, is_hidden: bool) -> Self {
        match stored {
            None => Self::Absent,
            Some(_) if is_hidden => Self::Hidden,
            Some(text) => Self::Shown(String::from_utf8_lossy(text).into_owned()),
        }
    }

    fn shown(&self) -> Option<&str> {
        match self {
            Self::Shown(text) => Some(text),
            Self::Absent | Self::Hidden => None,
        }
    }
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

    /// The text that is stored; `None` if there is no such key, and where it is not shown: of a secret, and of a key that
    /// no field reads, which may be one.
    pub fn old(&self) -> Option<&str> {
        self.old.shown()
    }

    /// The text that is to be stored; `None` if the key is to be deleted, and where it is not shown.
    #[allow(clippy::new_ret_no_self, reason = "the new one beside the old one")]
    pub fn new(&self) -> Option<&str> {
        self.new.shown()
    }

    /// The same with this whole key.
    pub(crate) fn at(self, key: String) -> Self {
        Self { key, ..self }
    }

    /// Whether there was no such key.
    pub(crate) fn is_creation(&self) -> bool {
        self.old == Text::Absent
    }

    /// Whether the key is to be deleted.
    pub fn is_deletion(&self) -> bool {
        self.new == Text::Absent
    }

    /// Whether the key is secret, so that its texts are shown nowhere. Texts of a key that no field reads may be hidden,
    /// too.
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// Whether one of the texts is not shown.
    pub(crate) fn is_hidden(&self) -> bool {
        self.old == Text::Hidden || self.new == Text::Hidden
    }

    /// Whether running processes take it over when they are started again, and not before.
    pub fn is_restart(&self) -> bool {
        self.restart
    }

    /// The key of a higher layer that is in force here in the place of this one, so that the change makes no difference
    /// here. `None` where there is none, and without [layers](crate::Options::layer).
    pub fn overridden_by(&self) -> Option<&str> {
        self.overridden.as_deref()
    }

    /// The old text and the new one, or what their absence means, as they may be shown.
    pub(crate) fn shown_texts(&self) -> (String, String) {
        (self.as_shown(&self.old), self.as_shown(&self.new))
    }

    fn as_shown(&self, text: &Text) -> String {
        match (text, &self.default) {
            (Text::Hidden, _) => HIDDEN.to_owned(),
            (Text::Shown(text), _) => as_shown(text),
            (Text::Absent, Some(Text::Shown(default))) => format!("{} (default)", as_shown(default)),
            (Text::Absent, Some(_)) => format!("{HIDDEN} (default)"),
            (Text::Absent, None) => "absent".to_owned(),
        }
    }

    /// The field, the key, and the texts, for a person.
    pub(crate) fn cells(&self) -> [String; 3] {
        let field = if self.field.is_empty() { "(no field)" } else { &self.field };
        let (old, new) = self.shown_texts();
        let change = format!("{old} -> {new}");
        [Printable::line(field).to_string(), Printable::line(&self.key).to_string(), change]
    }

    /// The same, and when it is taken over.
    fn row(&self) -> [String; 4] {
        let [field, key, change] = self.cells();
        let when = match &self.overridden {
            Some(key) => format!("overridden by {}: not in force here", Printable::line(key)),
            None if self.restart => "after a restart".to_owned(),
            None => "at once".to_owned(),
        };
        [field, key, change, when]
    }
}

fn as_shown(text: &str) -> String {
    let plain = Printable::line(&cut(text)).to_string();
    if text.is_empty() || text.trim() != text { format!("\"{plain}\"") } else { plain }
}

/// The changes below one another, each in a line of its own.
pub(super) fn write_table(changes: &[PlannedChange], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let rows: Vec<[String; 4]> = changes.iter().map(PlannedChange::row).collect();
    write_indented(f, &rows)
}
