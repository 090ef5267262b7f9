//! The task that reads a stream.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::seen::Seen;
use super::substreams::{Begun, Creation, Substreams};
use crate::v3::grpc::frame::framed;
use crate::v3::net::auth::Token;
use crate::v3::net::endpoint_client::EndpointClient;
use crate::v3::net::failure::Failure;
use crate::v3::net::pool::Pool;
use crate::v3::watch::start::Start;
use crate::v3::watch::stream::WatchStream;
use crate::v3::wire::messages::WatchResponse;

/// How long an answer to a request for progress may take before another request is sent, twice as long the
/// next time: a watch that lagged at that moment may have prevented it.
const ANSWERED_WITHIN: Duration = Duration::from_millis(500);
/// How often another is sent.
const MORE_REQUESTS: u32 = 2;

/// What the watches of a stream, and those that are to begin on it, want.
#[derive(Debug)]
pub(super) enum Command {
    Create(Creation),
    Cancel(i64),
    Ask { is_urgent: bool },
    End(Failure),
}

/// Opens a stream, reads it, and sends what is asked of it, until nobody holds the other end of `commands`.
pub(super) struct Reader {
    pub(super) pool: Arc<Pool>,
    pub(super) endpoint: Arc<EndpointClient>,
    pub(super) token: Token,
    pub(super) seen: Arc<Seen>,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
}

/// Since when an answer is awaited.
#[derive(Debug, Default)]
struct Asking {
    since: Option<Instant>,
    /// Requests that were sent by the reader itself.
    more: u32,
    /// What `Substreams` has counted so far.
    requests: u64,
    answers: u64,
}

enum Step {
    Command(Option<Command>),
    Frame(Result<WatchResponse, Failure>),
    AskAgain,
}

impl Reader {
    pub(super) async fn run(mut self) {
        let Some((stream, substreams)) = self.open().await else { return };
        self.follow(stream, substreams).await;
    }

    /// Opens the stream with the first watch that is wanted. The others follow when it is confirmed: only then
    /// it is known whether the server takes their ids.
    async fn open(&mut self) -> Option<(WatchStream, Substreams)> {
        let first = loop {
            match self.commands.recv().await? {
                Command::Create(creation) => break creation,
                Command::Cancel(_) | Command::Ask { .. } | Command::End(_) => {}
            }
        };
        let request = Substreams::first_request(&first.request);
        let mut others = Vec::new();
        let outcome = {
            let opening =
                WatchStream::open_at(&self.pool, Arc::clone(&self.endpoint), self.token.clone(), &request);
            let mut opening = pin!(opening);
            loop {
                tokio::select! {
                    outcome = &mut opening => break outcome,
                    command = self.commands.recv() => {
                        if let Command::Create(creation) = command? {
                            others.push(creation);
                        }
                    }
                }
            }
        };
        let stream = match outcome {
            Ok(stream) => stream,
            Err(failure) => {
                self.seen.close();
                // What is said of one watch is not said of the others: these begin on another stream.
                if failure.is_broken() || failure.may_be_of_one_endpoint() {
                    others.drain(..).for_each(|creation| creation.refuse(failure.clone()));
                }
                first.refuse(failure);
                return None;
            }
        };
        let (header, watch_id) = (stream.created().clone(), stream.watch_id());
        let is_sole = !Substreams::is_shareable(watch_id);
        self.seen.note_opened(stream.slot(), is_sole);
        let mut substreams = Substreams::new(header.cluster_id);
        substreams.opened(first, Begun { watch_id, header });
        self.seen.note_frame(substreams.head());
        if !is_sole {
            others.into_iter().for_each(|creation| substreams.create(creation));
        }
        Some((stream, substreams))
    }

