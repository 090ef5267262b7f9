//! Which keys may be kept outside of the store.

use super::Schema;
use super::expected::Expected;
use etcd_client_core::Prefix;

/// Tells the keys that hold no secret from those that do, or may.
pub(crate) struct Plain<'s> {
    expected: Expected<'s>,
    commit_key: Option<&'static str>,
}

impl<'s> Plain<'s> {
    /// For a configuration that is read from `prefix`.
    pub(crate) fn of(schema: &'s Schema, prefix: &Prefix) -> Self {
        let commit_key = schema.branch().layout.commit_key;
        Self { expected: Expected::of(schema.branch(), prefix), commit_key }
    }

    /// Whether a field reads the key, given below the prefix, and no secret one does. What no field
    /// reads may be a secret whose name is misspelt, or one of another version's.
    pub(crate) fn contains(&self, path: &[u8]) -> bool {
        let Ok(path) = std::str::from_utf8(path) else { return false };
        if self.commit_key == Some(path) {
            return true;
        }
        let mut segments = path.split('/');
        let first = segments.next().and_then(|name| self.expected.below(name));
        let place = segments.try_fold(first, |place, name| Some(place?.below(name)));
        place.flatten().and_then(|place| place.value).is_some_and(|reader| !reader.secret)
    }
}
