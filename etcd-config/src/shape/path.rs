//! Keys and field paths, put together.

/// The whole key of what is called `key` in a directory; an absolute key stays what it is.
pub(crate) fn whole_key(directory: &str, key: &str) -> String {
    if key.starts_with('/') {
        return key.to_owned();
    }
    let mut whole = directory.to_owned();
    append(&mut whole, '/', key);
    whole
}

/// The path of what is called `name` in a struct at `path`.
pub(crate) fn field_path(path: &str, name: &str) -> String {
    let mut whole = path.to_owned();
    append(&mut whole, '.', name);
    whole
}

/// Adds a name to a path, with one separator between them; a name that is empty adds nothing.
pub(crate) fn append(path: &mut String, separator: char, name: &str) {
    if !path.is_empty() && !name.is_empty() && !path.ends_with(separator) {
        path.push(separator);
    }
    path.push_str(name);
}
