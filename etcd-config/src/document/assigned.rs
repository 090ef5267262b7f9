//! What a document says of each key of a configuration.

use std::collections::HashMap;

use etcd_client_core::Printable;

use super::Document;
use super::item::{Entry, Item, Place, Scalar};
use super::meant::{Meant, meant};
use super::to_text::{is_same, json_text, text_of};
use crate::lint::unread_key::{not_a_directory, not_a_key, unknown_beside};
use crate::problem::{Kind, Problem};
use crate::schema::Schema;
use crate::schema::expected::Expected;
use crate::tree::KeyTree;

/// The most problems that are described one by one.
const DESCRIBED: usize = 100;

/// What one key is to be.
pub(super) struct Assigned {
    /// Below the prefix.
    pub(super) path: String,
    /// `None` if the key is not to be there.
    pub(super) text: Option<String>,
    pub(super) place: Option<Place>,
}

/// All that a document says of keys, and everything that is wrong with it, whatever the values are.
pub(super) fn assigned(
    document: &Document,
    schema: &Schema,
    tree: &KeyTree,
) -> (Vec<Assigned>, Vec<Problem>) {
    let expected = Expected::of(schema.branch(), tree.base());
    let allows_unknown = document.allows_unknown;
    let mut reader = Reader {
        schema,
        tree,
        expected,
        allows_unknown,
        first: HashMap::new(),
        assigned: Vec::new(),
        problems: Vec::new(),
    };
    reader.table(&document.shown(), "", None);
    (reader.assigned, reader.problems)
}

struct Reader<'s> {
    schema: &'s Schema,
    tree: &'s KeyTree,
    expected: Expected<'s>,
    allows_unknown: bool,
    /// Where each key is named first.
    first: HashMap<String, Option<Place>>,
    assigned: Vec<Assigned>,
    problems: Vec<Problem>,
}

/// Where a name of a document leads.
enum Way {
    /// To a path below the prefix.
    Below(String),
    /// To the prefix, or to a directory around it.
    Above,
    Outside,
}

