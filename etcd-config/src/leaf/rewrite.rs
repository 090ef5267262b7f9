//! What may have been meant by a text that is no value of a type: other ways to write it, one of which may be.

use super::expectation::{Expectation, Shape};
use super::json_list::list_of;
use crate::leaf::similar::distance;

/// Longer texts are not looked at: nobody has mistyped them.
const LONGEST: usize = 1_000;

/// The ways in which the text may have been meant, the likeliest first.
pub(super) fn rewritten(text: &str, expected: &Expectation, variants: &[&str]) -> Vec<String> {
    let text = text.trim().trim_start_matches('\u{feff}').trim();
    if text.is_empty() || text.len() > LONGEST {
        return Vec::new();
    }
    let mut ways = vec![text.to_owned()];
    ways.extend(unquoted(text).map(str::to_owned));
    match expected.shape {
        Shape::Bool => ways.extend(truth(text)),
        Shape::Integer { .. } => ways.extend(whole(text)),
        Shape::Number => ways.extend(fraction(text)),
        Shape::List => ways.extend(list_of(text)),
        Shape::Map | Shape::Struct(_) if !text.contains('"') => ways.push(text.replace('\'', "\"")),
        _ => {}
    }
    ways.extend(likest(unquoted(text).unwrap_or(text), variants));
    ways
}

/// What is between quotation marks.
fn unquoted(text: &str) -> Option<&str> {
    let inner = |mark: char| text.strip_prefix(mark)?.strip_suffix(mark);
    inner('"').or_else(|| inner('\'')).filter(|inner| !inner.is_empty())
}

fn truth(text: &str) -> Option<String> {
    let text = unquoted(text).unwrap_or(text).to_lowercase();
    let truth = match text.as_str() {
        "true" | "yes" | "on" | "y" | "t" | "1" | "enabled" => true,
        "false" | "no" | "off" | "n" | "f" | "0" | "disabled" => false,
        _ => return None,
    };
    Some(truth.to_string())
}

/// A whole number with separators, in another base, or as a fraction.
fn whole(text: &str) -> Vec<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.trim_start_matches('+')),
    };
    let lower = digits.to_ascii_lowercase();
    let based = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().filter_map(|(start, base)| {
        let digits = lower.strip_prefix(start)?.replace('_', "");
        u128::from_str_radix(&digits, base).ok().map(|number| number.to_string())
    });
    let whole = digits.split_once('.').filter(|(_, zeros)| zeros.bytes().all(|zero| zero == b'0'));
    let plain = [grouped(digits), whole.map(|(whole, _)| whole.to_owned()), power(&lower)];
    based.chain(plain.into_iter().flatten()).map(|number| format!("{sign}{number}")).collect()
}

/// `1e3`, without its exponent.
fn power(text: &str) -> Option<String> {
    let (digits, zeros) = text.split_once('e')?;
    let zeros: usize = zeros.trim_start_matches('+').parse().ok().filter(|zeros| *zeros < 40)?;
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| format!("{digits}{}", "0".repeat(zeros)))
}

/// A number with a comma for the point, or with separators.
fn fraction(text: &str) -> Vec<String> {
    let comma = text.split_once(',').filter(|(_, rest)| !rest.contains(',') && rest.len() != 3);
    let comma = comma.map(|(whole, rest)| format!("{whole}.{rest}"));
    comma.into_iter().chain(text.contains('_').then(|| text.replace('_', ""))).collect()
}

/// Digits in groups: `1_000`, `1,000`, `1 000`.
fn grouped(digits: &str) -> Option<String> {
    let mut groups = digits.split(['_', ',', ' ', '\'']);
    let first = groups.next()?;
    let by_underscore = digits.contains('_');
    let rest: Vec<&str> = groups.collect();
    let is_grouped = !rest.is_empty() && (by_underscore || rest.iter().all(|group| group.len() == 3));
    is_grouped.then(|| format!("{first}{}", rest.concat()))
}

/// The variant whose name is likest.
fn likest(text: &str, variants: &[&str]) -> Option<String> {
    let distances = variants.iter().filter_map(|variant| Some((distance(text, variant)?, *variant)));
    distances.min_by_key(|(distance, _)| *distance).map(|(_, variant)| variant.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        for (text, number) in [
            ("1_000", "1000"),
            ("1,000,000", "1000000"),
            ("1 000", "1000"),
            ("0x10", "16"),
            ("0B101", "5"),
            ("-0x10", "-16"),
            ("80.0", "80"),
            ("1e3", "1000"),
        ] {
            assert!(whole(text).contains(&number.to_owned()), "{text}: {:?}", whole(text));
        }
        // Which number these are, nobody knows.
        assert!(whole("1,5").is_empty() && whole("80.5").is_empty() && fraction("1,000").is_empty());
        assert_eq!(fraction("1,5"), ["1.5"]);
    }

    #[test]
    fn what_is_long_is_left_alone() {
        assert!(rewritten(&"9".repeat(LONGEST + 1), &Expectation::unknown(), &[]).is_empty());
    }
}
