//! The field that a person means: by its path in Rust, or by its key.

use std::borrow::Cow;

use etcd_client_core::{Prefix, Printable};

use super::exit::Failure;
use super::session::Session;
use super::subject::{Site, Subject, View, is_secret};
use super::value_table::below;
use crate::explain::{Explanation, Origin};
use crate::leaf::similar::{distance, is_same_word};
use crate::schema::{ENTRY, Schema};
use crate::shape::path::whole_key;
use crate::tree::directories::{directories, is_layered, path_of};

/// The most names that are proposed.
const PROPOSED: usize = 3;

/// A field, or an entry of a map, that is one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OneKey {
    /// The whole key that it is read from.
    pub(super) key: String,
    /// Other keys that it would be read from.
    pub(super) others: Vec<String>,
    pub(super) field: String,
    pub(super) is_secret: bool,
}

/// What has a name.
#[derive(Debug)]
pub(super) enum Found {
    One(OneKey),
    /// A struct or a map: the fields in it.
    Several(Vec<OneKey>),
}

/// The configuration that fields are of.
pub(super) struct Owner<'s> {
    pub(super) subject: &'s dyn Subject,
    pub(super) view: Box<dyn View>,
    pub(super) names: Names,
}

/// The names of all fields, as they are stored now.
pub(super) struct Names {
    schema: Schema,
    prefix: Prefix,
    /// With all layers.
    whole: Prefix,
    explanation: Explanation,
}

