//! Asks the store whether the mirror is current, if the stream cannot say so.
//!
//! There are three such streams. Servers before 3.4.25 and 3.5.8 may send a progress notification ahead of
//! changes that are still on their way (etcd-io/etcd#15220): it shows that the stream is alive, and no more.
//! etcd's gRPC proxy does not answer requests for progress at all. On a stream that watches share, none is answered
//! while another of them lags. For all a small read is the proof: the prefix has as many keys as the mirror, none of
//! them written after the mirror's revision.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::store::{BoxFuture, Known, Prefix, Store};
use crate::{Error, Kind};

/// How long a stream may take to answer a request for progress before the store is asked.
const STREAM_ANSWERS_WITHIN: Duration = Duration::from_millis(500);
/// The read may cost the server a walk over the prefix, so the next one waits for this many times as long
/// as the last one took.
const REST: u32 = 4;
const MAX_REST: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct FreshnessCheck {
    stage: Stage,
    /// The stream sends reliable progress notifications, so the store need not be asked.
    exact: bool,
    /// The store has no [`Store::unchanged`].
    unsupported: bool,
    /// The stream was found alive again while the store was being asked.
    ask_again: bool,
    /// When the store may be asked again, at the earliest.
    not_before: Option<Instant>,
    /// The mirror's revision at which the stream was found lagging, and when it was first found so.
    lagging: Option<(u64, Instant)>,
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

/// What is known after a step of the check.
pub(super) enum Freshness {
    Undecided,
    /// The mirror is the state at this revision.
    Unchanged(u64),
    /// The store has changes that the stream has not delivered, and has had them for this long.
    Lagging(Duration),
    /// The store's history cannot be the mirror's.
    Failed(Error),
}

impl FreshnessCheck {
    /// Progress was requested on the stream.
    pub(super) fn on_request(&mut self) {
        if matches!(self.stage, Stage::Idle) && !self.exact {
            self.ask_at(Instant::now() + STREAM_ANSWERS_WITHIN);
        }
    }

    /// The stream has shown that it is alive, without saying how far it is.
    pub(super) fn on_alive(&mut self) {
        match self.stage {
            Stage::Idle | Stage::Due(_) => self.ask_at(Instant::now()),
            // A change may have been written after the answer that is awaited.
            Stage::Asking { .. } | Stage::Answered { .. } => self.ask_again = true,
        }
    }

    /// The stream has sent a reliable progress notification.
    pub(super) fn on_progress(&mut self) {
        *self = Self { exact: true, unsupported: self.unsupported, ..Self::default() };
    }

    /// Changes arrive.
    pub(super) fn on_delivery(&mut self) {
        self.lagging = None;
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.stage {
            Stage::Idle => Poll::Pending,
            Stage::Due(timer) => timer.as_mut().poll(cx),
            Stage::Asking { known, since, call } => {
                let answer = ready!(call.as_mut().poll(cx));
                self.not_before = Some(Instant::now() + (since.elapsed() * REST).min(MAX_REST));
                self.stage = Stage::Answered { known: *known, answer };
                Poll::Ready(())
            }
            Stage::Answered { .. } => Poll::Ready(()),
        }
    }

    /// Goes on after [`poll`](Self::poll) was ready.
    pub(super) fn advance(&mut self, store: &Arc<dyn Store>, prefix: &Prefix, mirrored: Known) -> Freshness {
        let now = Instant::now();
        let stage = std::mem::take(&mut self.stage);
        if matches!(stage, Stage::Answered { .. }) && std::mem::take(&mut self.ask_again) {
            self.ask_at(now);
        }
        match stage {
            Stage::Due(_) => {
                let call = store.unchanged(prefix, mirrored);
                self.stage = Stage::Asking { known: mirrored, since: now, call };
                Freshness::Undecided
            }
            // The mirror has changed since the store was asked.
            Stage::Answered { known, answer: Ok(_) } if known != mirrored => Freshness::Undecided,
            Stage::Answered { answer: Ok(Some(revision)), .. } => {
                self.lagging = None;
                Freshness::Unchanged(revision)
            }
            Stage::Answered { known, answer: Ok(None) } => {
                let same = self.lagging.filter(|(revision, _)| *revision == known.revision);
                let (_, since) = *self.lagging.insert(same.unwrap_or((known.revision, now)));
                Freshness::Lagging(now - since)
            }
            Stage::Answered { answer: Err(error), .. } => match error.kind() {
                Kind::FutureRevision => Freshness::Failed(error),
                Kind::InvalidRequest => {
                    *self = Self { unsupported: true, ..Self::default() };
                    Freshness::Undecided
                }
                _ => Freshness::Undecided,
            },
            stage @ (Stage::Idle | Stage::Asking { .. }) => {
                self.stage = stage;
                Freshness::Undecided
            }
        }
    }

    fn ask_at(&mut self, time: Instant) {
        if self.unsupported {
            return;
        }
        let time = self.not_before.map_or(time, |earliest| earliest.max(time));
        self.stage = Stage::Due(Box::pin(sleep_until(time)));
    }
}
