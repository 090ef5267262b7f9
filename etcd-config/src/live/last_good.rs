//! The newest state of a prefix that decodes, from the store's own past: what running processes have in force where the
//! present state is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use etcd_client_core::{Batch, Change, Entry, Error, Kind, Listing, Prefix, Signal, Store, Watch};
use tokio::time::{Instant, timeout_at};

use crate::live::backlog::commits;
use crate::publish::any_config::AnyConfig;
use crate::publish::decoded_any;
use crate::runtime::panics;
use crate::tree::KeyTree;

/// How many stretches of the past are looked at; each goes back over twice as many changes as the one before.
const STRETCHES: u32 = 10;
/// As long as that takes, no longer than this.
const LIMIT: Duration = Duration::from_secs(30);
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
    begin: Instant,
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
        Self {
            prefix: prefix.clone(),
            end: newest,
            begin: Instant::now(),
            stretches: 0,
            bytes: 0,
            is_at_the_beginning: false,
            compacted: None,
        }
    }

    /// Fetches the next stretch; `None` if there is no more, or it has been looked for long enough.
    pub(crate) async fn fetch(&mut self, store: &dyn Store) -> Result<Option<Stretch>, Error> {
        if self.stretches == STRETCHES || self.bytes > MOST_BYTES || self.begin.elapsed() > LIMIT {
            return Ok(None);
        }
        let base = match self.next_base() {
            Some(from) => self.base(store, from).await?,
            None => None,
        };
        let Some(base) = base else {
            self.is_at_the_beginning = true;
            return Ok(None);
        };
        // What was deleted since the base's own newest key makes it newer than that.
        let newest = newest_of(&base).filter(|newest| *newest < base.revision);
        let after = newest.unwrap_or(base.revision);
        let batches = match changes(store, &self.prefix, after, &base, &self.end).await {
            Err(error) if error.kind() == Kind::Compacted && newest.is_some() => {
                changes(store, &self.prefix, base.revision, &base, &self.end).await
            }
            answer => answer,
        }?;
        let (deletions, batches): (Vec<_>, Vec<_>) =
            batches.into_iter().partition(|batch| batch.revision <= base.revision);
        let deleted_at = deletions.last().map(|batch| batch.revision);
        self.stretches += 1;
        let sizes = base.entries.iter().map(|entry| entry.key.len() + entry.value.len());
        self.bytes += sizes.sum::<usize>();
        self.end = Arc::new(base.clone());
        Ok(Some(Stretch { base, batches, deleted_at }))
    }

    /// The revision before the newest changes that are known of; `None` if there are none before.
    fn next_base(&self) -> Option<u64> {
        let mut revisions: Vec<u64> = self.end.entries.iter().map(|entry| entry.revision).collect();
        revisions.sort_unstable_by(|left, right| right.cmp(left));
        revisions.dedup();
        let back = revisions.get((1_usize << self.stretches) - 1).or(revisions.last());
        // An empty prefix does not say when its keys were deleted.
        let from = back.map_or(1, |revision| revision.saturating_sub(1)).max(1);
        let from = from.max(self.compacted.unwrap_or(0));
        (from < self.end.revision).then_some(from)
    }

    /// The state at a revision, or at the oldest that there is; `None` if that is no earlier one.
    async fn base(&mut self, store: &dyn Store, from: u64) -> Result<Option<Listing>, Error> {
        match store.list_at(&self.prefix, from).await {
            Err(error) if error.kind() == Kind::Compacted && self.compacted.is_none() => {
                let oldest = error.compact_revision().unwrap_or(self.end.revision);
                self.compacted = Some(oldest);
                if oldest >= self.end.revision {
                    return Ok(None);
                }
                store.list_at(&self.prefix, oldest).await.map(Some)
            }
            answer => answer.map(Some),
        }
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
    /// The newest state in it that decodes, by a process that begins with it; with a commit key of those only at which
    /// it was written. The state after the last change is one of them. Runs the user's code, until it has been looked for
    /// long enough.
    pub(crate) fn newest_good(
        self,
        config: &dyn AnyConfig,
        search: &Search,
        prefix: &Prefix,
    ) -> Option<Listing> {
        let Self { base, batches, deleted_at } = self;
        let mut state = State { cluster: base.cluster, entries: BTreeMap::new() };
        state.entries.extend(base.entries.iter().map(|entry| (entry.key.clone(), entry.clone())));
        let undone: Vec<Undo> = batches.iter().map(|batch| state.apply(batch)).collect();
        for (batch, undo) in batches.iter().zip(undone).rev() {
            if search.begin.elapsed() > LIMIT {
                return None;
            }
            let good = state.listing(batch.revision);
            if commits(batch, prefix, config.layout().commit_key) && is_good(config, &good, prefix) {
                return Some(good);
            }
            state.undo(undo);
        }
        let revision = deleted_at.or(newest_of(&base)).unwrap_or(base.revision);
        let committed = config.layout().commit_key.map(|key| Bytes::from(prefix.join(key)));
        let is_committed = committed.is_none_or(|key| {
            base.entries.iter().any(|entry| entry.key == key && entry.revision == revision)
        });
        let base = Listing { revision, ..base };
        (is_committed && is_good(config, &base, prefix)).then_some(base)
    }
}

