//! All changes from one state of a prefix to a later one, by a watch that begins in the past.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::time::Duration;

use etcd_client_core::{Batch, Change, Error, Kind, Listing, Prefix, Signal, Store, Watch};
use tokio::time::{Instant, timeout_at};

use super::state::State;
use super::{Bounds, Stretch};

/// How long the next change may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// After the last change that is known of, others may come that cancel each other out; a stream that cannot say that
/// there are none is heard for so long.
const QUIET: Duration = Duration::from_millis(300);

/// What is to be read.
pub(super) struct Replay<'a> {
    pub(super) prefix: &'a Prefix,
    pub(super) base: &'a Listing,
    pub(super) end: &'a Listing,
    pub(super) bounds: Bounds,
    /// The watch begins after this revision: the base's, or an earlier one.
    pub(super) after: u64,
    pub(super) deadline: Instant,
}

/// What has come so far.
struct Read {
    /// The state before the changes that are held.
    base: State,
    base_revision: u64,
    /// The state after them.
    now: State,
    batches: VecDeque<Batch>,
    bytes: usize,
    seen: u64,
    deleted_at: Option<u64>,
}

impl Replay<'_> {
    /// Reads all of them; the oldest ones, where they are too many, are part of the state that is given back.
    pub(super) async fn read(&self, store: &dyn Store) -> Result<Stretch, Error> {
        let mut opened = store.watch(self.prefix, Some(self.after)).await?;
        let mut read = Read {
            base: State::of(self.base),
            base_revision: self.base.revision,
            now: State::of(self.base),
            batches: VecDeque::new(),
            bytes: 0,
            seen: self.after,
            deleted_at: None,
        };
        let newest = newest_of(self.end).unwrap_or(0);
        let mut patience = Instant::now() + PATIENCE;
        loop {
            // The newest keys have come, and those that are gone, if there are as many as in the end.
            let is_whole = read.seen >= newest && read.now.len() == self.end.entries.len();
            if is_whole {
                opened.watch.request_progress();
                patience = patience.min(Instant::now() + QUIET);
            }
            match timeout_at(patience.min(self.deadline), next(&mut *opened.watch)).await {
                Ok(Ok(Signal::Batch(batch))) if batch.revision > self.end.revision => break,
                Ok(Ok(Signal::Batch(batch))) => {
                    read.take(batch, self.base.revision, self.bounds)?;
                    patience = Instant::now() + PATIENCE;
                }
                Ok(Ok(Signal::Progress(revision))) if is_whole && revision >= self.end.revision => break,
                Ok(Ok(Signal::Stale)) => {
                    return Err(cannot("the store cannot say what was changed in its past"));
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) if is_whole => break,
                Err(_) => {
                    let what = "the changes of the past did not come in time";
                    return Err(Error::new(Kind::Timeout, what));
                }
            }
        }
        if !read.now.is(self.end) {
            return Err(cannot("what the store says of its past does not add up to what it holds"));
        }
        let Read { base, base_revision, batches, deleted_at, .. } = read;
        Ok(Stretch { base: base.listing(base_revision), batches: batches.into(), deleted_at })
    }
}

impl Read {
    fn take(&mut self, batch: Batch, base: u64, bounds: Bounds) -> Result<(), Error> {
        if batch.revision <= self.seen {
            return Err(cannot("the store gives the changes of its past out of order"));
        }
        self.seen = batch.revision;
        if batch.revision <= base {
            self.deleted_at = Some(batch.revision);
            return Ok(());
        }
        self.now.apply(&batch);
        self.bytes += size(&batch);
        self.batches.push_back(batch);
        while self.batches.len() > bounds.revisions || self.bytes > bounds.window && self.batches.len() > 1 {
            let Some(oldest) = self.batches.pop_front() else { break };
            self.bytes -= size(&oldest);
            self.base.apply(&oldest);
            self.base_revision = oldest.revision;
            self.deleted_at = Some(oldest.revision);
        }
        Ok(())
    }
}

fn size(batch: &Batch) -> usize {
    let sizes = batch.changes.iter().map(|change| match change {
        Change::Put(entry) => entry.key.len() + entry.value.len(),
        Change::Delete(key) | Change::DeleteBelow(key) => key.len(),
    });
    sizes.sum()
}

fn cannot(what: &str) -> Error {
    Error::new(Kind::InvalidRequest, what)
}

pub(super) fn newest_of(listing: &Listing) -> Option<u64> {
    listing.entries.iter().map(|entry| entry.revision).max()
}

pub(super) async fn next(watch: &mut dyn Watch) -> Result<Signal, Error> {
    poll_fn(|cx| watch.poll_next(cx)).await
}
