//! A sign of life where the stream gives none.
//!
//! etcd's own gRPC proxy answers no request for progress, so behind it a prefix to which nothing
//! happens would be taken for a dead stream. There the store is asked whether the prefix is still what
//! the stream has made of it: that proves more than an answer on the stream would. Where it is not, the
//! stream has not told of a change, and is left to be lost.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::listing;
use super::pool::Pool;
use super::span::Span;
use crate::{BoxFuture, Error};

/// How long the stream may take to answer before the store is asked.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) struct Standstill {
    pool: Arc<Pool>,
    span: Span,
    /// The stream answers, and is asked alone.
    answers: bool,
    stage: Stage,
}

enum Stage {
    Idle,
    Waiting(Pin<Box<Sleep>>),
    Asking { since: u64, call: BoxFuture<Result<Option<u64>, Error>> },
}

impl Standstill {
    pub(super) fn new(pool: Arc<Pool>, span: Span) -> Self {
        Self { pool, span, answers: false, stage: Stage::Idle }
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

    /// Ready with the revision up to which nothing has changed behind what is `delivered`. Whatever
    /// was delivered while the store was asked makes its answer one about another time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, delivered: u64) -> Poll<u64> {
        if let Stage::Waiting(patience) = &mut self.stage {
            ready!(patience.as_mut().poll(cx));
            let (pool, span) = (self.pool.clone(), self.span.clone());
            let call = Box::pin(async move { listing::unchanged_since(&pool, span, delivered).await });
            self.stage = Stage::Asking { since: delivered, call };
        }
        let Stage::Asking { since, call } = &mut self.stage else { return Poll::Pending };
        let (since, answer) = (*since, ready!(call.as_mut().poll(cx)));
        self.stage = Stage::Idle;
        match answer {
            Ok(Some(revision)) if since == delivered => Poll::Ready(revision),
            _ => Poll::Pending,
        }
    }
}

impl std::fmt::Debug for Standstill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standstill").field("answers", &self.answers).finish_non_exhaustive()
    }
}
