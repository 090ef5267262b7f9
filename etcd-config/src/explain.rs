//! Where each value of a configuration comes from.

mod place;

use std::fmt;

use etcd_client_core::Printable;

use self::place::{Spot, text, value_of};
use crate::decode::{Context, DEEPEST};
use crate::leaf::FieldDefault;
use crate::leaf::cut;
use crate::schema::secrecy::Secrecy;
use crate::shape::branch::{Branch, Part};
use crate::shape::layout::Field;
use crate::tree::{KeyTree, Mark, Node, Raw, Touched};

/// The widest column. What is longer moves the rest of its own line, and of no other.
const COLUMN: usize = 80;

/// For each field its key, its value, where that comes from and since when: a table, printed by
/// `Display`.
///
/// Values are shown as they are stored. Those of secrets are `•••`, long ones are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    rows: Vec<Row>,
    /// There is not a single key: where there should be some.
    empty: Option<String>,
}

/// One field in an [`Explanation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    field: String,
    key: String,
    value: Option<String>,
    secret: bool,
    origin: Origin,
    revision: Option<u64>,
    in_force: Option<String>,
    stored: Option<String>,
    note: Option<String>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A key in etcd.
    Etcd,
    /// A key, as the offline cache has it.
    Cache,
    /// The default; there is no such key.
    Default,
    /// An environment variable, which comes before the key.
    Environment,
    /// Nothing: an `Option` without a key, a map without entries.
    Nothing,
    /// Nothing, although the field wants a value: the configuration was refused.
    Missing,
}

impl Explanation {
    /// The fields, in the order of the source.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl Row {
    /// The path of the field, such as `database.pool_size`, with the names of the entries as they are
    /// stored: [`Printable`] shows it.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The whole key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The text of the value; `None` for a secret, and where there is none.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref().filter(|_| !self.secret)
    }

    /// The text of the value that the snapshot was read from. It differs from [`value`](Self::value) where
    /// an update was refused or waits. `None` for a secret, and where there is none.
    pub fn in_force(&self) -> Option<&str> {
        self.in_force.as_deref()
    }

    /// The text that the store has now at the key. It differs from [`value`](Self::value) where a change
    /// waits for a restart. `None` for a secret, and where there is no key.
    pub fn stored(&self) -> Option<&str> {
        self.stored.as_deref()
    }

    /// Where the value comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The revision at which the key was set.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// What else is to be known: a refused value, one that waits for a restart, an old name.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    fn shown(&self) -> String {
        match (&self.value, self.secret) {
            (Some(_), true) => "•••".to_owned(),
            (Some(value), false) => Printable::line(value).to_string(),
            (None, _) => "-".to_owned(),
        }
    }
}

/// Explains what is read from `tree`, of which what is `unpublished` is not in the snapshot; `cached`
/// says that the rest came from the offline cache.
pub fn explain(tree: &KeyTree, context: &Context, unpublished: &Touched, cached: bool) -> Explanation {
    let secrecy = Secrecy::of(context.schema(), tree.prefix());
    let mut explainer =
        Explainer { tree, context, secrecy, unpublished, cached, path: Vec::new(), rows: Vec::new() };
    let place = Spot {
        node: Some(tree.root()),
        key: tree.prefix().directory().to_owned(),
        field: String::new(),
        secret: false,
        note: None,
        is_pinned: false,
        waiting: None,
        read_from: None,
    };
    explainer.branch(context.schema().branch(), &place);
    let empty = tree.is_empty().then(|| tree.prefix().to_string());
    Explanation { rows: explainer.rows, empty }
}

struct Explainer<'a> {
    tree: &'a KeyTree,
    context: &'a Context,
    secrecy: Secrecy<'a>,
    unpublished: &'a Touched,
    cached: bool,
    /// The structs on the way down.
    path: Vec<&'a Branch>,
    rows: Vec<Row>,
}

impl<'a> Explainer<'a> {
    fn branch(&mut self, branch: &'a Branch, place: &Spot<'a>) {
        self.path.push(branch);
        for member in &branch.members {
            let below = self.locate(place, member.field);
            self.part(member.field, &member.part, &below);
        }
        self.path.pop();
    }

