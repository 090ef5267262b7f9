//! What is stored, as a document.

use std::collections::HashSet;

use super::item::{Entry, Item, Stored};
use super::stored_keys::{StoredKey, StoredKeys};
use super::to_text::shown;
use super::{Document, Exported};
use crate::decode::{Derived, survey};
use crate::error::Error;
use crate::problem::{Kind, Problem, Report};
use crate::reading::Reading;
use crate::schema::Schema;
use crate::tree::KeyTree;

/// The keys of a reading that fields are read from. A key that only announces the others is none of them.
pub(crate) fn exported<T: Derived>(reading: &Reading) -> Result<Document, Error> {
    let whole = reading.tree::<T>();
    // What overrides it, or what it overrides, is not in its document.
    let tree = whole.layer(reading.layer());
    let prefix = tree.prefix();
    let schema = Schema::new(survey::<T>(), tree.base());
    let StoredKeys { keys, directories } = StoredKeys::find(&schema, tree);
    let names: HashSet<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    let mut root = Vec::new();
    let mut made = HashSet::new();
    let mut problems = Vec::new();
    for key in &keys {
        let Some(entry) = entry(key, tree) else {
            let what = "its bytes are not UTF-8, and no field reads such";
            problems.push(Problem::of_key(Kind::Undecodable, prefix.join(&key.path), what));
            continue;
        };
        let way = way(&key.name, &names);
        let docs = |name: &str| directories.get(name).copied().unwrap_or_default();
        insert(&mut root, &way, "", entry, &mut made, &docs);
    }
    let (name, revision) = (T::LAYOUT.name, reading.listing.revision);
    if !problems.is_empty() {
        let remark = "nothing is exported: a document is text; correct or delete these keys first";
        let report = Report::new(name, prefix, revision, problems);
        return Err(Error::from_report(report.with_remark(Some(remark))));
    }
    let exported = Exported { name, docs: T::LAYOUT.docs, prefix: prefix.path().to_owned(), revision };
    Ok(Document { root, exported: Some(exported), shows_secrets: false, allows_unknown: false })
}

fn entry(key: &StoredKey<'_, '_>, tree: &KeyTree) -> Option<Entry> {
    let text = std::str::from_utf8(key.text).ok()?;
    let stored = Stored { key: tree.prefix().join(&key.path), text: text.to_owned(), secret: key.secret };
    let item = shown(text, key.expectation);
    Some(Entry { docs: key.docs, stored: Some(stored), ..Entry::new("", None, item) })
}

/// The names of the tables on the way to a key, and its own. What is below a key that has a value itself is beside it, by
/// a name with a slash; so is what is below a directory without a name.
fn way(path: &str, keys: &HashSet<&str>) -> Vec<String> {
    let mut way = Vec::new();
    let mut start = 0;
    for (end, _) in path.match_indices('/') {
        if end > start && !keys.contains(&path[..end]) {
            way.push(path[start..end].to_owned());
            start = end + 1;
        }
    }
    way.push(path[start..].to_owned());
    way
}

fn insert(
    table: &mut Vec<Entry>,
    way: &[String],
    above: &str,
    entry: Entry,
    made: &mut HashSet<String>,
    docs: &impl Fn(&str) -> &'static str,
) {
    let Some((name, rest)) = way.split_first() else { return };
    if rest.is_empty() {
        table.push(Entry { name: name.clone(), ..entry });
        return;
    }
    let path = crate::shape::path::whole_key(above, name);
    if made.insert(path.clone()) {
        table.push(Entry { docs: docs(&path), ..Entry::new(name.clone(), None, Item::Table(Vec::new())) });
    }
    // It is the last one nearly always, as keys come in the order of their directories.
    let is_it = |entry: &&mut Entry| entry.name == *name && entry.stored.is_none();
    if let Some(Entry { item: Item::Table(below), .. }) = table.iter_mut().rfind(is_it) {
        insert(below, rest, &path, entry, made, docs);
    }
}
