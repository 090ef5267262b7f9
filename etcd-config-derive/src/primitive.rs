//! Defaults of numbers, booleans and characters, which can be read before the program runs.

use syn::Type;

use crate::attr::ungrouped_type;

/// Why `text` is no value of the type, where the type is one of the language's own.
pub(crate) fn misfit(ty: &Type, text: &str) -> Option<String> {
    let Type::Path(path) = ungrouped_type(ty) else { return None };
    let name = path.path.get_ident()?.to_string();
    let reason = match name.as_str() {
        "u8" => reason::<u8>(text),
        "u16" => reason::<u16>(text),
        "u32" => reason::<u32>(text),
        "u64" => reason::<u64>(text),
        "u128" => reason::<u128>(text),
        "usize" => reason::<usize>(text),
        "i8" => reason::<i8>(text),
        "i16" => reason::<i16>(text),
        "i32" => reason::<i32>(text),
        "i64" => reason::<i64>(text),
        "i128" => reason::<i128>(text),
        "isize" => reason::<isize>(text),
        "f32" => reason::<f32>(text).or_else(|| infinite::<f32>(text)),
        "f64" => reason::<f64>(text).or_else(|| infinite::<f64>(text)),
        "bool" => reason::<bool>(text),
        "char" if text.chars().count() != 1 => Some("it is not one character".to_owned()),
        _ => None,
    };
    reason.map(|reason| format!("this default is not a `{name}`: {reason}"))
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
