//! What a watcher reports.

use std::sync::Arc;

use crate::store::{Batch, Listing};
use crate::{Error, Kind};

/// What a [`Watcher`](super::Watcher) reports.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The first authoritative read; once.
    Listed(Arc<Listing>),
    /// The prefix changed. Every key occurs once, and is either put or deleted.
    Changed {
        /// All changes up to a revision.
        batch: Batch,
        /// How they were learnt of.
        cause: Cause,
    },
    /// Nothing has changed up to this revision that was not reported.
    Current {
        /// The revision up to which what was reported is known to be the prefix's state.
        revision: u64,
    },
    /// The server's history is not the one that was followed: it was restored, wiped or replaced, and
    /// may have come further than before since. (A server that had forgotten to send a change may be
    /// taken for that, where it is resumed before an audit.)
    /// A [`Changed`](Event::Changed) or [`Current`](Event::Current) follows, with what differs.
    Rewound {
        /// The revision that had been seen.
        seen: u64,
        /// The revision that the server is at now.
        now: u64,
        /// Whether another cluster answers.
        cluster_changed: bool,
    },
    /// The watcher's relation to the server changed.
    State(State),
}

impl Event {
    pub(super) fn of(batch: Batch, cause: Cause) -> Self {
        if batch.changes.is_empty() {
            Event::Current { revision: batch.revision }
        } else {
            Event::Changed { batch, cause }
        }
    }
}

/// How a change was learnt of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The server sent it.
    Watch,
    /// It was found by listing after an interruption.
    Resync,
    /// An audit found it: the server had not sent it.
    Audit,
}

/// How a [`Watcher`](super::Watcher) stands with the server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// Reading the whole prefix.
    Listing,
    /// Receiving changes.
    Watching {
        /// From this server.
        endpoint: String,
    },
    /// Asking for the changes since the stream was lost.
    Resuming,
    /// No server answers; retried.
    Disconnected {
        /// Why.
        error: Error,
    },
    /// The member that answers has no leader; retried elsewhere.
    NoQuorum {
        /// Its words.
        error: Error,
    },
    /// The credentials are not accepted; retried slowly.
    AuthFailed {
        /// The server's words.
        error: Error,
    },
    /// The user may not read the prefix; retried slowly.
    PermissionDenied {
        /// The server's words.
        error: Error,
    },
}

impl State {
    /// Whether changes are being received.
    pub fn is_watching(&self) -> bool {
        matches!(self, State::Watching { .. })
    }

    /// Why changes are not being received.
    pub fn error(&self) -> Option<&Error> {
        match self {
            State::Disconnected { error }
            | State::NoQuorum { error }
            | State::AuthFailed { error }
            | State::PermissionDenied { error } => Some(error),
            State::Listing | State::Watching { .. } | State::Resuming => None,
        }
    }

    pub(super) fn failed(error: Error) -> Self {
        match error.kind() {
            Kind::NoLeader => State::NoQuorum { error },
            Kind::Unauthenticated => State::AuthFailed { error },
            Kind::PermissionDenied => State::PermissionDenied { error },
            _ => State::Disconnected { error },
        }
    }
}

/// What a [`Watcher`](super::Watcher) has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Reads of the whole prefix, audits not counted.
    pub lists: u64,
    /// Streams that were lost.
    pub losses: u64,
    /// Streams that were resumed without a listing.
    pub resumes: u64,
    /// Audits that were completed.
    pub audits: u64,
    /// Audits that found something to repair.
    pub repairs: u64,
    /// Histories that were found rewound or replaced.
    pub rewinds: u64,
}
