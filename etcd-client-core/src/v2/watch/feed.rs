//! The changes of a key or a directory, one long poll after the other, from one endpoint.
//!
//! Two positions are kept. Everything below `next` has been delivered for certain: each poll asks
//! for the first change from `next` on. Up to `told` there is nothing more to deliver as far as the
//! server says: a poll that was registered at index *i* and then was silent for [`QUIET`] had
//! nothing to send up to *i*. Should such a change arrive after all, it is delivered; whoever has
//! relied on `told` must be ready for that.
//!
//! A change for which a poll has waited is known to be the next one where it follows the index at which
//! the poll was registered. Otherwise it is asked for again: then it comes from the server's history,
//! after whatever was before it. Where the history has forgotten so much, the change that has arrived is
//! delivered all the same, as one that is not [proven](Signal::Change) to be the next.
//!
//! A poll does not end because the member has lost its cluster, so a probe (`leader_probe.rs`) stands
//! beside those polls whose silence is to mean that nothing happens.
//!
//! Each change costs a round trip. A feed that has been behind for six seconds [says so](Feed::is_behind):
//! whoever wants the state, and not the changes, reads it.
//!
//! Polls follow `told` only when `next` would fall out of the server's history of 1,000 changes, and are
//! replaced by younger ones before they do (`renewal_rate.rs`). A burst of changes elsewhere may be faster. Then
//! the poll under way stays beside a younger one (`previous_poll.rs`), except in a feed that is [led](Feed::open_led):
//! its reader wants the state, and lists.

mod changes;
mod opening;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll as TaskPoll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::v2::net::endpoint_client::EndpointClient;
use crate::v2::net::failure::Failure;
use crate::v2::net::pool::Pool;
use crate::v2::watch::leader_probe::LeaderProbe;
use crate::v2::watch::poll::{Poll, Target};
use crate::v2::watch::previous_poll::PreviousPoll;
use crate::v2::watch::renewal_rate::RenewalRate;
use crate::v2::wire::headers::Headers;
use crate::v2::wire::response::Answer;
use crate::{BoxFuture, Error, Kind};

/// How long a poll must have been silent before that says something. The server sends a change
/// from its history right after the headers.
const QUIET: Duration = Duration::from_secs(1);
/// How fast those are answered who ask more often than that.
const SHORT: Duration = Duration::from_millis(50);
/// A quarter of the changes that a server keeps.
const FAR: u64 = 250;
/// A feed that has had so many changes in a row from the history, and for so long, is behind: each
/// costs a round trip, however many there are.
const MANY: u32 = 8;
const LONG: Duration = Duration::from_secs(6);

/// A stream of changes.
#[derive(Debug)]
pub(in crate::v2) struct Feed {
    pool: Arc<Pool>,
    endpoint: Arc<EndpointClient>,
    target: Target,
    /// Those of the last poll.
    headers: Headers,
    /// The index of the store when the last poll was registered.
    head: u64,
    next: u64,
    told: u64,
    /// The index at which a poll was registered that was silent, and was replaced in good order.
    settled: u64,
    rate: RenewalRate,
    stage: Stage,
    /// A change that has arrived and is asked for again.
    held: Option<Answer>,
    previous: Option<PreviousPoll>,
    /// When everything had been delivered, and how many changes have come from the history since.
    caught_up: Instant,
    replayed: u32,
    /// How old the connections are that the last poll came on.
    generation: u64,
    /// A sign of life was asked for.
    asked: bool,
    /// When it is given although the poll under way is so young that no other is opened.
    answer: Option<Pin<Box<Sleep>>>,
    /// Opened beside the poll under way when a sign of life is asked for; it takes that one's place.
    fresh: Option<Fresh>,
    /// Ends the feed when the member has lost its cluster.
    probe: Option<LeaderProbe>,
    /// Its reader lists where the history has forgotten too much.
    led: bool,
}

/// A poll that is being opened beside another.
struct Fresh {
    opening: Opening,
    /// It is registered for what comes from now on, because the history has forgotten what was before.
    from_now: bool,
}

enum Stage {
    Opening(Opening),
    Open { poll: Poll, quiet: Option<Pin<Box<Sleep>>>, renewal: Pin<Box<Sleep>> },
}

type Opening = BoxFuture<Result<Poll, Failure>>;

