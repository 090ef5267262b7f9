//! The changes of a key or a directory, by one long poll after the other, from one endpoint.
//!
//! A feed has two positions. Everything before `next` has been delivered: each poll asks for the first change
//! from `next` on. `progress` is the index up to which, as far as the server says, there is nothing more to
//! deliver: a poll that was registered at index *i* and then was silent for [`QUIET`] had nothing to send up
//! to *i*. If such a change arrives after all, it is delivered; a consumer that has relied on `progress` must
//! handle that.
//!
//! A change for which a poll has waited is proven to be the next one if it follows the index at which the
//! poll was registered. Otherwise it is asked for again: then it comes from the server's history, after
//! whatever was before it. If the history no longer goes back so far, the change is delivered as one that is
//! not [proven](FeedSignal::Change) to be the next.
//!
//! A poll does not end when the member loses its leader, so a feed that a [`Store`](crate::Store) watches with
//! has a `leader_probe.rs` at its side.
//!
//! Each change costs a round trip. A feed that has been lagging for six seconds [says so](Feed::is_lagging): a
//! consumer that wants the state, and not each change, should list.
//!
//! Polls ask from `progress` instead of `next` only when `next` is about to fall out of the server's history of
//! 1,000 changes; `renewal_rate.rs` says how often a poll must be replaced by a younger one for that. A burst
//! of changes elsewhere in the store may be faster. Then the poll under way is kept beside a younger one
//! (`previous_poll.rs`); a feed with a leader probe fails instead, because its consumer can list.

mod answers;
mod opening;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::v2::net::endpoint_client::EndpointClient;
use crate::v2::net::failure::Failure;
use crate::v2::net::pool::Pool;
use crate::v2::watch::leader_probe::LeaderProbe;
use crate::v2::watch::long_poll::{LongPoll, Target};
use crate::v2::watch::previous_poll::PreviousPoll;
use crate::v2::watch::renewal_rate::RenewalRate;
use crate::v2::wire::headers::Headers;
use crate::v2::wire::response::Answer;
use crate::{BoxFuture, Error, Kind};

/// How long a poll must have been silent to mean that the history has no change for it: the server sends a
/// change from its history right after the headers.
const QUIET: Duration = Duration::from_secs(1);
/// When a request for progress is answered while the poll is younger than [`QUIET`].
const ANSWER_PAUSE: Duration = Duration::from_millis(50);
/// The most revisions from `next` to `progress` that polls still ask for: a quarter of what a server keeps.
const MAX_REPLAY: u64 = 250;
/// A feed that has had so many changes in a row from the history, for so long, is lagging.
const LAGGING_CHANGES: u32 = 8;
const LAGGING_FOR: Duration = Duration::from_secs(6);

/// A stream of changes.
#[derive(Debug)]
pub(in crate::v2) struct Feed {
    pool: Arc<Pool>,
    endpoint: Arc<EndpointClient>,
    target: Target,
    /// The headers of the last poll.
    headers: Headers,
    /// The index of the store when the last poll was registered.
    head: u64,
    next: u64,
    progress: u64,
    /// The index at which the last poll was registered that stayed silent until another replaced it.
    silent_up_to: u64,
    rate: RenewalRate,
    stage: Stage,
    /// A change that has arrived and is asked for again, because there may be others before it.
    unproven: Option<Answer>,
    previous: Option<PreviousPoll>,
    /// When everything had been delivered, and how many changes have come from the history since.
    caught_up: Instant,
    replayed: u32,
    /// The generation of the connections that the last poll came on, for [`Pool::give_up`].
    generation: u64,
    /// Progress was requested, and not answered yet.
    progress_wanted: bool,
    /// When the request is answered if the poll under way is so young that no other is opened.
    answer_at: Option<Pin<Box<Sleep>>>,
    /// The poll that is being opened beside the one under way, to replace it.
    younger: Option<YoungerPoll>,
    /// Ends the feed when the member has lost its leader.
    probe: Option<LeaderProbe>,
    /// The feed fails when the history no longer goes back far enough, because its consumer can list.
    lists_if_compacted: bool,
}

/// A poll that is being opened beside the one under way.
struct YoungerPoll {
    opening: Opening,
    /// It waits for changes from now on, because the history no longer has those before.
    from_now: bool,
}

enum Stage {
    Opening(Opening),
    Open { poll: LongPoll, quiet: Option<Pin<Box<Sleep>>>, renewal: Pin<Box<Sleep>> },
}

type Opening = BoxFuture<Result<LongPoll, Failure>>;

/// What a feed delivers.
#[derive(Debug)]
pub(in crate::v2) enum FeedSignal {
    /// A change; each comes once, in the order of the indexes. It is `proven` to be the next one if the
    /// server's history goes back far enough. Otherwise one may be missing before it, but only if the member
    /// has skipped part of the raft log because the leader sent it a snapshot.
    Change { answer: Box<Answer>, index: u64, proven: bool },
    /// There are no more changes up to this index, as far as the server says.
    Progress(u64),
    /// A part of the next change has arrived.
    Arriving,
    /// As `Progress`, when a poll has ended without a change. The next one is opened after this pause.
    Ended { index: u64, pause: Duration },
}

