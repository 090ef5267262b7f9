//! The audit (rule 8): lists the whole prefix while the watch goes on, and compares the mirror with it.
//!
//! The listing is at a revision R of its own. Batches that the watch delivers meanwhile are recorded. When
//! the stream has come to R, the listing and the recorded batches after R must add up to the mirror; what
//! differs then was never sent. If the stream does not come to R in time, the listing counts, because it is
//! linearizable.

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
    /// The server denied access to the last listing.
    refused: bool,
}

enum Stage {
    Off,
    Due(Pin<Box<Sleep>>),
    Reading { call: BoxFuture<Result<Listing, Error>>, recording: Recording },
    Answered { answer: Result<Listing, Error>, recording: Recording },
    Comparing { listing: Listing, recording: Recording, deadline: Pin<Box<Sleep>> },
}

/// The revision that the listing must not be older than, and the batches that the watch has delivered since
/// the listing began.
#[derive(Default)]
struct Recording {
    floor: u64,
    batches: Vec<Batch>,
}

/// What a step of the audit has led to.
pub(super) enum AuditStep {
    Nothing,
    /// The prefix has been listed; the stream should come to the listing's revision.
    Read,
    /// The stream did not come to the listing's revision in time.
    Overdue,
    /// The listing failed.
    Failed(Error),
}

/// The listing with the batches recorded after it: the state that the mirror should be in.
pub(super) struct AuditedState {
    pub(super) listing: Listing,
    /// Whether the listing was older than what was known when it was asked for.
    pub(super) rewound: bool,
}

impl Audit {
    /// The listing that closes the gap up to where a watch began: it is made at once, and must not be older than
    /// `floor`.
    pub(super) fn closing_gap(store: &dyn Store, prefix: &Prefix, floor: u64) -> Self {
        Self::begun(store, prefix, floor)
    }

    /// At a revision that is not below `floor`.
    fn begun(store: &dyn Store, prefix: &Prefix, floor: u64) -> Self {
        let recording = Recording { floor, batches: Vec::new() };
        Self { stage: Stage::Reading { call: store.list(prefix), recording }, refused: false }
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
            Stage::Reading { call, recording } => {
                let answer = ready!(call.as_mut().poll(cx));
                self.stage = Stage::Answered { answer, recording: std::mem::take(recording) };
                Poll::Ready(())
            }
            Stage::Answered { .. } => Poll::Ready(()),
            Stage::Comparing { deadline, .. } => deadline.as_mut().poll(cx),
        }
    }

    /// Goes on after [`poll`](Self::poll) was ready; `seen` is the mirror's revision.
    pub(super) fn advance(
        &mut self,
        store: &dyn Store,
        prefix: &Prefix,
        seen: u64,
        options: &Options,
    ) -> AuditStep {
        match std::mem::replace(&mut self.stage, Stage::Off) {
            Stage::Due(_) => {
                self.stage = Self::begun(store, prefix, seen).stage;
                AuditStep::Nothing
            }
            Stage::Answered { answer: Ok(listing), recording } => {
                let deadline = Box::pin(sleep(options.progress_interval));
                self.stage = Stage::Comparing { listing, recording, deadline };
                AuditStep::Read
            }
            Stage::Answered { answer: Err(error), .. } => {
                let pause = options.audit_interval.unwrap_or(options.access_retry).min(options.access_retry);
                self.stage = Stage::Due(Box::pin(sleep(jittered(pause))));
                self.refused |= error.is_access();
                AuditStep::Failed(error)
            }
            stage @ Stage::Comparing { .. } => {
                self.stage = stage;
                AuditStep::Overdue
            }
            stage @ (Stage::Off | Stage::Reading { .. }) => {
                self.stage = stage;
                AuditStep::Nothing
            }
        }
    }

    /// Records what the watch delivers while the read is under way.
    pub(super) fn record(&mut self, batch: &Batch) {
        if let Stage::Reading { recording, .. }
        | Stage::Answered { recording, .. }
        | Stage::Comparing { recording, .. } = &mut self.stage
        {
            recording.batches.push(batch.clone());
        }
    }

    /// The listing that is to be compared.
    pub(super) fn listing(&self) -> Option<&Listing> {
        match &self.stage {
            Stage::Comparing { listing, .. } => Some(listing),
            _ => None,
        }
    }

    /// Whether the prefix is being listed, or the listing waits for comparison.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Reading { .. } | Stage::Answered { .. } | Stage::Comparing { .. })
    }

    /// Whether the server denied access to the last listing.
    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }

    /// Ends the audit, and plans the next one. `None` if there is no listing to compare.
    pub(super) fn conclude(&mut self, options: &Options) -> Option<AuditedState> {
        let stage = std::mem::replace(self, Self::later(options)).stage;
        let Stage::Comparing { listing, recording, .. } = stage else { return None };
        let read_at = listing.revision;
        let rewound = read_at < recording.floor;
        let mut later = recording.batches.into_iter().filter(|batch| batch.revision > read_at).peekable();
        if rewound || later.peek().is_none() {
            return Some(AuditedState { listing, rewound });
        }
        let mut mirror = Mirror::new(Arc::new(listing));
        for batch in later {
            mirror.apply(batch);
        }
        Some(AuditedState { listing: mirror.into_listing(), rewound })
    }
}
