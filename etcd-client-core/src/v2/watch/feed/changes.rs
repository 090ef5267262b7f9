//! What polls bring, and which of it is a feed's next change.

use tokio::time::{Instant, sleep_until};

use crate::printable::excerpt;
use crate::v2::watch::feed::{Feed, Signal, Stage};
use crate::v2::wire::headers::is_index;
use crate::v2::wire::response::Answer;
use crate::{Error, Kind};

impl Feed {
    pub(super) fn on_change(&mut self, answer: Answer) -> Result<Option<Signal>, Error> {
        let index = self.check(&answer)?;
        if let Some(previous) = &mut self.previous {
            // The previous poll gets it too, or something before it, and is waited for.
            previous.expect();
            self.fresh = None;
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
            // The poll has waited for it, and what lies between was elsewhere in the store, or came
            // with a leader's snapshot, of which etcd tells no poll. The history knows, or else it is
            // asked in vain a second time.
            if let Some(held) = self.held.take() {
                let is_later = held.index() > answer.index();
                let (first, second) = if is_later { (answer, held) } else { (held, answer) };
                self.held = Some(second);
                return self.deliver(first, false);
            }
            self.held = Some(answer);
            self.fresh = None;
            self.stage = Stage::Opening(self.another());
            return Ok(None);
        }
        self.deliver(answer, true)
    }

    /// The previous poll has got a change; without one, what happened since it was registered is not known.
    pub(super) fn on_elder(&mut self, change: Option<Answer>) -> Result<Signal, Error> {
        // A change goes with the headers of its own poll.
        let of_its_poll = self.previous.take().map(|previous| previous.headers().clone());
        let Some(answer) = change else {
            let message = "changes may have been lost with a connection, and the server has forgotten them";
            let error = Error::compacted(self.told).at(self.endpoint.name());
            return Err(error.with_source(Error::new(Kind::Unavailable, message)));
        };
        self.told = self.check(&answer)?;
        let told = self.told;
        self.headers = of_its_poll.unwrap_or_else(|| self.headers.clone());
        Ok(self.deliver(answer, false)?.unwrap_or(Signal::Alive(told)))
    }

    /// The index of a change that may be the next.
    fn check(&self, answer: &Answer) -> Result<u64, Error> {
        let (Some(index), Some(node)) = (answer.index().filter(|index| is_index(*index)), &answer.node)
        else {
            let message = format!("{}: a change without an index", self.endpoint.name());
            return Err(Error::new(Kind::Protocol, message));
        };
        if !self.target.may_hear_of(&node.key) {
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

    /// Hands a change out, if it is one of the target's, and asks for the next.
    pub(super) fn deliver(&mut self, answer: Answer, proven: bool) -> Result<Option<Signal>, Error> {
        let index = self.check(&answer)?;
        let key = answer.node.as_ref().map_or("", |node| &node.key);
        let is_ours = self.target.concerns(key) && !self.target.hides(key);
        self.next = index.saturating_add(1);
        self.told = self.told.max(index);
        self.held.take_if(|held| held.index().is_none_or(|held| held <= index));
        self.fresh = None;
        self.stage = Stage::Opening(self.another());
        Ok(is_ours.then(|| Signal::Change { answer: Box::new(answer), index, proven }))
    }

    /// Polling has failed. A change that has arrived before is delivered all the same; polling then
    /// goes on after it, and fails again if it must.
    pub(super) fn unless_held(&mut self, error: Error) -> Result<Signal, Error> {
        let told = self.told;
        match self.held.take() {
            Some(held) => Ok(self.deliver(held, false)?.unwrap_or(Signal::Alive(told))),
            None => Err(error),
        }
    }

    /// Old servers, and those on the way, end polls that last long: the next one follows at once, but
    /// not more often than one a second.
    pub(super) fn on_empty(&mut self) -> Option<Signal> {
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
        Some(Signal::Ended { index: self.told, pause: at.saturating_duration_since(Instant::now()) })
    }
}
