//! Keys and prefixes as they may be written.

use std::fmt::Write as _;

use syn::LitStr;

use crate::errors::Errors;

/// A key or an alias, relative or absolute.
pub(crate) fn check_key(key: &LitStr, errors: &mut Errors) {
    let text = key.value();
    let relative = text.strip_prefix('/').unwrap_or(&text);
    if text.is_empty() {
        errors.at(key, "an empty key; leave `key` out and the field's name is the key");
    } else if relative.is_empty() || relative.split('/').any(str::is_empty) {
        errors.at(key, format!("a key is names with one `/` between them: write \"{}\"", tidy(&text)));
    } else if text.trim() != text {
        let message = format!("white space at the ends of a key is seen by nobody: write {:?}", text.trim());
        errors.at(key, message);
    } else if text.contains(['{', '}']) {
        errors.at(key, "placeholders are for `prefix` alone; a key is the same everywhere");
    } else if let Some(character) = text.chars().find(|character| character.is_control()) {
        errors.at(key, format!("{character:?} cannot be typed, so it should not be in a key"));
    }
}

/// A prefix, with its `{placeholders}`.
pub(crate) fn check_prefix(prefix: &LitStr, errors: &mut Errors) {
    let text = prefix.value();
    if text.is_empty() {
        errors.at(prefix, "an empty prefix; \"/\" is every key that begins with a slash");
    } else if text.trim() != text {
        let message =
            format!("white space at the ends of a prefix is seen by nobody: write {:?}", text.trim());
        errors.at(prefix, message);
    } else if text.contains("//") {
        errors.at(prefix, format!("a prefix is names with one `/` between them: write \"{}\"", tidy(&text)));
    } else if let Err(message) = check_placeholders(&text) {
        errors.at(prefix, message);
    } else if !text.starts_with('/') {
        let message = format!(
            "a prefix begins with a slash: write \"/{text}\"; keys without one in front are other keys, which \
             `Options::prefix` and `Options::layer` read"
        );
        errors.at(prefix, message);
    }
}

fn check_placeholders(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        if rest[at..].starts_with('}') {
            return Err("a `}` without its `{`; a placeholder is written `{name}`".to_owned());
        }
        let inside = &rest[at + 1..];
        let Some(end) = inside.find('}') else {
            return Err("a `{` without its `}`; a placeholder is written `{name}`".to_owned());
        };
        let name = &inside[..end];
        let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if !starts || !name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_') {
            let mut message = String::new();
            let _ = write!(message, "`{{{name}}}` is not a placeholder: ");
            message.push_str("it is a name of letters, digits and `_`, such as `{region}`");
            return Err(message);
        }
        rest = &inside[end + 1..];
    }
    Ok(())
}

/// What was probably meant.
fn tidy(text: &str) -> String {
    let names: Vec<&str> = text.split('/').filter(|name| !name.is_empty()).collect();
    let start = if text.starts_with('/') { "/" } else { "" };
    if names.is_empty() { "name".to_owned() } else { format!("{start}{}", names.join("/")) }
}
