//! What the schema says of a row of the table.

use std::collections::HashMap;

use crate::schema::{ENTRY, Field, Schema};

/// The fields by the paths that rows have, in which the names of entries stand where the schema has `<name>`.
pub(super) struct Fields<'s> {
    exact: HashMap<&'s str, &'s Field>,
    /// Those in maps, with what stands between the names.
    of_entries: Vec<(Vec<&'s str>, &'s Field)>,
}

impl<'s> Fields<'s> {
    pub(super) fn of(schema: &'s Schema) -> Self {
        let (of_entries, exact): (Vec<&Field>, Vec<&Field>) =
            schema.fields().iter().partition(|field| field.path().contains(ENTRY));
        Self {
            exact: exact.into_iter().map(|field| (field.path(), field)).collect(),
            of_entries: of_entries
                .into_iter()
                .map(|field| (field.path().split(ENTRY).collect(), field))
                .collect(),
        }
    }

    pub(super) fn get(&self, row: &str) -> Option<&'s Field> {
        let exact = self.exact.get(row).copied();
        exact.or_else(|| self.of_entries.iter().find(|(parts, _)| fits(row, parts)).map(|(_, field)| *field))
    }
}

/// Whether a path is these parts with names between them. A map without entries has a row of its own, without a name.
fn fits(path: &str, parts: &[&str]) -> bool {
    let [first, between @ .., last] = parts else { return false };
    if path.strip_suffix('.').unwrap_or(path) == first.trim_end_matches('.') {
        return between.is_empty() && last.is_empty();
    }
    let inner = path.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    let Some(mut rest) = inner.filter(|inner| !inner.is_empty()) else { return false };
    between.iter().all(|part| match rest.split_once(part) {
        Some((name, after)) if !name.is_empty() => {
            rest = after;
            true
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_entries_stand_for_any() {
        let fits = |path: &str, pattern: &str| fits(path, &pattern.split(ENTRY).collect::<Vec<_>>());
        assert!(fits("features.dark", "features.<name>"));
        assert!(fits("features.with.dots", "features.<name>"));
        assert!(fits("features", "features.<name>"), "the row of a map without entries");
        assert!(fits("upstreams.eu-1.weight", "upstreams.<name>.weight"));
        assert!(fits("a.x.b.y.c", "a.<name>.b.<name>.c"));
        assert!(!fits("upstreams.eu-1.weight", "upstreams.<name>.addr"));
        assert!(!fits("feature.dark", "features.<name>"));
        assert!(!fits("upstreams", "upstreams.<name>.weight"));
    }
}
