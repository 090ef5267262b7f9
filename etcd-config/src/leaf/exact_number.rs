//! Numbers as text, and what of them the number types of the language can hold.

/// A number that is printed exactly as it was written.
pub(super) enum ExactNumber {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

/// Whether the text is a number as JSON writes them.
pub(super) fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The number of a text, where not even a trailing zero is lost.
pub(super) fn exact(text: &str) -> Option<ExactNumber> {
    fn parsed<N: std::str::FromStr + ToString>(text: &str) -> Option<N> {
        text.parse::<N>().ok().filter(|number| number.to_string() == text)
    }
    parsed(text)
        .map(ExactNumber::Unsigned)
        .or_else(|| parsed(text).map(ExactNumber::Signed))
        .or_else(|| parsed(text).map(ExactNumber::Float))
}

/// Whether the number of a text is the same one in `u64`, `i64` or `f64`, however it is written.
pub(super) fn is_kept(text: &str) -> bool {
    let rounded = || text.parse::<f64>().is_ok_and(|number| are_equal(&number.to_string(), text));
    text.parse::<u64>().is_ok() || text.parse::<i64>().is_ok() || rounded()
}

/// Whether there is a number in JSON that is not kept.
pub(super) fn loses_any(json: &str) -> bool {
    let mut rest = json;
    while let Some(start) = rest.find(|first: char| first == '"' || first == '-' || first.is_ascii_digit()) {
        rest = &rest[start..];
        let length = if rest.starts_with('"') { string(rest) } else { digits(rest) };
        if !rest.starts_with('"') && !is_kept(&rest[..length]) {
            return true;
        }
        rest = &rest[length..];
    }
    false
}

/// How long the string is that the text begins with, its quotation marks included.
fn string(text: &str) -> usize {
    let mut escaped = true;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 1)
}

/// How long the number is that the text begins with.
fn digits(text: &str) -> usize {
    let is_other = |character: char| !matches!(character, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
    text.find(is_other).unwrap_or(text.len())
}

/// Whether two texts are the same number, however they are written.
pub(super) fn are_equal(left: &str, right: &str) -> bool {
    let (left, right) = (Decimal::of(left), Decimal::of(right));
    left.is_some() && left == right
}

/// The number of a text in floating point, if it is one; an error where it is too large for that.
pub(super) fn finite<N: std::str::FromStr>(
    text: &str,
    is_finite: impl Fn(&N) -> bool,
) -> Result<Option<N>, String> {
    let Ok(number) = text.parse::<N>() else { return Ok(None) };
    // Who writes `inf` means it.
    let is_written_out = text.contains(|character: char| character.is_ascii_digit());
    if is_written_out && !is_finite(&number) {
        return Err(format!("out of the range of {}", std::any::type_name::<N>()));
    }
    Ok(Some(number))
}

/// A number in one way of writing: the digits without zeros around them, and how many of them stand
/// before the point.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    fn of(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let significant = all.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Self { negative: false, digits: Vec::new(), point: 0 });
        }
        let leading = all.len() - significant.len();
        let point = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()?;
        let point = point.checked_add(exponent.parse().ok()?)?;
        Some(Self { negative, digits: significant.trim_end_matches('0').into(), point })
    }
}
