//! The directories of a prefix: one, or that of each layer.

use etcd_client_core::{Prefix, Printable};

/// The directories of a prefix, the lowest layer first.
pub(crate) fn directories(prefix: &Prefix) -> impl Iterator<Item = &str> {
    prefix.directories_as_added()
}

/// A directory without the slash at its end; `/` for the whole store.
pub(crate) fn path_of(directory: &str) -> &str {
    match directory.strip_suffix('/') {
        Some("") | None => "/",
        Some(path) => path,
    }
}

/// The paths of all directories, for a person.
pub(crate) fn all_paths(prefix: &Prefix) -> String {
    let paths: Vec<String> =
        directories(prefix).map(|directory| Printable::line(path_of(directory)).to_string()).collect();
    paths.join(", ")
}

/// The paths of the layers above the lowest one.
pub(crate) fn layer_paths(prefix: &Prefix) -> Vec<String> {
    directories(prefix).skip(1).map(|directory| path_of(directory).to_owned()).collect()
}

/// Whether a prefix is that of a configuration with layers.
pub(crate) fn is_layered(prefix: &Prefix) -> bool {
    directories(prefix).nth(1).is_some()
}

/// The part of a whole key after the directory of its layer, and the number of that; `None` if it is in none.
pub(crate) fn in_layer<'k>(prefix: &Prefix, key: &'k [u8]) -> Option<(usize, &'k [u8])> {
    directories(prefix)
        .enumerate()
        .find_map(|(layer, directory)| Some((layer, key.strip_prefix(directory.as_bytes())?)))
}
