//! Values as they were written, for what should have been written instead.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Expr, ExprLit, Lit};

/// Macros wrap what they pass on in groups without delimiters.
pub(crate) fn ungrouped(mut expr: &Expr) -> &Expr {
    while let Expr::Group(group) = expr {
        expr = &group.expr;
    }
    expr
}

/// What someone who left out the quotation marks wrote: `/app/eu`, `log-level`, `10.0.0.1:80`.
pub(crate) fn unquoted(value: &Expr) -> Option<String> {
    if list_in(value).is_some() || has_words_side_by_side(value.to_token_stream()) {
        return None;
    }
    let text = value.to_token_stream().to_string().replace(' ', "");
    let plain = |character: char| character.is_alphanumeric() || "/-_.:{}[]@,".contains(character);
    text.chars().all(plain).then_some(text)
}

/// Whether two names or literals follow each other, so that there was a space between them.
fn has_words_side_by_side(tokens: TokenStream) -> bool {
    let mut after_a_word = false;
    tokens.into_iter().any(|token| {
        let is_word = matches!(token, TokenTree::Ident(_) | TokenTree::Literal(_));
        let inside = matches!(&token, TokenTree::Group(group) if has_words_side_by_side(group.stream()));
        std::mem::replace(&mut after_a_word, is_word) && is_word || inside
    })
}

/// `PREFIX` or `crate::names::PREFIX`: what it holds is known to nobody yet.
pub(crate) fn is_name_of_a_constant(value: &Expr) -> bool {
    let Expr::Path(path) = value else { return false };
    let last = path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
    path.path.segments.len() > 1 || last.chars().any(char::is_uppercase) && last == last.to_uppercase()
}

/// What is in `[...]` or `vec![...]`.
pub(crate) fn list_in(value: &Expr) -> Option<TokenStream> {
    let tokens: Vec<TokenTree> = value.to_token_stream().into_iter().collect();
    let list = match tokens.as_slice() {
        [TokenTree::Group(list)] => list,
        [TokenTree::Ident(vec), TokenTree::Punct(_), TokenTree::Group(list)] if vec == "vec" => list,
        _ => return None,
    };
    (list.delimiter() == Delimiter::Bracket).then(|| list.stream())
}

/// Whether it is a closure.
pub(crate) fn is_closure(value: &Expr) -> bool {
    let mut tokens = value.to_token_stream().into_iter();
    tokens.next().is_some_and(|first| {
        matches!(&first, TokenTree::Punct(punct) if punct.as_char() == '|') || first.to_string() == "move"
    })
}

/// What to write for a default that is no literal.
pub(crate) fn instead_of_default(value: &Expr) -> String {
    const LITERAL: &str = "a default is a literal, written as one would store it: a string, a number, a boolean \
                           or a character; for the result of a function there is `default_fn = function`";
    if let Some(list) = list_in(value) {
        let list = format!("[{list}]").replace([' ', '\n'], "").replace(',', ", ");
        return format!(
            "a default is the text that one would store, and a list is JSON: write `default = {list:?}`"
        );
    }
    match value {
        Expr::Call(call) if call.args.is_empty() => {
            let function = call.func.to_token_stream().to_string().replace(' ', "");
            format!("a default is a literal, and no call: write `default_fn = {function}`")
        }
        Expr::MethodCall(call) => match ungrouped(&call.receiver) {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                format!("a default is the text that one would store: write `default = {:?}`", text.value())
            }
            _ => LITERAL.to_owned(),
        },
        Expr::Call(call) => match call.args.first().map(ungrouped) {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) if call.args.len() == 1 => {
                format!("a default is the text that one would store: write `default = {:?}`", text.value())
            }
            _ => LITERAL.to_owned(),
        },
        Expr::Path(path) if path.path.is_ident("None") => {
            "without any default the field of an absent key is `None`, if its type is an `Option`".to_owned()
        }
        Expr::Path(path) if path.path.segments.len() > 1 => {
            let last = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            format!(
                "a default is the text that one would store: for a variant its name, as in `default = {last:?}`; \
                 for a constant there is `default_fn = function`"
            )
        }
        Expr::Path(_) if is_name_of_a_constant(value) => LITERAL.to_owned(),
        Expr::Verbatim(_) | Expr::Path(_) | Expr::Field(_) => match unquoted(value) {
            Some(text) => format!(
                "a default that is neither a number nor a boolean is a string: write `default = {text:?}`"
            ),
            None => LITERAL.to_owned(),
        },
        _ => LITERAL.to_owned(),
    }
}
