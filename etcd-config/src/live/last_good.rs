//! The newest state of a prefix that decodes, from the store's own past: what running processes have in force where the
//! present state is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use etcd_client_core::{Batch, Change, Entry, Listing, Prefix};

use crate::live::backlog::commits;
use crate::past::state::{State, Undo};
use crate::past::{Bounds, Past, Stretch};
use crate::publish::any_config::AnyConfig;
use crate::publish::decoding::decoded_any;
use crate::runtime::panics;
use crate::tree::directories::directories;

const BOUNDS: Bounds =
    Bounds { stretches: 10, bytes: 256 << 20, revisions: 16_384, window: 64 << 20, from: 1, is_dated: true };

/// The past before this state, which is refused.
pub(crate) fn past_before(newest: Arc<Listing>, prefix: &Prefix) -> Past {
    Past::before(newest, prefix, BOUNDS)
}

/// How far it went, for a person.
pub(crate) fn outcome(past: &Past) -> String {
    let revision = past.reached();
    let why = if past.is_compacted() {
        ", before which etcd has compacted its past"
    } else if past.is_at_the_beginning() {
        ""
    } else {
        ", and not further, as that is far enough"
    };
    format!(
        "no earlier state that could be started from: looked back to revision {revision}{why}; correct the keys, or \
         put the last good values back"
    )
}

/// The newest state in a stretch that decodes, by a process that begins with it; with a commit key of those only at which
/// it was written. The state after the last change is one of them. Runs the user's code, until it has been looked for
/// long enough.
pub(crate) fn newest_good(
    config: &dyn AnyConfig,
    stretch: Stretch,
    past: &Past,
    prefix: &Prefix,
) -> Option<Listing> {
    let Stretch { base, batches, deleted_at } = stretch;
    let mut state = State::of(&base);
    let undone: Vec<Undo> = batches.iter().map(|batch| state.apply(batch)).collect();
    for (batch, undo) in batches.iter().zip(undone).rev() {
        if past.is_out_of_time() {
            return None;
        }
        let good = state.listing(batch.revision);
        if commits(batch, prefix, config.layout().commit_key) && is_good(config, &good, prefix) {
            return Some(good);
        }
        state.undo(undo);
    }
    let newest = base.entries.iter().map(|entry| entry.revision).max();
    let revision = deleted_at.or(newest).unwrap_or(base.revision);
    let is_committed = config.layout().commit_key.is_none_or(|key| {
        let keys: Vec<Bytes> =
            directories(prefix).map(|directory| format!("{directory}{key}").into()).collect();
        base.entries.iter().any(|entry| entry.revision == revision && keys.contains(&entry.key))
    });
    let base = Listing { revision, ..base };
    (is_committed && is_good(config, &base, prefix)).then_some(base)
}

fn is_good(config: &dyn AnyConfig, listing: &Listing, prefix: &Prefix) -> bool {
    // What `restart` fields have read in another state does not count.
    let context = config.context(prefix.clone());
    let value = decoded_any(config, &context.tree(listing), &context, None);
    let is_good = value.is_ok();
    panics::drop_caught(value);
    is_good
}

/// The changes that lead from one state to the other.
pub(crate) fn difference(from: &Listing, to: &Listing) -> Batch {
    let mut gone: BTreeMap<&Bytes, &Entry> = from.entries.iter().map(|entry| (&entry.key, entry)).collect();
    let mut changes = Vec::new();
    for entry in &to.entries {
        if gone.remove(&entry.key).is_none_or(|before| before != entry) {
            changes.push(Change::Put(entry.clone()));
        }
    }
    changes.extend(gone.into_keys().map(|key| Change::Delete(key.clone())));
    Batch { revision: to.revision, changes }
}
