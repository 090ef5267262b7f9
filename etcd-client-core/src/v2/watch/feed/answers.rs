//! What long polls answer, and which of it is a feed's next change.

use tokio::time::{Instant, sleep_until};

use crate::printable::excerpt;
use crate::v2::watch::feed::{Feed, FeedSignal, Stage};
use crate::v2::wire::headers::is_index;
use crate::v2::wire::response::Answer;
use crate::{Error, Kind};

impl Feed {
    pub(super) fn on_change(&mut self, answer: Answer) -> Result<Option<FeedSignal>, Error> {
        let index = self.check(&answer)?;
        if let Some(previous) = &mut self.previous {
            // The previous poll must get this change, too, or one before it: wait for that.
            previous.expect_change();
            self.younger = None;
            self.stage = Stage::Opening(Box::pin(std::future::pending()));
            return Ok(None);
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
            // The changes between were elsewhere in the store, or came with a leader's snapshot, of which
            // etcd notifies no poll. So the history is asked; if it no longer goes back so far, the same
            // change arrives a second time.
            if let Some(unproven) = self.unproven.take() {
                let is_later = unproven.index() > answer.index();
                let (first, second) = if is_later { (answer, unproven) } else { (unproven, answer) };
                self.unproven = Some(second);
                return self.deliver(first, false);
            }
            self.unproven = Some(answer);
            self.younger = None;
            self.stage = Stage::Opening(self.open_another());
            return Ok(None);
        }
        self.deliver(answer, true)
    }

    /// The previous poll has ended. Without a change from it, those since it was registered may be lost.
    pub(super) fn on_previous(&mut self, change: Option<Answer>) -> Result<FeedSignal, Error> {
        // A change is delivered with the headers of its own poll.
        let own_headers = self.previous.take().map(|previous| previous.headers().clone());
        let Some(answer) = change else {
            let message = "changes may have been lost with a connection, and the server has forgotten them";
            let error = Error::compacted(self.progress).at(self.endpoint.name());
            return Err(error.with_source(Error::new(Kind::Unavailable, message)));
        };
        self.progress = self.check(&answer)?;
        let progress = self.progress;
        self.headers = own_headers.unwrap_or_else(|| self.headers.clone());
        Ok(self.deliver(answer, false)?.unwrap_or(FeedSignal::Progress(progress)))
    }

    /// The index of a change, or an error if the server cannot have answered the poll with it.
    fn check(&self, answer: &Answer) -> Result<u64, Error> {
        let (Some(index), Some(node)) = (answer.index().filter(|index| is_index(*index)), &answer.node)
        else {
            let message = format!("{}: a change without an index", self.endpoint.name());
            return Err(Error::new(Kind::Protocol, message));
        };
        if !self.target.may_be_sent_for(&node.key) {
            let (name, key) = (self.endpoint.name(), excerpt(node.key.as_bytes()));
            let message = format!("{name}: a change of {key}, which is not what is watched");
            return Err(Error::new(Kind::Protocol, message));
        }
        if index < self.next {
            let message =
                format!("{}: asked for changes from {} and got {index}", self.endpoint.name(), self.next);
            return Err(Error::new(Kind::Protocol, message));
        }
        Ok(index)
    }

    /// Delivers a change, if it is one of the target's, and opens a poll for the next.
    pub(super) fn deliver(&mut self, answer: Answer, proven: bool) -> Result<Option<FeedSignal>, Error> {
        let index = self.check(&answer)?;
        let key = answer.node.as_ref().map_or("", |node| &node.key);
        let is_ours = self.target.is_affected_by(key) && !self.target.hides(key);
        self.next = index.saturating_add(1);
        self.progress = self.progress.max(index);
        self.unproven.take_if(|unproven| unproven.index().is_none_or(|unproven| unproven <= index));
        self.younger = None;
        self.stage = Stage::Opening(self.open_another());
        Ok(is_ours.then(|| FeedSignal::Change { answer: Box::new(answer), index, proven }))
    }

    /// Polling has failed. An unproven change is delivered first; if the failure lasts, the poll after it
    /// fails, too.
    pub(super) fn deliver_unproven_or(&mut self, error: Error) -> Result<FeedSignal, Error> {
        let progress = self.progress;
        match self.unproven.take() {
            Some(unproven) => Ok(self.deliver(unproven, false)?.unwrap_or(FeedSignal::Progress(progress))),
            None => Err(error),
        }
    }

    /// Old servers and proxies end long polls without a change: the next one follows at once, but at most one
    /// a second.
    pub(super) fn on_empty(&mut self) -> Option<FeedSignal> {
        let Stage::Open { poll, .. } = &self.stage else { return None };
        let at = poll.next_at();
        (self.caught_up, self.replayed) = (Instant::now(), 0);
        if Instant::now() >= at {
            self.progress = self.progress.max(poll.index);
        }
        self.younger = None;
        let opening = self.open_another();
        self.stage = Stage::Opening(Box::pin(async move {
            sleep_until(at).await;
            opening.await
        }));
        Some(FeedSignal::Ended { index: self.progress, pause: at.saturating_duration_since(Instant::now()) })
    }
}
