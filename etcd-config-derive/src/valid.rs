//! What cannot be meant, although each attribute alone is right.

use std::collections::HashMap;

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{GenericParam, LitStr};

use crate::ast::{Field, Input};
use crate::attr::{self, Layers};
use crate::errors::Errors;
use crate::expand::key_of;
use crate::key::{check_key, check_prefix};
use crate::primitive::literal_misfit;
use crate::serde;
use crate::shape::check_type;
use crate::ty::{described, option_of};

pub(crate) fn check(input: &Input<'_>, errors: &mut Errors) {
    check_generics(input, errors);
    if let Some(prefix) = &input.attrs.prefix {
        check_prefix(prefix, errors);
    }
    if let Some(layers) = &input.attrs.layers {
        check_layers(layers, input.attrs.prefix.as_ref(), errors);
    }
    if let Some(key) = &input.attrs.commit_key {
        check_commit_key(key, input.attrs.prefix.as_ref(), errors);
    }
    if input.attrs.ignore_serde.is_none() {
        serde::check_struct(input, errors);
    }
    for field in &input.fields {
        if input.attrs.ignore_serde.is_none() && !field.attrs.broken {
            serde::check_field(field, errors);
        }
        check_field(field, errors);
        if input.newtype {
            check_newtype(field, errors);
        }
    }
    check_same_keys(input, errors);
}

/// Layers lie above the prefix, each beside all others.
fn check_layers(layers: &Layers, prefix: Option<&LitStr>, errors: &mut Errors) {
    if prefix.is_none() {
        let message = "`layers` override what is below the `prefix`: write `prefix = \"/...\"` before them";
        errors.at(&layers.name, message);
    }
    let mut lower: Vec<&LitStr> = prefix.into_iter().collect();
    for layer in &layers.prefixes {
        check_prefix(layer, errors);
        let text = layer.value();
        let directory = |text: &str| format!("{}/", text.trim_end_matches('/'));
        // What placeholders stand for is not known yet.
        let is_in = |inner: &str, outer: &str| {
            !outer.contains('{') && directory(inner).starts_with(&directory(outer))
        };
        for other in &lower {
            let other = other.value();
            if directory(&text) == directory(&other) {
                errors.at(layer, format!("{text:?} is here twice: each layer has a prefix of its own"));
            } else if is_in(&text, &other) || is_in(&other, &text) {
                let message = format!(
                    "{text:?} and {other:?} lie in one another: a layer lies beside the others, such as \
                                       \"/payments@eu-1\" beside \"/payments\""
                );
                errors.at(layer, message);
            }
        }
        lower.push(layer);
    }
}

/// A commit key outside of the prefix would never come, and no change would ever be seen.
fn check_commit_key(key: &LitStr, prefix: Option<&LitStr>, errors: &mut Errors) {
    let text = key.value();
    if !text.starts_with('/') {
        return check_key(key, errors);
    }
    let prefix = prefix.map(LitStr::value).unwrap_or_default();
    let below = text.strip_prefix(prefix.trim_end_matches('/')).unwrap_or(&text).trim_start_matches('/');
    errors.at(key, format!("a commit key is below the prefix, and written without it: write {below:?}"));
}

fn check_generics(input: &Input<'_>, errors: &mut Errors) {
    for param in &input.original.generics.params {
        if let GenericParam::Lifetime(lifetime) = param {
            errors.at(
                lifetime,
                "a configuration owns what it holds, because it outlives every answer of the server: \
                 use `String`, or `Arc<str>` with serde's feature `rc`, in the place of the reference",
            );
        }
    }
}

