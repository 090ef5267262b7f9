//! A field whose directory holds the entries of a map, one key each.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use super::comparison::{Comparing, Same, is_same};
use super::decoder::{Decoder, Part};
use super::place::{Place, Stale};
use super::type_name::{TypeName, type_name};
use crate::leaf::FieldDefault;
use crate::leaf::{self, Decode, Leaf, Wanted};
use crate::problem::Kind;
use crate::runtime::panics;
use crate::shape::branch;
use crate::shape::layout::Field;
use crate::tree::{Node, Raw};

/// A map from names to values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a map that a directory of keys can be",
    label = "`HashMap` or `BTreeMap` is expected",
    note = "`#[etcd(map)]` makes each key below the field's directory an entry of a `HashMap` or a `BTreeMap`"
)]
pub trait Entries: Sized {
    type Key: Leaf + 'static;
    type Value;

    fn with_capacity(capacity: usize) -> Self;
    /// Whether the name was free.
    fn insert(&mut self, key: Self::Key, value: Self::Value) -> bool;
    fn remove(&mut self, key: &Self::Key);
    fn get(&self, key: &Self::Key) -> Option<&Self::Value>;
    fn get_mut(&mut self, key: &Self::Key) -> Option<&mut Self::Value>;
}

/// Reads a directory of leaves of the type `V`.
///
/// As with a nested part, what it needs of the map is asked for where it is made, and nowhere else.
pub struct MapPart<M, V> {
    decode: Decode<V>,
    same: Option<Same<V>>,
    read: fn(EntryDecoder<V>, &mut Decoder<'_>, Option<&mut M>) -> Option<M>,
}

/// A map of leaves, read by their type's own `Deserialize`.
pub fn map<M: Entries<Value: Leaf>>() -> MapPart<M, M::Value> {
    map_with(M::Value::from_text)
}

/// A map of leaves, read by a function.
pub fn map_with<M: Entries>(decode: Decode<M::Value>) -> MapPart<M, M::Value> {
    MapPart { decode, same: None, read: |reader, at, target| reader.read(at, target) }
}

impl<M, V> Part for MapPart<M, V> {
    type Value = M;

    fn read(&self, _field: &'static Field, at: &mut Decoder<'_>, target: Option<&mut M>) -> Option<M> {
        let before = at.problems();
        let reader = EntryDecoder { decode: self.decode };
        let fresh = (self.read)(reader, at, target);
        if at.problems() == before {
            at.compare_entries(|place| self.is_same(place));
        }
        fresh
    }

    fn survey(&self, _at: &mut Decoder<'_>) -> branch::Content {
        branch::Content::Map { entry: leaf::expectation(self.decode), ty: type_name::<V>() }
    }

    fn presence(&self) -> fn(Node<'_>) -> bool {
        |node| !node.children.is_empty()
    }
}

impl<M, V> MapPart<M, V> {
    /// Whether an entry is what it was in the published snapshot.
    fn is_same(&self, entry: Place<'_>) -> bool {
        let now = entry.node.and_then(|node| node.value);
        let (Some(before), Some(now)) = (entry.before.raw(), now) else {
            return entry.before.raw().is_none() && now.is_none();
        };
        let value = |raw: Raw<'_>| leaf::decode(std::str::from_utf8(raw.value).ok()?, self.decode).ok();
        before.value == now.value
            || self.same.is_some_and(|same| {
                value(before).zip(value(now)).is_some_and(|(before, now)| {
                    let is_same = is_same(same, before, &now);
                    panics::drop_caught(now);
                    is_same
                })
            })
    }
}

impl<M, V> Clone for MapPart<M, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, V> Copy for MapPart<M, V> {}

impl<M, V> Comparing for MapPart<M, V> {
    type Leaf = V;

