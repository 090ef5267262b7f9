//! What `#[etcd(...)]` can say, each with the token that says it.

mod item;
mod written;

use proc_macro2::Ident;
use quote::ToTokens as _;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, ExprPath, ExprUnary, Lit, LitStr, Token, UnOp, WherePredicate};

pub(crate) use self::item::ungrouped_type;
use self::item::{Item, items};
use self::written::{instead_of_default, ungrouped};
use crate::case::Case;
use crate::errors::Errors;
use crate::similar::closest;

/// The attributes of a struct.
#[derive(Default)]
pub(crate) struct Container {
    pub(crate) prefix: Option<LitStr>,
    pub(crate) layers: Option<Layers>,
    pub(crate) rename_all: Option<Case>,
    pub(crate) deny_unknown_keys: Option<Ident>,
    pub(crate) validate: Vec<ExprPath>,
    pub(crate) commit_key: Option<LitStr>,
    pub(crate) krate: Option<ExprPath>,
    /// Serde's attributes are for other derives.
    pub(crate) ignore_serde: Option<Ident>,
    pub(crate) bound: Option<Punctuated<WherePredicate, Token![,]>>,
}

/// The attributes of a field.
#[derive(Default)]
pub(crate) struct Field {
    pub(crate) key: Option<LitStr>,
    pub(crate) alias: Vec<LitStr>,
    pub(crate) default: Option<Default_>,
    pub(crate) default_fn: Option<(Ident, ExprPath)>,
    pub(crate) nested: Option<Ident>,
    pub(crate) map: Option<Ident>,
    pub(crate) flatten: Option<Ident>,
    pub(crate) skip: Option<Ident>,
    pub(crate) with: Option<(Ident, ExprPath)>,
    pub(crate) decode_with: Option<(Ident, ExprPath)>,
    pub(crate) validate: Vec<ExprPath>,
    pub(crate) env: Option<(Ident, LitStr)>,
    pub(crate) secret: Option<Ident>,
    pub(crate) restart: Option<Ident>,
    pub(crate) schemars: Option<Ident>,
    pub(crate) deprecated: Option<LitStr>,
    /// There was a mistake, so that what is missing may have been meant.
    pub(crate) broken: bool,
}

/// `default`, or `default = literal` as the text that one would have stored.
pub(crate) struct Default_ {
    pub(crate) name: Ident,
    pub(crate) text: Option<String>,
    pub(crate) value: Option<Expr>,
}

/// `layers("/payments@{zone}", ...)`.
pub(crate) struct Layers {
    pub(crate) name: Ident,
    /// The lowest one first.
    pub(crate) prefixes: Vec<LitStr>,
}

const CONTAINER: [&str; 9] = [
    "prefix",
    "layers",
    "rename_all",
    "deny_unknown_keys",
    "validate",
    "commit_key",
    "crate",
    "bound",
    "ignore_serde",
];

const FIELD: [&str; 16] = [
    "key",
    "alias",
    "default",
    "default_fn",
    "nested",
    "map",
    "flatten",
    "skip",
    "with",
    "decode_with",
    "validate",
    "env",
    "secret",
    "restart",
    "schemars",
    "deprecated",
];

/// What other crates call the same things.
const SYNONYMS: [(&str, &str); 18] = [
    ("layer", "layers"),
    ("overlay", "layers"),
    ("overlays", "layers"),
    ("rename", "key"),
    ("name", "key"),
    ("path", "key"),
    ("deny_unknown_fields", "deny_unknown_keys"),
    ("default_value", "default"),
    ("parse_with", "decode_with"),
    ("try_from", "decode_with"),
    ("deserialize_with", "decode_with"),
    ("sensitive", "secret"),
    ("env_var", "env"),
    ("ignore", "skip"),
    ("root", "prefix"),
    ("check", "validate"),
    ("json_schema", "schemars"),
    ("sub", "nested"),
];

/// What has no attribute, and what to write instead.
const INSTEAD: [(&str, &str); 7] = [
    ("optional", "the field of an absent key is `None` when its type is an `Option`"),
    ("required", "a field without a default is required, unless its type is an `Option`"),
    ("description", "the lines of `///` above the field describe it"),
    ("doc", "the lines of `///` above the field describe it"),
    ("min", "a bound is a check: write `validate = function`"),
    ("max", "a bound is a check: write `validate = function`"),
    ("range", "a bound is a check: write `validate = function`"),
];

impl Container {
    pub(crate) fn of(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut container = Self::default();
        let mut seen = Vec::new();
        for item in items(attrs, errors) {
            let name = item.name.to_string();
            if name != "validate" && is_repeated(&item, &mut seen, errors) {
                continue;
            }
            match name.as_str() {
                "prefix" => container.prefix = item.text("\"/payments\"", errors),
                "layers" => {
                    let prefixes = item.texts("\"/payments@{zone}\"", errors);
                    container.layers = prefixes.map(|prefixes| Layers { name: item.name.clone(), prefixes });
                }
                "rename_all" => container.rename_all = Case::of(item.text("\"kebab-case\"", errors), errors),
                "deny_unknown_keys" => container.deny_unknown_keys = item.flag(errors),
                "validate" => container.validate.extend(item.path("Settings::check", errors)),
                "commit_key" => container.commit_key = item.text("\"version\"", errors),
                "crate" => container.krate = item.path("\"::etcd_config\"", errors),
                "bound" => container.bound = bound(&item, errors),
                "ignore_serde" => container.ignore_serde = item.flag(errors),
                _ => unknown(&item, &CONTAINER, &FIELD, "a field", errors),
            }
        }
        container
    }
}

