//! Types that say themselves that they hold a secret.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::Type;

/// Ours, and those of the crate `secrecy`.
const SECRETS: [&str; 3] = ["Secret", "SecretBox", "SecretString"];

/// Whether such a type is in this one, as in `Option<Secret<String>>`.
pub(crate) fn holds_secret(ty: &Type) -> bool {
    names_secret(ty.to_token_stream())
}

fn names_secret(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => SECRETS.iter().any(|name| ident == name),
        TokenTree::Group(group) => names_secret(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