impl Names {
    /// The configuration that has fields of these names, where there are several.
    pub(super) fn owner<'s>(
        session: &'s Session,
        site: &Site,
        written: &[&str],
    ) -> Result<Owner<'s>, Failure> {
        Self::owner_by(Self::of, session, site, written)
    }

    /// The same for fields that are to be changed: their keys are those of the layer in which that is done.
    pub(super) fn owner_of_changes<'s>(
        session: &'s Session,
        site: &Site,
        written: &[&str],
    ) -> Result<Owner<'s>, Failure> {
        Self::owner_by(Self::of_layer, session, site, written)
    }

    fn owner_by<'s>(
        names_of: fn(&dyn View) -> Self,
        session: &'s Session,
        site: &Site,
        written: &[&str],
    ) -> Result<Owner<'s>, Failure> {
        let chosen = session.chosen()?;
        let is_alone = chosen.len() == 1;
        let mut owners = Vec::new();
        let mut failures = Vec::new();
        for subject in chosen {
            let view = subject.read(site)?;
            let names = names_of(&*view);
            let mut wrong: Vec<String> = Vec::new();
            for failure in written.iter().filter_map(|name| names.find(name).err()) {
                if !wrong.contains(&failure.text) {
                    wrong.push(failure.text);
                }
            }
            match wrong.is_empty() {
                false if is_alone => return Err(Failure::usage(wrong.join("\n"))),
                false => failures.extend(wrong),
                true => owners.push(Owner { subject, view, names }),
            }
        }
        let count = owners.len();
        match (owners.pop(), count) {
            (Some(owner), 1) => Ok(owner),
            (None, _) => Err(Failure::usage(failures.join("\n"))),
            (Some(Owner { subject, .. }), _) => Err(Failure::usage(format!(
                "there are such fields in {} and others: name the one that is meant with --config",
                subject.name()
            ))),
        }
    }

    fn of(view: &dyn View) -> Self {
        let whole = view.prefix().clone();
        Self { schema: view.schema(), prefix: whole.clone(), whole, explanation: view.explain() }
    }

    /// Those of the layer that is changed.
    pub(super) fn of_layer(view: &dyn View) -> Self {
        let (whole, explanation) = (view.prefix().clone(), view.explain_layer());
        Self { schema: view.schema(), prefix: view.layer(), whole, explanation }
    }

    /// What is written as `workers`, `database.pool_size`, `database/pool_size`, `features.dark`, or as a whole key.
    pub(super) fn find(&self, written: &str) -> Result<Found, Failure> {
        if let Some(layer) = self.other_layer(written) {
            let shown = Printable::line(written);
            let what = format!("{shown} is in the layer {layer}: --layer {layer} makes changes there");
            return Err(Failure::usage(what));
        }
        let exact = |name: &str, key: &str| name == written || key == written || self.below(key) == written;
        let mut rows = self.explanation.rows().iter();
        let stored = rows.find(|row| row.origin() == Origin::Etcd && exact(row.field(), row.key()));
        if let Some(row) = stored {
            return Ok(Found::One(self.one(row.field(), row.key())));
        }
        if let Some(one) = self.by_schema(written) {
            return Ok(Found::One(one));
        }
        let is_inside = |name: &str, separator: char| {
            name == written || name.strip_prefix(written).is_some_and(|rest| rest.starts_with(separator))
        };
        let fields = self.schema.fields().iter();
        let is_directory = fields.clone().any(|field| {
            let key = self.own_key(field.key());
            is_inside(field.path(), '.') || is_inside(&key, '/') || is_inside(&field.relative, '/')
        });
        let rows = self.explanation.rows().iter().filter(|row| {
            is_inside(row.field(), '.') || is_inside(row.key(), '/') || is_inside(self.below(row.key()), '/')
        });
        let inside: Vec<OneKey> = rows.map(|row| self.one(row.field(), row.key())).collect();
        if is_directory || !inside.is_empty() {
            return Ok(Found::Several(inside));
        }
        Err(Failure::usage(self.nothing(written)))
    }

    /// One key; a directory is refused with what is in it.
    pub(super) fn find_one(&self, written: &str) -> Result<OneKey, Failure> {
        match self.find(written)? {
            Found::One(one) => Ok(one),
            Found::Several(_) => {
                let shown = Printable::line(written);
                let inside: Vec<&str> = self
                    .schema
                    .fields()
                    .iter()
                    .map(|field| if written.contains('/') { field.relative.as_str() } else { field.path() })
                    .filter(|name| name.starts_with(written))
                    .take(PROPOSED)
                    .collect();
                let such = if inside.is_empty() { String::new() } else { format!(": {}", inside.join(", ")) };
                Err(Failure::usage(format!(
                    "{shown} is no value, but a directory of keys; name one in it{such}"
                )))
            }
        }
    }

    fn below<'k>(&self, key: &'k str) -> &'k str {
        below(&self.prefix, key)
    }

    /// The key in the layer that is changed, of one in the lowest.
    fn own_key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        match key.strip_prefix(self.whole.directory()).filter(|_| is_layered(&self.whole)) {
            Some(path) => Cow::Owned(self.prefix.join(path)),
            None => Cow::Borrowed(key),
        }
    }

    /// A field that need not be stored.
    fn by_schema(&self, written: &str) -> Option<OneKey> {
        let key = self.below(written);
        self.schema.fields().iter().find_map(|field| {
            let by_path = matched(&split(field.path(), '.'), &split(written, '.'), '.');
            let by_key = || matched(&split(&field.relative, '/'), &split(key, '/'), '/');
            let entries = by_path.or_else(by_key)?;
            let filled = |template: &str| {
                entries.iter().fold(template.to_owned(), |text, name| text.replacen(ENTRY, name, 1))
            };
            if entries.iter().any(|name| name.is_empty() || name.contains('/')) {
                return None;
            }
            let path = filled(field.path());
            // It may be read by an old name.
            let row = self.explanation.rows().iter().find(|row| row.field() == path);
            let key = row
                .map_or_else(|| self.own_key(&filled(field.key())).into_owned(), |row| row.key().to_owned());
            Some(self.one(&path, &key))
        })
    }

    fn one(&self, field: &str, key: &str) -> OneKey {
        let read_by = |candidate: &&crate::schema::Field| {
            matched(&split(candidate.path(), '.'), &split(field, '.'), '.').is_some()
        };
        let written = self.schema.fields().iter().find(read_by);
        let directory = key.rsplit_once('/').map_or("", |(directory, _)| directory);
        let whole = |name: &str| self.own_key(&whole_key(directory, name)).into_owned();
        let names = written.into_iter().flat_map(|field| {
            let own = field.key().rsplit_once('/').map_or(field.key(), |(_, name)| name);
            std::iter::once(own).chain(field.aliases().iter().copied())
        });
        let others = names.filter(|name| *name != ENTRY).map(whole).filter(|other| other != key).collect();
        OneKey {
            key: key.to_owned(),
            others,
            field: field.to_owned(),
            is_secret: is_secret(&self.schema, &self.whole, key)
                || written.is_some_and(crate::schema::Field::is_secret),
        }
    }

    /// What is said of a name that nothing has.
    fn nothing(&self, written: &str) -> String {
        let name = self.schema.name();
        let shown = Printable::line(written);
        let what = if written.contains('/') { "reads no key" } else { "has no field" };
        let nearest = self.nearest(written);
        let nearest: Vec<String> = nearest.iter().map(|name| Printable::line(name).to_string()).collect();
        match nearest.as_slice() {
            [] => format!("{name} {what} {shown}; `schema` lists what there is"),
            [one] => format!("{name} {what} {shown}; did you mean {one}?"),
            several => format!("{name} {what} {shown}; did you mean one of {}?", several.join(", ")),
        }
    }

    /// The layer that a whole key is in, if it is another one.
    fn other_layer(&self, written: &str) -> Option<String> {
        let is_here = |directory: &str| directories(&self.prefix).any(|here| here == directory);
        let holds_it = |directory: &&str| written.starts_with('/') && written.starts_with(*directory);
        let there = directories(&self.whole).find(holds_it).filter(|there| !is_here(there))?;
        Some(Printable::line(path_of(there)).to_string())
    }

    fn nearest(&self, written: &str) -> Vec<String> {
        let by_key = written.contains('/');
        let key = self.below(written);
        let templates = self
            .schema
            .fields()
            .iter()
            .map(|field| if by_key { field.relative.clone() } else { field.path().to_owned() });
        let stored = self
            .explanation
            .rows()
            .iter()
            .map(|row| if by_key { self.below(row.key()).to_owned() } else { row.field().to_owned() });
        let separator = if by_key { '/' } else { '.' };
        let directories = templates.clone().flat_map(|name| {
            let above = name.match_indices(separator).map(|(at, _)| name[..at].to_owned());
            above.filter(|directory| !directory.contains(ENTRY)).collect::<Vec<_>>()
        });
        let last = |name: &str| name.rsplit(separator).next().unwrap_or_default().to_owned();
        let mut found: Vec<(usize, String)> = templates
            .chain(directories)
            .chain(stored)
            .filter_map(|name| {
                let whole = distance(key, &name).or_else(|| is_same_word(key, &name).then_some(1));
                let end = || distance(&last(key), &last(&name)).map(|distance| distance + 4);
                Some((whole.or_else(end)?, name))
            })
            .collect();
        found.sort();
        found.dedup();
        let nearest = found.first().map(|(distance, _)| *distance);
        found.retain(|(distance, _)| Some(*distance) == nearest);
        found.into_iter().map(|(_, name)| name).take(PROPOSED).collect()
    }
}

