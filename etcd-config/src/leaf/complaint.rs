//! Why a text is no value of a type, for a person, and what would be one.

use std::net::IpAddr;

use etcd_client_core::Printable;

use super::error::Error;
use super::expectation::{Expectation, Shape};
use super::rewrite::rewritten;
use super::{Decode, decode, expectation, quote};
use crate::leaf::FieldDefault;
use crate::runtime::panics;

/// The longest part of what a type has to say about a value, in characters.
const SAID: usize = 1024;
/// The longest default or other text that is shown as an example, in characters.
const EXAMPLE: usize = 60;

const LINE_BREAK: &str =
    "the value ends with a line break, which is part of it: `echo` adds one, `printf %s` does not";

/// What is known of a field besides its type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'f> {
    /// The name of the type.
    pub(crate) ty: &'f str,
    /// What an absent key would mean.
    pub(crate) default: FieldDefault,
    pub(crate) secret: bool,
}

/// Why `text` is not what is wanted. Of a secret it says nothing but what was expected.
pub(crate) fn complaint<T>(text: &str, wanted: Wanted<'_>, decode_as: Decode<T>, error: &Error) -> String {
    let is_value = |text: &str| matches!(panics::caught(|| decode(text, decode_as)), Ok(Ok(_)));
    in_words(text, wanted, expectation(decode_as), &is_value, error)
}

/// The same for any type; `is_value` says whether another text would be a value. It is compiled once.
fn in_words(
    text: &str,
    wanted: Wanted<'_>,
    expected: Expectation,
    is_value: &dyn Fn(&str) -> bool,
    error: &Error,
) -> String {
    let Wanted { ty, default, secret } = wanted;
    let expected = match error {
        // A type may have put the value into it.
        Error::Unfit(phrase) if !secret => expected.in_words(&words(phrase, text)),
        _ => expected,
    };
    let noun = expected.noun(ty);
    if secret {
        return format!("(secret) is not {noun}{}{}", example(&expected, None), in_source(&expected, ty));
    }
    let default_text = match default {
        FieldDefault::Text(default) if default != text => Some(default),
        _ => None,
    };
    let example = example(&expected, default_text);
    let shown = quote(text);
    let complaint = match error {
        Error::UnknownVariant(variants) if !variants.is_empty() => {
            format!("{shown} is not one of {}", variants.join(", "))
        }
        Error::Message(cause) => format!("{shown} is not {noun}{example}: {}", words(cause, text)),
        _ => format!("{shown} is not {noun}{example}"),
    };
    let way_out = way_out(text, &expected, default, is_value, error).unwrap_or_default();
    format!("{complaint}{way_out}{}", in_source(&expected, ty))
}

/// Why a check refuses a value. `text` is what is stored, where that is one text.
pub(crate) fn refused(text: Option<&str>, refusal: &str, secret: bool) -> String {
    match text {
        _ if secret => "(secret) is refused by its check".to_owned(),
        Some(text) if ends_with_line_break(text) => {
            format!("{} is refused: {refusal}; {LINE_BREAK}", quote(text))
        }
        Some(text) => format!("{} is refused: {refusal}", quote(text)),
        None => refusal.to_owned(),
    }
}

/// Why the bytes of a value are no text.
pub(crate) fn not_text(bytes: &[u8], secret: bool) -> String {
    let is_wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let hint = if is_wide { "; it looks like UTF-16: write it as UTF-8" } else { "" };
    if secret {
        return format!("(secret) is not text: it is not UTF-8{hint}");
    }
    let text = String::from_utf8_lossy(bytes);
    let from = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
    format!("{} is not text: not UTF-8 from byte {from} on{hint}", quote(&text))
}

/// What is odd about a text that is taken as it is, if anything. Says nothing of what is in it.
pub(crate) fn oddity(text: &str) -> Option<&'static str> {
    if text.starts_with('\u{feff}') {
        return Some("the value begins with a byte order mark, which is part of it: write it without");
    }
    if text.contains('\0') {
        return Some("the value has zero bytes in it, as UTF-16 has: write it as UTF-8");
    }
    if ends_with_line_break(text) {
        return Some(LINE_BREAK);
    }
    let is_quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    if is_quoted && serde_json::from_str::<&str>(text).is_ok() {
        return Some("the value has quotation marks around it, which are part of it: write it without them");
    }
    None
}

