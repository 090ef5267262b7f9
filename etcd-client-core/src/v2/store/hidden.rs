//! Keys that the keys API hides: names that begin with `_` are left out of listings and live watches of a
//! directory around them. Asked for by name, they are there.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::store::{Entry, Listing, Prefix};
use crate::v2::net::pool::Pool;
use crate::v2::store::listing::list;
use crate::v2::watch::long_poll::Target;
use crate::{BoxFuture, Error, Kind};

/// How often everything is read again because hidden keys have changed meanwhile.
const ATTEMPTS: usize = 10;

/// The hidden keys that a prefix names.
#[derive(Debug)]
pub(in crate::v2) struct Hidden {
    pool: Arc<Pool>,
    prefix: Prefix,
    /// The hidden directories or keys, each to be read by itself.
    targets: Arc<[Target]>,
}

impl Hidden {
    /// `None` if the prefix names none.
    pub(in crate::v2) fn of(pool: &Arc<Pool>, prefix: &Prefix) -> Result<Option<Self>, Error> {
        let mut roots: Vec<String> = prefix.named().iter().filter_map(|path| root(path)).collect();
        if roots.is_empty() {
            return Ok(None);
        }
        roots.sort_unstable();
        roots.dedup();
        let targets: Result<_, _> = roots.iter().map(|root| Target::new(&prefix.join(root), true)).collect();
        Ok(Some(Self { pool: pool.clone(), prefix: prefix.clone(), targets: targets? }))
    }

    pub(in crate::v2) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    pub(in crate::v2) fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The hidden keys, at the index of the first read or later.
    pub(in crate::v2) fn read(&self) -> BoxFuture<Result<Listing, Error>> {
        let (pool, prefix, targets) = (self.pool.clone(), self.prefix.clone(), self.targets.clone());
        Box::pin(async move {
            let mut read = Listing { revision: u64::MAX, ..Listing::default() };
            for target in targets.iter() {
                let Listing { revision, cluster, entries } = list(&pool, &prefix, target).await?;
                read.revision = read.revision.min(revision);
                read.cluster = read.cluster.max(cluster);
                read.entries.extend(entries);
            }
            Ok(read)
        })
    }

    /// All keys of the prefix at one index, that of the others: the hidden ones, which are read after them, have
    /// not changed since.
    pub(in crate::v2) async fn list_with(&self, target: &Target) -> Result<Listing, Error> {
        let mut before = self.read().await?;
        for _ in 0..ATTEMPTS {
            let mut listing = list(&self.pool, &self.prefix, target).await?;
            let after = self.read().await?;
            if has_not_changed_after(listing.revision, &before.entries, &after.entries) {
                listing.entries.extend(after.entries);
                listing.entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
                listing.entries.dedup_by(|one, other| one.key == other.key);
                return Ok(listing);
            }
            before = after;
        }
        let message = format!("the hidden keys below {} change faster than they can be read", self.prefix);
        Err(Error::new(Kind::Unavailable, message))
    }
}

/// Whether the later read shows the state at an index between the two reads.
fn has_not_changed_after(index: u64, before: &[Entry], after: &[Entry]) -> bool {
    let keys: HashSet<&Bytes> = after.iter().map(|entry| &entry.key).collect();
    before.iter().all(|entry| keys.contains(&entry.key)) && after.iter().all(|entry| entry.revision <= index)
}

/// The part of a path up to its last hidden name: a listing of that shows everything below it.
fn root(path: &str) -> Option<String> {
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let last = names.iter().rposition(|name| name.starts_with('_'))?;
    Some(names[..=last].join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_keys_are_those_of_a_listing_unless_they_changed_after_it() {
        let keys = |keys: &[(&'static str, u64)]| -> Vec<Entry> {
            let entry = |&(key, revision): &(&'static str, u64)| Entry {
                key: key.into(),
                value: revision.to_string().into(),
                revision,
            };
            keys.iter().map(entry).collect()
        };
        let before = keys(&[("/_a", 3), ("/_b", 4)]);
        for (after, holds) in [
            (keys(&[("/_a", 3), ("/_b", 4)]), true),
            (keys(&[("/_a", 3), ("/_b", 9)]), true),
            (keys(&[("/_a", 3), ("/_b", 4), ("/_c", 9)]), true),
            (keys(&[("/_a", 3), ("/_b", 11)]), false),
            (keys(&[("/_a", 3)]), false),
        ] {
            assert_eq!(has_not_changed_after(10, &before, &after), holds, "{after:?}");
        }
    }

    #[test]
    fn what_is_hidden_is_read_from_its_last_hidden_name_on() {
        assert_eq!(root("a/b"), None);
        assert_eq!(root("a_/b_c"), None);
        assert_eq!(root("_a").as_deref(), Some("_a"));
        assert_eq!(root("a/_b/c/d").as_deref(), Some("a/_b"));
        assert_eq!(root("_a//b/_c").as_deref(), Some("_a/b/_c"));
    }
}
