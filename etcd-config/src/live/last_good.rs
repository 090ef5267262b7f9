//! The newest state of a prefix that decodes, from the store's own past: what running processes have in force where the
//! present state is refused.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use etcd_client_core::{Batch, Change, Entry, Error, Kind, Listing, Prefix, Signal, Store, Watch};
use tokio::time::{Instant, timeout_at};

use crate::decode::{Context, Derived};
use crate::live::backlog::commits;
use crate::publish::decoded;
use crate::runtime::panics;
use crate::tree::KeyTree;

/// How many stretches of the past are looked at; each goes back over twice as many changes as the one before.
const STRETCHES: u32 = 10;
/// So many bytes of keys and values are read for it, as an upper limit.
const MOST_BYTES: usize = 256 << 20;
/// How long the changes of one stretch may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// After the last change that is known of, others may come that cancel each other out; a stream that cannot say that
/// there are none is heard for so long.
const QUIET: Duration = Duration::from_millis(300);

/// Goes back through the past, stretch by stretch.
#[derive(Debug)]
pub(crate) struct Search {
    prefix: Prefix,
    /// The state after the next stretch.
    end: Arc<Listing>,
    stretches: u32,
    bytes: usize,
    /// There is nothing before.
    is_at_the_beginning: bool,
    /// The past before this revision is compacted.
    compacted: Option<u64>,
}

/// A state of the past, and all changes from there to a later one.
#[derive(Debug)]
pub(crate) struct Stretch {
    base: Listing,
    batches: Vec<Batch>,
    /// What was changed last before the base, where that was a deletion.
    deleted_at: Option<u64>,
}

impl Search {
    /// Before this state, which is refused.
    pub(crate) fn before(newest: Arc<Listing>, prefix: &Prefix) -> Self {
        let prefix = prefix.clone();
        let (stretches, bytes, is_at_the_beginning, compacted) = (0, 0, false, None);
        Self { prefix, end: newest, stretches, bytes, is_at_the_beginning, compacted }
    }

    /// Fetches the next stretch; `None` if there is no more, or it has been looked for long enough.
    pub(crate) async fn fetch(&mut self, store: &dyn Store) -> Result<Option<Stretch>, Error> {
        if self.stretches == STRETCHES || self.bytes > MOST_BYTES || self.is_at_the_beginning {
            return Ok(None);
        }
        let mut revisions: Vec<u64> = self.end.entries.iter().map(|entry| entry.revision).collect();
        revisions.sort_unstable_by(|left, right| right.cmp(left));
        revisions.dedup();
        let back = revisions.get((1_usize << self.stretches) - 1).or(revisions.last());
        // An empty prefix does not say when its keys were deleted.
        let mut from = back.map_or(1, |revision| revision.saturating_sub(1)).max(1);
        from = from.max(self.compacted.unwrap_or(0));
        if from >= self.end.revision {
            self.is_at_the_beginning = true;
            return Ok(None);
        }
        self.stretches += 1;
        let base = match store.list_at(&self.prefix, from).await {
            Err(error) if error.kind() == Kind::Compacted && self.compacted.is_none() => {
                self.compacted = Some(error.compact_revision().unwrap_or(self.end.revision));
                let Some(oldest) = self.compacted.filter(|oldest| *oldest < self.end.revision) else {
                    self.is_at_the_beginning = true;
                    return Ok(None);
                };
                store.list_at(&self.prefix, oldest).await?
            }
            answer => answer?,
        };
        let batches = changes(store, &self.prefix, base.revision, &self.end).await?;
        let deleted_at = match base.entries.iter().map(|entry| entry.revision).max() {
            Some(newest) if newest < base.revision => {
                let last = changes(store, &self.prefix, newest, &base).await.ok();
                last.and_then(|batches| batches.last().map(|batch| batch.revision))
            }
            _ => None,
        };
        self.is_at_the_beginning = base.revision <= 1 || self.compacted == Some(base.revision);
        let sizes = base.entries.iter().map(|entry| entry.key.len() + entry.value.len());
        self.bytes += sizes.sum::<usize>();
        self.end = Arc::new(base.clone());
        Ok(Some(Stretch { base, batches, deleted_at }))
    }