    fn part(&mut self, field: &'static Field, part: &'a Part, place: &Spot<'a>) {
        let children = || place.node.map(|node| &node.children).into_iter().flatten();
        match part {
            Part::Leaf(_) => self.leaf(field, place),
            Part::Map { .. } => {
                let before = self.rows.len();
                for (name, node) in children().filter(|(name, node)| !name.is_empty() && node.value.is_some())
                {
                    let entry = place.child(Some(node), name, name, false);
                    self.stored(&entry, FieldDefault::Absent);
                }
                self.gone(place, |node| node.value.is_some());
                self.added(place, |node| node.value.is_some());
                self.nothing_since(before, place);
            }
            Part::Directory(branch) => self.branch(branch, place),
            Part::Optional(inner) if place.node.is_some_and(|node| stands(inner, node)) => {
                self.part(field, inner, place);
            }
            Part::Optional(_) => {
                let before = self.rows.len();
                self.gone(place, |_| false);
                self.added(place, |_| false);
                self.nothing_since(before, place);
            }
            Part::Each(inner) => {
                let before = self.rows.len();
                for (name, node) in children().filter(|(name, node)| !name.is_empty() && stands(inner, node))
                {
                    let entry = place.child(Some(node), name, name, false);
                    self.part(field, inner, &entry);
                }
                self.gone(place, |node| stands(inner, node));
                self.added(place, |node| stands(inner, node));
                self.nothing_since(before, place);
            }
            Part::Above(levels) => {
                let at = self.path.len().checked_sub(levels + 1);
                if let Some(branch) = at.and_then(|at| self.path.get(at).copied()) {
                    // Deeper than the keys there is nothing, however the type goes on; and an absolute key may lead
                    // to the same place again and again.
                    if place.node.is_some() && self.path.len() < DEEPEST {
                        self.branch(branch, place);
                    }
                }
            }
        }
    }

    fn leaf(&mut self, field: &'static Field, place: &Spot<'a>) {
        if let Some(Ok(text)) = field.env.and_then(|name| self.context.variable(name)) {
            self.push(place, Some(cut(text)), Origin::Environment, None);
        } else if place.shown().is_some() {
            self.stored(place, field.default);
        } else {
            let (text, origin) = match field.default {
                FieldDefault::Text(text) | FieldDefault::Expression(text) => {
                    (Some(cut(text)), Origin::Default)
                }
                FieldDefault::Absent => (None, Origin::Nothing),
                FieldDefault::Required => (None, Origin::Missing),
            };
            self.push(place, text, origin, Some(field.default));
        }
    }

    /// `default` is what an absent key would have meant.
    fn stored(&mut self, place: &Spot<'a>, default: FieldDefault) {
        let Some(raw) = place.shown() else { return };
        let is_from_cache = self.cached && (place.is_pinned || !self.is_not_in_force(place));
        let origin = if is_from_cache { Origin::Cache } else { Origin::Etcd };
        self.push(place, Some(text(raw)), origin, Some(default));
    }

    /// What the store does not hold any more below a place, but the snapshot does; except
    /// what is shown already.
    fn gone(&mut self, place: &Spot<'a>, is_shown: impl Fn(&Node) -> bool) {
        let Some(mark) = self.mark(place).filter(|_| !place.is_pinned) else { return };
        for (name, mark) in &mark.children {
            let node = place.node.and_then(|node| node.children.get(name));
            if !node.is_some_and(&is_shown) {
                self.gone_at(mark, &place.child(node, name, name, false));
            }
        }
    }

    fn gone_at(&mut self, mark: &'a Mark, place: &Spot<'a>) {
        if place.node.is_none_or(|node| node.value.is_none()) && mark.differs(None) {
            self.push(place, None, Origin::Nothing, None);
        }
        for (name, mark) in &mark.children {
            let node = place.node.and_then(|node| node.children.get(name));
            self.gone_at(mark, &place.child(node, name, name, false));
        }
    }

    /// What has come below a place since the start, and a restart would bring into force. What is shown
    /// already is left out.
    fn added(&mut self, place: &Spot<'a>, is_shown: impl Fn(&Node) -> bool) {
        for (name, _) in place.waiting.map(|now| &now.children).into_iter().flatten() {
            let node = place.node.and_then(|node| node.children.get(name));
            if !node.is_some_and(&is_shown) {
                self.added_at(&place.child(node, name, name, false));
            }
        }
    }

    fn added_at(&mut self, place: &Spot<'a>) {
        if place.shown().is_none() && place.now().is_some() {
            self.push(place, None, Origin::Nothing, None);
        }
        self.added(place, |_| false);
    }

