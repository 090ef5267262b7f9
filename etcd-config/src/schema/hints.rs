//! What is said to a key that no field reads.

use super::similar::distance;
use super::{ENTRY, Field, Schema};

pub(super) fn not_a_directory(schema: &Schema, path: &str) -> String {
    let below = schema.fields().iter().find_map(|field| {
        let key = fill(&field.relative, path);
        key.strip_prefix(path)?.starts_with('/').then_some(key)
    });
    match below {
        Some(key) => format!("a key where a directory is expected: its keys are below it, such as {key}"),
        None => "a key where a directory is expected".to_owned(),
    }
}

pub(super) fn not_a_key(schema: &Schema, path: &str) -> String {
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

pub(super) fn unknown(schema: &Schema, path: &str) -> String {
    if path.split('/').any(str::is_empty) {
        return "unknown key; no field reads a key with an empty name in it".to_owned();
    }
    let Some((key, field)) = meant(schema, path) else {
        return "unknown key; no field reads it".to_owned();
    };
    let names = field.path_of(&key);
    let suggested = match (path.rsplit_once('/'), key.rsplit_once('/')) {
        (Some((directory, _)), Some((meant, name))) if directory == meant => name,
        _ => key.as_str(),
    };
    // A field with the key's own name needs no second mention.
    if names == suggested {
        format!("unknown key; did you mean {suggested}?")
    } else {
        format!("unknown key; did you mean {suggested} ({names})?")
    }
}

/// The key that was meant by one that no field reads, if one is like it, and the field that reads it.
pub(super) fn meant<'s>(schema: &'s Schema, path: &str) -> Option<(String, &'s Field)> {
    let closest = schema.fields().iter().filter_map(|field| {
        let key = fill(&field.relative, path);
        slips(path, &key).map(|slips| (slips, key, field))
    });
    let closest = closest.min_by_key(|(slips, ..)| *slips);
    closest.map(|(_, key, field)| (key, field)).or_else(|| elsewhere(schema, path))
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
        return None;
    }
    let mut total = 0;
    for (written, meant) in written.split('/').zip(meant.split('/')) {
        total += distance(written, meant)?;
    }
    Some(total)
}
