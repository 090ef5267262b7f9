//! What is said of a key that no field reads.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::leaf::similar::{distance, is_same_word};
use crate::schema::{ENTRY, Field, Schema};
use crate::tree::KeyTree;

pub(crate) fn not_a_directory(schema: &Schema, path: &str, value: &[u8]) -> String {
    let below = schema.fields().iter().find_map(|field| {
        let key = fill(&field.relative, path);
        let below = key.strip_prefix(path)?.strip_prefix('/')?;
        Some((below.starts_with(ENTRY), key))
    });
    let expected = "a key where a directory is expected";
    let Some((is_map, key)) = below else { return expected.to_owned() };
    let is_document = serde_json::from_slice::<BTreeMap<String, &RawValue>>(value).is_ok();
    match is_document {
        false => format!("{expected}: its keys are below it, such as {key}"),
        true if is_map => format!(
            "{expected}, and in it a JSON object: each entry has a key of its own, such as {key}; for a map in \
             one key leave `map` or `nested` out of the source"
        ),
        true => format!(
            "{expected}, and in it a JSON object: each field has a key of its own, such as {key}; for a struct in \
             one key leave `nested` out of the source, and derive serde's `Deserialize` for it"
        ),
    }
}

/// What is said of a key that is no path.
pub(crate) fn said_of_stray(relative: &[u8]) -> String {
    match std::str::from_utf8(relative) {
        Ok(_) => "unknown key; it is too deep for any field".to_owned(),
        Err(_) => {
            format!("unknown key; its name is not UTF-8, which no field's is: {}", relative.escape_ascii())
        }
    }
}

/// The field that reads a key.
pub(crate) fn field_of<'s>(schema: &'s Schema, path: &str) -> Option<&'s Field> {
    schema.fields().iter().find(|field| fill(&field.relative, path) == path)
}

pub(crate) fn not_a_key(schema: &Schema, path: &str) -> String {
    if let Some(key) = without_empty_names(schema, path) {
        return slash_too_many(&key);
    }
    let above = schema.fields().iter().find_map(|field| {
        let key = fill(&field.relative, path);
        path.strip_prefix(key.as_str())?.starts_with('/').then_some((key, field))
    });
    match above {
        Some((key, field)) => format!(
            "below a key: {key} is the value of {}: {}, not a directory",
            field.path_of(&key),
            field.type_name()
        ),
        None => "below a key, which is not a directory".to_owned(),
    }
}

pub(crate) fn unknown(schema: &Schema, tree: &KeyTree, path: &str) -> String {
    unknown_beside(schema, |key| tree.get(key).is_some(), path)
}

/// The same, among the keys that `is_there` knows.
pub(crate) fn unknown_beside(schema: &Schema, is_there: impl Fn(&str) -> bool, path: &str) -> String {
    if let Some(key) = without_empty_names(schema, path) {
        return slash_too_many(&key);
    }
    if path.split('/').any(str::is_empty) {
        return "unknown key; no field reads a key with an empty name in it".to_owned();
    }
    // What is there already was not meant by this one.
    let found = alike(schema, path).or_else(|| elsewhere(schema, path).filter(|(key, _)| !is_there(key)));
    let Some((key, field)) = found else {
        return "unknown key; no field reads it".to_owned();
    };
    let names = field.path_of(&key);
    let suggested = match (path.rsplit_once('/'), key.rsplit_once('/')) {
        (Some((directory, _)), Some((meant, name))) if directory == meant => name,
        _ => key.as_str(),
    };
    if is_there(&key) {
        return format!("unknown key; it is like {suggested}, which is there");
    }
    // A field with the key's own name needs no second mention.
    if names == suggested {
        format!("unknown key; did you mean {suggested}?")
    } else {
        format!("unknown key; did you mean {suggested} ({names})?")
    }
}

fn slash_too_many(key: &str) -> String {
    format!("unknown key; it has a slash too many: did you mean {key}?")
}

/// The key without the names in it that are empty, where a field reads that.
fn without_empty_names(schema: &Schema, path: &str) -> Option<String> {
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let key = names.join("/");
    (key != path && field_of(schema, &key).is_some()).then_some(key)
}

/// The key that was meant by one that no field reads, if one is like it, and the field that reads it.
pub(crate) fn meant<'s>(schema: &'s Schema, path: &str) -> Option<(String, &'s Field)> {
    if let Some(key) = without_empty_names(schema, path) {
        return field_of(schema, &key).map(|field| (key, field));
    }
    alike(schema, path).or_else(|| elsewhere(schema, path))
}

/// The key that is spelt likest, and the field that reads it.
fn alike<'s>(schema: &'s Schema, path: &str) -> Option<(String, &'s Field)> {
    let closest = schema.fields().iter().filter_map(|field| {
        let key = fill(&field.relative, path);
        slips(path, &key).map(|slips| (slips, key, field))
    });
    let closest = closest.min_by_key(|(slips, ..)| *slips);
    closest.map(|(_, key, field)| (key, field))
}

/// The field of the same name in another directory, where there is just one.
fn elsewhere<'s>(schema: &'s Schema, path: &str) -> Option<(String, &'s Field)> {
    let name = path.rsplit('/').next()?;
    let mut named = schema
        .fields()
        .iter()
        .filter(|field| !field.relative.contains(ENTRY) && field.relative.rsplit('/').next() == Some(name));
    let field = named.next()?;
    named.next().is_none().then(|| (field.relative.clone(), field))
}

/// A key of the schema with the names of entries that `path` has in the same places.
fn fill(template: &str, path: &str) -> String {
    let names = path.split('/').map(Some).chain(std::iter::repeat(None));
    let segments = template.split('/').zip(names);
    let filled: Vec<&str> = segments
        .map(|(segment, name)| if segment == ENTRY { name.unwrap_or(ENTRY) } else { segment })
        .collect();
    filled.join("/")
}

/// How far apart two keys are, where they differ in spelling only.
fn slips(written: &str, meant: &str) -> Option<usize> {
    if written.split('/').count() != meant.split('/').count() {
        // `smtp_host` for `smtp/host`, and the reverse.
        return is_same_word(written, meant).then_some(1);
    }
    let mut total = 0;
    for (written, meant) in written.split('/').zip(meant.split('/')) {
        total += distance(written, meant)?;
    }
    Some(total)
}
