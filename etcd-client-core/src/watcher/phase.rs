//! The phases of a watcher, and what it waits for in each.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::audit::Audit;
use super::freshness_check::FreshnessCheck;
use super::history_check::{CheckedDelta, Confirmed};
use super::newest::Newest;
use super::rhythm::{Answers, Rhythm, Role};
use crate::Error;
use crate::store::{BoxFuture, Listing, Signal, Watch};

/// The shortest time between two requests for progress that a consumer has made.
const MIN_INTERVAL: Duration = Duration::from_millis(20);

/// What a watcher is doing. The call under way is part of the phase, so dropping the phase cancels it.
pub(super) enum Phase {
    /// `is_second`: whether this is the second listing, so that it counts even when it is empty (rule 9).
    Listing {
        call: BoxFuture<Result<Listing, Error>>,
        is_second: bool,
    },
    /// Reading what was written since the mirror; `may_replay` if that may turn out to be the shorter way.
    CatchingUp {
        call: BoxFuture<Result<CheckedDelta, Error>>,
        since: u64,
        may_replay: bool,
    },
    /// Reading the state at a commit, before what was written after it is reported.
    ReadingCommit {
        call: BoxFuture<Result<Listing, Error>>,
        /// Taken when the call has come to its end.
        newest: Option<Newest>,
    },
    Opening {
        call: BoxFuture<Result<Confirmed, Error>>,
        start: WatchStart,
    },
    Watching(Box<Watching>),
    Waiting {
        pause: Pin<Box<Sleep>>,
        then: AfterPause,
    },
}

/// Where a watch begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WatchStart {
    /// After the revision of a listing that was just made.
    AfterListing,
    /// After the mirror's revision, because a stream was lost.
    Resume,
    /// At the store's newest revision, and the prefix is listed once the watch is open: the server compacts
    /// so often that a watch after an earlier listing comes too late.
    Head,
}

/// What is done after a pause.
#[derive(Clone, Copy)]
pub(super) enum AfterPause {
    List {
        is_second: bool,
    },
    CatchUp,
    /// Catching up with what a stream cannot deliver, although it is not lost.
    Refresh,
    Open(WatchStart),
}

impl AfterPause {
    /// A first listing, which is confirmed by a second one if it is empty.
    pub(super) const LIST: Self = Self::List { is_second: false };
}

pub(super) struct Watching {
    pub(super) watch: Box<dyn Watch>,
    /// Where a watch begins that follows a refusal of this one: where this one began, or `Resume` once something
    /// has arrived on it.
    pub(super) start_if_refused: WatchStart,
    /// Whether anything but pieces of a change has arrived on it.
    pub(super) heard: bool,
    pub(super) since: Instant,
    /// When progress is requested, or, if that was not answered, the stream is lost.
    pub(super) tick: Pin<Box<Sleep>>,
    /// By how much `tick` is later than an interval after the last answer.
    late: Duration,
    answers: Answers,
    /// Whether progress was requested and nothing has arrived since.
    pub(super) unanswered: bool,
    pub(super) audit: Audit,
    /// The stream began at the head, and the changes between the mirror and it are not known yet: batches
    /// are recorded for the audit's listing under way, and not reported.
    pub(super) has_gap: bool,
    pub(super) throttle: ProgressThrottle,
    pub(super) freshness: FreshnessCheck,
}

/// Limits how often a consumer's requests for progress are sent.
#[derive(Default)]
pub(super) struct ProgressThrottle {
    last: Option<Instant>,
    due: Option<Pin<Box<Sleep>>>,
}

/// What a phase has waited for.
pub(super) enum Input {
    Listed { answer: Result<Listing, Error>, is_second: bool },
    CaughtUp { answer: Result<CheckedDelta, Error>, since: u64, may_replay: bool },
    CommitRead { answer: Result<Listing, Error>, newest: Newest },
    Opened { answer: Result<Confirmed, Error>, start: WatchStart },
    Signal(Result<Signal, Error>),
    Tick,
    Audit,
    FreshnessCheck,
    PauseOver(AfterPause),
}

