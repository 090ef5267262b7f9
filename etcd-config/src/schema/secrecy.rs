//! Which keys may be kept outside of the store.

use etcd_client_core::Prefix;

use super::expected::{Expected, KeyUse};
use crate::shape::branch::Branch;

/// Tells the keys that hold no secret from those that do, or may.
#[derive(Debug)]
pub(crate) struct Secrecy<'s> {
    expected: Expected<'s>,
    commit_key: Option<&'static str>,
}

impl<'s> Secrecy<'s> {
    /// For a configuration that is read from `prefix`.
    pub(crate) fn of(branch: &'s Branch, prefix: &Prefix) -> Self {
        Self { expected: Expected::of(branch, prefix), commit_key: branch.layout.commit_key }
    }

    /// Whether a field reads the key, given below the prefix, and no secret one does. What no field
    /// reads may be a secret whose name is misspelt, or one of another version's.
    pub(crate) fn may_be_cached(&self, path: &[u8]) -> bool {
        let Ok(path) = std::str::from_utf8(path) else { return false };
        self.commit_key == Some(path) || self.key_use(path).is_some_and(|key_use| !key_use.secret)
    }

    /// Whether any field that reads the key, given below the prefix, calls it secret. Then it is, for
    /// all others that read it, too.
    pub(crate) fn is_secret(&self, path: &[u8]) -> bool {
        std::str::from_utf8(path).is_ok_and(|path| self.key_use(path).is_some_and(|key_use| key_use.secret))
    }

    fn key_use(&self, path: &str) -> Option<KeyUse> {
        let mut segments = path.split('/');
        let first = segments.next().and_then(|name| self.expected.below(name));
        segments.try_fold(first, |place, name| Some(place?.below(name))).flatten()?.value
    }
}