    fn mark(&self, place: &Spot<'a>) -> Option<&'a Mark> {
        self.unpublished.root().descend(self.path(&place.key)?)
    }

    /// The path of a whole key below the prefix.
    fn path<'k>(&self, key: &'k str) -> Option<&'k str> {
        let path = self.tree.prefix().relative(key.trim_end_matches('/').as_bytes()).unwrap_or_default();
        std::str::from_utf8(path).ok()
    }

    /// Whether the snapshot was read from something else than what is at this place now.
    fn is_not_in_force(&self, place: &Spot<'a>) -> bool {
        place.read_from.is_some() || self.mark(place).is_some_and(|mark| mark.differs(place.shown()))
    }

    /// What the snapshot was read from, where that is not what is at this place now.
    fn before(&self, place: &Spot<'a>) -> Option<&'a Raw> {
        let path = self.path(place.read_from.as_deref().unwrap_or(&place.key))?;
        let now = self.tree.root().descend(path).and_then(|node| node.value.as_ref());
        self.unpublished.root().descend(path).map_or(now, |mark| mark.before(now))
    }

    fn nothing_since(&mut self, before: usize, place: &Spot<'a>) {
        if self.rows.len() == before {
            self.push(place, None, Origin::Nothing, None);
        }
    }

    fn push(
        &mut self,
        place: &Spot<'a>,
        value: Option<String>,
        origin: Origin,
        default: Option<FieldDefault>,
    ) {
        let key = place.key.trim_end_matches('/');
        let is_secret = |key: &str| {
            let path = self.tree.prefix().relative(key.as_bytes());
            path.is_some_and(|path| self.secrecy.is_secret(path))
        };
        // By this field, or by any other that reads the key.
        let secret = place.secret || is_secret(key) || place.read_from.as_deref().is_some_and(is_secret);
        let place = &Spot { secret, ..place.clone() };
        let is_settled = place.is_pinned || origin == Origin::Environment;
        let is_awaited = !is_settled && self.is_not_in_force(place);
        let before = self.before(place).filter(|_| is_awaited);
        let waits = place.is_pinned && value_of(place.now()) != value_of(place.shown());
        let notes = [
            is_awaited.then(|| place.not_in_force(before, default)),
            waits.then(|| place.note_of_waiting()),
            place.note.clone(),
        ];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        let in_force = match default {
            _ if !is_awaited => value.clone(),
            Some(FieldDefault::Text(text) | FieldDefault::Expression(text)) if before.is_none() => {
                Some(cut(text))
            }
            _ => before.map(text),
        };
        let revision = place.shown().map(|raw| raw.revision);
        self.rows.push(Row {
            field: place.field.clone(),
            key: key.to_owned(),
            // Not even `Debug` shows a secret.
            value: if secret { value.map(|_| String::new()) } else { value },
            secret,
            origin,
            revision: revision.filter(|_| matches!(origin, Origin::Etcd | Origin::Cache)),
            in_force: in_force.filter(|_| !secret),
            stored: place.now().map(text).filter(|_| !secret),
            note: (!notes.is_empty()).then(|| notes.join("; ")),
        });
    }

    /// The place of a field: its key or its first alias that is there, as it was pinned.
    fn locate(&self, place: &Spot<'a>, field: &'static Field) -> Spot<'a> {
        let resolve = |key: &'static str| {
            if !key.starts_with('/') {
                return place.node.and_then(|node| node.descend(key));
            }
            let path = self.tree.prefix().relative(key.as_bytes())?;
            self.tree.root().descend(std::str::from_utf8(path).ok()?)
        };
        let at = |name: &'static str, node: Option<&'a Node>| {
            let mut below = place.child(node, name, field.name, field.secret);
            if place.is_pinned {
                let now = |name: &'static str| match name.strip_prefix('/') {
                    Some(_) => resolve(name),
                    None => place.waiting?.descend(name),
                };
                below.waiting = field.names().find_map(now);
            }
            if name != field.key {
                below.note = Some(format!("an old name of {}", field.key));
            }
            below
        };
        let names: Vec<_> = field.names().map(|name| at(name, resolve(name))).collect();
        let found = names.iter().position(|below| below.node.is_some());
        let mut below = names.get(found.unwrap_or(0)).unwrap_or(place).clone();
        let read_from = names.iter().find(|name| self.before(name).is_some()).map(|name| name.key.clone());
        below.read_from = read_from.filter(|key| *key != below.key).or(below.read_from);
        let Some(pin) = self.context.pinned(&place.field, field.name).filter(|_| field.restart) else {
            return below;
        };
        let now = below.node;
        if !Node::same_values(pin.node.as_ref(), now) {
            below = at(pin.name, pin.node.as_ref());
        }
        (below.is_pinned, below.waiting) = (true, now);
        below
    }
}

fn stands(part: &Part, node: &Node) -> bool {
    match part {
        Part::Directory(branch) => branch.layout.newtype || !node.children.is_empty(),
        Part::Optional(inner) => stands(inner, node),
        Part::Leaf(_) => node.value.is_some(),
        Part::Map { .. } | Part::Each(_) | Part::Above(_) => !node.children.is_empty(),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Etcd => "etcd",
            Self::Cache => "cache",
            Self::Default => "default",
            Self::Environment => "environment",
            Self::Nothing => "absent",
            Self::Missing => "missing",
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![["FIELD", "KEY", "VALUE", "SOURCE", "REVISION", ""].map(str::to_owned)];
        lines.extend(self.rows.iter().map(|row| {
            let revision = row.revision.map_or_else(|| "-".to_owned(), |revision| revision.to_string());
            let note = row.note.clone().unwrap_or_default();
            let (field, key) =
                (Printable::line(&row.field).to_string(), Printable::line(&row.key).to_string());
            [field, key, row.shown(), row.origin.to_string(), revision, note]
        }));
        let widths: Vec<usize> = (0..6)
            .map(|column| {
                lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0).min(COLUMN)
            })
            .collect();
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            let mut text = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                text.push_str(cell);
                text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 2));
            }
            f.write_str(text.trim_end())?;
        }
        let mut empty = self.empty.iter();
        empty.try_for_each(|prefix| write!(f, "\nthere is no key at all below {prefix}"))
    }
}
