//! `#[derive(EtcdConfig)]`, the macro of the crate `etcd-config`, where it is documented.
//!
//! A straight line from tokens to tokens: `ast` gives the struct its shape with the attributes
//! that `attr` reads, `valid` refuses what cannot be meant, `expand` writes the impl. Every
//! step notes all mistakes, each with the token that it is about; after any, `stub` writes
//! an impl that does nothing, so that the mistake is all that the compiler reports.

mod ast;
mod attr;
mod case;
mod errors;
mod expand;
mod field_path;
mod generics;
mod key;
mod primitive;
mod secrecy;
mod serde;
mod shape;
mod similar;
mod stub;
mod ty;
mod valid;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a configuration whose fields are keys in etcd.
///
/// The attributes are documented at the trait of the same name in `etcd-config`. Those of serde are named here so
/// that what they would say of reading can be answered: without another derive they would be unknown to rustc.
#[proc_macro_derive(EtcdConfig, attributes(etcd, serde))]
pub fn derive_etcd_config(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = errors::Errors::default();
    let parsed = ast::Input::of(&input, &mut errors);
    if let Some(parsed) = &parsed {
        valid::check(parsed, &mut errors);
    }
    let expanded = match (parsed, errors.into_tokens()) {
        (Some(parsed), None) => expand::expand(&parsed),
        (_, errors) => stub::expand(&input, errors.as_ref()),
    };
    expanded.into()
}

/// The way to a field of a configuration.
///
/// What people call is the macro of the same name in `etcd-config`, which adds the path of that crate.
#[proc_macro]
pub fn field(input: TokenStream) -> TokenStream {
    field_path::expand(input.into()).into()
}
