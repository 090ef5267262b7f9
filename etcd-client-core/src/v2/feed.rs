//! The changes of a key or a directory, one long poll after the other, from one endpoint.
//!
//! Two positions are kept. Everything below `next` has been delivered for certain: each poll asks
//! for the first change from `next` on. Up to `told` there is nothing more to deliver as far as the
//! server says: a poll that was registered at index *i* and then was silent for [`QUIET`] had
//! nothing to send up to *i*. Should such a change arrive after all, it is delivered; whoever has
//! relied on `told` must be ready for that.
//!
//! A change for which a poll has waited is only believed where it follows the index at which the poll
//! was registered. Otherwise it is asked for again: then it comes from the server's history, behind
//! whatever was before it.
//!
//! A poll does not end because the member has lost its cluster, so a vigil (`quorum.rs`) stands
//! beside those polls whose silence is to mean that nothing happens.
//!
//! Each change costs a round trip. A feed that has been behind for six seconds [says so](Feed::is_behind):
//! whoever wants the state, and not the changes, reads it.
//!
//! Polls follow `told` only when `next` would fall out of the server's history of 1,000 changes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll as TaskPoll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::failure::Failure;
use super::headers::Headers;
use super::peer::Peer;
use super::poll::{Poll, Target};
use super::pool::{Pool, pause_before};
use super::quorum::{self, Vigil};
use super::response::Answer;
use crate::{BoxFuture, Error, Kind};

/// How long a poll must have been silent before that says something. The server sends a change
/// from its history right behind the headers.
const QUIET: Duration = Duration::from_secs(1);
/// How fast those are answered who ask more often than that.
const SHORT: Duration = Duration::from_millis(50);
/// Half of the changes that a server keeps.
const FAR: u64 = 500;
/// A feed that has had so many changes in a row from the history, and for so long, is behind: each
/// costs a round trip, however many there are.
const MANY: u32 = 8;
const LONG: Duration = Duration::from_secs(6);

/// A stream of changes.
#[derive(Debug)]
pub(super) struct Feed {
    pool: Arc<Pool>,
    peer: Arc<Peer>,
    target: Target,
    /// Those of the last poll.
    headers: Headers,
    /// The index of the store when the last poll was registered.
    head: u64,
    next: u64,
    told: u64,
    stage: Stage,
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
    vigil: Option<Vigil>,
}

/// A poll that is being opened beside another.
struct Fresh(Opening);

enum Stage {
    Opening(Opening),
    Open { poll: Poll, quiet: Option<Pin<Box<Sleep>>> },
}

type Opening = BoxFuture<Result<Poll, Failure>>;

/// What a feed delivers.
#[derive(Debug)]
pub(super) enum Signal {
    /// A change, each once, in the order of their indexes.
    Change { answer: Box<Answer>, index: u64 },
    /// The server answers, and nothing more is to come up to this index.
    Alive(u64),
    /// A part of the next change has come.
    Arriving,
}

impl Feed {
    /// Opens a feed behind an index, or from now on, at the first endpoint that can do it. Resolves
    /// when the server has registered it.
    ///
    /// A history that has not come to the index yet is another history: [`Kind::FutureRevision`].
    pub(super) async fn open(pool: &Arc<Pool>, target: &Target, after: Option<u64>) -> Result<Self, Error> {
        pool.once(|peer| Self::resume(pool.clone(), peer, target.clone(), after)).await
    }

    /// As [`open`](Self::open), and only at an endpoint that knows its leader, and for as long as it
    /// does.
    pub(super) async fn open_led(
        pool: &Arc<Pool>,
        target: &Target,
        after: Option<u64>,
    ) -> Result<Self, Error> {
        let open_at = |peer: Arc<Peer>| async move {
            let feed = Self::resume(pool.clone(), peer.clone(), target.clone(), after);
            let (mut feed, ()) = tokio::try_join!(feed, quorum::knows_leader(pool, &peer))?;
            feed.vigil = Some(Vigil::over(pool.clone(), peer));
            Ok(feed)
        };
        pool.once(open_at).await
    }

    /// As [`open`](Self::open), but the index may lie in the future, and more rounds are made.
    pub(super) async fn open_ahead(
        pool: &Arc<Pool>,
        target: &Target,
        after: Option<u64>,
        retries: u32,
    ) -> Result<Self, Error> {
        let mut rounds = 0;
        loop {
            let outcome = pool.once(|peer| Self::begin(pool.clone(), peer, target.clone(), after)).await;
            match outcome {
                Err(error) if error.is_transient() && rounds < retries => rounds += 1,
                outcome => return outcome,
            }
            sleep(pause_before(rounds)).await;
        }
    }