impl Field {
    pub(crate) fn of(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut field = Self::default();
        let mut seen = Vec::new();
        let before = errors.count();
        for item in items(attrs, errors) {
            let name = item.name.to_string();
            let repeatable = name == "alias" || name == "validate";
            if !repeatable && is_repeated(&item, &mut seen, errors) {
                continue;
            }
            let named = |path: Option<ExprPath>| path.map(|path| (item.name.clone(), path));
            match name.as_str() {
                "key" => field.key = item.text("\"log/level\"", errors),
                "alias" => field.alias.extend(item.text("\"old_name\"", errors)),
                "default" => field.default = Default_::of(&item, errors),
                "default_fn" => field.default_fn = named(item.path("default_port", errors)),
                "nested" => field.nested = item.flag(errors),
                "map" => field.map = item.flag(errors),
                "flatten" => field.flatten = item.flag(errors),
                "skip" => field.skip = item.flag(errors),
                "with" => field.with = named(module(&item, errors)),
                "decode_with" => field.decode_with = named(item.path("parse_level", errors)),
                "validate" => field.validate.extend(item.path("at_least_one", errors)),
                "env" => field.env = item.text("\"APP_PORT\"", errors).map(|text| (item.name.clone(), text)),
                "secret" => field.secret = item.flag(errors),
                "restart" => field.restart = item.flag(errors),
                "schemars" => field.schemars = item.flag(errors),
                "deprecated" => field.deprecated = item.text("\"use ...\"", errors),
                _ => unknown(&item, &FIELD, &CONTAINER, "the struct", errors),
            }
        }
        field.broken = errors.count() > before;
        field
    }
}

impl Default_ {
    fn of(item: &Item, errors: &mut Errors) -> Option<Self> {
        let Some(value) = &item.value else {
            return Some(Self { name: item.name.clone(), text: None, value: None });
        };
        let value = ungrouped(value);
        let text = literal(value);
        if let Some(text) = number_with_unit(value) {
            errors.at(value, format!("a number with a unit is text: write `default = \"{text}\"`"));
            return None;
        }
        if text.is_none() {
            errors.at(value, instead_of_default(value));
        }
        Some(Self { name: item.name.clone(), text: Some(text?), value: Some(value.clone()) })
    }
}

/// `5s`, which is a number for Rust; with the name of a type after it, it is one here, too.
fn number_with_unit(value: &Expr) -> Option<String> {
    let Expr::Lit(ExprLit { lit, .. }) = value else { return None };
    let suffix = match lit {
        Lit::Int(number) => number.suffix(),
        Lit::Float(number) => number.suffix(),
        _ => return None,
    };
    let is_type =
        matches!(suffix.strip_prefix(['u', 'i', 'f']), Some("8" | "16" | "32" | "64" | "128" | "size"));
    (!suffix.is_empty() && !is_type).then(|| lit.to_token_stream().to_string())
}

/// A literal as the text of a key.
fn literal(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) => Some(text.value()),
            Lit::Int(number) => Some(number.base10_digits().to_owned()),
            Lit::Float(number) => Some(number.base10_digits().to_owned()),
            Lit::Bool(flag) => Some(flag.value.to_string()),
            Lit::Char(character) => Some(character.value().to_string()),
            _ => None,
        },
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match ungrouped(expr) {
            Expr::Lit(ExprLit { lit: Lit::Int(_) | Lit::Float(_), .. }) => {
                literal(ungrouped(expr)).map(|digits| format!("-{digits}"))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The module with serde's functions.
fn module(item: &Item, errors: &mut Errors) -> Option<ExprPath> {
    let path = item.path("humantime_serde", errors)?;
    let mut segments = path.path.segments.clone();
    let last = segments.pop()?;
    if last.ident != "deserialize" || segments.is_empty() {
        return Some(path);
    }
    segments.pop_punct();
    let module = segments.to_token_stream().to_string().replace(' ', "");
    errors.at(&path, format!("`with` names the module that `deserialize` is in: write `with = {module}`"));
    None
}

fn bound(item: &Item, errors: &mut Errors) -> Option<Punctuated<WherePredicate, Token![,]>> {
    let text = item.text("\"T: Clone\"", errors)?;
    match text.parse_with(Punctuated::parse_terminated) {
        Ok(predicates) => Some(predicates),
        Err(error) => {
            errors.at(&text, format!("not the predicates of a where clause: {error}"));
            None
        }
    }
}

fn is_repeated(item: &Item, seen: &mut Vec<Ident>, errors: &mut Errors) -> bool {
    if seen.contains(&item.name) {
        errors.at(&item.name, format!("`{}` is here twice; leave one out", item.name));
        return true;
    }
    seen.push(item.name.clone());
    false
}

fn unknown(item: &Item, names: &[&str], others: &[&str], other: &str, errors: &mut Errors) {
    let name = item.name.to_string();
    let synonym = SYNONYMS.iter().find(|(theirs, ours)| *theirs == name && names.contains(ours));
    let message = if others.contains(&name.as_str()) {
        format!("`{name}` belongs on {other}")
    } else if let Some((_, instead)) = INSTEAD.iter().find(|(theirs, _)| *theirs == name) {
        format!("there is no `{name}`: {instead}")
    } else if let Some(meant) = synonym.map(|(_, ours)| *ours).or_else(|| closest(&name, names)) {
        format!("unknown attribute `{name}`; did you mean `{meant}`?")
    } else {
        format!("unknown attribute `{name}`; there are: {}", names.join(", "))
    };
    errors.at(&item.name, message);
}
