//! A field that is a directory of its own: a struct, or a map of structs.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use super::decoder::{Decoder, Part};
use super::derived::Derived;
use super::map_part::{Entries, key_of, names_are_keys, note_duplicate};
use super::place::Stale;
use super::type_name::TypeName;
use crate::leaf::Leaf;
use crate::schema::ENTRY;
use crate::shape::branch;
use crate::shape::branch::Branch;
use crate::shape::layout::Field;
use crate::tree::Node;

/// What a directory of keys can be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be `nested`: its struct does not derive `EtcdConfig`",
    label = "the field is a directory of keys, and nothing says which",
    note = "add `#[derive(EtcdConfig)]` to the struct; `nested` takes such a struct, or an `Option`, \
            a `HashMap`, a `BTreeMap`, an `Arc` or a `Box` of one",
    note = "for one key that holds JSON, derive `serde::Deserialize` for it and leave `nested` out"
)]
pub trait Nested: Sized {
    fn read(at: &mut Decoder<'_>, target: Option<&mut Self>) -> Option<Self>;

    /// Whether the keys at a place make one.
    fn is_present(node: Node<'_>) -> bool;

    fn survey(at: &mut Decoder<'_>) -> branch::Content;
}

/// Reads a directory.
///
/// What it needs of the type is asked for where a part is made, and nowhere else: a type that
/// cannot be nested is one mistake, and is to be one message.
pub struct NestedPart<T> {
    read: fn(&mut Decoder<'_>, Option<&mut T>) -> Option<T>,
    survey: fn(&mut Decoder<'_>) -> branch::Content,
    is_present: fn(Node<'_>) -> bool,
}

/// A directory of its own.
pub fn nested<T: Nested>() -> NestedPart<T> {
    NestedPart { read: T::read, survey: T::survey, is_present: T::is_present }
}

/// The fields of another struct, among those of this one.
pub fn flattened<T: Derived>() -> NestedPart<T> {
    nested()
}

impl<T> Part for NestedPart<T> {
    type Value = T;

    fn read(&self, _field: &'static Field, at: &mut Decoder<'_>, target: Option<&mut T>) -> Option<T> {
        (self.read)(at, target)
    }

    fn survey(&self, at: &mut Decoder<'_>) -> branch::Content {
        (self.survey)(at)
    }

    fn presence(&self) -> fn(Node<'_>) -> bool {
        self.is_present
    }
}

#[diagnostic::do_not_recommend]
impl<T: Derived> Nested for T {
    fn read(at: &mut Decoder<'_>, target: Option<&mut Self>) -> Option<Self> {
        at.deeper(|at| T::read(at, target))
    }

    fn is_present(node: Node<'_>) -> bool {
        T::LAYOUT.newtype || !node.children.is_empty()
    }

    fn survey(at: &mut Decoder<'_>) -> branch::Content {
        let members = at.members(TypeId::of::<T>(), |at| drop(T::read(at, None)));
        match members {
            Ok(members) => branch::Content::Directory(Arc::new(Branch { layout: T::LAYOUT, members })),
            Err(up) => branch::Content::Above(up),
        }
    }
}

impl<T: Nested> Nested for Option<T> {
    fn read(at: &mut Decoder<'_>, target: Option<&mut Self>) -> Option<Self> {
        let is_present = at.place().node.is_some_and(T::is_present);
        at.compare_presence(T::is_present);
        let Some(target) = target else {
            return if is_present { T::read(at, None).map(Some) } else { Some(None) };
        };
        match target {
            _ if !is_present => *target = None,
            Some(value) => drop(T::read(at, Some(value))),
            None => *target = T::read(at, None),
        }
        None
    }

    fn is_present(node: Node<'_>) -> bool {
        T::is_present(node)
    }

    fn survey(at: &mut Decoder<'_>) -> branch::Content {
        branch::Content::Optional(Box::new(T::survey(at)))
    }
}

impl<K: Leaf + Eq + Hash + 'static, V: Nested, S: BuildHasher + Default> Nested for HashMap<K, V, S> {
    fn read(at: &mut Decoder<'_>, target: Option<&mut Self>) -> Option<Self> {
        read_entries(at, target)
    }

    fn is_present(node: Node<'_>) -> bool {
        !node.children.is_empty()
    }

    fn survey(at: &mut Decoder<'_>) -> branch::Content {
        survey_entry::<V>(at)
    }
}

impl<K: Leaf + Ord + 'static, V: Nested> Nested for BTreeMap<K, V> {
    fn read(at: &mut Decoder<'_>, target: Option<&mut Self>) -> Option<Self> {
        read_entries(at, target)
    }

    fn is_present(node: Node<'_>) -> bool {
        !node.children.is_empty()
    }

    fn survey(at: &mut Decoder<'_>) -> branch::Content {
        survey_entry::<V>(at)
    }
}

fn survey_entry<V: Nested>(at: &mut Decoder<'_>) -> branch::Content {
    branch::Content::Each(Box::new(at.entry(ENTRY, TypeName::of::<V>(), V::survey)))
}

fn read_entries<M: Entries<Value: Nested>>(at: &mut Decoder<'_>, target: Option<&mut M>) -> Option<M> {
    let ty = TypeName::of::<M::Value>();
    at.compare_entries(|place| {
        place.before.outline().is_some_and(|was| M::Value::is_present(was.read()))
            == place.node.is_some_and(M::Value::is_present)
    });
    let (Some(target), Stale::Only(touched)) = (target, at.place().stale) else { return all_entries(at, ty) };
    if !names_are_keys::<M>() {
        *target = all_entries(at, ty)?;
        return None;
    }
    for name in touched.children.keys() {
        let Some(key) = key_of::<M>(name, at) else { continue };
        let node = at.place().node.and_then(|node| node.children.get(name));
        if name.is_empty() || !node.is_some_and(M::Value::is_present) {
            target.remove(&key);
            continue;
        }
        match target.get_mut(&key) {
            Some(value) => drop(at.entry(name, ty, |at| M::Value::read(at, Some(value)))),
            None => {
                if let Some(value) = at.entry(name, ty, |at| M::Value::read(at, None)) {
                    target.insert(key, value);
                }
            }
        }
    }
    None
}

fn all_entries<M: Entries<Value: Nested>>(at: &mut Decoder<'_>, ty: TypeName) -> Option<M> {
    let before = at.problems();
    let children = at.place().node.map(|node| node.children).into_iter().flatten();
    let mut entries = M::with_capacity(at.place().node.map_or(0, |node| node.children.len()));
    for (name, node) in children {
        if name.is_empty() || !M::Value::is_present(node) {
            continue;
        }
        let key = key_of::<M>(name, at);
        let value = at.entry(name, ty, |at| M::Value::read(at, None));
        if let Some((key, value)) = key.zip(value)
            && !entries.insert(key, value)
        {
            note_duplicate::<M>(name, at);
        }
    }
    (at.problems() == before).then_some(entries)
}