fn split(name: &str, separator: char) -> Vec<&str> {
    name.split(separator).collect()
}

/// The names of the entries where `written` is such a path. In Rust's paths the name of an entry may have dots in it.
fn matched(template: &[&str], written: &[&str], separator: char) -> Option<Vec<String>> {
    let Some((first, rest)) = template.split_first() else {
        return written.is_empty().then(Vec::new);
    };
    if *first != ENTRY {
        return match written.split_first() {
            Some((name, after)) if name == first => matched(rest, after, separator),
            _ => None,
        };
    }
    let longest = if separator == '.' { written.len() } else { written.len().min(1) };
    (1..=longest).find_map(|length| {
        let mut entries = matched(rest, &written[length..], separator)?;
        entries.insert(0, written[..length].join("."));
        Some(entries)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(template: &str, written: &str, separator: char) -> Option<Vec<String>> {
        matched(&split(template, separator), &split(written, separator), separator)
    }

    #[test]
    fn names_of_entries_are_what_is_left() {
        assert_eq!(entries("database.url", "database.url", '.'), Some(vec![]));
        assert_eq!(entries("database.url", "database", '.'), None);
        let visa = Some(vec!["visa.eu".to_owned()]);
        assert_eq!(entries("upstreams.<name>.weight", "upstreams.visa.eu.weight", '.'), visa);
        assert_eq!(entries("features.<name>", "features.visa.eu", '.'), visa);
        assert_eq!(entries("features/<name>", "features/visa.eu", '/'), visa);
        assert_eq!(entries("features/<name>", "features/visa/eu", '/'), None);
        assert_eq!(entries("features.<name>", "features", '.'), None);
    }
}
