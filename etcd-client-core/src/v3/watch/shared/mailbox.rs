//! What has arrived for one watch of a shared stream, and was not read yet.

use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::Error;
use crate::v3::wire::messages::{Event, WatchResponse};

/// How many bytes may wait to be read. A frame that finds nothing before it may be larger.
const MOST_BYTES: usize = 16 << 20;
/// A queue that was longer than this is not kept when it is empty.
const SHORT: usize = 16;

/// The queue between the task that reads a stream and the reader of one of its watches.
#[derive(Debug, Default)]
pub(super) struct Mailbox(Mutex<Inbox>);

#[derive(Debug, Default)]
struct Inbox {
    arrivals: VecDeque<Result<Arrival, End>>,
    bytes: usize,
    /// Nothing is taken any more: the watch has ended, or was read too slowly.
    is_closed: bool,
    waker: Option<Waker>,
}

/// What arrives for a watch.
#[derive(Debug)]
pub(in crate::v3) enum Arrival {
    /// A frame with events.
    Events(Box<WatchResponse>),
    /// The answer to a request for progress, with the revision of the store.
    Answer {
        head: i64,
        /// Whether it says that the watch has been sent everything up to there, as far as answers of
        /// this server say so at all.
        covers_watch: bool,
    },
}

/// Why a watch is over.
#[derive(Debug)]
pub(super) struct End {
    pub(super) error: Error,
    /// Whether it may be the trouble of this one server, and nobody has drawn the consequences yet.
    pub(super) blames_endpoint: bool,
}

impl Mailbox {
    /// Adds a frame with events. If too much waits to be read, it is left out, and so is all that
    /// follows, except an [`end`](Self::end): `false`.
    pub(super) fn deliver(&self, frame: WatchResponse) -> bool {
        let size = size(&frame);
        let mut inbox = self.lock();
        if inbox.is_closed || inbox.bytes > 0 && inbox.bytes + size > MOST_BYTES {
            inbox.is_closed = true;
            return false;
        }
        inbox.bytes += size;
        inbox.arrivals.push_back(Ok(Arrival::Events(Box::new(frame))));
        wake(inbox);
        true
    }

    /// Adds an answer; of several in a row the last counts.
    pub(super) fn answer(&self, head: i64, covers_watch: bool) {
        let mut inbox = self.lock();
        if inbox.is_closed {
            return;
        }
        let answer = Arrival::Answer { head, covers_watch };
        match inbox.arrivals.back_mut() {
            Some(Ok(last @ Arrival::Answer { .. })) => *last = answer,
            _ => inbox.arrivals.push_back(Ok(answer)),
        }
        wake(inbox);
    }

    /// The last thing to be read.
    pub(super) fn end(&self, error: Error, blames_endpoint: bool) {
        let mut inbox = self.lock();
        inbox.is_closed = true;
        inbox.arrivals.push_back(Err(End { error, blames_endpoint }));
        wake(inbox);
    }

    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Result<Arrival, End>> {
        let mut inbox = self.lock();
        let Some(arrival) = inbox.arrivals.pop_front() else {
            if inbox.arrivals.capacity() > SHORT {
                inbox.arrivals = VecDeque::new();
            }
            match &mut inbox.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        };
        if let Ok(Arrival::Events(frame)) = &arrival {
            inbox.bytes -= size(frame);
        }
        Poll::Ready(arrival)
    }

    /// Nothing panics while it holds this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(mut inbox: MutexGuard<'_, Inbox>) {
    let waker = inbox.waker.take();
    drop(inbox);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// About how much memory a frame takes, with the parts of its events.
fn size(frame: &WatchResponse) -> usize {
    let parts = |event: &Event| event.kv.as_ref().map_or(0, |kv| kv.key.len() + kv.value.len());
    frame.events.iter().map(|event| size_of::<Event>() + parts(event)).sum()
}
