//! The struct that derives, and its fields.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Expr, Fields, Lit, Member, Meta, Type};

use crate::attr;
use crate::errors::Errors;

pub(crate) struct Input<'a> {
    pub(crate) original: &'a DeriveInput,
    pub(crate) attrs: attr::Container,
    pub(crate) docs: String,
    pub(crate) fields: Vec<Field<'a>>,
    /// A tuple struct of one field.
    pub(crate) newtype: bool,
}

pub(crate) struct Field<'a> {
    pub(crate) original: &'a syn::Field,
    pub(crate) member: Member,
    /// As a person says it: without `r#`; empty in a tuple struct.
    pub(crate) name: String,
    pub(crate) ty: &'a Type,
    pub(crate) attrs: attr::Field,
    pub(crate) docs: String,
}

impl<'a> Input<'a> {
    /// `None` where there are no fields to speak of: the mistake is noted.
    pub(crate) fn of(original: &'a DeriveInput, errors: &mut Errors) -> Option<Self> {
        let attrs = attr::Container::of(&original.attrs, errors);
        let data = match &original.data {
            Data::Struct(data) => data,
            Data::Enum(data) => {
                errors.at(
                    data.enum_token,
                    "EtcdConfig is for structs: each field is a key, and an enum has none; for an enum as the \
                     value of one key, derive `serde::Deserialize`",
                );
                return None;
            }
            Data::Union(data) => {
                errors.at(
                    data.union_token,
                    "EtcdConfig is for structs: each field is a key, and a union has one at a time",
                );
                return None;
            }
        };
        let newtype = match &data.fields {
            Fields::Named(_) => false,
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => true,
            Fields::Unnamed(fields) => {
                let message = "the fields of a tuple struct have no names to make keys of: name them \
                               (a tuple struct of exactly one field takes the place of that field)";
                errors.at(fields, message);
                return None;
            }
            Fields::Unit => {
                errors.at(&original.ident, "a unit struct has no fields, so there is nothing to read");
                return None;
            }
        };
        let fields = data.fields.members().zip(&data.fields);
        let fields = fields.map(|(member, field)| Field::of(field, member, errors)).collect();
        Some(Self { original, attrs, docs: docs(&original.attrs), fields, newtype })
    }
}

impl<'a> Field<'a> {
    fn of(original: &'a syn::Field, member: Member, errors: &mut Errors) -> Self {
        let name = match &member {
            Member::Named(ident) => ident.unraw().to_string(),
            Member::Unnamed(_) => String::new(),
        };
        let attrs = attr::Field::of(&original.attrs, errors);
        Self { original, member, name, ty: &original.ty, attrs, docs: docs(&original.attrs) }
    }

    /// Where to point at when the field as a whole is meant.
    pub(crate) fn span(&self) -> Span {
        self.original.ident.as_ref().map_or_else(|| syn::spanned::Spanned::span(self.ty), syn::Ident::span)
    }
}

/// The doc comments, one line each.
fn docs(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(expr) => match &expr.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> =
        lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect();
    lines.join("\n").trim().to_owned()
}
