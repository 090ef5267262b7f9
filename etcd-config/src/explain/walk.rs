//! Walks the fields over the states of the keys, side by side.

use super::compared::{ComparedPlace, Side, text};
use super::{Origin, Overridden, RealKeys, Row};
use crate::decode::{Context, DEEPEST};
use crate::leaf::{FieldDefault, cut};
use crate::schema::secrecy::Secrecy;
use crate::shape::branch::{Branch, Content, Member};
use crate::shape::field_key::FieldKey;
use crate::shape::layout::Field;
use crate::shape::path::field_path;
use crate::tree::{KeyTree, Node, Raw};

pub(super) struct Walk<'a> {
    context: &'a Context,
    secrecy: Secrecy<'a>,
    tree: &'a KeyTree,
    /// The keys that the store has.
    now: &'a Node,
    /// The keys that the snapshot was read from.
    published: &'a Node,
    /// The snapshot came from the cache.
    cached: bool,
    /// The structs on the way down.
    path: Vec<&'a Branch>,
    rows: Vec<Row>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(context: &'a Context, tree: &'a KeyTree, published: &'a Node) -> Self {
        let secrecy = Secrecy::of(context.schema().branch(), context.prefix());
        Self {
            context,
            secrecy,
            tree,
            now: tree.root(),
            published,
            cached: false,
            path: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The rows of all fields; `cached` says that the snapshot came from the cache.
    pub(super) fn rows(mut self, cached: bool) -> Vec<Row> {
        self.cached = cached;
        let side = |node| Some(Side { key: self.context.prefix().directory().to_owned(), node: Some(node) });
        let place = ComparedPlace {
            field: String::new(),
            secret: false,
            note: None,
            is_pinned: false,
            next: side(self.now),
            published: side(self.published),
            stored: side(self.now),
        };
        self.branch(self.context.schema().branch(), &place);
        self.rows
    }

    fn branch(&mut self, branch: &'a Branch, place: &ComparedPlace<'a>) {
        // No snapshot is deeper: an absolute key may lead to the same place again and again.
        if self.path.len() >= DEEPEST {
            return;
        }
        self.path.push(branch);
        for member in &branch.members {
            let below = self.locate(place, member);
            self.content(member.field, &member.content, &below);
        }
        self.path.pop();
    }

    fn content(&mut self, field: &'static Field, content: &'a Content, place: &ComparedPlace<'a>) {
        match content {
            Content::Leaf(_) => self.leaf(field, place),
            Content::Map { .. } => {
                let is_entry = |node: &Node| node.value.is_some();
                self.entries(place, is_entry, |walk, entry| walk.stored(entry, FieldDefault::Absent));
            }
            Content::Each(inner) => {
                let is_entry = |node: &Node| inner.is_present(node);
                self.entries(place, is_entry, |walk, entry| walk.content(field, inner, entry));
            }
            Content::Directory(branch) => self.branch(branch, place),
            Content::Optional(inner) => {
                let (present, before) = (place.only(|node| inner.is_present(node)), self.rows.len());
                if present.sides().next().is_some() {
                    self.content(field, inner, &present);
                }
                if place.next.is_some() && present.next.is_none() && self.rows.len() == before {
                    self.nothing(place);
                }
            }
            // Deeper than the keys there is nothing, however the type goes on.
            Content::Above(levels) if place.sides().any(|side| side.node.is_some()) => {
                let at = self.path.len().checked_sub(levels + 1);
                if let Some(branch) = at.and_then(|at| self.path.get(at).copied()) {
                    self.branch(branch, place);
                }
            }
            Content::Above(_) => {}
        }
    }

    fn entries(
        &mut self,
        place: &ComparedPlace<'a>,
        is_entry: impl Fn(&Node) -> bool,
        explain: impl Fn(&mut Self, &ComparedPlace<'a>),
    ) {
        let before = self.rows.len();
        for name in place.entry_names(&is_entry) {
            explain(self, &place.entry(name, &is_entry));
        }
        if place.next.is_some() && self.rows.len() == before {
            self.nothing(place);
        }
    }

    /// A directory in which there is nothing. What is stored at its own key is no value of it, then or now.
    fn nothing(&mut self, place: &ComparedPlace<'a>) {
        let place = ComparedPlace { published: place.next.clone(), is_pinned: false, ..place.clone() };
        self.push(&place, None, Origin::Nothing, None);
    }

    fn leaf(&mut self, field: &'static Field, place: &ComparedPlace<'a>) {
        let is_read = place.next.is_some() || place.published.is_some();
        let variable = field.env.and_then(|name| self.context.variable(name)).filter(|_| is_read);
        if let Some(Ok(text)) = variable {
            self.push(place, Some(cut(text)), Origin::Environment, None);
        } else if place.next.is_none() || place.next_raw().is_some() {
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

    /// A key, which may be gone or wait for a restart. `default` is what an absent key would mean.
    fn stored(&mut self, place: &ComparedPlace<'a>, default: FieldDefault) {
        match place.next_raw() {
            Some(raw) => self.push(place, Some(text(raw)), Origin::Etcd, Some(default)),
            None if place.published_raw().or(place.stored_raw()).is_some() => {
                self.push(place, None, Origin::Nothing, None);
            }
            None => {}
        }
    }

    fn push(
        &mut self,
        place: &ComparedPlace<'a>,
        value: Option<String>,
        origin: Origin,
        default: Option<FieldDefault>,
    ) {
        let is_secret = |key: &str| {
            let path = self.context.prefix().relative(key.trim_end_matches('/').as_bytes());
            path.is_some_and(|path| self.secrecy.is_secret(path))
        };
        // By this field, or by any other that reads one of the keys, of which most places have one.
        let key = place.key();
        let mut others = place.sides().map(|side| side.key.as_str()).filter(|other| *other != key);
        let secret = place.secret || is_secret(key) || others.any(is_secret);
        let keys = self.real_keys(place, secret);
        self.rows.push(Row::of(place, keys, value, origin, default, (secret, self.cached)));
    }

    fn real_keys(&self, place: &ComparedPlace<'a>, secret: bool) -> RealKeys {
        let raw = place.next_raw().or(place.published_raw()).or(place.stored_raw());
        let in_layer = |key: &str, raw: Option<&Raw>| {
            let path = key.strip_prefix(self.context.prefix().directory());
            path.map_or_else(|| key.to_owned(), |path| self.tree.key_of_raw(path, raw))
        };
        let key = in_layer(place.key(), raw);
        let published = place.published.as_ref().zip(place.published_raw());
        let in_force = published
            .filter(|_| !self.tree.layers().is_empty())
            .map(|(side, raw)| in_layer(&side.key, Some(raw)))
            .filter(|in_force| *in_force != key);
        let layer = raw.and_then(|raw| self.tree.layer_of(raw)).map(str::to_owned);
        RealKeys { layer, key, in_force, overridden: self.overridden(place, secret) }
    }

    /// What lower layers have in the place of a value that is read.
    fn overridden(&self, place: &ComparedPlace<'a>, secret: bool) -> Vec<Overridden> {
        let side = place.next.as_ref().zip(place.next_raw()).filter(|_| !self.tree.layers().is_empty());
        let found = side.and_then(|(side, raw)| {
            let path = side.key.strip_prefix(self.context.prefix().directory())?;
            Some(self.tree.overridden(path, raw))
        });
        let overridden = |(key, raw): (String, &Raw)| Overridden {
            layer: self.tree.layer_of(raw).unwrap_or_default().to_owned(),
            key,
            value: (!secret).then(|| text(raw)),
            revision: raw.revision(),
        };
        found.into_iter().flatten().map(overridden).collect()
    }

    /// The place of a field, in each state by the name that it has there.
    fn locate(&self, place: &ComparedPlace<'a>, member: &'a Member) -> ComparedPlace<'a> {
        let (field, prefix) = (member.field, self.context.prefix());
        let read = |side: Option<&Side<'a>>, root: &'a Node| -> Option<(FieldKey, Side<'a>)> {
            let side = side?;
            let find = |name: FieldKey| Some(name.find(side.node, root, prefix));
            let (name, node) =
                field.resolve(find, |node| node.is_some_and(|node| member.content.is_present(node)))?;
            Some((name, side.child(name.written(), node)))
        };
        let stored = read(place.stored.as_ref(), self.now);
        let pin = self.context.pinned(&place.field, field.name).filter(|_| field.restart || place.is_pinned);
        let [next, published] = if let Some(pin) = pin {
            let now = stored.as_ref().and_then(|(_, side)| side.node);
            let pinned = |side: &Side<'a>| match &stored {
                // With the revisions of now.
                Some(stored) if Node::same_values(pin.node.as_ref(), now) => stored.clone(),
                _ => (pin.name, side.child(pin.name.written(), pin.node.as_ref())),
            };
            [&place.next, &place.published].map(|side| side.as_ref().map(pinned))
        } else {
            [read(place.next.as_ref(), self.now), read(place.published.as_ref(), self.published)]
        };
        let is_old = |(name, _): &(FieldKey, Side<'a>)| name.written() != field.key;
        let note = next.as_ref().filter(|next| is_old(next)).map(|_| format!("an old name of {}", field.key));
        let side = |(_, side)| side;
        ComparedPlace {
            field: field_path(&place.field, field.name),
            secret: place.secret || field.secret,
            note: note.or_else(|| place.note.clone()),
            is_pinned: place.is_pinned || pin.is_some(),
            next: next.map(side),
            published: published.map(side),
            stored: stored.map(side),
        }
    }
}