fn check_field(field: &Field<'_>, errors: &mut Errors) {
    let attrs = &field.attrs;
    let before = errors.count();
    for key in attrs.key.iter().chain(&attrs.alias) {
        check_key(key, errors);
    }
    if let Some((_, name)) = &attrs.env {
        let value = name.value();
        if value.is_empty() || value.contains(['=', '$', '{', '}']) || value.contains(is_no_part_of_a_name) {
            errors.at(
                name,
                "not the name of an environment variable; it is the name alone, such as `APP_PORT`",
            );
        }
    }
    check_schemars(field, errors);
    if check_kinds(field, errors) {
        check_decoding(attrs, errors);
        check_default(field, errors);
    }
    if errors.count() == before && !attrs.broken {
        check_type(field, errors);
    }
}

fn is_no_part_of_a_name(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}

/// A field is one of: a leaf, `nested`, `map`, `flatten`, `skip`.
fn check_kinds(field: &Field<'_>, errors: &mut Errors) -> bool {
    let attrs = &field.attrs;
    let kinds: Vec<&Ident> =
        [&attrs.nested, &attrs.map, &attrs.flatten, &attrs.skip].into_iter().flatten().collect();
    if let [first, second, ..] = kinds.as_slice() {
        let meant = match (first.to_string().as_str(), second.to_string().as_str()) {
            ("nested", "map") => {
                "`nested` takes a `HashMap` of structs as it is; `map` is for values of one key each"
            }
            ("nested", "flatten") => {
                "`nested` puts the fields into a directory of their own, `flatten` among those of this struct"
            }
            _ => "a field is one of them",
        };
        errors.at(second, format!("`{second}` together with `{first}`: {meant}"));
        return false;
    }
    let Some(kind) = kinds.first() else { return true };
    let unfit = |found: &Ident, why: &str, errors: &mut Errors| {
        errors.at(found, format!("`{found}` says nothing on a `{kind}` field: {why}"));
    };
    let kind_name = kind.to_string();
    let directory = "the field is a directory of keys; say it on the fields of the struct in it";
    let many = "an entry is there when its key is there; without keys the map is empty";
    let unread = "no key is read";
    let reason = |nested, map, skip| match kind_name.as_str() {
        "map" => map,
        "skip" => skip,
        _ => nested,
    };
    if kind_name != "skip"
        && let Some(found) = default_name(attrs)
    {
        unfit(&found, reason(directory, many, ""), errors);
    } else if let Some(default) = attrs.default.as_ref().filter(|default| default.text.is_some()) {
        unfit(&default.name, "no text is decoded; there is `default_fn`", errors);
    }
    if let Some((found, _)) = &attrs.env {
        unfit(found, reason(directory, "a variable is one value", unread), errors);
    }
    if kind_name != "map"
        && let Some((found, _)) = attrs.with.as_ref().or(attrs.decode_with.as_ref())
    {
        unfit(found, reason(directory, "", unread), errors);
    } else {
        check_decoding(attrs, errors);
    }
    if matches!(kind_name.as_str(), "flatten" | "skip") {
        let why = reason("the keys are those of the fields in it", "", unread);
        for (found, name) in
            attrs.key.iter().map(|key| (key, "key")).chain(attrs.alias.iter().map(|key| (key, "alias")))
        {
            errors.at(found, format!("`{name}` says nothing on a `{kind}` field: {why}"));
        }
    }
    if kind_name == "skip" {
        for found in [&attrs.secret, &attrs.restart].into_iter().flatten() {
            unfit(found, unread, errors);
        }
        if let Some(found) = attrs.validate.first() {
            errors.at(found, format!("`validate` says nothing on a `skip` field: {unread}"));
        }
        if let Some(found) = &attrs.deprecated {
            errors.at(found, format!("`deprecated` says nothing on a `skip` field: {unread}"));
        }
    }
    false
}

fn check_decoding(attrs: &attr::Field, errors: &mut Errors) {
    if let (Some((with, _)), Some((other, _))) = (&attrs.with, &attrs.decode_with) {
        errors.at(other, format!("`{other}` together with `{with}`: only one of them can decode the field"));
    }
}

