//! The watch of one of several directories, with the changes that are held back until the others have come to them.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use crate::store::{Batch, Change, Entry, Prefix, Signal, Watch};
use crate::{Error, Kind};

/// So much is read ahead of the other streams; the rest waits where its store keeps it.
const MOST_BATCHES: usize = 256;
const MOST_BYTES: usize = 1 << 20;
/// After so many answers that prove nothing no other is waited for. The first one may be to a question of before.
const UNPROVEN_ANSWERS: u32 = 2;

#[derive(Debug)]
pub(super) struct Part {
    directory: Prefix,
    pub(super) watch: Box<dyn Watch>,
    /// Every change up to this revision has come.
    pub(super) through: u64,
    /// The newest revision that it is known to have come to, also where it began after that.
    reached: u64,
    held: VecDeque<Batch>,
    bytes: usize,
    /// The best sign of life since the last one was passed on.
    pub(super) sign: Option<Sign>,
    /// Answers that prove nothing, since the change that is waited for was held back.
    pub(super) unproven: u32,
    /// A change, or a part of one, has arrived since this was last asked.
    pub(super) has_arrived: bool,
}

/// What a stream has shown, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sign {
    Arriving,
    Alive,
    Progress,
}

impl Part {
    /// A watch that has everything up to `through`, at a member that was at `head`, 0 if that is unknown.
    pub(super) fn new(directory: Prefix, watch: Box<dyn Watch>, through: u64, head: u64) -> Self {
        let reached = if head == 0 { through } else { head.min(through) };
        Self {
            directory,
            watch,
            through,
            reached,
            held: VecDeque::new(),
            bytes: 0,
            sign: None,
            unproven: 0,
            has_arrived: false,
        }
    }

    /// Whether the stream has not come to this revision.
    pub(super) fn is_behind(&self, revision: u64) -> bool {
        self.through < revision
    }

    /// Whether no answer of it is to be waited for.
    pub(super) fn proves_nothing(&self) -> bool {
        !self.watch.proves_progress() || self.unproven >= UNPROVEN_ANSWERS
    }

    /// Reads what has arrived; true if the stream is stale. Batches up to `begins_after` are left out.
    pub(super) fn read(&mut self, begins_after: u64, cx: &mut Context<'_>) -> Result<bool, Error> {
        while self.held.len() < MOST_BATCHES && self.bytes < MOST_BYTES {
            let signal = match self.watch.poll_next(cx) {
                Poll::Pending => break,
                Poll::Ready(signal) => signal.map_err(|error| self.directory.name_refusal(error))?,
            };
            let sign = match signal {
                Signal::Batch(batch) => {
                    self.hold(batch, begins_after)?;
                    Sign::Progress
                }
                Signal::Progress(revision) => {
                    self.come_to(revision);
                    Sign::Progress
                }
                Signal::Alive => {
                    self.unproven += 1;
                    Sign::Alive
                }
                Signal::Arriving => {
                    self.has_arrived = true;
                    Sign::Arriving
                }
                Signal::Stale => return Ok(true),
            };
            self.sign = self.sign.max(Some(sign));
        }
        Ok(false)
    }

    fn hold(&mut self, batch: Batch, begins_after: u64) -> Result<(), Error> {
        self.has_arrived = true;
        if batch.revision <= begins_after {
            self.come_to(batch.revision);
            return Ok(());
        }
        if batch.revision <= self.through {
            let (endpoint, through) = (self.watch.endpoint(), self.through);
            let message = format!(
                "{endpoint}: the watch of {} has come to revision {through}, and goes on at {}",
                self.directory, batch.revision
            );
            // This member does not have yet what was seen elsewhere: the watcher reads what was written since.
            return Err(Error::new(Kind::FutureRevision, message));
        }
        self.come_to(batch.revision);
        self.bytes += size(&batch);
        self.held.push_back(batch);
        Ok(())
    }

    fn come_to(&mut self, revision: u64) {
        self.through = self.through.max(revision);
        self.reached = self.reached.max(revision);
    }

    /// The revision that the stream has come to.
    pub(super) fn reached(&self) -> u64 {
        self.reached
    }

    /// The revision of the first change that is held back.
    pub(super) fn first_held(&self) -> Option<u64> {
        self.held.front().map(|batch| batch.revision)
    }

    /// What is held back of this revision.
    pub(super) fn take(&mut self, revision: u64) -> Vec<Change> {
        if self.first_held() != Some(revision) {
            return Vec::new();
        }
        let batch = self.held.pop_front().unwrap_or_default();
        self.bytes -= size(&batch);
        batch.changes
    }
}

fn size(batch: &Batch) -> usize {
    let size = |change: &Change| match change {
        Change::Put(Entry { key, value, .. }) => key.len() + value.len(),
        Change::Delete(key) | Change::DeleteBelow(key) => key.len(),
    };
    batch.changes.iter().map(size).sum()
}
