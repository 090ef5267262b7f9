//! A long poll that is kept because the server's history no longer has the changes since it was registered.
//!
//! When more has changed in the store than its history holds, a younger poll cannot ask for the changes
//! between. The previous poll was registered before them, and gets the first one. Whether its connection is
//! still alive shows when the younger poll gets a change: the previous one must get a change, too.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use crate::v2::watch::long_poll::LongPoll;
use crate::v2::wire::headers::Headers;
use crate::v2::wire::response::Answer;

/// How much later than the younger poll the previous one may get a change.
const MAX_DELAY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(in crate::v2) struct PreviousPoll {
    poll: LongPoll,
    due: Option<Pin<Box<Sleep>>>,
}

impl PreviousPoll {
    pub(in crate::v2) fn new(poll: LongPoll) -> Self {
        Self { poll, due: None }
    }

    /// The headers of the poll.
    pub(in crate::v2) fn headers(&self) -> &Headers {
        &self.poll.headers
    }

    /// The younger poll has got a change, so this one must get one soon.
    pub(in crate::v2) fn expect_change(&mut self) {
        self.due.get_or_insert_with(|| Box::pin(sleep(MAX_DELAY)));
    }

    /// The first change since the poll was registered; `None` if it has ended without one, or has not got the
    /// expected one in time.
    pub(in crate::v2) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        if let Poll::Ready(change) = self.poll.change.as_mut().poll(cx) {
            return Poll::Ready(change.unwrap_or_default());
        }
        let is_due = self.due.as_mut().is_some_and(|due| due.as_mut().poll(cx).is_ready());
        if is_due && !self.poll.is_arriving() { Poll::Ready(None) } else { Poll::Pending }
    }
}
