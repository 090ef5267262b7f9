//! The impl: a constant for each field and a call for each field.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ExprPath, Index, Type};

use crate::ast::{Field, Input};
use crate::generics::{bounded, runtime};
use crate::secrecy::holds_secret;
use crate::ty::{deciding, described, has_one_reference, option_of, written};

pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    let krate = runtime(input.attrs.krate.as_ref());
    // Short names for what is ours; the block keeps them from the user's code.
    let private = quote!(__etcd_config);
    let ident = &input.original.ident;
    let generics = bounded(input, &private);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, ty_generics, _) = input.original.generics.split_for_impl();
    let constants = input.fields.iter().filter(|field| field.attrs.skip.is_none());
    let constants = constants.map(|field| constant(input, field, &private));
    let layout = layout(input, &private);
    let read = read(input, &private);
    let fields = input.fields.iter().flat_map(|field| &field.original.attrs);
    let mut attrs = input.original.attrs.iter().chain(fields);
    // Only where it says something: a crate may forbid that lints are allowed.
    let allowed = attrs.any(|attr| attr.path().is_ident("deprecated")).then(|| quote!(#[allow(deprecated)]));
    quote! {
        #[doc(hidden)]
        #allowed
        const _: () = {
            use #krate::__private as __etcd_config;

            const __FIELDS: &[#private::Field] = &[#(#constants),*];

            #[automatically_derived]
            impl #impl_generics #private::Derived for #ident #ty_generics #where_clause {
                #layout
                #read
            }
        };
    }
}

/// The key of a field, relative to the directory of its struct.
pub(crate) fn key_of(input: &Input<'_>, field: &Field<'_>) -> String {
    if input.newtype || field.attrs.flatten.is_some() {
        return String::new();
    }
    match (&field.attrs.key, input.attrs.rename_all) {
        (Some(key), _) => key.value(),
        (None, Some(case)) => case.apply(&field.name),
        (None, None) => field.name.clone(),
    }
}

fn layout(input: &Input<'_>, private: &TokenStream) -> TokenStream {
    let name = input.original.ident.to_string();
    let mut settings = Vec::new();
    let attrs = &input.attrs;
    if !input.docs.is_empty() {
        let docs = &input.docs;
        settings.push(quote!(docs: #docs));
    }
    if let Some(prefix) = &attrs.prefix {
        settings.push(quote!(prefix: ::core::option::Option::Some(#prefix)));
    }
    if let Some(layers) = &attrs.layers {
        let prefixes = &layers.prefixes;
        settings.push(quote!(layers: &[#(#prefixes),*]));
    }
    if attrs.deny_unknown_keys.is_some() {
        settings.push(quote!(deny_unknown_keys: true));
    }
    if let Some(key) = &attrs.commit_key {
        settings.push(quote!(commit_key: ::core::option::Option::Some(#key)));
    }
    if input.newtype {
        settings.push(quote!(newtype: true));
    }
    quote! {
        const LAYOUT: &'static #private::Layout = &#private::Layout {
            #(#settings,)*
            ..#private::Layout::new(#name, __FIELDS)
        };
    }
}

fn constant(input: &Input<'_>, field: &Field<'_>, private: &TokenStream) -> TokenStream {
    let attrs = &field.attrs;
    let (name, key, ty) = (&field.name, key_of(input, field), written(field.ty));
    let mut settings = Vec::new();
    if !field.docs.is_empty() {
        let docs = &field.docs;
        settings.push(quote!(docs: #docs));
    }
    if !attrs.alias.is_empty() {
        let aliases = &attrs.alias;
        settings.push(quote!(aliases: &[#(#aliases),*]));
    }
    if let Some(default) = field_default(field, private) {
        settings.push(quote!(default: #default));
    }
    if let Some((_, name)) = &attrs.env {
        settings.push(quote!(env: ::core::option::Option::Some(#name)));
    }
    let is_directory = attrs.nested.is_some() || attrs.flatten.is_some();
    if attrs.secret.is_some() || !is_directory && holds_secret(field.ty) {
        settings.push(quote!(secret: true));
    }
    if attrs.restart.is_some() {
        settings.push(quote!(restart: true));
    }
    if let Some(instead) = &attrs.deprecated {
        settings.push(quote!(deprecated: ::core::option::Option::Some(#instead)));
    }
    let start = quote!(#private::Field::new(#name, #key, #ty));
    if settings.is_empty() { start } else { quote!(#private::Field { #(#settings,)* ..#start }) }
}

fn field_default(field: &Field<'_>, private: &TokenStream) -> Option<TokenStream> {
    let attrs = &field.attrs;
    if let Some(default) = &attrs.default {
        let Some(text) = &default.text else {
            let expression = format!("{}::default()", written(field.ty));
            return Some(quote!(#private::FieldDefault::Expression(#expression)));
        };
        return Some(quote!(#private::FieldDefault::Text(#text)));
    }
    if let Some((_, path)) = &attrs.default_fn {
        let expression = format!("{}()", quote!(#path).to_string().replace(' ', ""));
        return Some(quote!(#private::FieldDefault::Expression(#expression)));
    }
    let leaf = attrs.nested.is_none() && attrs.map.is_none() && attrs.flatten.is_none();
    (leaf && option_of(field.ty).is_some()).then(|| quote!(#private::FieldDefault::Absent))
}

fn read(input: &Input<'_>, private: &TokenStream) -> TokenStream {
    let (at, target, before, value) = (local("at"), local("target"), local("before"), local("value"));
    let Reads { calls, unwrapped, values } = Reads::of(input, private);
    let members = input.fields.iter().map(|field| &field.member);
    let own = quote!(Self);
    let checks = input.attrs.validate.iter().map(|path| check(path, &own, true, private));
    let checks: Vec<TokenStream> = checks.collect();
    quote! {
        fn read(
            #at: &mut #private::Decoder<'_>,
            mut #target: ::core::option::Option<&mut Self>,
        ) -> ::core::option::Option<Self> {
            let #before = #at.problems();
            #calls
            if let ::core::option::Option::Some(#target) = #target {
                #at.check(#before, #target, &[#(#checks),*]);
                return ::core::option::Option::None;
            }
            #unwrapped
            let #value = Self { #(#members: #values),* };
            if #at.check(#before, &#value, &[#(#checks),*]) {
                ::core::option::Option::Some(#value)
            } else {
                ::core::option::Option::None
            }
        }
    }
}

/// The most fields that one function reads. Each of them may have to be dropped wherever a later one is
/// missing, and what the compiler makes of that costs more than in proportion.
const RUN: usize = 16;

/// All fields are read before any is missed.
struct Reads {
    calls: TokenStream,
    unwrapped: TokenStream,
    /// Each field's value.
    values: Vec<TokenStream>,
}

impl Reads {
    fn of(input: &Input<'_>, private: &TokenStream) -> Self {
        let reads = field_reads(input, private);
        if reads.len() > RUN {
            return Self::in_runs(&reads, private);
        }
        let (calls, locals) = reads.iter().map(|(call, local)| (call, local)).unzip::<_, _, Vec<_>, Vec<_>>();
        let values = locals.iter().map(|local| quote!(#local?)).collect();
        Self { calls: quote!(#(#calls)*), unwrapped: TokenStream::new(), values }
    }

    /// A function for each run of fields.
    fn in_runs(reads: &[(TokenStream, Ident)], private: &TokenStream) -> Self {
        let (at, target) = (local("at"), local("target"));
        let (mut calls, mut runs, mut values) = (TokenStream::new(), Vec::new(), Vec::new());
        for (number, reads) in reads.chunks(RUN).enumerate() {
            let run = local(&format!("run_{number}"));
            let (reads, locals) =
                reads.iter().map(|(call, local)| (call, local)).unzip::<_, _, Vec<_>, Vec<_>>();
            calls.extend(quote! {
                let #run = (|#at: &mut #private::Decoder<'_>, mut #target: ::core::option::Option<&mut Self>| {
                    #(#reads)*
                    ::core::option::Option::Some((#(#locals?,)*))
                })(#at, ::core::option::Option::as_deref_mut(&mut #target));
            });
            values.extend((0..locals.len()).map(Index::from).map(|index| quote!(#run.#index)));
            runs.push(run);
        }
        Self { calls, unwrapped: quote!(let (#(#runs,)*) = (#(#runs?,)*);), values }
    }
}

/// The statement that reads each field, and the local variable that it makes.
fn field_reads(input: &Input<'_>, private: &TokenStream) -> Vec<(TokenStream, Ident)> {
    let (at, target) = (local("at"), local("target"));
    let mut reads = Vec::new();
    let mut index = 0_usize;
    for (number, field) in input.fields.iter().enumerate() {
        let local = local(&format!("field_{number}"));
        if field.attrs.skip.is_some() {
            let make = skipped(field);
            reads.push((quote!(let #local = #private::skipped(&#target, #make);), local));
            continue;
        }
        let (member, part) = (&field.member, part(field, private));
        let read = quote_spanned! {here(field.ty.span())=>
            let #local = #at.read(
                &__FIELDS[#index],
                match &mut #target {
                    ::core::option::Option::Some(#target) => ::core::option::Option::Some(&mut #target.#member),
                    ::core::option::Option::None => ::core::option::Option::None,
                },
                &#part,
            );
        };
        reads.push((read, local));
        index += 1;
    }
    reads
}

/// How the field is read.
fn part(field: &Field<'_>, private: &TokenStream) -> TokenStream {
    let (attrs, ty) = (&field.attrs, field.ty);
    let span = here(ty.span());
    let private = &respanned(private, span);
    let plain = if attrs.nested.is_some() {
        quote_spanned!(span=> #private::nested::<#ty>())
    } else if attrs.flatten.is_some() {
        quote_spanned!(span=> #private::flattened::<#ty>())
    } else if let Some(decode) = decode(field) {
        let function = if attrs.map.is_some() { quote!(map_with) } else { quote!(leaf_with) };
        quote_spanned!(span=> #private::#function::<#ty>(#decode))
    } else if attrs.map.is_some() {
        quote_spanned!(span=> #private::map::<#ty>())
    } else if let Some(element) = deciding(ty) {
        let span = here(element.span());
        let (private, ty) = (&respanned(private, span), located(quote!(#ty), element.span()));
        quote_spanned!(span=> #private::leaf_of::<#ty, #element>())
    } else {
        quote_spanned!(span=> #private::leaf::<#ty>())
    };
    let plain = match made_by(field) {
        Some(make) => quote!(#plain.or(#make)),
        None => plain,
    };
    let plain = if attrs.nested.is_some() || attrs.flatten.is_some() {
        plain
    } else {
        // The method that the type of the value allows; see `compared`.
        quote_spanned!(span=> #private::compared(#plain).part())
    };
    let plain = match described(field).filter(|_| attrs.schemars.is_some()) {
        Some(value) => {
            let span = here(value.span());
            let (private, value) = (&respanned(private, span), located(quote!(#value), value.span()));
            quote_spanned!(span=> #private::described::<#value, _>(#plain))
        }
        None => plain,
    };
    let optional = attrs.nested.is_none() && attrs.map.is_none() && option_of(ty).is_some();
    let checked = if optional { option_of(ty).unwrap_or(ty) } else { ty };
    let (is_exact, checked) = (has_one_reference(checked), quote!(#checked));
    attrs.validate.iter().fold(plain, |part, path| {
        let check = if optional { check_some } else { check };
        let check = check(path, &checked, is_exact, private);
        quote!(#private::checked(#part, #check))
    })
}

/// The function that `with` or `decode_with` name, over the text of a key.
fn decode(field: &Field<'_>) -> Option<TokenStream> {
    if let Some((_, module)) = &field.attrs.with {
        let text = local_at("text", module.span());
        return Some(quote_spanned!(here(module.span())=> |#text| #module::deserialize(#text)));
    }
    let (_, function) = field.attrs.decode_with.as_ref()?;
    let text = local_at("text", function.span());
    let span = here(function.span());
    Some(match (field.attrs.map.is_some(), option_of(field.ty)) {
        (true, _) => quote_spanned!(span=> |#text| #text.through::<_>(#function)),
        (false, Some(ty)) => quote_spanned!(span=> |#text| #text.through_some::<#ty>(#function)),
        (false, None) => {
            let ty = field.ty;
            quote_spanned!(span=> |#text| #text.through::<#ty>(#function))
        }
    })
}

/// What makes the value of an absent key, other than text.
fn made_by(field: &Field<'_>) -> Option<TokenStream> {
    let ty = field.ty;
    if let Some((_, path)) = &field.attrs.default_fn {
        return Some(quote!(#path));
    }
    let default = field.attrs.default.as_ref().filter(|default| default.text.is_none())?;
    Some(default_of(ty, default.name.span()))
}

fn skipped(field: &Field<'_>) -> TokenStream {
    made_by(field).unwrap_or_else(|| default_of(field.ty, field.span()))
}

fn default_of(ty: &Type, span: Span) -> TokenStream {
    quote_spanned!(here(span)=> <#ty as ::core::default::Default>::default)
}

/// The function that asks a check.
fn check(path: &ExprPath, ty: &TokenStream, is_exact: bool, private: &TokenStream) -> TokenStream {
    let value = local_at("value", path.span());
    let answer = asked(path, ty, is_exact, &value, private);
    quote_spanned!(here(path.span())=> |#value| #answer)
}

/// The check of an `Option` is one of what is in it.
fn check_some(path: &ExprPath, ty: &TokenStream, is_exact: bool, private: &TokenStream) -> TokenStream {
    let value = local_at("value", path.span());
    let answer = asked(path, ty, is_exact, &value, private);
    quote_spanned! {here(path.span())=>
        |#value| match #value {
            ::core::option::Option::Some(#value) => #answer,
            ::core::option::Option::None => ::core::result::Result::Ok(()),
        }
    }
}

/// The answer of a check. A reference to some types is a reference to another one, too: a `&String` is a `&str`.
fn asked(
    path: &ExprPath,
    ty: &TokenStream,
    is_exact: bool,
    value: &Ident,
    private: &TokenStream,
) -> TokenStream {
    let span = here(path.span());
    let private = respanned(private, span);
    if is_exact {
        return quote_spanned!(span=> #private::refusal_of::<#ty, _>(#path, #value));
    }
    quote_spanned!(span=> #private::refusal(#path(#value)))
}

/// A name that no name of the user's can meet.
fn local(name: &str) -> Ident {
    format_ident!("{}", name, span = Span::mixed_site())
}

/// The same, for messages about what is at `span`.
fn local_at(name: &str, span: Span) -> Ident {
    format_ident!("{}", name, span = here(span))
}

/// Where messages point to, in tokens that are ours all the same: to lints they are no code of
/// the user's.
fn here(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

fn respanned(tokens: &TokenStream, span: Span) -> TokenStream {
    let respan = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.clone().into_iter().map(respan).collect()
}

/// The same tokens for the compiler, and others for whoever reads its messages.
pub(crate) fn located(tokens: TokenStream, span: Span) -> TokenStream {
    let locate = |mut token: TokenTree| {
        if let TokenTree::Group(group) = token {
            let mut inner = Group::new(group.delimiter(), located(group.stream(), span));
            inner.set_span(group.span().located_at(span));
            return TokenTree::Group(inner);
        }
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.into_iter().map(locate).collect()
}
