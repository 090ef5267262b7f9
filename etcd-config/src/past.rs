//! What a prefix was before: the store's own past, in stretches that go back from a known state.

mod changes;
pub(crate) mod state;

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::{Batch, Error, Kind, Listing, Prefix, Store};
use tokio::time::{Instant, timeout};

use self::changes::{Replay, newest_of, next};

/// The longest that going back may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How long to wait for a store to say what it has compacted.
const SHORT: Duration = Duration::from_secs(1);

/// The oldest revision that can be read, as a listing at `from` was refused for its age. Of the answers of etcd only a
/// watch's says it; `None` if it is not found out.
pub(crate) async fn oldest(store: &dyn Store, prefix: &Prefix, from: u64, refusal: &Error) -> Option<u64> {
    if let Some(oldest) = refusal.compact_revision() {
        return Some(oldest);
    }
    let compacted = match timeout(SHORT, store.watch(prefix, Some(from))).await {
        Ok(Ok(mut opened)) => match timeout(SHORT, next(&mut *opened.watch)).await {
            Ok(Err(error)) => error.compact_revision(),
            // What comes after the compacted revision is there.
            _ => Some(from + 1),
        },
        Ok(Err(error)) => error.compact_revision(),
        Err(_) => None,
    };
    compacted.filter(|oldest| *oldest > from)
}

/// How far the past is looked at, and how much of it is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How many stretches are fetched at most; each goes back over twice as many changes as the one before.
    pub(crate) stretches: u32,
    /// No further stretch is fetched once the states that stretches begin with have more bytes of keys and values than
    /// this, all together. Changes do not count.
    pub(crate) bytes: usize,
    /// How many revisions of a stretch are held, the newest; those before become part of the state that it begins with.
    pub(crate) revisions: usize,
    /// How many bytes of changes of a stretch are held, the newest.
    pub(crate) window: usize,
    /// The state before this revision is of no interest.
    pub(crate) from: u64,
    /// Whether to find out at which revision the state came about that a stretch begins with.
    pub(crate) is_dated: bool,
}

/// Goes back through the past, stretch by stretch.
#[derive(Debug)]
pub(crate) struct Past {
    prefix: Prefix,
    bounds: Bounds,
    /// The state after the next stretch.
    end: Arc<Listing>,
    begin: Instant,
    stretches: u32,
    bytes: usize,
    is_at_the_beginning: bool,
    /// The past before this revision is compacted.
    compacted: Option<u64>,
}

/// A state of the past, and all changes from there to a later one.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) base: Listing,
    pub(crate) batches: Vec<Batch>,
    /// When the base became what it is, where its keys do not show it: by a deletion.
    pub(crate) deleted_at: Option<u64>,
}

impl Past {
    /// Before this state.
    pub(crate) fn before(newest: Arc<Listing>, prefix: &Prefix, bounds: Bounds) -> Self {
        Self {
            prefix: prefix.clone(),
            bounds,
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
        loop {
            let is_enough = self.stretches >= self.bounds.stretches || self.bytes > self.bounds.bytes;
            if is_enough || self.is_out_of_time() {
                return Ok(None);
            }
            let Some(from) = self.next_base() else {
                self.is_at_the_beginning = true;
                return Ok(None);
            };
            match self.stretch(store, from).await {
                Ok(stretch) => return Ok(Some(stretch)),
                Err(error) if error.kind() == Kind::Compacted => {
                    let oldest = oldest(store, &self.prefix, from, &error).await.unwrap_or(self.end.revision);
                    if self.compacted.is_some_and(|known| known >= oldest) {
                        return Err(error);
                    }
                    self.compacted = Some(oldest);
                }
                Err(_) if self.is_out_of_time() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    async fn stretch(&mut self, store: &dyn Store, from: u64) -> Result<Stretch, Error> {
        let base = store.list_at(&self.prefix, from).await?;
        if base.revision != from {
            let what =
                format!("revision {from} was asked for, and the store gives revision {}", base.revision);
            return Err(Error::new(Kind::InvalidRequest, what));
        }
        // What was deleted since the base's own newest key makes it newer than that.
        let newest = newest_of(&base).filter(|newest| self.bounds.is_dated && *newest < base.revision);
        let replay = |after| Replay {
            prefix: &self.prefix,
            base: &base,
            end: &self.end,
            bounds: self.bounds,
            after,
            deadline: self.begin + LIMIT,
        };
        let stretch = match replay(newest.unwrap_or(base.revision)).read(store).await {
            Err(error) if error.kind() == Kind::Compacted && newest.is_some() => {
                replay(base.revision).read(store).await
            }
            answer => answer,
        }?;
        self.stretches += 1;
        let sizes = stretch.base.entries.iter().map(|entry| entry.key.len() + entry.value.len());
        self.bytes += sizes.sum::<usize>();
        self.end = Arc::new(stretch.base.clone());
        Ok(stretch)
    }

    /// The revision before the newest changes that are known of; `None` if there are none before.
    fn next_base(&self) -> Option<u64> {
        let mut revisions: Vec<u64> = self.end.entries.iter().map(|entry| entry.revision).collect();
        revisions.sort_unstable_by(|left, right| right.cmp(left));
        revisions.dedup();
        let changes = 1_usize.checked_shl(self.stretches).unwrap_or(usize::MAX);
        let back = revisions.get(changes - 1).or(revisions.last());
        // An empty prefix does not say when its keys were deleted.
        let from = back.map_or(1, |revision| revision.saturating_sub(1));
        let from = from.max(1).max(self.bounds.from.saturating_sub(1)).max(self.compacted.unwrap_or(0));
        (from < self.end.revision).then_some(from)
    }

    /// Whether it has been looked for long enough.
    pub(crate) fn is_out_of_time(&self) -> bool {
        self.begin.elapsed() > LIMIT
    }

    /// What comes after this revision has been fetched.
    pub(crate) fn reached(&self) -> u64 {
        self.end.revision
    }

    /// Whether there is nothing before.
    pub(crate) fn is_at_the_beginning(&self) -> bool {
        self.is_at_the_beginning
    }

    /// Whether there was more, and the store has compacted it.
    pub(crate) fn is_compacted(&self) -> bool {
        self.compacted.is_some()
    }
}