impl Feed {
    /// The endpoint that it comes from.
    pub(in crate::v2) fn endpoint(&self) -> &str {
        self.endpoint.name()
    }

    /// The headers of the last poll.
    pub(in crate::v2) fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The error for a feed whose cluster is not that of the feed before it.
    pub(in crate::v2) fn of_another_cluster(&self) -> Error {
        let message = format!("{}: another cluster answers than before", self.endpoint.name());
        Error::new(Kind::FutureRevision, message)
    }

    /// The index of the store when the last poll was registered.
    pub(in crate::v2) fn head(&self) -> u64 {
        self.head
    }

    /// The index up to which all changes have been delivered for certain.
    pub(in crate::v2) fn position(&self) -> u64 {
        self.next - 1
    }

    /// The index up to which there are no more changes, as far as the server says.
    pub(in crate::v2) fn progress(&self) -> u64 {
        self.progress
    }

    /// The index after which another feed may take over without losing a change. It grows with the store's
    /// index, so that it stays in the server's history.
    pub(in crate::v2) fn resume_after(&self) -> u64 {
        self.silent_up_to.max(self.position())
    }

    /// Whether changes come faster than one a round trip, or have piled up, so that a listing is quicker.
    pub(in crate::v2) fn is_lagging(&self) -> bool {
        self.replayed >= LAGGING_CHANGES && self.caught_up.elapsed() >= LAGGING_FOR
    }

    /// Asks for a [`FeedSignal::Progress`]: another poll takes the place of the one under way, whose
    /// connection may be dead. A young one has just been proven alive, and goes on: if it were replaced at each
    /// request, no poll would ever be silent for [`QUIET`].
    pub(in crate::v2) fn request_progress(&mut self) {
        self.progress_wanted = true;
        match &self.stage {
            Stage::Open { poll, .. }
                if self.younger.is_none() && !poll.is_arriving() && poll.opened.elapsed() >= QUIET =>
            {
                self.younger = Some(YoungerPoll { opening: self.open_another(), from_now: false });
            }
            Stage::Open { .. } if self.younger.is_none() && self.answer_at.is_none() => {
                self.answer_at = Some(Box::pin(sleep(ANSWER_PAUSE)));
            }
            _ => {}
        }
    }

    /// Ends the feed because its endpoint is silent: the client's next call goes to another one.
    pub(in crate::v2) fn abandon(self) {
        self.pool.give_up(&self.endpoint, self.generation);
    }