    async fn follow(mut self, mut stream: WatchStream, mut substreams: Substreams) {
        let requests = stream.requests().clone();
        let mut asking = Asking::default();
        loop {
            let again_at = asking.again_at().filter(|_| !self.seen.is_sole());
            let step = tokio::select! {
                command = self.commands.recv() => Step::Command(command),
                frame = poll_fn(|cx| poll_frame(&mut stream, &self.seen, cx)) => Step::Frame(frame),
                room = requests.reserve(), if substreams.has_outgoing() => {
                    send(room.ok(), &mut substreams);
                    continue;
                }
                () = sleep_until(again_at.unwrap_or_else(Instant::now)), if again_at.is_some() => {
                    Step::AskAgain
                }
            };
            let by_itself = matches!(step, Step::AskAgain);
            let failure = match step {
                Step::Command(None) => return,
                Step::Command(Some(Command::End(failure))) | Step::Frame(Err(failure)) => Some(failure),
                Step::Command(Some(command)) => {
                    self.obey(command, &mut substreams, &asking);
                    None
                }
                Step::Frame(Ok(frame)) => {
                    let outcome = substreams.read(frame);
                    self.seen.note_frame(substreams.head());
                    outcome.err()
                }
                Step::AskAgain => {
                    substreams.ask_now();
                    None
                }
            };
            if asking.follow(&substreams, by_itself) {
                self.seen.note_answer();
            }
            self.seen.note_unanswered(substreams.unanswered());
            if substreams.take_token_refused() {
                self.seen.doubt_token(true);
            }
            if let Some(failure) = failure {
                return self.lost(&stream, substreams, failure);
            }
        }
    }

    fn obey(&self, command: Command, substreams: &mut Substreams, asking: &Asking) {
        match command {
            // It was sent before it was known that this is no stream for it.
            Command::Create(_) if self.seen.is_closed() => {}
            Command::Create(creation) => substreams.create(creation),
            Command::Cancel(watch_id) => substreams.cancel(watch_id),
            Command::Ask { .. } if asking.is_overdue() => substreams.ask_now(),
            Command::Ask { is_urgent } => substreams.ask(is_urgent),
            Command::End(_) => {}
        }
    }

    /// The stream is over for all its watches.
    fn lost(mut self, stream: &WatchStream, mut substreams: Substreams, failure: Failure) {
        self.seen.close();
        // Nothing that it says can be about the revision at which a watch was to begin.
        let failure = Start::asked(0).believed(failure);
        if failure.may_be_of_one_endpoint() {
            stream.give_up();
        }
        substreams.end(&failure);
        // Watches that were wanted meanwhile begin on another stream.
        self.commands.close();
    }
}

impl Asking {
    /// Takes note of what `Substreams` has asked, and whether the reader has `by_itself`. Whether an answer has come.
    fn follow(&mut self, substreams: &Substreams, by_itself: bool) -> bool {
        let is_answered = substreams.answers() != self.answers;
        if substreams.requests() != self.requests {
            self.more = if by_itself { self.more + 1 } else { 0 };
            self.since = Some(Instant::now());
        }
        if !substreams.is_asking() {
            self.since = None;
        }
        (self.requests, self.answers) = (substreams.requests(), substreams.answers());
        is_answered
    }

    fn is_overdue(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() > ANSWERED_WITHIN)
    }

    /// When another request is sent.
    fn again_at(&self) -> Option<Instant> {
        self.since
            .filter(|_| self.more < MORE_REQUESTS)
            .map(|since| since + ANSWERED_WITHIN * (1 << self.more))
    }
}

/// The next frame. What has come of it meanwhile is a sign of life.
fn poll_frame(
    stream: &mut WatchStream,
    seen: &Seen,
    cx: &mut Context<'_>,
) -> Poll<Result<WatchResponse, Failure>> {
    let frame = stream.poll_any_frame(cx);
    if frame.is_pending() && stream.has_received_more() {
        seen.note_piece();
    }
    frame
}

/// Where nothing can be sent any more, the next frame is the error that says why.
fn send(room: Option<mpsc::Permit<'_, Bytes>>, substreams: &mut Substreams) {
    match (room, substreams.next_outgoing()) {
        (Some(room), Some(request)) => {
            // No server takes a request of 4 GB: it is as if it did not answer.
            if let Ok(frame) = framed(&request) {
                room.send(frame);
            }
        }
        (Some(_), None) => {}
        (None, _) => substreams.forget_outgoing(),
    }
}
