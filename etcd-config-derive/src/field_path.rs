//! `field!`: an expression of fields becomes the way to them, by names, and a function that goes it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned;
use syn::{Expr, ExprPath, Member};

use crate::expand::located;

/// One step on the way.
enum Step {
    Field(Member),
    Entry(Expr),
}

/// `input` is the path of the runtime crate, a semicolon, and the expression.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut tokens = input.into_iter();
    let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';');
    let krate: TokenStream = tokens.by_ref().take_while(|token| !is_end(token)).collect();
    match parse(tokens.collect()) {
        Ok((root, steps)) => way(&krate, &root, &steps),
        Err(error) => error.into_compile_error(),
    }
}

fn parse(tokens: TokenStream) -> syn::Result<(ExprPath, Vec<Step>)> {
    const FORM: &str = "`field!` takes a struct and a field of it: `field!(Settings.database.pool_size)`, \
                        `field!(Settings.features[\"dark\"])`";
    if tokens.is_empty() {
        return Err(syn::Error::new(Span::call_site(), FORM));
    }
    let mut expr = syn::parse2::<Expr>(tokens)?;
    let mut steps = Vec::new();
    loop {
        expr = match expr {
            Expr::Field(field) => {
                steps.push(Step::Field(field.member));
                *field.base
            }
            Expr::Index(index) => {
                steps.push(Step::Entry(*index.index));
                *index.expr
            }
            Expr::Path(root) if !steps.is_empty() => {
                steps.reverse();
                return Ok((root, steps));
            }
            Expr::Path(root) => {
                let name = quote!(#root).to_string().replace(' ', "");
                let message = format!("which field of `{name}`? Write `field!({name}.name)`");
                return Err(syn::Error::new_spanned(root, message));
            }
            other => return Err(syn::Error::new_spanned(other, FORM)),
        };
    }
}

fn way(krate: &TokenStream, root: &ExprPath, steps: &[Step]) -> TokenStream {
    let private = quote!(#krate::__private);
    let at = Ident::new("at", Span::mixed_site());
    let (mut entries, mut goes, mut names) = (TokenStream::new(), TokenStream::new(), Vec::new());
    for (number, step) in steps.iter().enumerate() {
        if number > 0 {
            goes.extend(quote!(let #at = #private::Through(#at).inner()?;));
        }
        match step {
            Step::Field(member) => {
                let span = member.span();
                goes.extend(quote_spanned!(Span::mixed_site().located_at(span)=> let #at = &#at.#member;));
                let name = match member {
                    Member::Named(ident) => ident.unraw().to_string(),
                    Member::Unnamed(index) => index.index.to_string(),
                };
                names.push(quote!(#private::Step::field(#name)));
            }
            Step::Entry(name) => {
                let entry = Ident::new(&format!("entry_{number}"), Span::mixed_site());
                let span = Span::mixed_site().located_at(name.span());
                let private = located(private.clone(), span);
                entries.extend(quote_spanned!(span=> let #entry = #private::entry_name(&(#name));));
                let map = Ident::new("at", span);
                goes.extend(quote_spanned!(span=> let #at = #private::entry(#map, &#entry)?;));
                names.push(quote!(#private::Step::entry(&#entry)));
            }
        }
    }
    quote! {{
        #[allow(unused_imports)]
        use #private::Plain as _;
        #entries
        let names = [#(#names),*];
        #private::field_path(
            ::core::convert::From::from(names),
            move |#at: &#root| {
                #goes
                ::core::option::Option::Some(#at)
            },
        )
    }}
}
