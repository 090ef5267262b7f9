//! What is known of a prefix in brief, for the question whether it is, or was, so.

use super::listing::Entry;
use super::packed::PackedEntry;

/// The state of a prefix in brief, for [`Store::unchanged`](crate::Store::unchanged).
///
/// Unlike a [`HistoryMark`] it names no keys: it is compared with the present, where a changed key shows in
/// its revision and a deleted one in the count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The revision of the whole store at which it was so.
    pub revision: u64,
    /// The cluster id, 0 if it is unknown.
    pub cluster: u64,
    /// How many keys there were.
    pub count: usize,
}

/// The state of a prefix at an earlier revision in brief, for [`Store::has_history`](crate::Store::has_history), which
/// compares it with what the store's history says of that revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryMark {
    /// The revision of the whole store.
    pub revision: u64,
    /// How many keys there were.
    pub count: usize,
    /// The keys that were written last, all at one revision, in ascending order.
    pub newest: Vec<Entry>,
}

impl HistoryMark {
    /// Of all the keys of a prefix, in ascending order.
    pub(crate) fn of<'e>(revision: u64, entries: impl Iterator<Item = &'e Entry>) -> Self {
        Self::of_packed(revision, entries.map(PackedEntry::of))
    }

    /// The same, of keys that are packed.
    pub(crate) fn of_packed<'p>(revision: u64, entries: impl Iterator<Item = PackedEntry<'p>>) -> Self {
        let (mut count, mut newest) = (0, Vec::<PackedEntry<'p>>::new());
        for entry in entries {
            count += 1;
            if newest.first().is_some_and(|other| other.revision < entry.revision) {
                newest.clear();
            }
            if newest.first().is_none_or(|other| other.revision == entry.revision) {
                newest.push(entry);
            }
        }
        Self { revision, count, newest: newest.into_iter().map(PackedEntry::entry).collect() }
    }
}
