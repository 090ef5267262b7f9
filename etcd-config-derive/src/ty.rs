//! What can be told of a type by the way it is written.

use quote::ToTokens;
use syn::{GenericArgument, Ident, PathArguments, Type};

use crate::ast::Field;
use crate::attr::ungrouped_type;

/// Numbers, booleans and characters.
const PRIMITIVES: [&str; 16] = [
    "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64",
    "bool", "char",
];

/// Types of several values that have no names.
pub(crate) const LISTS: [&str; 5] = ["Vec", "VecDeque", "HashSet", "BTreeSet", "LinkedList"];

/// Types of several values that have names.
pub(crate) const MAPS: [&str; 2] = ["HashMap", "BTreeMap"];

/// Whether it is one of the language's own types of one value.
pub(crate) fn is_primitive(ty: &Type) -> bool {
    let Type::Path(path) = ungrouped_type(ty) else { return false };
    path.path.get_ident().is_some_and(|ident| PRIMITIVES.iter().any(|name| ident == name))
}

/// Whether a reference to it coerces to no reference to another type, as far as is known.
pub(crate) fn has_one_reference(ty: &Type) -> bool {
    const NAMES: [&str; 7] =
        ["Duration", "IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "HashMap", "BTreeMap"];
    is_primitive(ty) || named(ty).is_some_and(|(name, _)| NAMES.contains(&name.as_str()))
}

/// The type in a list, a map, an `Option` or a `Box` that decides whether the whole can be read from text: it may
/// be one of the user's, where the others are known.
pub(crate) fn deciding(ty: &Type) -> Option<&Type> {
    let inner = match ungrouped_type(ty) {
        Type::Array(array) => &*array.elem,
        ty => match named(ty)? {
            (name, inner) if LISTS.contains(&name.as_str()) || name == "Option" || name == "Box" => {
                *inner.first()?
            }
            (name, inner) if MAPS.contains(&name.as_str()) => match inner.as_slice() {
                [key, value, ..] if is_known(key) => *value,
                _ => return None,
            },
            _ => return None,
        },
    };
    let is_name = named(inner).is_some();
    if is_known(inner) { None } else { deciding(inner).or(is_name.then_some(inner)) }
}

/// Whether it is surely the value of one key.
pub(crate) fn is_known(ty: &Type) -> bool {
    is_primitive(ty) || named(ty).is_some_and(|(name, _)| name == "String")
}

/// The last name in a path, and the types in its angle brackets.
pub(crate) fn named(ty: &Type) -> Option<(String, Vec<&Type>)> {
    let Type::Path(path) = ungrouped_type(ty) else { return None };
    let last = path.path.segments.last().filter(|_| path.qself.is_none())?;
    let arguments = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().collect(),
        _ => Vec::new(),
    };
    let types = arguments.into_iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some((last.ident.to_string(), types.collect()))
}

/// The `T` of an `Option<T>`.
pub(crate) fn option_of(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ungrouped_type(ty) else { return None };
    let last = path.path.segments.last()?;
    if path.qself.is_some() || last.ident != "Option" {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) if arguments.args.len() == 1 => Some(inner),
        _ => None,
    }
}

/// The type of the values that one key of a field holds; none of a map that is not written as one.
pub(crate) fn described<'a>(field: &Field<'a>) -> Option<&'a Type> {
    if field.attrs.map.is_none() {
        return Some(option_of(field.ty).unwrap_or(field.ty));
    }
    let (name, arguments) = named(field.ty)?;
    if MAPS.contains(&name.as_str()) { arguments.get(1).copied() } else { None }
}

/// The type as a person writes it.
pub(crate) fn written(ty: &Type) -> String {
    let tokens = ungrouped_type(ty).to_token_stream().to_string();
    let mut text = tokens.split_whitespace().collect::<Vec<_>>().join(" ");
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        ("& ", "&"),
        ("[ ", "["),
        (" ]", "]"),
        (" ;", ";"),
        ("( ", "("),
        (" )", ")"),
    ] {
        text = text.replace(spaced, tight);
    }
    text
}

/// Whether `ident` is somewhere in the type.
pub(crate) fn mentions(ty: &Type, ident: &Ident) -> bool {
    fn any(tokens: proc_macro2::TokenStream, ident: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(found) => found == *ident,
            proc_macro2::TokenTree::Group(group) => any(group.stream(), ident),
            _ => false,
        })
    }
    any(ty.to_token_stream(), ident)
}
