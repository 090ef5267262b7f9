//! What a watcher reports.

use std::sync::Arc;

use crate::store::{Batch, Listing};
use crate::{Error, Kind};

/// What a [`Watcher`](super::Watcher) reports.
///
/// A consumer keeps the entries of [`Listed`](Event::Listed) and applies each
/// [`Changed`](Event::Changed) as a whole; then it has the prefix's state at the batch's revision. The other
/// variants change no keys.
///
/// ```
/// use std::collections::BTreeMap;
/// use etcd_client_core::{Change, watcher::Event};
///
/// fn apply(event: Event, keys: &mut BTreeMap<Vec<u8>, Vec<u8>>) {
///     match event {
///         Event::Listed(listing) => {
///             keys.extend(listing.entries.iter().map(|entry| (entry.key.to_vec(), entry.value.to_vec())));
///         }
///         Event::Changed { batch, .. } => {
///             for change in batch.changes {
///                 match change {
///                     Change::Put(entry) => drop(keys.insert(entry.key.to_vec(), entry.value.to_vec())),
///                     Change::Delete(key) => drop(keys.remove(&key[..])),
///                     Change::DeleteBelow(_) => {} // a watcher reports the keys
///                 }
///             }
///         }
///         _ => {}
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The first listing; once, and before any change. It does not come after
    /// [`Watcher::assume`](super::Watcher::assume).
    Listed(Arc<Listing>),
    /// The prefix changed. Every key occurs once, and is either put or deleted.
    Changed {
        /// All changes up to a revision.
        batch: Batch,
        /// How the watcher found them.
        cause: Cause,
    },
    /// The reported state is the prefix's state at this revision. Without changes below the prefix it comes
    /// with each progress notification.
    Current {
        /// The revision of the store.
        revision: u64,
    },
    /// The server's history is not the one that was followed: it was restored from a backup, wiped or replaced.
    /// `now` may be greater than `seen`. (A server that failed to send a change may be reported as this, if
    /// its watch is resumed before an audit.) A [`Changed`](Event::Changed) or [`Current`](Event::Current) follows, with what differs.
    Rewound {
        /// The newest revision that was reported before.
        seen: u64,
        /// The revision of the listing in the new history.
        now: u64,
        /// Whether the cluster id has changed.
        cluster_changed: bool,
    },
    /// The state of the watcher's connection has changed.
    State(State),
}

impl Event {
    /// A batch without changes says only how far the prefix is known.
    pub(super) fn changed_or_current(batch: Batch, cause: Cause) -> Self {
        if batch.changes.is_empty() {
            Event::Current { revision: batch.revision }
        } else {
            Event::Changed { batch, cause }
        }
    }
}

/// How a [`Watcher`](super::Watcher) found a change. [`Watch`](Self::Watch) is the rule. Whoever counts the others sees
/// connections that were lost, and servers that lose changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The watch delivered it.
    Watch,
    /// What was read after an interruption differed: a listing, or what was written meanwhile. Several revisions may be in
    /// one batch.
    Resync,
    /// An audit found it: the watch had not delivered it.
    Audit,
}

/// The state of a [`Watcher`](super::Watcher)'s connection. In every state but
/// [`Watching`](State::Watching) the reported keys may be out of date. No state is final: the watcher tries again from
/// each. Reported as [`Event::State`] when it changes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// Listing the whole prefix.
    Listing,
    /// Receiving changes.
    Watching {
        /// The endpoint that they come from.
        endpoint: String,
    },
    /// Opening a watch after the last reported revision.
    Resuming,
    /// No endpoint answers, or the watch was lost; the watcher tries again.
    Disconnected {
        /// The last failure.
        error: Error,
    },
    /// The member that answers has no leader; the watcher tries another one.
    NoQuorum {
        /// The member's answer.
        error: Error,
    },
    /// The server rejects the credentials; tried again after [`Options::access_retry`](super::Options::access_retry).
    AuthFailed {
        /// The server's answer.
        error: Error,
    },
    /// The user may not read the prefix; tried again after
    /// [`Options::access_retry`](super::Options::access_retry).
    PermissionDenied {
        /// The server's answer.
        error: Error,
    },
}

impl State {
    /// Whether changes are being received.
    pub fn is_watching(&self) -> bool {
        matches!(self, State::Watching { .. })
    }

    /// The failure because of which no changes are received; `None` in the states that are no failure.
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

/// What a [`Watcher`](super::Watcher) has done since it was made, for metrics: see
/// [`Watcher::counters`](super::Watcher::counters). They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Listings of the whole prefix, without those of audits.
    pub lists: u64,
    /// Streams that were lost.
    pub losses: u64,
    /// Streams that were resumed without a listing: by a replay, or by reading what was written meanwhile.
    pub resumes: u64,
    /// Audits that were completed.
    pub audits: u64,
    /// Audits that found something to repair: what the stream had missed, or had not brought within the progress interval
    /// of the audit's answer. The log says which.
    pub repairs: u64,
    /// [Rewinds](Event::Rewound) that were reported.
    pub rewinds: u64,
}
