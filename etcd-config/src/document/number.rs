//! Numbers as the formats write them, in the one way that all of them and JSON understand.

/// What a number that is none in JSON is called in the text of a key.
const NOT_FINITE: [(&[&str], &str); 3] = [
    (&[".inf", "+.inf", "inf", "+inf", "infinity"], "inf"),
    (&["-.inf", "-inf", "-infinity"], "-inf"),
    (&[".nan", "nan", "+nan", "-nan"], "NaN"),
];

/// Whether JSON has no such number.
pub(super) fn is_not_finite(decimal: &str) -> bool {
    NOT_FINITE.iter().any(|(_, name)| *name == decimal)
}

/// A number as JSON writes it, or one of those that JSON does not have, from what YAML or TOML write: `0x10`, `1_000`,
/// `+5`, `007`, `.5`, `5.`, `.inf`. No digit is lost.
pub(super) fn decimal(written: &str) -> String {
    let lower = written.to_ascii_lowercase();
    if let Some((_, name)) = NOT_FINITE.iter().find(|(words, _)| words.contains(&lower.as_str())) {
        return (*name).to_owned();
    }
    let plain = written.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if let Some(whole) = based(digits) {
        return format!("{sign}{whole}");
    }
    // Of more than 128 bits: what reads it says so.
    if digits.starts_with("0x") || digits.starts_with("0o") || digits.starts_with("0b") {
        return written.to_owned();
    }
    let end = digits.find(['.', 'e', 'E']).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) if !fraction.starts_with(|digit: char| digit.is_ascii_digit()) => {
            format!(".0{fraction}")
        }
        _ => rest.to_owned(),
    };
    format!("{sign}{whole}{rest}")
}

fn based(digits: &str) -> Option<String> {
    let bases = [("0x", 16), ("0o", 8), ("0b", 2), ("0X", 16), ("0O", 8), ("0B", 2)];
    bases.into_iter().find_map(|(start, base)| {
        u128::from_str_radix(digits.strip_prefix(start)?, base).ok().map(|number| number.to_string())
    })
}

/// Whether it is a whole number that fits into 64 bits with a sign, as TOML has them; or none that is whole.
pub(super) fn fits_toml(decimal: &str) -> bool {
    decimal.contains(['.', 'e', 'E']) || is_not_finite(decimal) || decimal.parse::<i64>().is_ok()
}

/// Whether a text is a number, written as JSON does and as all of these formats print it.
pub(super) fn is_json_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && text.ends_with(|last: char| last.is_ascii_digit())
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
        && decimal(text) == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_json_does() {
        for (written, expected) in [
            ("5", "5"),
            ("-0", "-0"),
            ("+5", "5"),
            ("007", "7"),
            ("0x1F", "31"),
            ("-0b11", "-3"),
            ("0o17", "15"),
            ("1_000", "1000"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("5.e3", "5.0e3"),
            ("1.10", "1.10"),
            ("1E+3", "1E+3"),
            ("-.INF", "-inf"),
            (".NaN", "NaN"),
            ("340282366920938463463374607431768211455", "340282366920938463463374607431768211455"),
        ] {
            assert_eq!(decimal(written), expected, "{written}");
        }
    }
}
