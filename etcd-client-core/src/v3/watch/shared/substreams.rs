//! Who a frame of a shared stream is for, and what is asked of its server. No I/O: frames and wishes in,
//! requests and arrivals out.
//!
//! What etcd guarantees, and this relies on (`server/etcdserver/api/v3rpc/watch.go`, `mvcc/watchable_store.go`):
//! - Watches are confirmed or refused in the order in which they were asked for. A refusal names no watch.
//! - Frames of a watch follow its confirmation, and none follow the confirmation that it was cancelled. One that
//!   was cancelled by the server, as its start is compacted, stays among the watches of the stream until it is
//!   cancelled by the client, and until then no request for progress is answered.
//! - Requests for progress are answered in their order, those left out that come while any watch of the stream
//!   lags. An answer speaks for all watches that the stream had when it was made. It may have been made before a
//!   watch was begun, and arrive after the watch was confirmed: the two travel separately within the server.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::mailbox::Mailbox;
use crate::v3::net::failure::Failure;
use crate::v3::watch::start::Start;
use crate::v3::wire::claims;
use crate::v3::wire::messages::{
    NO_WATCH, ResponseHeader, WatchAction, WatchCancelRequest, WatchCreateRequest, WatchProgressRequest,
    WatchRequest, WatchResponse,
};
use crate::v3::wire::response::unsigned;
use crate::{Error, Kind};

/// How many watches are asked for before the first of them is confirmed.
const UNCONFIRMED: usize = 32;
/// The id of the first watch. Servers count from 0 or 1, so one that uses an id of its own is recognized.
const FIRST_ID: i64 = 1_000;

/// A watch that someone waits for.
#[derive(Debug)]
pub(super) struct Creation {
    pub(super) request: WatchCreateRequest,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) waiting: oneshot::Sender<Result<Begun, Failure>>,
}

/// The server has confirmed a watch.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) watch_id: i64,
    pub(super) header: ResponseHeader,
}

/// The state of one stream.
#[derive(Debug)]
pub(super) struct Substreams {
    /// The id of the cluster, 0 if unknown.
    cluster: u64,
    watches: HashMap<i64, Substream>,
    /// Watches whose end the server has not confirmed: their frames are on the way.
    cancelled: HashSet<i64>,
    /// Watches to be asked for, and those that the server has not confirmed yet.
    wanted: VecDeque<Creation>,
    unconfirmed: VecDeque<Creation>,
    last_id: i64,
    /// Requests for progress so far, and answers.
    asked: u64,
    answered: u64,
    /// A request for progress is not answered yet, as far as is known.
    is_asking: bool,
    /// Someone wants an answer to a later request than that.
    ask_again: bool,
    /// The newest revision that the server has spoken of.
    head: i64,
    /// It has refused a watch, perhaps for the stream's token.
    token_refused: bool,
    outgoing: VecDeque<WatchAction>,
}

/// One watch.
#[derive(Debug)]
struct Substream {
    mailbox: Arc<Mailbox>,
    start: Start,
    /// The revision of the store when it was confirmed.
    head: i64,
    /// Requests for progress that were sent before it was confirmed.
    asked_before: u64,
    /// Whether the next answer was certainly made after it was begun. A watch that begins at the head has
    /// missed nothing before, so that it may believe an older one, too.
    believes_answers: bool,
}

impl Creation {
    pub(super) fn refuse(self, failure: Failure) {
        // Who waited may have gone.
        let _ = self.waiting.send(Err(failure));
    }
}

impl Substreams {
    pub(super) fn new(cluster: u64) -> Self {
        Self {
            cluster,
            watches: HashMap::new(),
            cancelled: HashSet::new(),
            wanted: VecDeque::new(),
            unconfirmed: VecDeque::new(),
            last_id: FIRST_ID,
            asked: 0,
            answered: 0,
            is_asking: false,
            ask_again: false,
            head: 0,
            token_refused: false,
            outgoing: VecDeque::new(),
        }
    }