    async fn begin(
        pool: Arc<Pool>,
        peer: Arc<Peer>,
        target: Target,
        after: Option<u64>,
    ) -> Result<Self, Failure> {
        let from = after.map(|after| after.saturating_add(1));
        let first = Poll::open(&pool, &peer, &target, from).await?;
        let after = after.unwrap_or(first.index);
        Ok(Self {
            pool,
            peer,
            target,
            headers: first.headers.clone(),
            head: first.index,
            next: after.saturating_add(1),
            told: after.min(first.index),
            caught_up: Instant::now(),
            replayed: 0,
            generation: first.generation,
            stage: Stage::Open { poll: first, quiet: Some(Box::pin(sleep(QUIET))) },
            asked: false,
            answer: None,
            fresh: None,
            vigil: None,
        })
    }

    async fn resume(
        pool: Arc<Pool>,
        peer: Arc<Peer>,
        target: Target,
        after: Option<u64>,
    ) -> Result<Self, Failure> {
        let mut feed = Self::begin(pool, peer, target, after).await?;
        let after = feed.position();
        if feed.head < after {
            feed.head = quorum::agreed_index(&feed.pool, &feed.peer, &feed.target).await?;
            feed.told = after;
        }
        if feed.head < after {
            let message = format!(
                "{}: the store is at index {}, behind {after}, which was seen before: its history was replaced",
                feed.peer.name(),
                feed.head
            );
            return Err(Failure::of_input(Error::new(Kind::FutureRevision, message)));
        }
        Ok(feed)
    }

    /// The endpoint that it comes from.
    pub(super) fn endpoint(&self) -> &str {
        self.peer.name()
    }

    /// The headers of the last poll.
    pub(super) fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The index of the store when the last poll was registered.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// The index of the last thing that was certainly delivered.
    pub(super) fn position(&self) -> u64 {
        self.next - 1
    }

    /// Whether changes come faster than they can be read, or have piled up: one reading of all there is
    /// would be quicker.
    pub(super) fn is_behind(&self) -> bool {
        self.replayed >= MANY && self.caught_up.elapsed() >= LONG
    }

    /// Asks for a [`Signal::Alive`]: another poll takes the place of the one under way, whose
    /// connection may be dead. One that is young has just been proven alive, and goes on: who asks
    /// again and again would never hear of a silence that lasts.
    pub(super) fn ask(&mut self) {
        self.asked = true;
        match &self.stage {
            Stage::Open { poll, .. }
                if self.fresh.is_none() && !poll.has_begun() && poll.opened.elapsed() >= QUIET =>
            {
                self.fresh = Some(Fresh(self.another()));
            }
            Stage::Open { .. } if self.fresh.is_none() && self.answer.is_none() => {
                self.answer = Some(Box::pin(sleep(SHORT)));
            }
            _ => {}
        }
    }

    /// Gives the endpoint up because it is silent.
    pub(super) fn abandon(self) {
        self.pool.give_up(&self.peer, self.generation);
    }