    /// How far it went, for a person.
    pub(crate) fn outcome(&self) -> String {
        let revision = self.end.revision;
        let why = match self.compacted {
            Some(_) => ", before which etcd has compacted its past",
            None if self.is_at_the_beginning => "",
            None => ", and not further, as that is far enough",
        };
        format!(
            "no earlier state that could be started from: looked back to revision {revision}{why}; correct the keys, or \
             put the last good values back"
        )
    }
}

impl Stretch {
    /// The newest state in it that decodes: the last one included only if it is the base. With a commit key those
    /// count only at which it was written. Runs the user's code.
    pub(crate) fn newest_good<T: Derived>(self, prefix: &Prefix) -> Option<Listing> {
        let Self { base, batches, deleted_at } = self;
        let context = Context::new::<T>(prefix.clone());
        let commit_key = T::LAYOUT.commit_key;
        let is_good = |tree: &KeyTree| {
            let good = decoded::<T>(tree, &context, None);
            let is_good = good.is_ok();
            panics::drop_caught(good);
            is_good
        };
        let mut tree = KeyTree::load(prefix.clone(), &base);
        let mut good = None;
        let committed = commit_key.map(|key| tree.root().descend(key).map_or(0, crate::tree::Node::newest));
        let newest = base.entries.iter().map(|entry| entry.revision).max();
        let base_revision = deleted_at.or(newest).unwrap_or(base.revision);
        if committed.is_none_or(|committed| committed == base_revision) && is_good(&tree) {
            good = Some(Listing { revision: base_revision, ..base.clone() });
        }
        for batch in batches {
            tree.apply(&batch);
            let counts = commit_key.is_none() || commits(&batch, prefix, commit_key);
            if counts && is_good(&tree) {
                let mut entries = tree.entries();
                entries.sort_by(|left, right| left.key.cmp(&right.key));
                good = Some(Listing { revision: batch.revision, cluster: base.cluster, entries });
            }
        }
        good
    }
}

/// What makes one state of another.
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

/// All changes after a revision, up to a state.
async fn changes(store: &dyn Store, prefix: &Prefix, after: u64, end: &Listing) -> Result<Vec<Batch>, Error> {
    let mut opened = store.watch(prefix, Some(after)).await?;
    let newest = end.entries.iter().map(|entry| entry.revision).max().unwrap_or(0);
    let (mut batches, mut deadline) = (Vec::new(), Instant::now() + PATIENCE);
    let mut has_newest = newest <= after;
    loop {
        if has_newest {
            opened.watch.request_progress();
            deadline = deadline.min(Instant::now() + QUIET);
        }
        match timeout_at(deadline, next(&mut *opened.watch)).await {
            Ok(Ok(Signal::Batch(batch))) if batch.revision > end.revision => return Ok(batches),
            Ok(Ok(Signal::Batch(batch))) => {
                has_newest |= batch.revision >= newest;
                deadline = Instant::now() + PATIENCE;
                batches.push(batch);
            }
            Ok(Ok(Signal::Progress(revision))) if has_newest && revision >= end.revision => {
                return Ok(batches);
            }
            Ok(Ok(Signal::Stale)) => {
                return Err(Error::new(
                    Kind::InvalidRequest,
                    "the store cannot say what was changed in its past",
                ));
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) if has_newest => return Ok(batches),
            Err(_) => return Err(Error::new(Kind::Timeout, format!("no changes within {PATIENCE:?}"))),
        }
    }
}

async fn next(watch: &mut dyn Watch) -> Result<Signal, Error> {
    poll_fn(|cx| watch.poll_next(cx)).await
}
