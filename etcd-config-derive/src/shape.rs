//! Types that a field of its kind cannot have, as far as they can be told by the way they are written.

use syn::Type;

use crate::ast::Field;
use crate::attr::ungrouped_type;
use crate::errors::Errors;
use crate::ty::{LISTS, MAPS, is_known, named, option_of, written};

/// Notes what is wrong with the type of a field that has no other mistake.
pub(crate) fn check_type(field: &Field<'_>, errors: &mut Errors) {
    let types = all_in(field.ty);
    let is_read_as_it_is =
        field.attrs.skip.is_none() && field.attrs.with.is_none() && field.attrs.decode_with.is_none();
    let reference = types.iter().find(|ty| is_read_as_it_is && is_static(ty));
    if let Some(Type::Reference(reference)) = reference {
        let owned = match written(&reference.elem) {
            text if text == "str" => "`String`, or `Arc<str>` with serde's feature `rc`,".to_owned(),
            inner => format!("`{inner}` itself"),
        };
        let message = "a configuration owns what it holds, because it outlives every answer of the server";
        errors.at(reference, format!("{message}: use {owned} in the place of the reference"));
    } else if let Some(rc) = types.iter().find(|ty| is_rc(ty)) {
        errors.at(rc, "a configuration is shared between threads, and an `Rc` is not: use `Arc`");
    } else if field.attrs.skip.is_none()
        && let Some(reason) = type_misfit(field)
    {
        errors.at(field.ty, reason);
    }
}

/// Any other lifetime is one of the struct, and a mistake of its own.
fn is_static(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else { return false };
    reference.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident == "static")
}

/// Whether a value of the type stays in one thread, so that no struct that has it can be a configuration.
pub(crate) fn stays_in_one_thread(ty: &Type) -> bool {
    all_in(ty).into_iter().any(is_rc)
}

fn is_rc(ty: &Type) -> bool {
    named(ty).is_some_and(|(name, _)| name == "Rc")
}

/// A type and those in its angle brackets.
fn all_in(ty: &Type) -> Vec<&Type> {
    let inner = match ungrouped_type(ty) {
        Type::Array(array) => vec![&*array.elem],
        Type::Tuple(tuple) => tuple.elems.iter().collect(),
        ty => named(ty).map(|(_, arguments)| arguments).unwrap_or_default(),
    };
    std::iter::once(ungrouped_type(ty)).chain(inner.into_iter().flat_map(all_in)).collect()
}

fn type_misfit(field: &Field<'_>) -> Option<String> {
    let (attrs, inner) = (&field.attrs, option_of(field.ty));
    let ty = WrittenType::of(field.ty)?;
    if attrs.nested.is_some() {
        ty.unfit_for_nested().or_else(|| ty.doubled(inner))
    } else if attrs.map.is_some() {
        ty.unfit_for_map()
    } else if attrs.flatten.is_some() {
        ty.unfit_for_flatten()
    } else {
        ty.doubled(inner)
    }
}

/// A type as it is written.
struct WrittenType<'a> {
    name: String,
    whole: &'a Type,
    /// The types in its angle brackets.
    arguments: Vec<&'a Type>,
}

impl<'a> WrittenType<'a> {
    fn of(ty: &'a Type) -> Option<Self> {
        let (name, arguments) = named(ty)?;
        Some(Self { name, whole: ty, arguments })
    }

    fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name.as_str())
    }

    /// The type of what is in it.
    fn element(&self) -> String {
        self.arguments.last().map_or_else(|| "...".to_owned(), |last| written(last))
    }

    fn doubled(&self, inner: Option<&Type>) -> Option<String> {
        inner.and_then(option_of)?;
        let inner = self.element();
        Some(format!("what is absent is the outer `None`, and the inner one never comes: make it `{inner}`"))
    }

    fn unfit_for_nested(&self) -> Option<String> {
        let (name, element) = (&self.name, self.element());
        if self.is(&LISTS) {
            return Some(format!(
                "`nested` on a `{name}`: the structs in it would be directories without names; make it \
                 `BTreeMap<String, {element}>`, or leave `nested` out and derive `serde::Deserialize` for \
                 `{element}`: then one key holds all of them as JSON"
            ));
        }
        if self.is(&MAPS) && self.arguments.get(1).is_some_and(|value| is_known(value)) {
            return Some(format!(
                "`nested` is for directories of structs, and a `{element}` is one key: for an entry a key there is \
                 `map`"
            ));
        }
        is_known(self.whole).then(|| {
            format!("`nested` is for a directory of keys, and a `{name}` is one key: leave `nested` out")
        })
    }

    fn unfit_for_map(&self) -> Option<String> {
        let (name, element) = (&self.name, self.element());
        if name == "Option" {
            return Some(format!("`map` on an `Option`: without keys the map is empty; make it `{element}`"));
        }
        if self.is(&LISTS) {
            return Some(format!(
                "`map` makes each key of a directory an entry with a name, and a `{name}` has none: make it \
                 `BTreeMap<String, {element}>`, or leave `map` out: then one key holds the list as JSON"
            ));
        }
        is_known(self.whole)
            .then(|| format!("`map` is for a directory of keys, and a `{name}` is one key: leave `map` out"))
    }

    fn unfit_for_flatten(&self) -> Option<String> {
        let name = &self.name;
        if name == "Option" {
            return Some(format!(
                "`flatten` on an `Option`: its keys are among those of this struct, so there is no directory that \
                 could be absent; make it `{}` with fields that are `Option`s, or use `nested`",
                self.element()
            ));
        }
        if self.is(&MAPS) {
            return Some(format!(
                "`flatten` takes a struct that derives `EtcdConfig`, and a `{name}` would take the keys of all \
                 other fields for its own: give it a directory with `nested` or `map`"
            ));
        }
        let whole = written(self.whole);
        (self.is(&LISTS) || is_known(self.whole)).then(|| {
            format!("`flatten` is for the fields of another struct, and a `{whole}` is one key: leave `flatten` out")
        })
    }
}