/// What describes itself is what serde reads of one key.
fn check_schemars(field: &Field<'_>, errors: &mut Errors) {
    let attrs = &field.attrs;
    let Some(found) = &attrs.schemars else { return };
    let why = if attrs.nested.is_some() || attrs.flatten.is_some() {
        "the keys are those of the fields in it; say it on these"
    } else if attrs.skip.is_some() {
        "no key is read"
    } else if attrs.with.is_some() || attrs.decode_with.is_some() {
        "the type describes what its own `Deserialize` reads, and here a function reads something else"
    } else if attrs.map.is_some() && described(field).is_none() {
        "the type of an entry has to be seen: write the field's type as `BTreeMap<..>` or `HashMap<..>`"
    } else {
        return;
    };
    errors.at(found, format!("`schemars` says nothing on this field: {why}"));
}

fn check_default(field: &Field<'_>, errors: &mut Errors) {
    let attrs = &field.attrs;
    if let (Some(default), Some((function, _))) = (&attrs.default, &attrs.default_fn) {
        errors.at(function, format!("`{function}` together with `{}`: there is one default", default.name));
        return;
    }
    let by_type = attrs.with.is_none() && attrs.decode_with.is_none();
    if let Some((text, value)) =
        attrs.default.as_ref().and_then(|default| default.text.as_ref().zip(default.value.as_ref()))
        && by_type
        && let Some(reason) = literal_misfit(field.ty, text)
    {
        errors.at(value, reason);
        return;
    }
    let Some(name) = default_name(attrs) else { return };
    if let Some(inner) = option_of(field.ty) {
        let bare = attrs.default.as_ref().is_some_and(|default| default.text.is_none());
        let message = if bare {
            format!("`{name}` on an `Option`: the field of an absent key is `None` as it is; leave it out")
        } else {
            let inner = crate::ty::written(inner);
            format!("`{name}` on an `Option`: with a default it is never `None`; make the field `{inner}`")
        };
        errors.at(name, message);
    }
}

fn default_name(attrs: &attr::Field) -> Option<Ident> {
    let function = attrs.default_fn.as_ref().map(|(name, _)| name);
    attrs.default.as_ref().map(|default| &default.name).or(function).cloned()
}

fn check_newtype(field: &Field<'_>, errors: &mut Errors) {
    for key in field.attrs.key.iter().chain(&field.attrs.alias) {
        errors.at(key, "the field of a tuple struct sits where the struct sits, and has no key of its own");
    }
    if let Some(skip) = &field.attrs.skip {
        errors.at(skip, "the only field is skipped, so there is nothing to read");
    }
}

fn check_same_keys(input: &Input<'_>, errors: &mut Errors) {
    let mut taken: HashMap<String, &str> = HashMap::new();
    for field in input.fields.iter().filter(|field| !field.attrs.broken) {
        if input.newtype || field.attrs.flatten.is_some() || field.attrs.skip.is_some() {
            continue;
        }
        let own: &dyn ToTokens = match &field.attrs.key {
            Some(key) => key,
            None => &field.member,
        };
        let names = std::iter::once((key_of(input, field), own));
        let aliases = field.attrs.alias.iter().map(|alias| (alias.value(), alias as &dyn ToTokens));
        for (number, (key, tokens)) in names.chain(aliases).enumerate() {
            if key.is_empty() {
                continue;
            }
            if let Some(first) = taken.get(key.as_str()) {
                errors.at(tokens, shared_key(&key, first, &field.name, number > 0));
            } else {
                taken.insert(key, &field.name);
            }
        }
    }
}

/// What is wrong with a key that the field `first` has already.
fn shared_key(key: &str, first: &str, second: &str, is_alias: bool) -> String {
    match (first == second, is_alias) {
        (true, _) => format!("`{key}` is a key of this field as it is: leave the alias out"),
        (_, true) => format!("`{key}` is a key of the field `{first}` as well: one key is for one field"),
        _ => format!(
            "the key of `{second}` is `{key}`, which is the key of `{first}` already: give one of them another with `key`"
        ),
    }
}
