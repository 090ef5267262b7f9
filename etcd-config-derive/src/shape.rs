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
        && let Some(reason) = misfit(field)
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

fn misfit(field: &Field<'_>) -> Option<String> {
    let (attrs, ty) = (&field.attrs, field.ty);
    let (name, arguments) = named(ty)?;
    let whole = written(ty);
    let is_single = is_known(ty);
    let is = |names: &[&str]| names.contains(&name.as_str());
    if attrs.map.is_none() && attrs.flatten.is_none() && option_of(ty).and_then(option_of).is_some() {
        let inner = option_of(ty).map(written).unwrap_or_default();
        return Some(format!(
            "what is absent is the outer `None`, and the inner one never comes: make it `{inner}`"
        ));
    }
    let element = arguments.last().map_or_else(|| "...".to_owned(), |last| written(last));
    if attrs.nested.is_some() && is(&LISTS) {
        return Some(format!(
            "`nested` on a `{name}`: the structs in it would be directories without names; make it \
             `BTreeMap<String, {element}>`, or leave `nested` out and derive `serde::Deserialize` for `{element}`: \
             then one key holds all of them as JSON"
        ));
    }
    if attrs.nested.is_some() && is(&MAPS) && arguments.get(1).is_some_and(|value| is_known(value)) {
        return Some(format!(
            "`nested` is for directories of structs, and a `{element}` is one key: for an entry a key there is `map`"
        ));
    }
    if attrs.nested.is_some() && is_single {
        return Some(format!(
            "`nested` is for a directory of keys, and a `{name}` is one key: leave `nested` out"
        ));
    }
    if attrs.map.is_some() && name == "Option" {
        let inner = option_of(ty).map(written).unwrap_or_default();
        return Some(format!("`map` on an `Option`: without keys the map is empty; make it `{inner}`"));
    }
    if attrs.map.is_some() && is(&LISTS) {
        return Some(format!(
            "`map` makes each key of a directory an entry with a name, and a `{name}` has none: make it \
             `BTreeMap<String, {element}>`, or leave `map` out: then one key holds the list as JSON"
        ));
    }
    if attrs.map.is_some() && is_single {
        return Some(format!("`map` is for a directory of keys, and a `{name}` is one key: leave `map` out"));
    }
    if attrs.flatten.is_some() && name == "Option" {
        let inner = option_of(ty).map(written).unwrap_or_default();
        return Some(format!(
            "`flatten` on an `Option`: its keys are among those of this struct, so there is no directory that could \
             be absent; make it `{inner}` with fields that are `Option`s, or use `nested`"
        ));
    }
    if attrs.flatten.is_some() && is(&MAPS) {
        return Some(format!(
            "`flatten` takes a struct that derives `EtcdConfig`, and a `{name}` would take the keys of all other \
             fields for its own: give it a directory with `nested` or `map`"
        ));
    }
    let is_one = is(&LISTS) || is_single;
    (attrs.flatten.is_some() && is_one).then(|| {
        format!(
            "`flatten` is for the fields of another struct, and a `{whole}` is one key: leave `flatten` out"
        )
    })
}
