//! One thing in `#[etcd(...)]`: a name, alone or with a value.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, ExprPath, Ident, Lit, LitStr, Path, Token, Type};

use super::written::{is_closure, is_name_of_a_constant, list_in, ungrouped, unquoted};
use crate::errors::Errors;

/// What has no value.
const FLAGS: [&str; 9] = [
    "nested",
    "map",
    "flatten",
    "skip",
    "secret",
    "restart",
    "schemars",
    "deny_unknown_keys",
    "ignore_serde",
];

/// What has values in parentheses, and what others call it.
const LISTS: [&str; 4] = ["layers", "layer", "overlay", "overlays"];

/// `name`, `name = value` or `name(value, ...)`.
pub(crate) struct Item {
    pub(crate) name: Ident,
    /// What is no expression is kept as it is, for the message about it.
    pub(crate) value: Option<Expr>,
    /// What is in the parentheses.
    list: Option<TokenStream>,
}

/// The items of all `#[etcd(...)]` among these attributes.
pub(crate) fn items(attrs: &[Attribute], errors: &mut Errors) -> Vec<Item> {
    let mut items = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("etcd")) {
        match attr.parse_args_with(all_items) {
            Ok(parsed) => {
                for item in parsed {
                    item.map_or_else(|error| errors.push(error), |item| items.push(item));
                }
            }
            Err(error) => errors.push(error),
        }
    }
    items
}

/// Each item or what is wrong with it: after a mistake the next comma is a new start.
fn all_items(input: ParseStream<'_>) -> syn::Result<Vec<syn::Result<Item>>> {
    let mut items = Vec::new();
    while !input.is_empty() {
        items.push(item(input));
        rest(input);
        input.parse::<Option<Token![,]>>()?;
    }
    Ok(items)
}

fn item(input: ParseStream<'_>) -> syn::Result<Item> {
    if input.peek(syn::Lit) {
        return Err(input.error("an attribute begins with its name, such as `key = \"...\"`"));
    }
    let name = input.call(Ident::parse_any)?;
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Item { name, value: None, list: None });
    }
    if input.peek(syn::token::Paren) {
        let inner: TokenStream = input.parse::<Group>()?.stream();
        if LISTS.iter().any(|list| name == list) {
            return Ok(Item { name, value: None, list: Some(inner) });
        }
        return Err(syn::Error::new(name.span(), in_parentheses(&name, &inner)));
    }
    if !input.peek(Token![=]) || input.peek(Token![==]) || input.peek(Token![=>]) {
        return Err(without_equals(&name, &rest(input)));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = flag_with_value(&name).unwrap_or_else(|| format!("`{name} =` has no value"));
        return Err(syn::Error::new(name.span(), message));
    }
    let start = input.fork();
    let parsed = input.parse::<Expr>().ok().filter(|_| input.is_empty() || input.peek(Token![,]));
    if let Some(value) = parsed {
        return Ok(Item { name, value: Some(value), list: None });
    }
    let tokens = rest(&start);
    if let Some(semicolon) = tokens.iter().find(|token| is_punct(token, ';')) {
        return Err(syn::Error::new_spanned(semicolon, "a comma goes between two attributes, no `;`"));
    }
    let value = Expr::Verbatim(tokens.into_iter().collect());
    Ok(Item { name, value: Some(value), list: None })
}

/// What to write instead of `name(inner)`.
fn in_parentheses(name: &Ident, inner: &TokenStream) -> String {
    if let Some(message) = flag_with_value(name).or_else(|| several(name, inner)) {
        return message;
    }
    let value = if inner.is_empty() { "...".to_owned() } else { inner.to_string() };
    format!("`{name}` takes no parentheses: write `{name} = {value}`")
}

/// What to write instead of a flag with anything after it.
fn flag_with_value(name: &Ident) -> Option<String> {
    let is_flag = FLAGS.iter().any(|flag| name == flag);
    is_flag.then(|| format!("`{name}` takes no value: write `{name}` alone, or leave it out"))
}

/// What to write instead of a list of values in one attribute.
fn several(name: &Ident, list: &TokenStream) -> Option<String> {
    let literals = list.clone().into_iter().filter(|token| matches!(token, TokenTree::Literal(_)));
    let values: Vec<String> = literals.map(|literal| literal.to_string()).collect();
    let [first, _, ..] = values.as_slice() else { return None };
    Some(match name.to_string().as_str() {
        "alias" | "validate" => {
            let each: Vec<String> = values.iter().map(|value| format!("{name} = {value}")).collect();
            format!("`{name}` takes one value, as often as is needed: write `{}`", each.join(", "))
        }
        "key" => {
            format!("a field has one key: write `key = {first}`, and `alias = ...` for each other name")
        }
        _ => format!("`{name}` takes one value"),
    })
}

/// The tokens up to the next comma.
fn rest(input: ParseStream<'_>) -> Vec<TokenTree> {
    let mut tokens = Vec::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        let Ok(token) = input.parse() else { break };
        tokens.push(token);
    }
    tokens
}

