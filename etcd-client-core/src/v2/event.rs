//! What a watcher reports.

use std::time::Duration;

use super::response::{Action, Answer, Node};
use crate::Error;

/// What a [`Watcher`](super::Watcher) reports.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Something changed. Every change is reported once, in the order of the indexes.
    Change(Answer),
    /// The connection was lost, or could not be made; the watcher tries again, from where it was.
    Reconnect(Reconnect),
    /// The changes since the last report are not to be had: the watcher has read the state anew, and
    /// goes on from there.
    Resync(Resync),
    /// The server answered with what is no change; the watcher tries again.
    Error(Error),
    /// The watcher was stopped. Nothing follows.
    Stop,
}

/// A connection that was lost, or could not be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reconnect {
    /// Why.
    pub error: Error,
    /// How many attempts have failed before this one, since the watcher last received something.
    pub attempt: u32,
    /// The pause before the next attempt.
    pub delay: Duration,
    /// The index that is asked for, where the watcher has come to one.
    pub wait_index: Option<u64>,
}

/// The state, read anew.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resync {
    /// Why: [`Kind::Compacted`](crate::Kind::Compacted) where the server has forgotten the changes
    /// (code 401), [`Kind::FutureRevision`](crate::Kind::FutureRevision) where its history was
    /// replaced by another.
    pub error: Error,
    /// The key or the tree as it is now; `None` where it is not there.
    pub state: Option<Node>,
    /// The index of the state. Only later changes are reported from now on.
    pub index: u64,
}

impl Event {
    /// What was done, where something changed.
    pub fn action(&self) -> Option<Action> {
        self.change().map(|change| change.action)
    }

    /// The change, where it is one.
    pub fn change(&self) -> Option<&Answer> {
        match self {
            Self::Change(change) => Some(change),
            _ => None,
        }
    }
}