    /// The request with which a stream is opened: for its first watch.
    pub(super) fn first_request(request: &WatchCreateRequest) -> WatchCreateRequest {
        WatchCreateRequest { watch_id: FIRST_ID, ..request.clone() }
    }

    /// Whether a server that has given this id to the first watch uses the ids that it is asked to use.
    pub(super) fn is_shareable(first_id: i64) -> bool {
        first_id == FIRST_ID
    }

    /// The stream was opened with this watch, which is confirmed.
    pub(super) fn opened(&mut self, first: Creation, begun: Begun) {
        self.begin(first, begun);
    }

    /// Begins a watch, now or when fewer others wait for their confirmation.
    pub(super) fn create(&mut self, creation: Creation) {
        self.wanted.push_back(creation);
        self.create_wanted();
    }

    fn create_wanted(&mut self) {
        while self.unconfirmed.len() < UNCONFIRMED
            && let Some(mut creation) = self.wanted.pop_front()
        {
            if creation.waiting.is_closed() {
                continue;
            }
            self.last_id += 1;
            creation.request.watch_id = self.last_id;
            self.outgoing.push_back(WatchAction::Create(creation.request.clone()));
            self.unconfirmed.push_back(creation);
        }
    }

    /// Ends a watch, which nobody reads any more.
    pub(super) fn cancel(&mut self, watch_id: i64) {
        if self.watches.remove(&watch_id).is_some() {
            self.cancelled.insert(watch_id);
            self.outgoing.push_back(WatchAction::Cancel(WatchCancelRequest { watch_id }));
        }
    }

    /// Asks for progress, unless an answer to an earlier request is on its way. If it `is_urgent`, there will be one to a
    /// later request, too.
    pub(super) fn ask(&mut self, is_urgent: bool) {
        if self.is_asking {
            self.ask_again |= is_urgent;
        } else {
            self.ask_now();
        }
    }

    /// Asks once more: the answer has taken long, so a watch that lagged may have prevented it.
    pub(super) fn ask_now(&mut self) {
        (self.is_asking, self.ask_again) = (true, false);
        self.asked += 1;
        self.outgoing.push_back(WatchAction::Progress(WatchProgressRequest {}));
    }

    pub(super) fn is_asking(&self) -> bool {
        self.is_asking
    }

    /// How many requests for progress may still be answered, at most.
    pub(super) fn unanswered(&self) -> u64 {
        self.asked - self.answered
    }

    /// How many requests for progress there were so far.
    pub(super) fn requests(&self) -> u64 {
        self.asked
    }

    /// How many of them were answered.
    pub(super) fn answers(&self) -> u64 {
        self.answered
    }

    pub(super) fn head(&self) -> u64 {
        unsigned(self.head)
    }

    /// Whether a watch was refused since this was last asked, and another token may help.
    pub(super) fn take_token_refused(&mut self) -> bool {
        std::mem::take(&mut self.token_refused)
    }

