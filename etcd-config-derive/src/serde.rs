//! What `#[serde(...)]` says of reading, which this derive does not read: what to say instead.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Ident, LitStr, Token};

use crate::ast::{Field, Input};
use crate::errors::Errors;
use crate::ty::option_of;

/// One thing in `#[serde(...)]`.
struct Foreign {
    name: Ident,
    value: Option<LitStr>,
}

/// What serde's attributes say about reading. Serde itself says what is wrong with them.
fn about_reading(attrs: &[Attribute]) -> Vec<Foreign> {
    let mut found = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        let _ = attr.parse_nested_meta(|meta| {
            found.extend(foreign(&meta)?);
            Ok(())
        });
    }
    found
}

fn foreign(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<Foreign>> {
    let name = meta.path.require_ident()?.clone();
    if meta.input.peek(Token![=]) {
        let value = meta.value()?;
        let text = value.parse().ok();
        if text.is_none() {
            value.parse::<TokenStream>()?;
        }
        return Ok(Some(Foreign { name, value: text }));
    }
    if !meta.input.peek(syn::token::Paren) {
        return Ok(Some(Foreign { name, value: None }));
    }
    // `rename(serialize = "...")` is about writing alone.
    let mut value = None;
    meta.parse_nested_meta(|inner| {
        let text = inner.value()?.parse()?;
        if inner.path.is_ident("deserialize") {
            value = Some(text);
        }
        Ok(())
    })?;
    Ok(value.map(|value| Foreign { name, value: Some(value) }))
}

/// The serde attributes of a field for which it has nothing of ours.
pub(crate) fn check_field(field: &Field<'_>, errors: &mut Errors) {
    for foreign in about_reading(&field.original.attrs) {
        if let Some(instead) = foreign.instead().filter(|_| !foreign.is_said(field)) {
            refuse(&foreign.name, &format!("write {instead}"), errors);
        }
    }
}

impl Foreign {
    /// Whether the field has what says the same to us.
    fn is_said(&self, field: &Field<'_>) -> bool {
        let own = &field.attrs;
        match self.name.to_string().as_str() {
            "rename" => own.key.is_some(),
            "alias" => !own.alias.is_empty(),
            "default" => {
                let is_directory = own.nested.is_some() || own.map.is_some() || own.flatten.is_some();
                let is_default_already = option_of(field.ty).is_some() && self.value.is_none();
                let has_default = own.default.is_some() || own.default_fn.is_some();
                has_default || is_directory || is_default_already || own.skip.is_some()
            }
            "with" | "deserialize_with" => own.with.is_some() || own.decode_with.is_some(),
            "skip" | "skip_deserializing" => own.skip.is_some(),
            "flatten" => own.flatten.is_some(),
            _ => true,
        }
    }

    /// What says the same to us, where there is anything.
    fn instead(&self) -> Option<String> {
        let text = self.value.as_ref().map(LitStr::value);
        let text = text.as_deref();
        Some(match self.name.to_string().as_str() {
            "rename" => format!("`#[etcd(key = {:?})]`", text.unwrap_or("...")),
            "alias" => format!("`#[etcd(alias = {:?})]`", text.unwrap_or("...")),
            "default" => text.map_or_else(
                || "`#[etcd(default)]`".to_owned(),
                |function| format!("`#[etcd(default_fn = {function})]`"),
            ),
            "with" => format!("`#[etcd(with = {})]`", text.unwrap_or("module")),
            "deserialize_with" => text.and_then(|path| path.strip_suffix("::deserialize")).map_or_else(
                || {
                    "`#[etcd(with = module)]` with a module where it is called `deserialize`, or \
                     `#[etcd(decode_with = function)]` with a function from `&str`"
                        .to_owned()
                },
                |module| format!("`#[etcd(with = {module})]`"),
            ),
            "skip" | "skip_deserializing" => "`#[etcd(skip)]`".to_owned(),
            "flatten" => "`#[etcd(flatten)]`".to_owned(),
            _ => return None,
        })
    }
}

/// The same for the struct.
pub(crate) fn check_struct(input: &Input<'_>, errors: &mut Errors) {
    let own = &input.attrs;
    for foreign in about_reading(&input.original.attrs) {
        let text = foreign.value.as_ref().map(LitStr::value);
        let name = foreign.name.to_string();
        let (is_said, advice) = match name.as_str() {
            "rename_all" => {
                let case = text.unwrap_or_else(|| "...".to_owned());
                (own.rename_all.is_some(), format!("write `#[etcd(rename_all = {case:?})]`"))
            }
            "deny_unknown_fields" => {
                (own.deny_unknown_keys.is_some(), "write `#[etcd(deny_unknown_keys)]`".to_owned())
            }
            "default" => (false, "write `#[etcd(default = ...)]` on each field".to_owned()),
            "from" | "try_from" => (
                !own.validate.is_empty(),
                "`#[etcd(validate = function)]` checks the struct; to make it of another type, let that one derive \
                 `EtcdConfig` and convert it"
                    .to_owned(),
            ),
            _ => continue,
        };
        if !is_said {
            refuse(&foreign.name, &advice, errors);
        }
    }
}

fn refuse(name: &Ident, advice: &str, errors: &mut Errors) {
    errors.at(
        name.to_token_stream(),
        format!(
            "serde's `{name}` says nothing to `EtcdConfig`: {advice}; where serde's attributes are for \
             another derive alone, say `#[etcd(ignore_serde)]` on the struct"
        ),
    );
}