    fn comparing(self, same: Same<V>) -> Self {
        Self { same: Some(same), ..self }
    }
}

/// How an entry is read.
struct EntryDecoder<V> {
    decode: Decode<V>,
}

impl<V> EntryDecoder<V> {
    fn value(&self, raw: Raw<'_>, at: &mut Decoder<'_>, name: &str) -> Option<V> {
        let text = std::str::from_utf8(raw.value);
        at.note_secret(text.unwrap_or_default());
        let failure = match text {
            Ok(text) => match leaf::decode(text, self.decode) {
                Ok(value) => return Some(value),
                Err(error) => Some(error),
            },
            Err(_) => None,
        };
        at.entry(name, TypeName::of::<V>(), |at| {
            let text = String::from_utf8_lossy(raw.value);
            let what = match failure {
                Some(error) => {
                    let ty = type_name::<V>();
                    let wanted = Wanted { ty: &ty, default: FieldDefault::Required, secret: at.is_secret() };
                    leaf::complaint(&text, wanted, self.decode, &error)
                }
                None => leaf::not_text(raw.value, at.is_secret()),
            };
            at.problem(Kind::Undecodable, what, Some(&text), Some(raw.revision()));
        });
        None
    }

    fn whole<M: Entries<Value = V>>(&self, at: &mut Decoder<'_>) -> Option<M> {
        let before = at.problems();
        let children = at.place().node.map(|node| node.children).into_iter().flatten();
        let mut entries = M::with_capacity(at.place().node.map_or(0, |node| node.children.len()));
        for (name, node) in children {
            let Some(raw) = entry_of(name, node) else { continue };
            let key = key_of::<M>(name, at);
            let value = self.value(raw, at, name);
            if let Some((key, value)) = key.zip(value)
                && !entries.insert(key, value)
            {
                note_duplicate::<M>(name, at);
            }
        }
        (at.problems() == before).then_some(entries)
    }

    fn read<M: Entries<Value = V>>(&self, at: &mut Decoder<'_>, target: Option<&mut M>) -> Option<M> {
        let (Some(target), Stale::Only(touched), true) = (target, at.place().stale, names_are_keys::<M>())
        else {
            return self.whole(at);
        };
        for name in touched.children.keys() {
            let node = at.place().node.and_then(|node| node.children.get(name));
            let Some(key) = key_of::<M>(name, at) else { continue };
            let Some(raw) = node.and_then(|node| entry_of(name, node)) else {
                target.remove(&key);
                continue;
            };
            if let Some(value) = self.value(raw, at, name) {
                match target.get_mut(&key) {
                    Some(slot) => *slot = value,
                    None => drop(target.insert(key, value)),
                }
            }
        }
        None
    }
}

/// What is stored for an entry. A key that ends with a slash marks a directory, and has no name.
fn entry_of<'n>(name: &str, node: Node<'n>) -> Option<Raw<'n>> {
    if name.is_empty() { None } else { node.value }
}

/// Whether every name is a key of its own, so that an entry can be told by its name alone.
pub(super) fn names_are_keys<M: Entries>() -> bool {
    TypeId::of::<M::Key>() == TypeId::of::<String>()
}

pub(super) fn key_of<M: Entries>(name: &str, at: &mut Decoder<'_>) -> Option<M::Key> {
    match leaf::decode(name, M::Key::from_text) {
        Ok(key) => Some(key),
        Err(error) => {
            let ty = type_name::<M::Key>();
            let wanted = Wanted { ty: &ty, default: FieldDefault::Required, secret: false };
            let what = leaf::complaint(name, wanted, M::Key::from_text, &error);
            at.entry(name, TypeName::Written(""), |at| {
                at.problem(Kind::Undecodable, format!("the name {what}"), None, None);
            });
            None
        }
    }
}

pub(super) fn note_duplicate<M: Entries>(name: &str, at: &mut Decoder<'_>) {
    let what =
        format!("its name is the same {} as the name of another key; leave one out", type_name::<M::Key>());
    at.entry(name, TypeName::Written(""), |at| at.problem(Kind::Undecodable, what, None, None));
}

impl<K: Leaf + Eq + Hash + 'static, V, S: BuildHasher + Default> Entries for HashMap<K, V, S> {
    type Key = K;
    type Value = V;

    fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, S::default())
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        self.insert(key, value).is_none()
    }

    fn remove(&mut self, key: &K) {
        self.remove(key);
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.get(key)
    }

    fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.get_mut(key)
    }
}

impl<K: Leaf + Ord + 'static, V> Entries for BTreeMap<K, V> {
    type Key = K;
    type Value = V;

    fn with_capacity(_capacity: usize) -> Self {
        Self::new()
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        self.insert(key, value).is_none()
    }

    fn remove(&mut self, key: &K) {
        self.remove(key);
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.get(key)
    }

    fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.get_mut(key)
    }
}