    /// The next signal. An error is the last.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> TaskPoll<Result<Signal, Error>> {
        match self.advance(cx) {
            TaskPoll::Ready(Err(error)) => TaskPoll::Ready(Err(self.lost(error))),
            ready => ready,
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> TaskPoll<Result<Signal, Error>> {
        if let Some(vigil) = &mut self.vigil
            && let TaskPoll::Ready(failure) = vigil.poll(cx)
        {
            self.vigil = None;
            return TaskPoll::Ready(Err(self.failed(failure)));
        }
        loop {
            let step = match &mut self.stage {
                Stage::Opening(opening) => match opening.as_mut().poll(cx) {
                    TaskPoll::Pending => return TaskPoll::Pending,
                    TaskPoll::Ready(Ok(poll)) => self.on_open(poll)?,
                    TaskPoll::Ready(Err(failure)) => return TaskPoll::Ready(Err(self.failed(failure))),
                },
                Stage::Open { poll, .. } => match poll.change.as_mut().poll(cx) {
                    TaskPoll::Ready(Ok(Some(answer))) => self.on_change(answer)?,
                    TaskPoll::Ready(Ok(None)) => self.on_empty(),
                    TaskPoll::Ready(Err(error)) => return TaskPoll::Ready(Err(error)),
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
        if let Some(Fresh(fresh)) = &mut self.fresh
            && let TaskPoll::Ready(outcome) = fresh.as_mut().poll(cx)
        {
            self.fresh = None;
            let poll = outcome.map_err(|failure| self.failed(failure))?;
            // Whoever gets a signal polls again, and so the new poll, too.
            return Ok(self.on_open(poll)?.or(Some(Signal::Alive(self.told))));
        }
        if self.answer.as_mut().is_some_and(|answer| answer.as_mut().poll(cx).is_ready()) {
            self.answer = None;
            if std::mem::take(&mut self.asked) {
                return Ok(Some(Signal::Alive(self.told)));
            }
        }
        let Stage::Open { poll, quiet } = &mut self.stage else { return Ok(None) };
        let is_over = quiet.as_mut().is_some_and(|quiet| quiet.as_mut().poll(cx).is_ready());
        if !is_over {
            return Ok(None);
        }
        *quiet = None;
        (self.caught_up, self.replayed) = (Instant::now(), 0);
        if poll.index <= self.told {
            return Ok(None);
        }
        self.told = poll.index;
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
        if poll.index < self.told {
            let message = format!(
                "{}: the store went back to index {} from {}",
                self.peer.name(),
                poll.index,
                self.told
            );
            return Err(Error::new(Kind::Unavailable, message));
        }
        if poll.headers.cluster_id() != self.headers.cluster_id() {
            let message = format!("{}: another cluster answers here", self.peer.name());
            return Err(Error::new(Kind::Unavailable, message));
        }
        self.generation = poll.generation;
        self.headers = poll.headers.clone();
        self.head = poll.index;
        self.stage = Stage::Open { poll, quiet: Some(Box::pin(sleep(QUIET))) };
        let asked = std::mem::take(&mut self.asked);
        Ok(asked.then_some(Signal::Alive(self.told)))
    }

    fn on_change(&mut self, answer: Answer) -> Result<Option<Signal>, Error> {
        let (Some(index), Some(node)) = (answer.index(), &answer.node) else {
            let message = format!("{}: a change without an index", self.peer.name());
            return Err(Error::new(Kind::Protocol, message));
        };
        if index < self.next {
            let message =
                format!("{}: asked for changes from {} and got {index}", self.peer.name(), self.next);
            return Err(Error::new(Kind::Protocol, message));
        }
        let registered = match &self.stage {
            Stage::Open { poll, .. } => poll.index,
            Stage::Opening(_) => self.head,
        };
        if index >= registered {
            (self.caught_up, self.replayed) = (Instant::now(), 0);
        } else {
            self.replayed += 1;
        }
        if index > registered.saturating_add(1) {
            // The poll has waited for it, and what lies between was elsewhere in the store, or came
            // with a leader's snapshot, of which etcd tells no poll. The history knows.
            self.fresh = None;
            self.stage = Stage::Opening(self.another());
            return Ok(None);
        }
        let is_ours = self.target.concerns(&node.key) && !self.target.hides(&node.key);
        self.next = index.saturating_add(1);
        self.told = self.told.max(index);
        self.fresh = None;
        self.stage = Stage::Opening(self.another());
        Ok(is_ours.then_some(Signal::Change { answer: Box::new(answer), index }))
    }

    /// Somebody on the way ends polls that last long: the next one follows at once, but not more
    /// often than one a second.
    fn on_empty(&mut self) -> Option<Signal> {
        let Stage::Open { poll, .. } = &self.stage else { return None };
        let at = poll.next_at();
        (self.caught_up, self.replayed) = (Instant::now(), 0);
        if Instant::now() >= at {
            self.told = self.told.max(poll.index);
        }
        self.fresh = None;
        let opening = self.another();
        self.stage = Stage::Opening(Box::pin(async move {
            sleep_until(at).await;
            opening.await
        }));
        None
    }

    fn another(&self) -> Opening {
        let told = self.told.saturating_add(1);
        let from = if told.saturating_sub(self.next) > FAR { told } else { self.next };
        let (pool, peer, target) = (self.pool.clone(), self.peer.clone(), self.target.clone());
        Box::pin(async move { Poll::open(&pool, &peer, &target, Some(from)).await })
    }

    fn failed(&self, failure: Failure) -> Error {
        self.pool.demote(&self.peer);
        failure.error.at(self.peer.name())
    }

    fn lost(&self, error: Error) -> Error {
        if error.is_transient() {
            self.pool.demote(&self.peer);
        }
        error
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
