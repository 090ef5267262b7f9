//! What one revision has changed.

use std::fmt;

use crate::edit::planned::PlannedChange;
use crate::problem::Problem;
use crate::text_table::write_indented;

/// The most changes of a step that are printed.
const PRINTED: usize = 50;
/// The most problems of a step that are printed.
const PROBLEMS: usize = 3;

/// What one revision has changed below the prefix, from [`History`](crate::History).
///
/// `Display` is for a person, in lines. `Debug` and the accessors show no secret. With the feature `serde` it is
/// `Serialize`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryStep {
    pub(super) revision: u64,
    pub(super) changes: Vec<HistoryChange>,
    pub(super) committed: bool,
    pub(super) problems: Vec<Problem>,
    /// So many more problems are not held.
    pub(super) more: usize,
    /// What is missing before it.
    pub(super) before: Option<String>,
}

impl HistoryStep {
    /// The revision.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The keys that were written or deleted, in ascending order.
    pub fn changes(&self) -> &[HistoryChange] {
        &self.changes
    }

    /// Whether running processes have looked at it: the commit key was written, or the struct has none.
    pub fn is_committed(&self) -> bool {
        self.committed
    }

    /// Whether this program could have been started from the state that it has made.
    pub fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }

    /// What a start would have failed on, whichever step had brought it in: at most 50.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// The change of one key in a [`HistoryStep`].
///
/// `Debug` and the accessors show no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryChange {
    pub(super) change: PlannedChange,
    pub(super) is_rewrite: bool,
}

impl HistoryChange {
    /// The path of the field that reads the key today, such as `database.pool_size`; empty if no field does.
    pub fn field(&self) -> &str {
        self.change.field()
    }

    /// The whole key.
    pub fn key(&self) -> &str {
        self.change.key()
    }

    /// The text that was stored before; `None` if there was no such key, and where it is not shown.
    pub fn old(&self) -> Option<&str> {
        self.change.old()
    }

    /// The text that was stored then; `None` if the key was deleted, and where it is not shown.
    #[allow(clippy::new_ret_no_self, reason = "the new one beside the old one")]
    pub fn new(&self) -> Option<&str> {
        self.change.new()
    }

    /// Whether there was no such key before.
    pub fn is_creation(&self) -> bool {
        self.change.is_creation()
    }

    /// Whether the key was deleted.
    pub fn is_deletion(&self) -> bool {
        self.change.is_deletion()
    }

    /// Whether the same text was written again.
    pub fn is_rewrite(&self) -> bool {
        self.is_rewrite
    }

    /// Whether the field is secret, so that the texts are shown nowhere.
    pub fn is_secret(&self) -> bool {
        self.change.is_secret()
    }

    /// The old text and the new one, as they may be shown.
    #[cfg(feature = "cli")]
    pub(crate) fn shown_texts(&self) -> (String, String) {
        self.change.shown_texts()
    }

    fn cells(&self) -> [String; 3] {
        let [field, key, texts] = self.change.cells();
        let what = match (self.is_rewrite, self.is_creation(), self.is_deletion()) {
            (true, ..) => "written again",
            (_, true, true) => "deleted again",
            (_, true, _) => "set",
            (_, _, true) => "deleted",
            _ => "changed",
        };
        let shown = match (self.change.is_hidden(), self.is_secret(), self.is_rewrite) {
            (true, true, _) => format!("{what} (secret)"),
            (true, false, _) => format!("{what} (not shown: no field reads it)"),
            (false, _, true) => what.to_owned(),
            (false, ..) => texts,
        };
        [field, key, shown]
    }
}

impl fmt::Display for HistoryStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revision {}", self.revision)?;
        f.write_str(if self.committed { "" } else { ", not committed" })?;
        f.write_str(if self.is_valid() { "" } else { ", refused by this program" })?;
        let rows: Vec<[String; 3]> = self.changes.iter().take(PRINTED).map(HistoryChange::cells).collect();
        write_indented(f, &rows)?;
        more(self.changes.len().saturating_sub(PRINTED), "changes", f)?;
        self.problems.iter().take(PROBLEMS).try_for_each(|problem| write!(f, "\n  problem: {problem}"))?;
        more(self.problems.len().saturating_sub(PROBLEMS) + self.more, "problems", f)?;
        self.before.iter().try_for_each(|before| write!(f, "\n({before})"))
    }
}

fn more(count: usize, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if count == 0 { Ok(()) } else { write!(f, "\n  ... and {count} more {what}") }
}
