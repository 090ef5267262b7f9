//! A poll that covers what the server's history has forgotten.
//!
//! When more has happened in the store than its history holds, no younger poll can ask for what lies
//! between. The previous poll was registered before that, and gets the first change after it. Whether its
//! connection still lives is seen when the younger poll gets a change: that one must have got it too.

use std::pin::Pin;
use std::task::{Context, Poll as TaskPoll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use crate::v2::watch::poll::Poll;
use crate::v2::wire::headers::Headers;
use crate::v2::wire::response::Answer;

/// How much later than the younger poll it may get a change.
const LATER: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(in crate::v2) struct PreviousPoll {
    poll: Poll,
    due: Option<Pin<Box<Sleep>>>,
}

impl PreviousPoll {
    pub(in crate::v2) fn new(poll: Poll) -> Self {
        Self { poll, due: None }
    }

    /// Those of its poll.
    pub(in crate::v2) fn headers(&self) -> &Headers {
        &self.poll.headers
    }

    /// The younger poll has got a change.
    pub(in crate::v2) fn expect(&mut self) {
        self.due.get_or_insert_with(|| Box::pin(sleep(LATER)));
    }

    /// The first change since it was registered; `None` where it has ended without one, or has not got
    /// the one that it must have got.
    pub(in crate::v2) fn poll(&mut self, cx: &mut Context<'_>) -> TaskPoll<Option<Answer>> {
        if let TaskPoll::Ready(change) = self.poll.change.as_mut().poll(cx) {
            return TaskPoll::Ready(change.unwrap_or_default());
        }
        let is_due = self.due.as_mut().is_some_and(|due| due.as_mut().poll(cx).is_ready());
        if is_due && !self.poll.has_begun() { TaskPoll::Ready(None) } else { TaskPoll::Pending }
    }
}
