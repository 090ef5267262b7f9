//! A stream of changes, and what arrives on it.

use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::listing::Entry;
use crate::Error;
use crate::printable::Key;

/// A watch that the server has confirmed.
#[derive(Debug)]
pub struct Opened {
    /// The stream of changes.
    pub watch: Box<dyn Watch>,
    /// The newest revision of the whole store when the watch was confirmed, 0 if it is unknown.
    pub head: u64,
    /// The id of the cluster that confirmed it, 0 if it is unknown.
    pub cluster: u64,
}

/// One stream of changes, opened by [`Store::watch`](crate::Store::watch). It ends with an error, also if the server
/// ends it in good order. Dropping it closes it.
pub trait Watch: fmt::Debug + Send {
    /// The next signal, as [`Future::poll`] does it: if there is none yet, it registers the waker of this poll and returns
    /// `Pending`. It is not polled again after an error.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>>;

    /// Asks the server for a [`Signal::Progress`], or for anything else that shows that this stream is alive.
    /// Does not block; the answer comes from [`poll_next`](Self::poll_next). A stream that does not answer is given up, two
    /// progress intervals after its last sign of life.
    fn request_progress(&mut self);

    /// Asks for progress as [`request_progress`](Self::request_progress) does, at each interval. There is no hurry: the
    /// answer to an earlier request will do, so a watch that shares its stream with others may ask once for all of them.
    ///
    /// The default requests progress. A wrapper forwards this method and the next three, or its watches ask one by one.
    fn check_alive(&mut self) {
        self.request_progress();
    }

    /// Whether anything has arrived on the stream, for any of the watches that share it, since this one last requested
    /// progress. Such a stream is not dead, even if a neighbour that catches up keeps its server from answering; the
    /// watcher then asks [`Store::unchanged`](crate::Store::unchanged). The default says no.
    fn has_heard(&self) -> bool {
        false
    }

    /// Whether, of the watches that share a stream, this is the one whose [`check_alive`](Self::check_alive) is called
    /// first. For the others it is called a little later, and only if no answer has come until then. The default says yes:
    /// a watch with a stream of its own.
    fn asks_for_others(&self) -> bool {
        true
    }

    /// Whether a request for progress may be answered by [`Signal::Progress`]. `false` where the server answers none, or
    /// where its answers prove nothing, so that no one waits for it. The default says yes.
    fn proves_progress(&self) -> bool {
        true
    }

    /// Whether another watch may begin after the last [`Signal::Progress`]. `false` if progress is concluded
    /// from the silence of this stream, which means nothing once the stream proves dead.
    fn is_resumable(&self) -> bool {
        true
    }

    /// The server that this stream comes from, for logs and messages.
    fn endpoint(&self) -> &str;

    /// Closes the stream because its server is silent or lagging: the store's next call should go to another
    /// endpoint, on a new connection.
    fn abandon(self: Box<Self>);
}

/// What arrives on a [`Watch`]. Each signal shows that the stream is alive. [`Batch`](Self::Batch) and
/// [`Progress`](Self::Progress) are enough for a store whose progress can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// All changes of one revision.
    Batch(Batch),
    /// A progress notification: every change up to this revision has been delivered.
    Progress(u64),
    /// The server has answered, but changes may still be on their way, whatever revision it names. The watcher
    /// then asks [`Store::unchanged`](crate::Store::unchanged).
    Alive,
    /// A part of the next change has arrived, and the rest is on its way.
    Arriving,
    /// Something has changed that the stream cannot deliver in order. The watcher reads
    /// [what was written since](crate::Store::written_since), or lists the prefix, and opens another watch.
    Stale,
}

/// Everything that one revision changed below a prefix. It is one transaction of the server, so apply it whole
/// or not at all: no consumer should see half of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The revision of the whole store.
    pub revision: u64,
    /// The changes; no key twice, in no particular order.
    pub changes: Vec<Change>,
}

/// The change of one key in a [`Batch`]. `Debug` does not show the value, which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// The key was written.
    Put(Entry),
    /// The key was deleted, or expired.
    Delete(Bytes),
    /// Every key that begins with these bytes was deleted (v2's one event for a directory).
    /// A [`Watcher`](crate::Watcher) reports the [deletion](Self::Delete) of each key instead.
    DeleteBelow(Bytes),
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(entry) => f.debug_tuple("Put").field(entry).finish(),
            Self::Delete(key) => f.debug_tuple("Delete").field(&Key(key)).finish(),
            Self::DeleteBelow(start) => f.debug_tuple("DeleteBelow").field(&Key(start)).finish(),
        }
    }
}
