//! One watch of a shared stream, as its reader has it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::StreamHandle;
use super::mailbox::{Arrival, End, Mailbox};
use super::reader::Command;
use super::substreams::Begun;
use crate::Error;
use crate::v3::net::connections::StreamSlot;
use crate::v3::net::endpoint_client::EndpointClient;
use crate::v3::net::failure::Failure;
use crate::v3::wire::messages::{NO_WATCH, ResponseHeader};
use crate::v3::wire::response::unsigned;

/// A watch that its server has confirmed. Dropping it ends it on the server, too.
pub(in crate::v3) struct SharedWatch {
    stream: StreamHandle,
    watch_id: i64,
    created: ResponseHeader,
    mailbox: Arc<Mailbox>,
    /// Frames of the stream when progress was last asked for.
    frames: u64,
    /// Pieces of frames that the reader of the watch knows of.
    pieces: u64,
}

impl SharedWatch {
    pub(super) fn new(stream: StreamHandle, begun: Begun, mailbox: Arc<Mailbox>) -> Self {
        let Begun { watch_id, header: created } = begun;
        let (frames, pieces) = (stream.seen.frames(), stream.seen.pieces());
        Self { stream, watch_id, created, mailbox, frames, pieces }
    }

    /// The header of the server's confirmation: its revision is the head of the store.
    pub(in crate::v3) fn created(&self) -> &ResponseHeader {
        &self.created
    }

    pub(in crate::v3) fn head(&self) -> u64 {
        unsigned(self.created.revision)
    }

    pub(in crate::v3) fn endpoint(&self) -> &Arc<EndpointClient> {
        &self.stream.endpoint
    }

    /// Where the stream is, which is known once it is open.
    pub(in crate::v3) fn slot(&self) -> Option<&Arc<StreamSlot>> {
        self.stream.seen.slot()
    }

    /// The next thing that arrives for this watch. An error is the last.
    pub(in crate::v3) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Result<Arrival, Error>> {
        self.mailbox.poll_next(cx).map_err(|End { error, blames_endpoint }| {
            if blames_endpoint {
                self.give_up();
            }
            error.at(self.endpoint().name())
        })
    }

    /// Whether a kilobyte more of the next frame has arrived since it last had, on this stream: over a slow
    /// link a large one takes its time. Nobody is woken for it.
    pub(in crate::v3) fn has_received_more(&mut self) -> bool {
        let pieces = self.stream.seen.pieces();
        std::mem::replace(&mut self.pieces, pieces) != pieces
    }

    /// Whether any frame has come on the stream since progress was last asked for.
    pub(in crate::v3) fn has_heard(&self) -> bool {
        self.stream.seen.frames() != self.frames
    }

    /// Whether its server chooses the ids of watches itself: such a server answers no request for progress.
    pub(in crate::v3) fn is_sole(&self) -> bool {
        self.stream.seen.is_sole()
    }

    /// Whether it is the one that asks for all. If that one has gone, the first to say so takes its place.
    pub(in crate::v3) fn asks_for_others(&self) -> bool {
        let asker = &self.stream.asker;
        let before = asker.compare_exchange(NO_WATCH, self.watch_id, Ordering::Relaxed, Ordering::Relaxed);
        before.map_or_else(|asker| asker == self.watch_id, |_| true)
    }

    /// Asks how far the stream has come.
    pub(in crate::v3) fn request_progress(&mut self) {
        self.ask(true);
    }

    /// The same if there is no hurry: the answer may be one to an earlier request.
    pub(in crate::v3) fn check_alive(&mut self) {
        self.ask(false);
    }

    fn ask(&mut self, is_urgent: bool) {
        self.frames = self.stream.seen.frames();
        self.stream.send(Command::Ask { is_urgent });
    }

    /// Sends what follows to another endpoint.
    pub(in crate::v3) fn give_up(&self) {
        let generation = self.stream.seen.slot().map_or(self.stream.generation, |slot| slot.generation());
        self.stream.pool.give_up(&self.stream.endpoint, generation);
    }

    /// Ends the stream for all its watches, as what its server says cannot be true.
    pub(in crate::v3) fn end_stream(&self, lie: Error) {
        self.stream.send(Command::End(Failure::broken(lie)));
    }
}

impl Drop for SharedWatch {
    fn drop(&mut self) {
        let asker = &self.stream.asker;
        // Where this fails, another watch is the one that asks.
        let _ = asker.compare_exchange(self.watch_id, NO_WATCH, Ordering::Relaxed, Ordering::Relaxed);
        self.stream.send(Command::Cancel(self.watch_id));
    }
}

impl fmt::Debug for SharedWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedWatch({}, {})", self.endpoint().name(), self.watch_id)
    }
}
