//! The names of types as people write them.

use std::fmt;

/// The name of a type, made when it is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum TypeName {
    /// As it is in the source.
    Written(&'static str),
    /// As the compiler knows it.
    Known(fn() -> String),
}

impl TypeName {
    pub(super) fn of<T>() -> Self {
        Self::Known(type_name::<T>)
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written(name) => f.write_str(name),
            Self::Known(name) => f.write_str(&name()),
        }
    }
}

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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::type_name;

    #[test]
    fn modules_are_left_out() {
        assert_eq!(
            type_name::<HashMap<String, Option<std::net::IpAddr>>>(),
            "HashMap<String, Option<IpAddr>>"
        );
        assert_eq!(type_name::<(u8, [bool; 2])>(), "(u8, [bool; 2])");
    }
}