/// What a feed delivers.
#[derive(Debug)]
pub(in crate::v2) enum Signal {
    /// A change, each once, in the order of their indexes. It is proven to be the next one where the
    /// server's history goes back so far; otherwise only a member that has skipped some of the
    /// cluster's log, by a snapshot of its leader's, can have left one out before it.
    Change { answer: Box<Answer>, index: u64, proven: bool },
    /// The server answers, and nothing more is to come up to this index.
    Alive(u64),
    /// A part of the next change has come.
    Arriving,
    /// As `Alive`, because the poll has ended without a change. The next one follows after this pause.
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

    /// It is of another cluster than the feed before.
    pub(in crate::v2) fn of_another_cluster(&self) -> Error {
        let message = format!("{}: another cluster answers than before", self.endpoint.name());
        Error::new(Kind::FutureRevision, message)
    }

    /// The index of the store when the last poll was registered.
    pub(in crate::v2) fn head(&self) -> u64 {
        self.head
    }

    /// The index of the last thing that was certainly delivered.
    pub(in crate::v2) fn position(&self) -> u64 {
        self.next - 1
    }

    /// Up to this index there is nothing more to come, as far as the server says.
    pub(in crate::v2) fn told(&self) -> u64 {
        self.told
    }

    /// The index after which another feed may begin that takes this one's place. It moves with the store,
    /// so that what lies between stays in the server's history.
    pub(in crate::v2) fn anchor(&self) -> u64 {
        self.settled.max(self.position())
    }

    /// Whether changes come faster than they can be read, or have piled up: one reading of all there is
    /// would be quicker.
    pub(in crate::v2) fn is_behind(&self) -> bool {
        self.replayed >= MANY && self.caught_up.elapsed() >= LONG
    }

    /// Asks for a [`Signal::Alive`]: another poll takes the place of the one under way, whose
    /// connection may be dead. One that is young has just been proven alive, and goes on: who asks
    /// again and again would never hear of a silence that lasts.
    pub(in crate::v2) fn ask(&mut self) {
        self.asked = true;
        match &self.stage {
            Stage::Open { poll, .. }
                if self.fresh.is_none() && !poll.has_begun() && poll.opened.elapsed() >= QUIET =>
            {
                self.fresh = Some(Fresh { opening: self.another(), from_now: false });
            }
            Stage::Open { .. } if self.fresh.is_none() && self.answer.is_none() => {
                self.answer = Some(Box::pin(sleep(SHORT)));
            }
            _ => {}
        }
    }

    /// Gives the endpoint up because it is silent.
    pub(in crate::v2) fn abandon(self) {
        self.pool.give_up(&self.endpoint, self.generation);
    }

