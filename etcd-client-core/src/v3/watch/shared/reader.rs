//! The task that reads a stream.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::dealer::{Begun, Creation, Dealer};
use super::seen::Seen;
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
    /// What the dealer has counted so far.
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
        let Some((stream, dealer)) = self.open().await else { return };
        self.follow(stream, dealer).await;
    }

    /// Opens the stream with the first watch that is wanted. The others follow when it is confirmed: only then
    /// it is known whether the server takes their ids.
    async fn open(&mut self) -> Option<(WatchStream, Dealer)> {
        let first = loop {
            match self.commands.recv().await? {
                Command::Create(creation) => break creation,
                Command::Cancel(_) | Command::Ask { .. } | Command::End(_) => {}
            }
        };
        let request = Dealer::first_request(&first.request);
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
        let is_sole = !Dealer::is_shareable(watch_id);
        self.seen.note_opened(stream.slot(), is_sole);
        let mut dealer = Dealer::new(header.cluster_id);
        dealer.opened(first, Begun { watch_id, header });
        self.seen.note_frame(dealer.head());
        if !is_sole {
            others.into_iter().for_each(|creation| dealer.create(creation));
        }
        Some((stream, dealer))
    }

    async fn follow(mut self, mut stream: WatchStream, mut dealer: Dealer) {
        let requests = stream.requests().clone();
        let mut asking = Asking::default();
        loop {
            let again_at = asking.again_at().filter(|_| !self.seen.is_sole());
            let step = tokio::select! {
                command = self.commands.recv() => Step::Command(command),
                frame = poll_fn(|cx| poll_frame(&mut stream, &self.seen, cx)) => Step::Frame(frame),
                room = requests.reserve(), if dealer.has_outgoing() => {
                    send(room.ok(), &mut dealer);
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
                    self.obey(command, &mut dealer, &asking);
                    None
                }
                Step::Frame(Ok(frame)) => {
                    let outcome = dealer.read(frame);
                    self.seen.note_frame(dealer.head());
                    outcome.err()
                }
                Step::AskAgain => {
                    dealer.ask_now();
                    None
                }
            };
            if asking.follow(&dealer, by_itself) {
                self.seen.note_answer();
            }
            self.seen.note_unanswered(dealer.unanswered());
            if dealer.take_token_refused() {
                self.seen.doubt_token(true);
            }
            if let Some(failure) = failure {
                return self.lost(&stream, dealer, failure);
            }
        }
    }

    fn obey(&self, command: Command, dealer: &mut Dealer, asking: &Asking) {
        match command {
            // It was sent before it was known that this is no stream for it.
            Command::Create(_) if self.seen.is_closed() => {}
            Command::Create(creation) => dealer.create(creation),
            Command::Cancel(watch_id) => dealer.cancel(watch_id),
            Command::Ask { .. } if asking.is_overdue() => dealer.ask_now(),
            Command::Ask { is_urgent } => dealer.ask(is_urgent),
            Command::End(_) => {}
        }
    }

    /// The stream is over for all its watches.
    fn lost(mut self, stream: &WatchStream, mut dealer: Dealer, failure: Failure) {
        self.seen.close();
        // Nothing that it says can be about the revision at which a watch was to begin.
        let failure = Start::asked(0).believed(failure);
        if failure.may_be_of_one_endpoint() {
            stream.give_up();
        }
        dealer.end(&failure);
        // Watches that were wanted meanwhile begin on another stream.
        self.commands.close();
    }
}

impl Asking {
    /// Takes note of what the dealer has asked, and whether the reader has `by_itself`. Whether an answer has come.
    fn follow(&mut self, dealer: &Dealer, by_itself: bool) -> bool {
        let is_answered = dealer.answers() != self.answers;
        if dealer.requests() != self.requests {
            self.more = if by_itself { self.more + 1 } else { 0 };
            self.since = Some(Instant::now());
        }
        if !dealer.is_asking() {
            self.since = None;
        }
        (self.requests, self.answers) = (dealer.requests(), dealer.answers());
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
fn send(room: Option<mpsc::Permit<'_, Bytes>>, dealer: &mut Dealer) {
    match (room, dealer.next_outgoing()) {
        (Some(room), Some(request)) => {
            // No server takes a request of 4 GB: it is as if it did not answer.
            if let Ok(frame) = framed(&request) {
                room.send(frame);
            }
        }
        (Some(_), None) => {}
        (None, _) => dealer.forget_outgoing(),
    }
}