impl Phase {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        match self {
            Phase::Listing { call, is_second } => {
                let is_second = *is_second;
                call.as_mut().poll(cx).map(|answer| Input::Listed { answer, is_second })
            }
            Phase::CatchingUp { call, since, may_replay } => {
                let (since, may_replay) = (*since, *may_replay);
                call.as_mut().poll(cx).map(|answer| Input::CaughtUp { answer, since, may_replay })
            }
            Phase::ReadingCommit { call, newest } => {
                let Poll::Ready(answer) = call.as_mut().poll(cx) else { return Poll::Pending };
                // The phase is replaced now.
                let Some(newest) = newest.take() else { return Poll::Pending };
                Poll::Ready(Input::CommitRead { answer, newest })
            }
            Phase::Opening { call, start } => {
                let start = *start;
                call.as_mut().poll(cx).map(|answer| Input::Opened { answer, start })
            }
            Phase::Watching(watching) => watching.poll(cx),
            Phase::Waiting { pause, then } => {
                let then = *then;
                pause.as_mut().poll(cx).map(|()| Input::PauseOver(then))
            }
        }
    }
}

impl Watching {
    pub(super) fn new(watch: Box<dyn Watch>, start: WatchStart, audit: Audit, rhythm: Rhythm) -> Self {
        let now = Instant::now();
        let due = rhythm.due(now, Role::AsksSoon);
        Self {
            watch,
            start_if_refused: start,
            heard: false,
            since: now,
            tick: Box::pin(sleep_until(due)),
            late: rhythm.late(now, due),
            answers: Answers::default(),
            unanswered: false,
            audit,
            has_gap: start == WatchStart::Head,
            throttle: ProgressThrottle::default(),
            freshness: FreshnessCheck::default(),
        }
    }

    /// Requests progress now, or when the throttle allows it.
    pub(super) fn request_progress_soon(&mut self) {
        let ready =
            self.throttle.last.map(|last| last + MIN_INTERVAL).filter(|ready| *ready > Instant::now());
        match ready {
            None => self.request_progress_now(),
            Some(ready) if self.throttle.due.is_none() => {
                self.throttle.due = Some(Box::pin(sleep_until(ready)));
            }
            Some(_) => {}
        }
    }

    /// An interval or more has passed without an answer: asks for a sign of life, which must come before two have passed. If
    /// an earlier request was not answered, as other watches of the stream prevented it, the store is to be asked.
    pub(super) fn check_alive(&mut self, interval: Duration) {
        if self.unanswered {
            self.freshness.on_alive();
        }
        let now = Instant::now();
        self.unanswered = true;
        self.answers.asked(now);
        self.watch.check_alive();
        self.freshness.on_request();
        let late = std::mem::take(&mut self.late);
        self.tick.as_mut().reset(now + interval - late);
    }

    /// The stream has answered, so it is asked again in an interval or a little more.
    pub(super) fn postpone_check(&mut self, rhythm: Rhythm) {
        let now = Instant::now();
        let come_at_once = self.answers.come_at_once(now, rhythm);
        let role = match self.watch.asks_for_others() {
            false => Role::LeavesItToAnother,
            true if come_at_once => Role::Asks,
            true => Role::AsksSoon,
        };
        let due = rhythm.due(now, role);
        self.late = rhythm.late(now, due);
        // Anew: one that is only put off wakes the thread at its old moment, too.
        self.tick.set(sleep_until(due));
    }

    pub(super) fn request_progress(&mut self) {
        self.watch.request_progress();
        self.freshness.on_request();
    }

    fn request_progress_now(&mut self) {
        self.throttle.last = Some(Instant::now());
        self.request_progress();
    }

    /// Signals first: a stream that delivers something must not be found silent by the tick.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        if let Poll::Ready(signal) = self.watch.poll_next(cx) {
            return Poll::Ready(Input::Signal(signal));
        }
        if self.audit.poll(cx).is_ready() {
            return Poll::Ready(Input::Audit);
        }
        if self.freshness.poll(cx).is_ready() {
            return Poll::Ready(Input::FreshnessCheck);
        }
        if self.throttle.due.as_mut().is_some_and(|due| due.as_mut().poll(cx).is_ready()) {
            self.throttle.due = None;
            self.request_progress_now();
            // The watch must be polled again to be woken by the answer.
            if let Poll::Ready(signal) = self.watch.poll_next(cx) {
                return Poll::Ready(Input::Signal(signal));
            }
            if self.freshness.poll(cx).is_ready() {
                return Poll::Ready(Input::FreshnessCheck);
            }
        }
        self.tick.as_mut().poll(cx).map(|()| Input::Tick)
    }
}

impl fmt::Debug for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Listing { .. } => "Listing",
            Phase::CatchingUp { .. } => "CatchingUp",
            Phase::ReadingCommit { .. } => "ReadingCommit",
            Phase::Opening { .. } => "Opening",
            Phase::Watching(_) => "Watching",
            Phase::Waiting { .. } => "Waiting",
        })
    }
}
