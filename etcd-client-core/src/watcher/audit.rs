//! The audit (rule 8): reads the whole prefix beside the live watch, and proves that what is held
//! is what the server holds.
//!
//! The read is at a revision R of its own. What the watch delivers meanwhile is noted. When the
//! stream has come to R, the listing and the noted batches after R must add up to what is held;
//! what differs then was never sent. A stream that does not come to R in time is not waited for:
//! the listing is an authoritative read, and counts.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use crate::Error;
use crate::store::{Batch, BoxFuture, Listing, Prefix, Store};
use crate::watcher::backoff::jittered;
use crate::watcher::mirror::Mirror;
use crate::watcher::options::Options;

pub(super) struct Audit {
    stage: Stage,
    refused: bool,
}

enum Stage {
    Off,
    Due(Pin<Box<Sleep>>),
    Reading { call: BoxFuture<Result<Listing, Error>>, notes: Notes },
    Answered { answer: Result<Listing, Error>, notes: Notes },
    Comparing { listing: Listing, notes: Notes, patience: Pin<Box<Sleep>> },
}

/// What was known when the read began, and what the watch has delivered since.
#[derive(Default)]
struct Notes {
    floor: u64,
    batches: Vec<Batch>,
}

/// What an audit has come to.
pub(super) enum Finding {
    Nothing,
    /// The prefix has been read; the stream should come to its revision.
    Read,
    /// The stream did not come to the revision in time.
    Overdue,
    /// The read failed.
    Failed(Error),
}

/// What the prefix must be now.
pub(super) struct Proof {
    pub(super) listing: Listing,
    /// Whether the read was behind what had already been seen.
    pub(super) rewound: bool,
}

impl Audit {
    /// An audit that begins at once, at a revision not below `floor`.
    pub(super) fn now(store: &dyn Store, prefix: &Prefix, floor: u64) -> Self {
        let notes = Notes { floor, batches: Vec::new() };
        Self { stage: Stage::Reading { call: store.list(prefix), notes }, refused: false }
    }

    /// The first audit after a reconnect.
    pub(super) fn soon(options: &Options) -> Self {
        match options.audit_interval {
            Some(interval) => Self::due(options.progress_interval.min(interval).mul_f64(fastrand::f64())),
            None => Self::off(),
        }
    }

    pub(super) fn later(options: &Options) -> Self {
        options.audit_interval.map_or_else(Self::off, |interval| Self::due(jittered(interval)))
    }

    fn off() -> Self {
        Self { stage: Stage::Off, refused: false }
    }

    fn due(pause: Duration) -> Self {
        Self { stage: Stage::Due(Box::pin(sleep(pause))), refused: false }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.stage {
            Stage::Off => Poll::Pending,
            Stage::Due(timer) => timer.as_mut().poll(cx),
            Stage::Reading { call, notes } => {
                let answer = ready!(call.as_mut().poll(cx));
                self.stage = Stage::Answered { answer, notes: std::mem::take(notes) };
                Poll::Ready(())
            }
            Stage::Answered { .. } => Poll::Ready(()),
            Stage::Comparing { patience, .. } => patience.as_mut().poll(cx),
        }
    }

    /// Goes on after [`poll`](Self::poll) was ready; `seen` is the revision that is held.
    pub(super) fn advance(
        &mut self,
        store: &dyn Store,
        prefix: &Prefix,
        seen: u64,
        options: &Options,
    ) -> Finding {
        match std::mem::replace(&mut self.stage, Stage::Off) {
            Stage::Due(_) => {
                self.stage = Self::now(store, prefix, seen).stage;
                Finding::Nothing
            }
            Stage::Answered { answer: Ok(listing), notes } => {
                let patience = Box::pin(sleep(options.progress_interval));
                self.stage = Stage::Comparing { listing, notes, patience };
                Finding::Read
            }
            Stage::Answered { answer: Err(error), .. } => {
                let pause = options.audit_interval.unwrap_or(options.access_retry).min(options.access_retry);
                self.stage = Stage::Due(Box::pin(sleep(jittered(pause))));
                self.refused |= error.is_access();
                Finding::Failed(error)
            }
            stage @ Stage::Comparing { .. } => {
                self.stage = stage;
                Finding::Overdue
            }
            stage @ (Stage::Off | Stage::Reading { .. }) => {
                self.stage = stage;
                Finding::Nothing
            }
        }
    }

    /// Notes what the watch delivers while the read is under way.
    pub(super) fn note(&mut self, batch: &Batch) {
        if let Stage::Reading { notes, .. } | Stage::Answered { notes, .. } | Stage::Comparing { notes, .. } =
            &mut self.stage
        {
            notes.batches.push(batch.clone());
        }
    }

    /// The read that waits for comparison.
    pub(super) fn listing(&self) -> Option<&Listing> {
        match &self.stage {
            Stage::Comparing { listing, .. } => Some(listing),
            _ => None,
        }
    }

    /// Whether a read is under way, or waits for comparison.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Reading { .. } | Stage::Answered { .. } | Stage::Comparing { .. })
    }

    /// Whether the server refused the last read.
    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }

    /// Ends a comparison: the listing, and what was noted after it.
    pub(super) fn conclude(&mut self, options: &Options) -> Option<Proof> {
        let stage = std::mem::replace(self, Self::later(options)).stage;
        let Stage::Comparing { listing, notes, .. } = stage else { return None };
        let read_at = listing.revision;
        let rewound = read_at < notes.floor;
        let mut later = notes.batches.into_iter().filter(|batch| batch.revision > read_at).peekable();
        if rewound || later.peek().is_none() {
            return Some(Proof { listing, rewound });
        }
        let mut mirror = Mirror::new(Arc::new(listing));
        for batch in later {
            mirror.apply(batch);
        }
        Some(Proof { listing: mirror.into_listing(), rewound })
    }
}