    /// The next signal. The feed ends with an error.
    pub(in crate::v2) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<FeedSignal, Error>> {
        match self.advance(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.lost(error))),
            ready => ready,
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<Result<FeedSignal, Error>> {
        if let Some(probe) = &mut self.probe
            && let Poll::Ready(failure) = probe.poll(cx)
        {
            self.probe = None;
            return Poll::Ready(Err(self.failed(failure)));
        }
        loop {
            if let Some(previous) = &mut self.previous
                && let Poll::Ready(change) = previous.poll(cx)
            {
                return Poll::Ready(self.on_previous(change));
            }
            let step = match &mut self.stage {
                Stage::Opening(opening) => match opening.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(poll)) => self.on_open(poll)?,
                    Poll::Ready(Err(failure)) if self.unproven.is_none() => {
                        return Poll::Ready(Err(self.failed(failure)));
                    }
                    Poll::Ready(Err(failure)) => Some(self.deliver_unproven_or(failure.error)?),
                },
                Stage::Open { poll, .. } => match poll.change.as_mut().poll(cx) {
                    Poll::Ready(Ok(Some(answer))) => self.on_change(answer)?,
                    Poll::Ready(Ok(None)) => self.on_empty(),
                    Poll::Ready(Err(error)) => Some(self.deliver_unproven_or(error)?),
                    Poll::Pending => match self.while_silent(cx)? {
                        Some(signal) => Some(signal),
                        None => return Poll::Pending,
                    },
                },
            };
            if let Some(signal) = step {
                return Poll::Ready(Ok(signal));
            }
        }
    }

    /// The poll under way is silent: perhaps a younger one replaces it, or it has been silent for [`QUIET`].
    fn while_silent(&mut self, cx: &mut Context<'_>) -> Result<Option<FeedSignal>, Error> {
        if matches!(&self.stage, Stage::Open { poll, .. } if poll.is_arriving()) {
            return Ok(self.while_arriving(cx));
        }
        if let Some(YoungerPoll { opening, from_now }) = &mut self.younger
            && let Poll::Ready(outcome) = opening.as_mut().poll(cx)
        {
            let from_now = *from_now;
            self.younger = None;
            return match outcome {
                // The consumer polls again after a signal, and with that the new poll.
                Ok(poll) => {
                    Ok(self.on_younger(poll, from_now)?.or(Some(FeedSignal::Progress(self.progress))))
                }
                Err(failure)
                    if failure.error.kind() == Kind::Compacted && !self.lists_if_compacted && !from_now =>
                {
                    self.younger = Some(YoungerPoll { opening: self.poll_from(None), from_now: true });
                    Ok(Some(FeedSignal::Progress(self.progress)))
                }
                Err(failure) => Err(self.failed(failure)),
            };
        }
        if self.answer_at.as_mut().is_some_and(|answer| answer.as_mut().poll(cx).is_ready()) {
            self.answer_at = None;
            if std::mem::take(&mut self.progress_wanted) {
                return Ok(Some(FeedSignal::Progress(self.progress)));
            }
        }
        let Stage::Open { poll, quiet, renewal } = &mut self.stage else { return Ok(None) };
        if self.younger.is_none() && renewal.as_mut().poll(cx).is_ready() {
            self.younger = Some(YoungerPoll { opening: self.open_another(), from_now: false });
            return self.while_silent(cx);
        }
        let is_over = quiet.as_mut().is_some_and(|quiet| quiet.as_mut().poll(cx).is_ready());
        if !is_over {
            return Ok(None);
        }
        *quiet = None;
        (self.caught_up, self.replayed) = (Instant::now(), 0);
        let registered = poll.index;
        if let Some(unproven) =
            self.unproven.take_if(|unproven| unproven.index().is_some_and(|index| index <= registered))
        {
            // The server's history no longer has it.
            return self.deliver(unproven, false);
        }
        if registered <= self.progress {
            return Ok(None);
        }
        self.progress = registered;
        Ok(Some(FeedSignal::Progress(self.progress)))
    }

    /// A part of a change has arrived on the poll under way: it is alive, and not silent.
    fn while_arriving(&mut self, cx: &mut Context<'_>) -> Option<FeedSignal> {
        self.younger = None;
        if !self.progress_wanted {
            return None;
        }
        let answer = self.answer_at.get_or_insert_with(|| Box::pin(sleep(ANSWER_PAUSE)));
        if answer.as_mut().poll(cx).is_pending() {
            return None;
        }
        (self.answer_at, self.progress_wanted) = (None, false);
        Some(FeedSignal::Arriving)
    }

    fn on_open(&mut self, poll: LongPoll) -> Result<Option<FeedSignal>, Error> {
        self.follow(poll)?;
        Ok(self.answer_request())
    }

    /// Makes this the poll under way, and returns the stage before.
    fn follow(&mut self, poll: LongPoll) -> Result<Stage, Error> {
        if poll.index < self.progress {
            let message = format!(
                "{}: the store went back to index {} from {}",
                self.endpoint.name(),
                poll.index,
                self.progress
            );
            return Err(Error::new(Kind::Unavailable, message));
        }
        if poll.headers.cluster_id() != self.headers.cluster_id() {
            let message = format!("{}: another cluster answers here", self.endpoint.name());
            return Err(Error::new(Kind::Unavailable, message));
        }
        self.generation = poll.generation;
        self.headers = poll.headers.clone();
        self.head = poll.index;
        self.rate.record(poll.index);
        Ok(std::mem::replace(&mut self.stage, Stage::open(poll, &self.rate)))
    }

    fn answer_request(&mut self) -> Option<FeedSignal> {
        std::mem::take(&mut self.progress_wanted).then_some(FeedSignal::Progress(self.progress))
    }

    /// A younger poll replaces the one under way, which was silent.
    fn on_younger(&mut self, poll: LongPoll, from_now: bool) -> Result<Option<FeedSignal>, Error> {
        if let Stage::Open { poll: before, quiet, .. } = self.follow(poll)? {
            if from_now {
                self.progress = self.progress.max(self.head);
                self.previous.get_or_insert_with(|| PreviousPoll::new(before));
            } else if quiet.is_none() && self.previous.is_none() {
                self.silent_up_to = self.silent_up_to.max(before.index);
            }
        }
        Ok(self.answer_request())
    }

    fn open_another(&self) -> Opening {
        let progress = self.progress.saturating_add(1);
        let from = if progress.saturating_sub(self.next) > MAX_REPLAY { progress } else { self.next };
        self.poll_from(Some(from))
    }

    fn poll_from(&self, from: Option<u64>) -> Opening {
        let (pool, endpoint, target) = (self.pool.clone(), self.endpoint.clone(), self.target.clone());
        Box::pin(async move { LongPoll::open(&pool, &endpoint, &target, from).await })
    }

    fn failed(&self, failure: Failure) -> Error {
        self.pool.demote(&self.endpoint);
        failure.error.at(self.endpoint.name())
    }

    fn lost(&self, error: Error) -> Error {
        if error.is_transient() {
            self.pool.demote(&self.endpoint);
        }
        error
    }
}

impl Stage {
    fn open(poll: LongPoll, rate: &RenewalRate) -> Self {
        Self::Open { poll, quiet: Some(Box::pin(sleep(QUIET))), renewal: Box::pin(sleep(rate.interval())) }
    }
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stage::Opening(_) => f.write_str("Opening"),
            Stage::Open { poll, .. } => poll.fmt(f),
        }
    }
}

impl std::fmt::Debug for YoungerPoll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opening")
    }
}
