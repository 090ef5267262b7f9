//! What a text without quotation marks is in YAML.

use super::item::{Item, ScalarKind};

/// As YAML 1.2 reads it (its core schema).
pub(super) fn plain(text: &str) -> Item {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Item::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Item::scalar(text, ScalarKind::Bool),
        _ if is_number(text) => Item::scalar(text, ScalarKind::Number),
        _ => Item::text(text),
    }
}

fn is_number(text: &str) -> bool {
    let all = |digits: &str, is_digit: fn(&char) -> bool| {
        !digits.is_empty() && digits.chars().all(|digit| is_digit(&digit))
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, char::is_ascii_hexdigit);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |digit| ('0'..='7').contains(digit));
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let exponent = exponent.map(|digits| digits.strip_prefix(['-', '+']).unwrap_or(digits));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |digits: &str| digits.chars().all(|digit| digit.is_ascii_digit());
    !(whole.is_empty() && fraction.is_empty())
        && is_digits(whole)
        && is_digits(fraction)
        && exponent.is_none_or(|digits| all(digits, char::is_ascii_digit))
}

/// Whether every reader of YAML, those of YAML 1.1 included, takes a text without quotation marks for a text.
pub(super) fn is_text(text: &str) -> bool {
    const WORDS: [&str; 12] =
        ["y", "yes", "n", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"];
    let is_safe = |character: char| {
        character.is_ascii_alphanumeric()
            || matches!(character, '_' | '.' | '/' | '+' | '-' | ':' | '@' | '%')
    };
    let first_is_safe =
        text.starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '_' | '/'));
    // Numbers, dates, times, and numbers to the base of 60 begin with a digit and have few letters.
    let is_like_number = text.starts_with(|first: char| first.is_ascii_digit())
        && !text.contains(|letter: char| letter.is_ascii_alphabetic() && !"eEtTzZxXoObB".contains(letter));
    let is_hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    first_is_safe
        && text.len() < 200
        && text.chars().all(is_safe)
        && !text.ends_with(':')
        && !is_like_number
        && !is_hexadecimal
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && matches!(plain(text), Item::Scalar(scalar) if scalar.kind == ScalarKind::Text)
}
