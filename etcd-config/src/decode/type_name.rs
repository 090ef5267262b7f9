//! The names of types as people write them.

/// The name of `T` without the modules that it lives in.
pub(super) fn type_name<T>() -> String {
    let full = std::any::type_name::<T>();
    let mut short = String::with_capacity(full.len());
    let mut start = 0;
    for (at, character) in full.char_indices() {
        if !(character.is_alphanumeric() || character == '_' || character == ':') {
            short.push_str(last_segment(&full[start..at]));
            short.push(character);
            start = at + character.len_utf8();
        }
    }
    short.push_str(last_segment(&full[start..]));
    short
}

fn last_segment(path: &str) -> &str {
    path.rsplit_once("::").map_or(path, |(_, last)| last)
}
