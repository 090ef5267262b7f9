//! One thing in `#[etcd(...)]`: a name, alone or with a value.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, ExprPath, Ident, Lit, LitStr, Path, Token, Type};

use crate::errors::Errors;

/// `name` or `name = value`.
pub(crate) struct Item {
    pub(crate) name: Ident,
    pub(crate) value: Option<Expr>,
}

/// The items of all `#[etcd(...)]` among these attributes.
pub(crate) fn items(attrs: &[Attribute], errors: &mut Errors) -> Vec<Item> {
    let mut items = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("etcd")) {
        match attr.parse_args_with(Punctuated::<Item, Token![,]>::parse_terminated) {
            Ok(parsed) => items.extend(parsed),
            Err(error) => errors.push(error),
        }
    }
    items
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(syn::Lit) {
            return Err(input.error("an attribute begins with its name, such as `key = \"...\"`"));
        }
        let name = input.call(Ident::parse_any)?;
        if input.peek(syn::token::Paren) {
            let message = format!("write `{name} = ...`; no attribute of etcd takes parentheses");
            return Err(input.error(message));
        }
        if !input.peek(Token![=]) {
            return Ok(Self { name, value: None });
        }
        input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(syn::Error::new(name.span(), format!("`{name} =` has no value")));
        }
        let value = input.parse()?;
        Ok(Self { name, value: Some(value) })
    }
}

impl Item {
    /// The item is a flag.
    pub(crate) fn flag(&self, errors: &mut Errors) -> Option<Ident> {
        match &self.value {
            None => Some(self.name.clone()),
            Some(value) => {
                errors.at(value, format!("`{}` takes no value", self.name));
                None
            }
        }
    }

    /// The item has text.
    pub(crate) fn text(&self, example: &str, errors: &mut Errors) -> Option<LitStr> {
        match self.value.as_ref().map(ungrouped) {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Some(text.clone()),
            Some(other) => {
                errors.at(
                    other,
                    format!("`{}` takes a string, such as `{} = {example}`", self.name, self.name),
                );
                None
            }
            None => {
                errors.at(&self.name, format!("`{}` wants a value: `{} = {example}`", self.name, self.name));
                None
            }
        }
    }

    /// The item names a function, a module or a crate; in quotation marks as in serde, too.
    pub(crate) fn path(&self, example: &str, errors: &mut Errors) -> Option<ExprPath> {
        match self.value.as_ref().map(ungrouped) {
            Some(Expr::Path(path)) => Some(path.clone()),
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
                let Ok(path) = text.parse::<Path>() else {
                    errors.at(text, format!("not a path; `{}` takes one, such as `{example}`", self.name));
                    return None;
                };
                Some(ExprPath { attrs: Vec::new(), qself: None, path })
            }
            Some(other) => {
                errors
                    .at(other, format!("`{}` takes a path, such as `{} = {example}`", self.name, self.name));
                None
            }
            None => {
                errors.at(&self.name, format!("`{}` wants a path: `{} = {example}`", self.name, self.name));
                None
            }
        }
    }
}

/// Macros wrap what they pass on in groups without delimiters.
pub(crate) fn ungrouped(mut expr: &Expr) -> &Expr {
    while let Expr::Group(group) = expr {
        expr = &group.expr;
    }
    expr
}

/// The same for types, and parentheses mean nothing around one either.
pub(crate) fn ungrouped_type(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            ty => return ty,
        };
    }
}