/// What follows a name and is no `=` with a value.
fn without_equals(name: &Ident, found: &[TokenTree]) -> syn::Error {
    let Some(first) = found.first().cloned() else {
        return syn::Error::new(name.span(), format!("`{name}` is followed by nothing"));
    };
    if let TokenTree::Ident(next) = &first {
        let message = format!("a comma goes between two attributes: write `{name}, {next}`");
        return syn::Error::new_spanned(first, message);
    }
    if is_punct(&first, ';') {
        return syn::Error::new_spanned(first, "a comma goes between two attributes, no `;`");
    }
    if let Some(message) = flag_with_value(name) {
        return syn::Error::new_spanned(first, message);
    }
    let sign = |token: &TokenTree| [':', '=', '>'].iter().any(|sign| is_punct(token, *sign));
    let value: TokenStream = found.iter().skip_while(|token| sign(token)).cloned().collect();
    let signs: TokenStream = found.iter().take_while(|token| sign(token)).cloned().collect();
    let at = if signs.is_empty() { value.clone() } else { signs };
    let value = if value.is_empty() { "...".to_owned() } else { value.to_string() };
    syn::Error::new_spanned(at, format!("a value comes after one `=`: write `{name} = {value}`"))
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

impl Item {
    /// The item is a flag.
    pub(crate) fn flag(&self, errors: &mut Errors) -> Option<Ident> {
        match &self.value {
            None => Some(self.name.clone()),
            Some(value) => {
                let message = flag_with_value(&self.name);
                errors.at(value, message.unwrap_or_else(|| format!("`{}` takes no value", self.name)));
                None
            }
        }
    }

    /// The item has text.
    pub(crate) fn text(&self, example: &str, errors: &mut Errors) -> Option<LitStr> {
        let name = &self.name;
        let message = match self.value.as_ref().map(ungrouped) {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => return Some(text.clone()),
            Some(other) if is_name_of_a_constant(other) => {
                format!(
                    "`{name}` takes a string that is written here, such as `{name} = {example}`: what a \
                         constant holds is not known yet"
                )
            }
            Some(other) => match (list_in(other).and_then(|list| several(name, &list)), unquoted(other)) {
                (Some(message), _) => message,
                (None, Some(text)) => format!("`{name}` takes a string: write `{name} = \"{text}\"`"),
                (None, None) => format!("`{name}` takes a string, such as `{name} = {example}`"),
            },
            None => format!("`{name}` wants a value: `{name} = {example}`"),
        };
        errors.at(self.value_tokens(), message);
        None
    }

    /// The item has texts, in parentheses.
    pub(crate) fn texts(&self, example: &str, errors: &mut Errors) -> Option<Vec<LitStr>> {
        let name = &self.name;
        let Some(list) = &self.list else {
            let message = match self.value.as_ref().map(ungrouped) {
                Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
                    format!(
                        "`{name}` takes its values in parentheses: write `{name}({})`",
                        text.to_token_stream()
                    )
                }
                _ => format!("`{name}` takes its values in parentheses: `{name}({example})`"),
            };
            errors.at(self.value_tokens(), message);
            return None;
        };
        let values = match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(list.clone()) {
            Ok(values) if !values.is_empty() => values,
            Ok(_) => {
                errors.at(name, format!("`{name}` wants at least one value: `{name}({example})`"));
                return None;
            }
            Err(_) => {
                errors.at(
                    list,
                    format!("`{name}` takes strings with commas between them: `{name}({example})`"),
                );
                return None;
            }
        };
        let before = errors.count();
        let mut texts = Vec::new();
        for value in &values {
            let message = match ungrouped(value) {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                    texts.push(text.clone());
                    continue;
                }
                other if is_name_of_a_constant(other) => format!(
                    "`{name}` takes strings that are written here, such as `{name}({example})`: what a constant holds \
                     is not known yet"
                ),
                other => match unquoted(other) {
                    Some(text) => format!("`{name}` takes strings: write `{name}(\"{text}\")`"),
                    None => format!("`{name}` takes strings, such as `{name}({example})`"),
                },
            };
            errors.at(ungrouped(value), message);
        }
        (errors.count() == before).then_some(texts)
    }

    /// The item names a function, a module or a crate; in quotation marks as in serde, too.
    pub(crate) fn path(&self, example: &str, errors: &mut Errors) -> Option<ExprPath> {
        let name = &self.name;
        let message = match self.value.as_ref().map(ungrouped) {
            Some(Expr::Path(path)) => return Some(path.clone()),
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => match text.parse::<Path>() {
                Ok(path) => return Some(ExprPath { attrs: Vec::new(), qself: None, path }),
                Err(_) => match text.parse::<Expr>() {
                    Ok(Expr::Call(call)) => called(name, &call.func),
                    _ => format!("not a path; `{name}` takes one, such as `{example}`"),
                },
            },
            Some(Expr::Call(call)) => called(name, &call.func),
            Some(other) if is_closure(other) => {
                format!("`{name}` takes the path of a function, and no closure: `{name} = {example}`")
            }
            Some(_) => format!("`{name}` takes a path, such as `{name} = {example}`"),
            None => format!("`{name}` wants a path: `{name} = {example}`"),
        };
        errors.at(self.value_tokens(), message);
        None
    }

    /// Where to point at when the value is wrong.
    fn value_tokens(&self) -> TokenStream {
        self.value
            .as_ref()
            .map_or_else(|| self.name.to_token_stream(), |value| ungrouped(value).to_token_stream())
    }
}

fn called(name: &Ident, function: &Expr) -> String {
    let function = function.to_token_stream().to_string().replace(' ', "");
    format!("`{name}` takes a function, and no call of one: write `{name} = {function}`")
}

/// A type without the groups of macros, and without parentheses, which mean nothing around one.
pub(crate) fn ungrouped_type(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            ty => return ty,
        };
    }
}