    /// The next signal. An error is the last.
    pub(in crate::v2) fn poll_next(&mut self, cx: &mut Context<'_>) -> TaskPoll<Result<Signal, Error>> {
        match self.advance(cx) {
            TaskPoll::Ready(Err(error)) => TaskPoll::Ready(Err(self.lost(error))),
            ready => ready,
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> TaskPoll<Result<Signal, Error>> {
        if let Some(probe) = &mut self.probe
            && let TaskPoll::Ready(failure) = probe.poll(cx)
        {
            self.probe = None;
            return TaskPoll::Ready(Err(self.failed(failure)));
        }
        loop {
            if let Some(previous) = &mut self.previous
                && let TaskPoll::Ready(change) = previous.poll(cx)
            {
                return TaskPoll::Ready(self.on_elder(change));
            }
            let step = match &mut self.stage {
                Stage::Opening(opening) => match opening.as_mut().poll(cx) {
                    TaskPoll::Pending => return TaskPoll::Pending,
                    TaskPoll::Ready(Ok(poll)) => self.on_open(poll)?,
                    TaskPoll::Ready(Err(failure)) if self.held.is_none() => {
                        return TaskPoll::Ready(Err(self.failed(failure)));
                    }
                    TaskPoll::Ready(Err(failure)) => Some(self.unless_held(failure.error)?),
                },
                Stage::Open { poll, .. } => match poll.change.as_mut().poll(cx) {
                    TaskPoll::Ready(Ok(Some(answer))) => self.on_change(answer)?,
                    TaskPoll::Ready(Ok(None)) => self.on_empty(),
                    TaskPoll::Ready(Err(error)) => Some(self.unless_held(error)?),
                    TaskPoll::Pending => match self.while_silent(cx)? {
                        Some(signal) => Some(signal),
                        None => return TaskPoll::Pending,
                    },
                },
            };
            if let Some(signal) = step {
                return TaskPoll::Ready(Ok(signal));
            }
        }
    }

    /// The poll under way has nothing to say: perhaps another takes its place, or its silence has
    /// lasted.
    fn while_silent(&mut self, cx: &mut Context<'_>) -> Result<Option<Signal>, Error> {
        if matches!(&self.stage, Stage::Open { poll, .. } if poll.has_begun()) {
            return Ok(self.while_arriving(cx));
        }
        if let Some(Fresh { opening, from_now }) = &mut self.fresh
            && let TaskPoll::Ready(outcome) = opening.as_mut().poll(cx)
        {
            let from_now = *from_now;
            self.fresh = None;
            return match outcome {
                // Whoever gets a signal polls again, and so the new poll, too.
                Ok(poll) => Ok(self.on_fresh(poll, from_now)?.or(Some(Signal::Alive(self.told)))),
                Err(failure) if failure.error.kind() == Kind::Compacted && !self.led && !from_now => {
                    self.fresh = Some(Fresh { opening: self.poll_from(None), from_now: true });
                    Ok(Some(Signal::Alive(self.told)))
                }
                Err(failure) => Err(self.failed(failure)),
            };
        }
        if self.answer.as_mut().is_some_and(|answer| answer.as_mut().poll(cx).is_ready()) {
            self.answer = None;
            if std::mem::take(&mut self.asked) {
                return Ok(Some(Signal::Alive(self.told)));
            }
        }
        let Stage::Open { poll, quiet, renewal } = &mut self.stage else { return Ok(None) };
        if self.fresh.is_none() && renewal.as_mut().poll(cx).is_ready() {
            self.fresh = Some(Fresh { opening: self.another(), from_now: false });
            return self.while_silent(cx);
        }
        let is_over = quiet.as_mut().is_some_and(|quiet| quiet.as_mut().poll(cx).is_ready());
        if !is_over {
            return Ok(None);
        }
        *quiet = None;
        (self.caught_up, self.replayed) = (Instant::now(), 0);
        let registered = poll.index;
        if let Some(held) = self.held.take_if(|held| held.index().is_some_and(|index| index <= registered)) {
            // The server's history does not know it.
            return self.deliver(held, false);
        }
        if registered <= self.told {
            return Ok(None);
        }
        self.told = registered;
        Ok(Some(Signal::Alive(self.told)))
    }

    /// The poll under way has said a part of what it has to say: that is a sign of life, and no
    /// silence.
    fn while_arriving(&mut self, cx: &mut Context<'_>) -> Option<Signal> {
        self.fresh = None;
        if !self.asked {
            return None;
        }
        let answer = self.answer.get_or_insert_with(|| Box::pin(sleep(SHORT)));
        if answer.as_mut().poll(cx).is_pending() {
            return None;
        }
        (self.answer, self.asked) = (None, false);
        Some(Signal::Arriving)
    }

    fn on_open(&mut self, poll: Poll) -> Result<Option<Signal>, Error> {
        self.follow(poll)?;
        Ok(self.answer())
    }

    /// From now on it is this poll that is waited for; the stage before that.
    fn follow(&mut self, poll: Poll) -> Result<Stage, Error> {
        if poll.index < self.told {
            let message = format!(
                "{}: the store went back to index {} from {}",
                self.endpoint.name(),
                poll.index,
                self.told
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
        self.rate.note(poll.index);
        Ok(std::mem::replace(&mut self.stage, Stage::open(poll, &self.rate)))
    }

    fn answer(&mut self) -> Option<Signal> {
        std::mem::take(&mut self.asked).then_some(Signal::Alive(self.told))
    }

    /// A younger poll takes the place of the one under way, which was silent.
    fn on_fresh(&mut self, poll: Poll, from_now: bool) -> Result<Option<Signal>, Error> {
        if let Stage::Open { poll: before, quiet, .. } = self.follow(poll)? {
            if from_now {
                self.told = self.told.max(self.head);
                self.previous.get_or_insert_with(|| PreviousPoll::new(before));
            } else if quiet.is_none() && self.previous.is_none() {
                self.settled = self.settled.max(before.index);
            }
        }
        Ok(self.answer())
    }

    fn another(&self) -> Opening {
        let told = self.told.saturating_add(1);
        let from = if told.saturating_sub(self.next) > FAR { told } else { self.next };
        self.poll_from(Some(from))
    }

    fn poll_from(&self, from: Option<u64>) -> Opening {
        let (pool, endpoint, target) = (self.pool.clone(), self.endpoint.clone(), self.target.clone());
        Box::pin(async move { Poll::open(&pool, &endpoint, &target, from).await })
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
    fn open(poll: Poll, rate: &RenewalRate) -> Self {
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

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opening")
    }
}
