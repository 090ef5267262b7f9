//! An impl that does nothing, beside the mistakes: without it each use of the struct would be one
//! more error.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, GenericParam};

use crate::attr;
use crate::errors::Errors;
use crate::generics::runtime;
use crate::shape::stays_in_one_thread;

pub(crate) fn expand(input: &DeriveInput, errors: Option<&TokenStream>) -> TokenStream {
    // Its mistakes are among the errors already.
    let attrs = attr::Container::of(&input.attrs, &mut Errors::default());
    let mut fields = match &input.data {
        Data::Struct(data) => data.fields.iter(),
        _ => Fields::Unit.iter(),
    };
    if fields.any(|field| stays_in_one_thread(&field.ty)) {
        // No impl of any kind would be another mistake for rustc.
        return quote!(#errors);
    }
    let krate = runtime(attrs.krate.as_ref());
    let ident = &input.ident;
    let (_, _, where_clause) = input.generics.split_for_impl();
    let bounds = input.generics.type_params().map(|param| {
        let ident = &param.ident;
        quote!(#ident: ::core::marker::Send + ::core::marker::Sync + 'static)
    });
    let given = where_clause.map(|clause| &clause.predicates).into_iter().flatten();
    let predicates = given.map(|predicate| quote!(#predicate)).chain(bounds);
    // A lifetime is one of the mistakes; for all but `'static` the impl would be another one.
    let params = input.generics.params.iter().filter(|param| !matches!(param, GenericParam::Lifetime(_)));
    let params = params.map(|param| match param {
        GenericParam::Type(param) => {
            let (ident, bounds) = (&param.ident, &param.bounds);
            quote!(#ident: #bounds)
        }
        GenericParam::Const(param) => {
            let (ident, ty) = (&param.ident, &param.ty);
            quote!(const #ident: #ty)
        }
        GenericParam::Lifetime(_) => TokenStream::new(),
    });
    let arguments = input.generics.params.iter().map(|param| match param {
        GenericParam::Lifetime(_) => quote!('static),
        GenericParam::Type(param) => {
            let ident = &param.ident;
            quote!(#ident)
        }
        GenericParam::Const(param) => {
            let ident = &param.ident;
            quote!(#ident)
        }
    });
    quote! {
        #errors

        #[doc(hidden)]
        const _: () = {
            use #krate::__private as __etcd_config;

            #[automatically_derived]
            impl<#(#params),*> __etcd_config::Derived for #ident<#(#arguments),*>
            where
                #(#predicates,)*
            {
                const LAYOUT: &'static __etcd_config::Layout = &__etcd_config::Layout::new("", &[]);

                fn read(
                    _: &mut __etcd_config::Decoder<'_>,
                    _: ::core::option::Option<&mut Self>,
                ) -> ::core::option::Option<Self> {
                    ::core::option::Option::None
                }
            }
        };
    }
}