impl Reader<'_> {
    fn table(&mut self, entries: &[Entry], above: &str, place: Option<Place>) {
        for entry in entries {
            let name = match above {
                "" => entry.name.clone(),
                above => format!("{above}/{}", entry.name),
            };
            let place = entry.place.or(place);
            match (self.way(&name), &entry.item) {
                (Way::Below(path), _) => self.entry(entry, &name, &path, place),
                (Way::Above, Item::Table(below)) => self.table(below, &name, place),
                (Way::Above | Way::Outside, _) => {
                    let what = format!("it is not below {}", self.tree.prefix());
                    self.problem(Problem::of_key(Kind::OutsidePrefix, name, what), place);
                }
            }
        }
    }

    fn way(&self, name: &str) -> Way {
        let directory = self.tree.prefix().directory();
        if !name.starts_with('/') || directory.is_empty() {
            return Way::Below(name.to_owned());
        }
        match name.strip_prefix(directory) {
            Some(path) if !path.is_empty() => Way::Below(path.to_owned()),
            Some(_) => Way::Above,
            None if directory.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')) => Way::Above,
            None => Way::Outside,
        }
    }

    fn entry(&mut self, entry: &Entry, name: &str, path: &str, place: Option<Place>) {
        let is_text = entry.stored.is_some();
        if let Item::Table(below) = &entry.item
            && !is_text
            && self.is_directory(path)
        {
            return self.table(below, name, place);
        }
        if let Some(meant) = meant(self.schema, self.tree, path) {
            return self.field(entry, meant, place);
        }
        if self.schema.branch().layout.commit_key == Some(path) {
            return self.text(entry, path, place);
        }
        match &entry.item {
            Item::Null if self.is_directory(path) => {}
            Item::Table(below) if self.allows_unknown && !is_text => self.table(below, name, place),
            _ if self.allows_unknown && !has_empty_name(path) => self.text(entry, path, place),
            _ => self.unknown(entry, path, place),
        }
    }

    /// The value of a field.
    fn field(&mut self, entry: &Entry, meant: Meant<'_>, place: Option<Place>) {
        let Meant { path, others, expectation, ty, field } = meant;
        if matches!(entry.item, Item::Null) {
            // An old name would take its place.
            for other in others.into_iter().filter(|other| *other != path && self.tree.get(other).is_some()) {
                self.assigned.push(Assigned { path: other, text: None, place });
            }
            return self.assign(path, None, place);
        }
        let present = self.tree.get(&path).and_then(|text| std::str::from_utf8(text).ok());
        let text = match (&entry.stored, present) {
            (Some(stored), _) => Ok(stored.text.clone()),
            // The same JSON, as it is stored.
            (None, Some(present)) if is_same(present, &entry.item) => Ok(present.to_owned()),
            (None, _) => text_of(&entry.item, expectation),
        };
        match text {
            Ok(text) => self.assign(path, Some(text), place),
            Err(what) => {
                let key = self.tree.prefix().join(&path);
                let problem = Problem::of_key(Kind::Undecodable, key, what);
                self.problem(Problem { field, expected: ty.to_owned(), ..problem }, place);
            }
        }
    }

    /// A key that no field reads.
    fn text(&mut self, entry: &Entry, path: &str, place: Option<Place>) {
        let text = match (&entry.stored, &entry.item) {
            (Some(stored), _) => Ok(Some(stored.text.clone())),
            (None, Item::Null) => Ok(None),
            (None, Item::Scalar(Scalar { text, .. })) => Ok(Some(text.clone())),
            (None, item) => json_text(item).map(Some),
        };
        match text {
            Ok(text) => self.assign(path.to_owned(), text, place),
            Err(what) => {
                let key = self.tree.prefix().join(path);
                self.problem(Problem::of_key(Kind::Undecodable, key, what), place);
            }
        }
    }

    fn assign(&mut self, path: String, text: Option<String>, place: Option<Place>) {
        if let Some(first) = self.first.insert(path.clone(), place) {
            let first = first.map(|place| format!(", first in line {}", place.line)).unwrap_or_default();
            let what = format!("the document names it twice{first}");
            let key = self.tree.prefix().join(&path);
            self.problem(Problem::of_key(Kind::Undecodable, key, what), place);
        }
        self.assigned.push(Assigned { path, text, place });
    }

    fn unknown(&mut self, entry: &Entry, path: &str, place: Option<Place>) {
        // What it was meant to be takes long to find out.
        if self.problems.len() >= DESCRIBED {
            return;
        }
        // What is in a table says more than its name.
        if let (Item::Table(below), None) = (&entry.item, &entry.stored)
            && let Some(first) = below.first()
        {
            let path = format!("{path}/{}", first.name);
            return self.unknown(first, &path, first.place.or(place));
        }
        let (schema, tree) = (self.schema, self.tree);
        // A key that is stored may well be the one that was meant; one that the document names as well was not.
        let is_named = |key: &str| self.first.contains_key(key);
        let (kind, what) = if self.is_directory(path) {
            let text = if let Item::Scalar(scalar) = &entry.item { scalar.text.as_bytes() } else { b"" };
            (Kind::NotADirectory, not_a_directory(schema, path, text))
        } else if self.is_below_key(path) {
            (Kind::NotAKey, not_a_key(schema, path))
        } else {
            (Kind::Unknown, unknown_beside(schema, is_named, path))
        };
        // There may be names of entries in it, of any length.
        let what = Printable::line(&what).at_most(3 * Printable::LINE).to_string();
        self.problem(Problem::of_key(kind, tree.prefix().join(path), what), place);
    }

    fn problem(&mut self, problem: Problem, place: Option<Place>) {
        if self.problems.len() < DESCRIBED {
            let what = said(&problem.what, place);
            self.problems.push(Problem { what, ..problem });
        }
    }

    fn is_directory(&self, path: &str) -> bool {
        self.expected(path).is_some_and(|expected| expected.is_directory())
    }

    /// Whether a key is above the path, and no directory.
    fn is_below_key(&self, path: &str) -> bool {
        let mut names = path.split('/').peekable();
        let mut place = names.next().and_then(|name| self.expected.below(name));
        while let Some(above) = place
            && names.peek().is_some()
        {
            if above.value.is_some() && !above.is_directory() {
                return true;
            }
            place = names.next().and_then(|name| above.below(name));
        }
        false
    }

    fn expected(&self, path: &str) -> Option<Expected<'_>> {
        let mut names = path.split('/');
        let first = names.next().and_then(|name| self.expected.below(name));
        names.try_fold(first?, |place, name| place.below(name))
    }
}

/// What is wrong, and where in the document.
pub(super) fn said(what: &str, place: Option<Place>) -> String {
    match place {
        Some(place) => format!("{what} ({place})"),
        None => what.to_owned(),
    }
}

fn has_empty_name(path: &str) -> bool {
    path.strip_prefix('/').unwrap_or(path).split('/').any(str::is_empty)
}