fn is_good(config: &dyn AnyConfig, listing: &Listing, prefix: &Prefix) -> bool {
    let tree = KeyTree::load(prefix.clone(), listing);
    // What `restart` fields have read in another state does not count.
    let value = decoded_any(config, &tree, &config.context(prefix.clone()), None);
    let is_good = value.is_ok();
    panics::drop_caught(value);
    is_good
}

/// The keys at one revision.
struct State {
    cluster: u64,
    entries: BTreeMap<Bytes, Entry>,
}

/// What was there before a change.
type Undo = Vec<(Bytes, Option<Entry>)>;

impl State {
    fn apply(&mut self, batch: &Batch) -> Undo {
        let mut undo = Undo::new();
        for change in &batch.changes {
            match change {
                Change::Put(entry) => {
                    undo.push((entry.key.clone(), self.entries.insert(entry.key.clone(), entry.clone())));
                }
                Change::Delete(key) => undo.push((key.clone(), self.entries.remove(key))),
                Change::DeleteBelow(start) => {
                    let from = self.entries.range(start.clone()..).map(|(key, _)| key.clone());
                    let gone: Vec<Bytes> = from.take_while(|key| key.starts_with(start)).collect();
                    undo.extend(gone.into_iter().map(|key| (key.clone(), self.entries.remove(&key))));
                }
            }
        }
        undo
    }

    fn undo(&mut self, undo: Undo) {
        for (key, was) in undo.into_iter().rev() {
            match was {
                Some(entry) => drop(self.entries.insert(key, entry)),
                None => drop(self.entries.remove(&key)),
            }
        }
    }

    fn listing(&self, revision: u64) -> Listing {
        Listing { revision, cluster: self.cluster, entries: self.entries.values().cloned().collect() }
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

fn newest_of(listing: &Listing) -> Option<u64> {
    listing.entries.iter().map(|entry| entry.revision).max()
}

/// All changes after a revision, up to a state. `base` is a state between them, after which the keys are counted: the
/// newest ones have come, and those that are gone, if there are as many as in the end.
async fn changes(
    store: &dyn Store,
    prefix: &Prefix,
    after: u64,
    base: &Listing,
    end: &Listing,
) -> Result<Vec<Batch>, Error> {
    let mut opened = store.watch(prefix, Some(after)).await?;
    let mut keys: BTreeSet<Bytes> = base.entries.iter().map(|entry| entry.key.clone()).collect();
    let newest = newest_of(end).unwrap_or(0);
    let (mut batches, mut seen) = (Vec::<Batch>::new(), base.revision);
    let mut deadline = Instant::now() + PATIENCE;
    loop {
        let is_whole = seen >= newest && keys.len() == end.entries.len();
        if is_whole {
            opened.watch.request_progress();
            deadline = deadline.min(Instant::now() + QUIET);
        }
        match timeout_at(deadline, next(&mut *opened.watch)).await {
            Ok(Ok(Signal::Batch(batch))) if batch.revision > end.revision => return Ok(batches),
            Ok(Ok(Signal::Batch(batch))) => {
                if batch.revision > base.revision {
                    seen = batch.revision;
                    count(&mut keys, &batch);
                }
                deadline = Instant::now() + PATIENCE;
                batches.push(batch);
            }
            Ok(Ok(Signal::Progress(revision))) if is_whole && revision >= end.revision => return Ok(batches),
            Ok(Ok(Signal::Stale)) => {
                return Err(Error::new(
                    Kind::InvalidRequest,
                    "the store cannot say what was changed in its past",
                ));
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) if is_whole => return Ok(batches),
            Err(_) => return Err(Error::new(Kind::Timeout, format!("no changes within {PATIENCE:?}"))),
        }
    }
}

/// Which keys there are after some changes.
fn count(keys: &mut BTreeSet<Bytes>, batch: &Batch) {
    for change in &batch.changes {
        match change {
            Change::Put(entry) => drop(keys.insert(entry.key.clone())),
            Change::Delete(key) => drop(keys.remove(key)),
            Change::DeleteBelow(start) => keys.retain(|key| !key.starts_with(start)),
        }
    }
}

async fn next(watch: &mut dyn Watch) -> Result<Signal, Error> {
    poll_fn(|cx| watch.poll_next(cx)).await
}
