//! The bounds of a generic struct.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Generics, parse_quote};

use crate::ast::Input;
use crate::ty::{described, mentions};

/// The struct's generics, with what reading its fields asks of each parameter.
pub(crate) fn bounded(input: &Input<'_>, private: &TokenStream) -> Generics {
    let mut generics = input.original.generics.clone();
    let params: Vec<Ident> = generics.type_params().map(|param| param.ident.clone()).collect();
    let clause = generics.make_where_clause();
    if let Some(bound) = &input.attrs.bound {
        clause.predicates.extend(bound.iter().cloned());
        return generics;
    }
    for param in &params {
        clause.predicates.push(parse_quote!(#param: ::core::marker::Send + ::core::marker::Sync + 'static));
        let mut fields = input.fields.iter().filter(|field| mentions(field.ty, param));
        let kinds = fields.clone();
        let nested =
            |field: &crate::ast::Field<'_>| field.attrs.nested.is_some() || field.attrs.flatten.is_some();
        if kinds.clone().any(nested) {
            clause.predicates.push(parse_quote!(#param: #private::Derived));
        }
        let is_leaf = |field: &crate::ast::Field<'_>| {
            let by_function = field.attrs.with.is_some() || field.attrs.decode_with.is_some();
            !nested(field) && field.attrs.skip.is_none() && !by_function
        };
        if fields.any(is_leaf) {
            clause.predicates.push(parse_quote!(#param: #private::DeserializeOwned));
        }
    }
    for field in &input.fields {
        let generic = params.iter().any(|param| mentions(field.ty, param));
        if let Some(value) = described(field).filter(|_| generic && field.attrs.schemars.is_some()) {
            clause.predicates.push(parse_quote!(#value: #private::JsonType));
        }
        let default = field.attrs.default.as_ref().is_some_and(|default| default.text.is_none());
        let skipped = field.attrs.skip.is_some() && field.attrs.default_fn.is_none();
        if generic && (default || skipped) {
            let ty = field.ty;
            clause.predicates.push(parse_quote!(#ty: ::core::default::Default));
        }
    }
    generics
}

/// The path of the runtime crate.
pub(crate) fn runtime(krate: Option<&syn::ExprPath>) -> TokenStream {
    krate.map_or_else(|| quote!(::etcd_config), |path| quote!(#path))
}
