//! A sign of life where the stream gives none.
//!
//! etcd's own gRPC proxy answers no request for progress, so behind it a prefix to which nothing
//! happens would be taken for a dead stream. There the store is asked whether the prefix is still what
//! the stream has made of it: that proves more than an answer on the stream would. Where it is not, the
//! stream has not told of a change, and is left to be lost.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::listing;
use super::pool::Pool;
use super::span::Span;
use crate::{BoxFuture, Error, Kind};

/// How long the stream may take to answer before the store is asked.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) struct Standstill {
    pool: Arc<Pool>,
    span: Span,
    /// The cluster that the stream comes from, 0 where unknown.
    cluster: u64,
    /// The stream answers, and is asked alone.
    answers: bool,
    stage: Stage,
    /// What the stream had delivered, and up to where that was found to be all.
    proven: (u64, u64),
}

enum Stage {
    Idle,
    Waiting(Pin<Box<Sleep>>),
    Asking { delivered: u64, call: BoxFuture<(Result<Option<u64>, Error>, u64)> },
}

impl Standstill {
    pub(super) fn new(pool: Arc<Pool>, span: Span, cluster: u64) -> Self {
        Self { pool, span, cluster, answers: false, stage: Stage::Idle, proven: (0, 0) }
    }

    /// The stream was asked how far it is.
    pub(super) fn on_request(&mut self) {
        if !self.answers && matches!(self.stage, Stage::Idle) {
            self.stage = Stage::Waiting(Box::pin(sleep(PATIENCE)));
        }
    }

    /// The stream has said how far it is.
    pub(super) fn on_answer(&mut self) {
        (self.answers, self.stage) = (true, Stage::Idle);
    }

    /// Ready with the revision up to which nothing has changed behind what is `delivered`, or where the
    /// store has no such past. Whatever was delivered while the store was asked makes its answer one
    /// about another time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, delivered: u64) -> Poll<Result<u64, Error>> {
        if let Stage::Waiting(patience) = &mut self.stage {
            ready!(patience.as_mut().poll(cx));
            self.stage = Stage::Asking { delivered, call: self.ask(delivered) };
        }
        let Stage::Asking { delivered: before, call } = &mut self.stage else { return Poll::Pending };
        let (before, (answer, cluster)) = (*before, ready!(call.as_mut().poll(cx)));
        (self.stage, self.cluster) = (Stage::Idle, cluster);
        match answer {
            Ok(Some(revision)) if before == delivered => {
                self.proven = (delivered, revision);
                Poll::Ready(Ok(revision))
            }
            Err(error) if matches!(error.kind(), Kind::Compacted | Kind::FutureRevision) => {
                Poll::Ready(Err(error))
            }
            _ => Poll::Pending,
        }
    }

    fn ask(&self, delivered: u64) -> BoxFuture<(Result<Option<u64>, Error>, u64)> {
        let (pool, span, mut cluster) = (self.pool.clone(), self.span.clone(), self.cluster);
        // What was proven before need not be proven again, and may be compacted by now.
        let since = if self.proven.0 == delivered { self.proven.1 } else { delivered };
        Box::pin(async move {
            let answer = listing::unchanged_since(&pool, span, since, &mut cluster).await;
            (answer, cluster)
        })
    }
}

impl fmt::Debug for Standstill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standstill").field("answers", &self.answers).finish_non_exhaustive()
    }
}
