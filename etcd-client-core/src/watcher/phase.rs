//! Where a watcher stands, and what it waits for there.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::audit::Audit;
use super::inquiry::Inquiry;
use crate::Error;
use crate::store::{BoxFuture, Listing, Opened, Signal, Watch};

/// From one request for progress of an impatient consumer to the next.
const PACE: Duration = Duration::from_millis(20);

/// Where the machine stands. The call under way is part of the phase, so a phase that is dropped
/// cancels its call.
pub(super) enum Phase {
    Listing { call: BoxFuture<Result<Listing, Error>>, confirmed: bool },
    Opening { call: BoxFuture<Result<Opened, Error>>, from: StartAt },
    Watching(Box<Watching>),
    Waiting { pause: Pin<Box<Sleep>>, then: Then },
}

/// Where a watch is to begin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StartAt {
    /// Behind a listing that was just made.
    Listing,
    /// Behind the last change of a stream that was lost.
    Lost,
    /// At the store's head, with a listing to follow: the server compacts faster than a listing and
    /// a watch can be made one after the other.
    Head,
}

/// What follows a pause.
#[derive(Clone, Copy)]
pub(super) enum Then {
    List { confirmed: bool },
    Open(StartAt),
}

pub(super) struct Watching {
    pub(super) watch: Box<dyn Watch>,
    /// Where it began, until something has arrived on it.
    pub(super) from: StartAt,
    /// Whether anything but pieces of a change has arrived on it.
    pub(super) heard: bool,
    pub(super) since: Instant,
    pub(super) tick: Pin<Box<Sleep>>,
    /// Whether progress was asked for and nothing has arrived since.
    pub(super) unanswered: bool,
    pub(super) audit: Audit,
    /// What lies between what is mirror and this stream is not known yet: batches are noted for the
    /// listing under way, and not reported.
    pub(super) gap: bool,
    pub(super) throttle: ProgressThrottle,
    pub(super) inquiry: Inquiry,
}

/// Requests for progress from a consumer that cannot wait: one at a time, and not at the speed at
/// which they are answered.
#[derive(Default)]
pub(super) struct ProgressThrottle {
    last: Option<Instant>,
    due: Option<Pin<Box<Sleep>>>,
}

/// What a phase was waiting for.
pub(super) enum Input {
    Listed { answer: Result<Listing, Error>, confirmed: bool },
    Opened { answer: Result<Opened, Error>, from: StartAt },
    Signal(Result<Signal, Error>),
    Tick,
    Audit,
    Inquiry,
    PauseOver(Then),
}

impl Phase {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        match self {
            Phase::Listing { call, confirmed } => {
                let confirmed = *confirmed;
                call.as_mut().poll(cx).map(|answer| Input::Listed { answer, confirmed })
            }
            Phase::Opening { call, from } => {
                let from = *from;
                call.as_mut().poll(cx).map(|answer| Input::Opened { answer, from })
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
    /// Asks for progress, at once or when it is time.
    pub(super) fn hurry(&mut self) {
        let ready = self.throttle.last.map(|last| last + PACE).filter(|ready| *ready > Instant::now());
        match ready {
            None => self.ask(),
            Some(ready) if self.throttle.due.is_none() => {
                self.throttle.due = Some(Box::pin(sleep_until(ready)));
            }
            Some(_) => {}
        }
    }

    pub(super) fn request_progress(&mut self) {
        self.watch.request_progress();
        self.inquiry.on_request();
    }

    fn ask(&mut self) {
        self.throttle.last = Some(Instant::now());
        self.request_progress();
    }

    /// Signals first: a stream that has something to say is not silent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        if let Poll::Ready(signal) = self.watch.poll_next(cx) {
            return Poll::Ready(Input::Signal(signal));
        }
        if self.audit.poll(cx).is_ready() {
            return Poll::Ready(Input::Audit);
        }
        if self.inquiry.poll(cx).is_ready() {
            return Poll::Ready(Input::Inquiry);
        }
        if self.throttle.due.as_mut().is_some_and(|due| due.as_mut().poll(cx).is_ready()) {
            self.throttle.due = None;
            self.ask();
            // What was asked for is waited for by the watch, from its next poll on.
            if let Poll::Ready(signal) = self.watch.poll_next(cx) {
                return Poll::Ready(Input::Signal(signal));
            }
            if self.inquiry.poll(cx).is_ready() {
                return Poll::Ready(Input::Inquiry);
            }
        }
        self.tick.as_mut().poll(cx).map(|()| Input::Tick)
    }
}

impl fmt::Debug for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Listing { .. } => "Listing",
            Phase::Opening { .. } => "Opening",
            Phase::Watching(_) => "Watching",
            Phase::Waiting { .. } => "Waiting",
        })
    }
}
