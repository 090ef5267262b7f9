//! Defaults of numbers, booleans, characters and durations, which can be read before the program runs.

use syn::Type;

use crate::attr::ungrouped_type;
use crate::ty::written;

/// Why `text` is no value of the type, where the type is one of the language's own or a `Duration`.
pub(crate) fn literal_misfit(ty: &Type, text: &str) -> Option<String> {
    number_misfit(ty, text).or_else(|| duration_misfit(ty, text))
}

/// A `Duration` of the standard library is read from JSON with its seconds and nanoseconds, and from nothing
/// shorter.
fn duration_misfit(ty: &Type, text: &str) -> Option<String> {
    const NAMES: [&str; 3] = ["Duration", "std::time::Duration", "core::time::Duration"];
    let name = written(ty);
    let is_standard = NAMES.contains(&name.trim_start_matches("::"));
    let is_json = text.trim_start().starts_with(['{', '[']);
    (is_standard && !is_json).then(|| {
        format!(
            "this default is not a `{name}`, which is not read from text by itself: add `with = humantime_serde`, \
             of the crate humantime-serde, for texts such as \"30s\"; a type of that name from elsewhere is written \
             with its path"
        )
    })
}

fn number_misfit(ty: &Type, text: &str) -> Option<String> {
    let Type::Path(path) = ungrouped_type(ty) else { return None };
    let name = path.path.get_ident()?.to_string();
    let reason = match name.as_str() {
        "u8" => reason::<u8>(text).map(|_| whole(u8::MIN, u8::MAX)),
        "u16" => reason::<u16>(text).map(|_| whole(u16::MIN, u16::MAX)),
        "u32" => reason::<u32>(text).map(|_| whole(u32::MIN, u32::MAX)),
        "u64" => reason::<u64>(text).map(|_| whole(u64::MIN, u64::MAX)),
        "u128" => reason::<u128>(text).map(|_| whole(u128::MIN, u128::MAX)),
        "usize" => reason::<usize>(text).map(|_| whole(usize::MIN, usize::MAX)),
        "i8" => reason::<i8>(text).map(|_| whole(i8::MIN, i8::MAX)),
        "i16" => reason::<i16>(text).map(|_| whole(i16::MIN, i16::MAX)),
        "i32" => reason::<i32>(text).map(|_| whole(i32::MIN, i32::MAX)),
        "i64" => reason::<i64>(text).map(|_| whole(i64::MIN, i64::MAX)),
        "i128" => reason::<i128>(text).map(|_| whole(i128::MIN, i128::MAX)),
        "isize" => reason::<isize>(text).map(|_| whole(isize::MIN, isize::MAX)),
        "f32" => reason::<f32>(text).or_else(|| infinite::<f32>(text)),
        "f64" => reason::<f64>(text).or_else(|| infinite::<f64>(text)),
        "bool" => reason::<bool>(text).map(|_| "that is `true` or `false`".to_owned()),
        "char" if text.chars().count() != 1 => Some("it is not one character".to_owned()),
        _ => None,
    };
    reason.map(|reason| format!("this default is not a `{name}`: {reason}"))
}

fn whole(least: impl std::fmt::Display, greatest: impl std::fmt::Display) -> String {
    format!("that is a whole number from {least} to {greatest}")
}

fn reason<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Option<String> {
    text.trim().parse::<T>().err().map(|error| error.to_string())
}

/// As where values are read: `inf` is one, and a number that is too large is not.
fn infinite<T: std::str::FromStr + Into<f64>>(text: &str) -> Option<String> {
    let number: f64 = text.trim().parse::<T>().ok()?.into();
    let is_written_out = text.contains(|character: char| character.is_ascii_digit());
    (number.is_infinite() && is_written_out).then(|| "it is too large".to_owned())
}
