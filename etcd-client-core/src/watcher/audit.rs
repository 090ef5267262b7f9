//! The audit (rule 8): reads what the server holds while the watch goes on, and compares the mirror with it.
//!
//! Most audits read what was written since the last one, and how many keys there are; now and then, and where
//! that does not explain the mirror, one reads the whole prefix (`audit/scope.rs`).
//!
//! The read is at a revision R of its own. What the watch delivers meanwhile is recorded. When the stream has come to
//! R, what was read and the recorded batches after R must add up to the mirror; what differs then was never sent. If
//! the stream does not come to R in time, the read counts, because it is linearizable.

mod recording;
mod scope;

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use crate::store::{Batch, BoxFuture, Delta, Prefix, Store};
use crate::watcher::backoff::jittered;
use crate::watcher::mirror::Mirror;
use crate::watcher::options::Options;
use crate::{Error, Kind};
use recording::{Read, Recording};

pub(super) use recording::Finding;
pub(super) use scope::Scope;

pub(super) struct Audit {
    stage: Stage,
    /// The server denied access to the last read.
    refused: bool,
}

enum Stage {
    Off,
    Due(Pin<Box<Sleep>>),
    Reading { call: BoxFuture<Result<Read, Error>>, recording: Recording },
    Answered { answer: Result<Read, Error>, recording: Recording },
    Comparing { read: Read, recording: Recording, deadline: Pin<Box<Sleep>> },
}

/// What a step of the audit has led to.
pub(super) enum AuditStep {
    Nothing,
    /// The server has answered; the stream should come to the answer's revision.
    Read,
    /// The stream did not come to that revision in time.
    Overdue,
    /// The read failed.
    Failed(Error),
}

/// What was read, held against the mirror.
pub(super) struct Audited {
    /// The revision of the read, and its cluster.
    pub(super) revision: u64,
    pub(super) cluster: u64,
    /// Whether it was older than what was known when it was asked for.
    pub(super) rewound: bool,
    pub(super) finding: Finding,
}

impl Audit {
    /// The listing that closes the gap up to where a watch began: it is made at once, and must not be older than
    /// `floor`.
    pub(super) fn closing_gap(store: &dyn Store, prefix: &Prefix, floor: u64) -> Self {
        Self { stage: Stage::listing(store, prefix, floor), refused: false }
    }

    /// The first audit after a reconnect.
    pub(super) fn soon(options: &Options) -> Self {
        match options.audit_interval {
            Some(interval) => Self::due(options.progress_interval.min(interval).mul_f64(fastrand::f64())),
            None => Self::off(),
        }
    }

    /// The one after a reconnect, from what was read for that: the stream should come to its revision.
    pub(super) fn of_delta(since: u64, delta: Delta, floor: u64, options: &Options, scope: &Scope) -> Self {
        if scope.is_listing_due() {
            return Self::soon(options);
        }
        let (read, recording) = (Read::Delta(delta), Recording::of_delta(floor, since));
        let deadline = Box::pin(sleep(options.progress_interval));
        Self { stage: Stage::Comparing { read, recording, deadline }, refused: false }
    }

    /// The one after what was read for a reconnect has proven the mirror.
    pub(super) fn after_proof(options: &Options, scope: &Scope) -> Self {
        if scope.is_listing_due() { Self::soon(options) } else { Self::later(options) }
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

    /// Goes on after [`poll`](Self::poll) was ready.
    pub(super) fn advance(
        &mut self,
        store: &dyn Store,
        prefix: &Prefix,
        mirror: &Mirror,
        options: &Options,
        scope: &mut Scope,
    ) -> AuditStep {
        match std::mem::replace(&mut self.stage, Stage::Off) {
            Stage::Due(_) => {
                self.stage = match scope.of_audit(mirror) {
                    Some(since) => Stage::reading_since(since, store, prefix, mirror.revision()),
                    None => Stage::listing(store, prefix, mirror.revision()),
                };
                AuditStep::Nothing
            }
            Stage::Answered { answer: Ok(read), recording } => {
                let deadline = Box::pin(sleep(options.progress_interval));
                self.stage = Stage::Comparing { read, recording, deadline };
                AuditStep::Read
            }
            Stage::Answered { answer: Err(error), recording } if recording.must_list(&error) => {
                if error.kind() == Kind::InvalidRequest {
                    scope.unsupported();
                }
                self.stage = Stage::listing(store, prefix, mirror.revision());
                AuditStep::Nothing
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

    /// Records what the watch delivers while the read is under way, before the mirror has it.
    pub(super) fn record(&mut self, batch: &Batch, mirror: &Mirror) {
        if let Stage::Reading { recording, .. }
        | Stage::Answered { recording, .. }
        | Stage::Comparing { recording, .. } = &mut self.stage
        {
            recording.record(batch, mirror);
        }
    }

    /// The revision of what is to be compared.
    pub(super) fn read_at(&self) -> Option<u64> {
        match &self.stage {
            Stage::Comparing { read, .. } => Some(read.revision()),
            _ => None,
        }
    }

    /// Whether what was read is what the mirror has, key by key, whatever the revision that the stream has come to.
    pub(super) fn is_equal(&self, mirror: &Mirror) -> bool {
        matches!(&self.stage, Stage::Comparing { read, recording, .. } if recording.is_equal(read, mirror))
    }

    /// Whether the store is being asked, or its answer waits for comparison.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Reading { .. } | Stage::Answered { .. } | Stage::Comparing { .. })
    }

    /// Whether the server denied access to the last read.
    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }

    /// Ends the audit, and plans the next one. `None` if there is nothing to compare.
    pub(super) fn conclude(&mut self, options: &Options, mirror: &Mirror) -> Option<Audited> {
        let stage = std::mem::replace(self, Self::later(options)).stage;
        let Stage::Comparing { read, recording, .. } = stage else { return None };
        let (revision, cluster, rewound) =
            (read.revision(), read.cluster(), recording.is_after(read.revision()));
        Some(Audited { revision, cluster, rewound, finding: recording.finding(read, mirror) })
    }

    /// Reads the whole prefix after all: what was written does not explain the mirror.
    pub(super) fn list(&mut self, store: &dyn Store, prefix: &Prefix, mirror: &Mirror) {
        self.stage = Stage::listing(store, prefix, mirror.revision());
    }
}

impl Stage {
    /// At a revision that is not below `floor`.
    fn listing(store: &dyn Store, prefix: &Prefix, floor: u64) -> Self {
        let listing = store.list(prefix);
        let call = Box::pin(async move { listing.await.map(Read::Listing) });
        Self::Reading { call, recording: Recording::of_listing(floor) }
    }

    fn reading_since(since: u64, store: &dyn Store, prefix: &Prefix, floor: u64) -> Self {
        let delta = store.written_since(prefix, since);
        let call = Box::pin(async move { delta.await.map(Read::Delta) });
        Self::Reading { call, recording: Recording::of_delta(floor, since) }
    }
}
