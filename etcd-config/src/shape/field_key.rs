//! The names of a field: which keys it may be read from, and which of them it is read from.
//!
//! The decoder, the explanation, the checks of unknown keys and what waits for a restart all ask here.

use etcd_client_core::Prefix;

use super::layout::Field;
use super::path::whole_key;
use crate::tree::Node;

/// A key of a field as the source names it: its own, or an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKey {
    /// A path below the directory of the field's struct; empty where the field sits in that directory itself.
    Relative(&'static str),
    /// A whole key.
    Absolute(&'static str),
}

impl FieldKey {
    /// As a source writes it.
    pub(crate) fn of(written: &'static str) -> Self {
        if written.starts_with('/') { Self::Absolute(written) } else { Self::Relative(written) }
    }

    /// As it is in the source.
    pub(crate) fn written(self) -> &'static str {
        let (Self::Relative(written) | Self::Absolute(written)) = self;
        written
    }

    /// The path below the prefix, of a field whose struct is at the path `directory` below it. `None` where
    /// the key is not below the prefix, as then it is not watched.
    pub(crate) fn path(self, directory: &str, prefix: &Prefix) -> Option<String> {
        match self {
            Self::Relative(path) => Some(whole_key(directory, path)),
            Self::Absolute(_) => self.below(prefix).map(str::to_owned),
        }
    }

    /// The path of an absolute name below the prefix; `None` for any other, and where the key is not below it.
    pub(crate) fn below(self, prefix: &Prefix) -> Option<&'static str> {
        match self {
            Self::Relative(_) => None,
            Self::Absolute(key) => key.strip_prefix(prefix.directory()),
        }
    }

    /// What has this name, of a struct in the directory `here`, in the tree of which `root` is all.
    pub(crate) fn find<'t>(
        self,
        here: Option<Node<'t>>,
        root: Node<'t>,
        prefix: &Prefix,
    ) -> Option<Node<'t>> {
        match self {
            Self::Relative(path) => here?.descend(path),
            Self::Absolute(_) => root.descend(self.below(prefix)?),
        }
    }
}

impl Field {
    /// The key and its aliases, in the order in which they are looked for.
    pub(crate) fn names(&self) -> impl Iterator<Item = FieldKey> {
        std::iter::once(self.key).chain(self.aliases.iter().copied()).map(FieldKey::of)
    }

    /// The name that the field is read from, and what `look` finds there: the first one where there is
    /// something, or else the key. `look` answers `None` for a name that is not below the prefix; where that is
    /// the key, so is the answer.
    pub(crate) fn resolve<P>(
        &self,
        look: impl Fn(FieldKey) -> Option<P>,
        is_there: impl Fn(&P) -> bool,
    ) -> Option<(FieldKey, P)> {
        let key = FieldKey::of(self.key);
        let place = look(key)?;
        if self.aliases.is_empty() || is_there(&place) {
            return Some((key, place));
        }
        let aliases = self.names().skip(1).filter_map(|name| Some((name, look(name)?)));
        aliases.into_iter().find(|(_, place)| is_there(place)).or(Some((key, place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RENAMED: Field =
        Field { aliases: &["old", "/app/older", "/other/oldest"], ..Field::new("a", "new", "u8") };

    fn read_from(there: &[&str]) -> Option<&'static str> {
        let prefix = Prefix::new("/app");
        let look = |name: FieldKey| name.path("db", &prefix);
        let found = RENAMED.resolve(look, |path| there.contains(&path.as_str()));
        found.map(|(name, _)| name.written())
    }

    #[test]
    fn the_first_name_that_is_there_is_read_or_else_the_key() {
        assert_eq!(read_from(&["db/new", "db/old"]), Some("new"));
        assert_eq!(read_from(&["db/old", "older"]), Some("old"));
        assert_eq!(read_from(&["older"]), Some("/app/older"));
        assert_eq!(read_from(&[]), Some("new"));
    }

    #[test]
    fn a_key_that_is_not_below_the_prefix_is_not_read_by_any_name() {
        let outside = Field { aliases: &["old"], ..Field::new("a", "/other/key", "u8") };
        let prefix = Prefix::new("/app");
        assert_eq!(outside.resolve(|name| name.path("", &prefix), |_| true), None);
    }
}
