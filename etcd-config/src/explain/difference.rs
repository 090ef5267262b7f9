//! What has changed between two looks at the values.

use std::collections::BTreeMap;

#[cfg(feature = "cli")]
use etcd_client_core::Printable;

use super::{Explanation, Origin, Row};

/// A field whose value in force has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) field: String,
    pub(crate) key: String,
    /// Where there are several, and it has the key.
    pub(crate) layer: Option<String>,
    /// As they may be shown; none of what is not there.
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
    pub(crate) revision: Option<u64>,
}

/// The fields whose values have changed.
pub(crate) fn difference(before: &Explanation, now: &Explanation) -> Vec<Changed> {
    let old: BTreeMap<&str, &Row> = before.rows().iter().map(|row| (row.field(), row)).collect();
    let new: BTreeMap<&str, &Row> = now.rows().iter().map(|row| (row.field(), row)).collect();
    let changed = |row: &&Row| old.get(row.field()).is_none_or(|old| differs(old, row));
    let present = now.rows().iter().filter(changed).map(|row| Changed {
        old: old.get(row.field()).copied().and_then(value),
        new: value(row),
        ..of(row)
    });
    let gone = before.rows().iter().filter(|row| !new.contains_key(row.field()));
    let gone = gone.map(|row| Changed { old: value(row), new: None, revision: None, ..of(row) });
    // The line of a map without entries is no value.
    present.chain(gone).filter(|changed| changed.old.is_some() || changed.new.is_some()).collect()
}

fn differs(old: &Row, new: &Row) -> bool {
    // Of a secret only the revision says that it has changed.
    let is_hidden = new.in_force().is_none();
    let (old, new) = (old.shown(), new.shown());
    old.value != new.value || is_hidden && old.revision != new.revision
}

fn value(row: &Row) -> Option<String> {
    let shown = row.shown();
    match shown.origin {
        Origin::Nothing | Origin::Missing => None,
        Origin::Default => Some(format!("{} (default)", shown.value)),
        _ => Some(shown.value.clone()),
    }
}

fn of(row: &Row) -> Changed {
    Changed {
        field: row.field().to_owned(),
        key: row.key().to_owned(),
        layer: row.layer().map(str::to_owned),
        old: None,
        new: None,
        revision: row.shown().revision,
    }
}

#[cfg(feature = "cli")]
impl Changed {
    /// On one line, for a person.
    pub(crate) fn line(&self) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
        let field = Printable::line(&self.field);
        let layer = self.layer.iter().map(|layer| format!("  in {}", Printable::line(layer)));
        format!("{field}  {} -> {}{}", text(&self.old), text(&self.new), layer.collect::<String>())
    }
}