/// Whether there may be an [oddity] in a value, which is looked for in each of a large map: nearly none has any.
pub(crate) fn may_be_odd(value: &[u8]) -> bool {
    // Without an early end it is compared 16 bytes at a time.
    let zeros = value.iter().fold(0, |zeros, byte| zeros | u8::from(*byte == 0));
    zeros != 0
        || value.first().is_some_and(|first| matches!(first, 0xef | b'"'))
        || value.last().is_some_and(|last| *last == b'\n')
}

/// Whether it is one line with its end, as text files have it and values do not.
fn ends_with_line_break(text: &str) -> bool {
    text.strip_suffix('\n').is_some_and(|line| !line.contains('\n'))
}

/// What would do: by the type, else the field's default.
fn example(expected: &Expectation, default: Option<&str>) -> String {
    let is_telling = |default: &&str| default.len() > 2 && default.chars().count() <= EXAMPLE;
    let default = default.filter(is_telling);
    let shown = match (expected.example(), default) {
        (Some(example), _) => example.to_owned(),
        (None, Some(default)) if !expected.is_scalar() => Printable::line(default).to_string(),
        _ => return String::new(),
    };
    format!(" (such as {shown})")
}

/// What has to be changed in the source, where it is not the value.
fn in_source(expected: &Expectation, ty: &str) -> &'static str {
    let is_duration = expected.shape == Shape::Struct(&["secs", "nanos"]) && ty.contains("Duration");
    if is_duration {
        "; for values such as 30s mark the field with #[etcd(with = humantime_serde)]"
    } else {
        ""
    }
}

/// A value that may have been meant, or what keeps this one from being any.
fn way_out(
    text: &str,
    expected: &Expectation,
    default: FieldDefault,
    is_value: &dyn Fn(&str) -> bool,
    error: &Error,
) -> Option<String> {
    if is_nothing(text) {
        return match default {
            FieldDefault::Text(default) if default.chars().count() <= EXAMPLE => {
                Some(format!("; delete the key for the default, {}", Printable::line(default)))
            }
            FieldDefault::Text(_) | FieldDefault::Expression(_) => {
                Some("; delete the key for the default".to_owned())
            }
            FieldDefault::Absent => Some("; delete the key for `None`".to_owned()),
            FieldDefault::Required => None,
        };
    }
    let variants = match error {
        Error::UnknownVariant(variants) => *variants,
        _ => &[],
    };
    let works = |way: &String| way.chars().count() <= EXAMPLE && is_value(way);
    if let Some(meant) = rewritten(text, expected, variants).into_iter().find(works) {
        return Some(format!("; did you mean {}?", Printable::line(&meant)));
    }
    reason(text.trim(), expected).map(|reason| format!("; {reason}"))
}

/// Whether somebody wanted to write no value.
fn is_nothing(text: &str) -> bool {
    matches!(text.trim().to_lowercase().as_str(), "" | "\"\"" | "''" | "null" | "nil" | "none")
}

/// What keeps a text from being a value, where the type does not say.
fn reason(text: &str, expected: &Expectation) -> Option<&'static str> {
    if text.contains('\0') {
        return Some("there are zero bytes in it, as UTF-16 has: write it as UTF-8");
    }
    match expected.shape {
        Shape::Integer { .. } | Shape::Number => {
            let digits = text.trim_end_matches(|last: char| last.is_alphabetic() || "% ".contains(last));
            let is_unit = digits.len() < text.len() && digits.parse::<f64>().is_ok();
            is_unit.then_some("a number has no unit here")
        }
        Shape::Text if expected.is_socket_address() => {
            text.parse::<IpAddr>().is_ok().then_some("the port is missing")
        }
        _ => None,
    }
}

/// A type's own words about a text. Line breaks are the type's where the text can have brought none.
fn words(cause: &str, text: &str) -> String {
    let words =
        if text.contains(['\n', '\\', '%']) { Printable::line(cause) } else { Printable::block(cause, "") };
    words.at_most(SAID).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_odd_may_be() {
        let letters = ["a", "\"", "\n", "\0", "\u{feff}", "é"];
        let mut texts = vec![String::new()];
        for _ in 0..4 {
            let longer = texts.iter().flat_map(|text| letters.map(|letter| format!("{text}{letter}")));
            texts = texts.iter().cloned().chain(longer).collect();
        }
        let odd = texts.iter().filter(|text| oddity(text).is_some());
        assert!(odd.clone().count() > 100);
        assert!(odd.into_iter().all(|text| may_be_odd(text.as_bytes())));
        assert!(!may_be_odd(b"plain \"text\"") && !may_be_odd(b""));
    }
}
