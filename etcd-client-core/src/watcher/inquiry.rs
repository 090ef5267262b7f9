//! Asks the store whether what is held is still so, where the stream cannot say it.
//!
//! There are two such streams. Those of servers before 3.4.25 and 3.5.8 answer a request for progress
//! ahead of changes that are still on their way (etcd-io/etcd#15220): that is a sign of life and proves
//! nothing, however often it is repeated. Those behind etcd's own gRPC proxy do not answer at all. On
//! both only a read proves, and a small one is enough: as many keys as are held, none of them written
//! after the revision that is held.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::store::{BoxFuture, Known, Prefix, Store};
use crate::{Error, Kind};

/// How long a stream may take to answer before the store is asked.
const PATIENCE: Duration = Duration::from_millis(500);
/// A question may cost the server a walk over the prefix, so the next one waits for this many times as
/// long as it took.
const REST: u32 = 4;
const LONGEST_REST: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Inquiry {
    stage: Stage,
    /// The stream tells how far it is, so that its silence is not for the store to explain.
    exact: bool,
    /// The store cannot say.
    refused: bool,
    /// Asked for again while the store was being asked.
    wanted: bool,
    /// When the store may be asked again.
    rested: Option<Instant>,
    /// Since when the store has held something newer than this revision, of which nothing has arrived.
    behind: Option<(u64, Instant)>,
}

#[derive(Default)]
enum Stage {
    #[default]
    Idle,
    Due(Pin<Box<Sleep>>),
    Asking {
        known: Known,
        since: Instant,
        call: BoxFuture<Result<Option<u64>, Error>>,
    },
    Answered {
        known: Known,
        answer: Result<Option<u64>, Error>,
    },
}

/// What an inquiry has come to.
pub(super) enum Answer {
    Nothing,
    /// Nothing differs up to this revision.
    Unchanged(u64),
    /// Something has changed that has not arrived, for so long.
    Behind(Duration),
    /// The store cannot have had what is held.
    Failed(Error),
}

impl Inquiry {
    /// The stream was asked how far it is.
    pub(super) fn on_request(&mut self) {
        if matches!(self.stage, Stage::Idle) && !self.exact {
            self.ask_at(Instant::now() + PATIENCE);
        }
    }

    /// The stream is alive, and does not say how far it is.
    pub(super) fn on_alive(&mut self) {
        match self.stage {
            Stage::Idle | Stage::Due(_) => self.ask_at(Instant::now()),
            // What is asked for may have been written after that answer.
            Stage::Asking { .. } | Stage::Answered { .. } => self.wanted = true,
        }
    }

    /// The stream has said how far it is.
    pub(super) fn on_progress(&mut self) {
        *self = Self { exact: true, refused: self.refused, ..Self::default() };
    }

    /// Changes arrive.
    pub(super) fn on_delivery(&mut self) {
        self.behind = None;
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.stage {
            Stage::Idle => Poll::Pending,
            Stage::Due(timer) => timer.as_mut().poll(cx),
            Stage::Asking { known, since, call } => {
                let answer = ready!(call.as_mut().poll(cx));
                self.rested = Some(Instant::now() + (since.elapsed() * REST).min(LONGEST_REST));
                self.stage = Stage::Answered { known: *known, answer };
                Poll::Ready(())
            }
            Stage::Answered { .. } => Poll::Ready(()),
        }
    }

    /// Goes on after [`poll`](Self::poll) was ready.
    pub(super) fn advance(&mut self, store: &Arc<dyn Store>, prefix: &Prefix, mirror: Known) -> Answer {
        let now = Instant::now();
        let stage = std::mem::take(&mut self.stage);
        if matches!(stage, Stage::Answered { .. }) && std::mem::take(&mut self.wanted) {
            self.ask_at(now);
        }
        match stage {
            Stage::Due(_) => {
                let call = store.unchanged(prefix, mirror);
                self.stage = Stage::Asking { known: mirror, since: now, call };
                Answer::Nothing
            }
            // It is about another state than the one that is held by now.
            Stage::Answered { known, answer: Ok(_) } if known != mirror => Answer::Nothing,
            Stage::Answered { answer: Ok(Some(revision)), .. } => {
                self.behind = None;
                Answer::Unchanged(revision)
            }
            Stage::Answered { known, answer: Ok(None) } => {
                let same = self.behind.filter(|(revision, _)| *revision == known.revision);
                let (_, since) = *self.behind.insert(same.unwrap_or((known.revision, now)));
                Answer::Behind(now - since)
            }
            Stage::Answered { answer: Err(error), .. } => match error.kind() {
                Kind::FutureRevision => Answer::Failed(error),
                Kind::InvalidRequest => {
                    *self = Self { refused: true, ..Self::default() };
                    Answer::Nothing
                }
                _ => Answer::Nothing,
            },
            stage @ (Stage::Idle | Stage::Asking { .. }) => {
                self.stage = stage;
                Answer::Nothing
            }
        }
    }

    fn ask_at(&mut self, time: Instant) {
        if self.refused {
            return;
        }
        let time = self.rested.map_or(time, |rested| rested.max(time));
        self.stage = Stage::Due(Box::pin(sleep_until(time)));
    }
}