    /// Whether something is to be sent.
    pub(super) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }

    pub(super) fn next_outgoing(&mut self) -> Option<WatchRequest> {
        self.outgoing.pop_front().map(|action| WatchRequest { action: Some(action) })
    }

    /// Nothing can be sent any more.
    pub(super) fn forget_outgoing(&mut self) {
        self.outgoing.clear();
    }

    /// Hands a frame to the watches that it is for. An error is a lie of the server, and ends the stream.
    pub(super) fn read(&mut self, frame: WatchResponse) -> Result<(), Failure> {
        if frame.created {
            return self.confirmed(&frame);
        }
        if frame.canceled {
            return self.ended(&frame);
        }
        claims::frame_of_stream(&frame, self.cluster).map_err(Failure::broken)?;
        let head = frame.header.as_ref().map_or(0, |header| header.revision);
        self.head = self.head.max(head);
        if frame.watch_id == NO_WATCH && frame.events.is_empty() {
            self.answered(head);
            return Ok(());
        }
        let watch_id = frame.watch_id;
        let Some(watch) = self.watches.get_mut(&watch_id) else {
            if self.cancelled.contains(&watch_id) {
                return Ok(());
            }
            return Err(Failure::broken(claims::unknown_watch(watch_id)));
        };
        if frame.events.is_empty() {
            watch.mailbox.answer(head, false);
            return Ok(());
        }
        // Answers that were made before the watch was begun would have come before this.
        watch.believes_answers = true;
        if !watch.mailbox.deliver(frame) {
            watch.mailbox.end(read_too_slowly(), false);
            self.cancel(watch_id);
        }
        Ok(())
    }

    fn confirmed(&mut self, frame: &WatchResponse) -> Result<(), Failure> {
        let next = self.unconfirmed.front().map(|creation| creation.request.watch_id);
        claims::confirmation(frame, next).map_err(Failure::broken)?;
        let Some(creation) = self.unconfirmed.pop_front() else { return Ok(()) };
        self.create_wanted();
        if frame.canceled {
            let failure = Start::asked(creation.request.start_revision).cancelled(frame);
            self.token_refused |= failure.token_refused;
            let lie = failure.is_broken().then(|| failure.clone());
            creation.refuse(failure);
            return lie.map_or(Ok(()), Err);
        }
        claims::frame_of_stream(frame, self.cluster).map_err(Failure::broken)?;
        let header = frame.header.clone().unwrap_or_default();
        self.begin(creation, Begun { watch_id: frame.watch_id, header });
        Ok(())
    }

    fn begin(&mut self, creation: Creation, begun: Begun) {
        let Creation { request, mailbox, waiting } = creation;
        let (watch_id, head) = (begun.watch_id, begun.header.revision);
        self.head = self.head.max(head);
        let start = Start::asked(request.start_revision).confirmed(head);
        let believes_answers = self.unanswered() == 0;
        let watch = Substream { mailbox, start, head, asked_before: self.asked, believes_answers };
        self.watches.insert(watch_id, watch);
        if waiting.send(Ok(begun)).is_err() {
            self.cancel(watch_id);
        }
    }

    /// The server has ended a watch, by itself or because it was asked to.
    fn ended(&mut self, frame: &WatchResponse) -> Result<(), Failure> {
        let watch_id = frame.watch_id;
        let Some(watch) = self.watches.get(&watch_id) else {
            if self.cancelled.remove(&watch_id) {
                // One that was compacted meanwhile is cancelled twice.
                if frame.compact_revision != 0 {
                    self.cancelled.insert(watch_id);
                }
                return Ok(());
            }
            return Err(Failure::broken(claims::unknown_watch(watch_id)));
        };
        let failure = watch.start.cancelled(frame);
        watch.mailbox.end(failure.error.clone(), failure.may_be_of_one_endpoint());
        self.cancel(watch_id);
        if failure.is_broken() { Err(failure) } else { Ok(()) }
    }

    fn answered(&mut self, head: i64) {
        // etcd sends none that was not asked for.
        self.answered = self.asked.min(self.answered + 1);
        let answered = self.answered;
        for watch in self.watches.values_mut() {
            watch.believes_answers |= head > watch.head || answered > watch.asked_before;
            let covers_watch = watch.believes_answers || !watch.start.is_named() && head == watch.head;
            watch.mailbox.answer(head, covers_watch);
        }
        self.is_asking = false;
        if std::mem::take(&mut self.ask_again) {
            self.ask_now();
        }
    }

    /// The stream is over, for all its watches. Who reads it has drawn the consequences for its endpoint.
    pub(super) fn end(&mut self, failure: &Failure) {
        for (_, watch) in self.watches.drain() {
            watch.mailbox.end(failure.error.clone(), false);
        }
        for creation in self.unconfirmed.drain(..).chain(self.wanted.drain(..)) {
            creation.refuse(failure.clone());
        }
    }
}

impl Drop for Substreams {
    /// The runtime that reads the stream may have ended while others read its watches.
    fn drop(&mut self) {
        let error = Error::new(Kind::Unavailable, "the stream of the watch is not read any more");
        self.end(&Failure::broken(error));
    }
}

fn read_too_slowly() -> Error {
    Error::new(Kind::Unavailable, "the changes of the watch were read too slowly, and it has ended")
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
