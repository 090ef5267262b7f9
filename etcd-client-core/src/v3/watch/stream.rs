//! One watch on the wire, confirmed by its server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::transport::race::{Done, Race};
use crate::v3::grpc::answers::{Answers, CallError};
use crate::v3::grpc::frame::framed;
use crate::v3::grpc::request::RequestBody;
use crate::v3::grpc::status::Status;
use crate::v3::net::auth::Token;
use crate::v3::net::connections::{Connection, StreamSlot};
use crate::v3::net::endpoint_client::EndpointClient;
use crate::v3::net::failure::Failure;
use crate::v3::net::grpc_channel::{AnswerBody, GrpcChannel};
use crate::v3::net::pool::Pool;
use crate::v3::net::round::RoundFailure;
use crate::v3::watch::start::Start;
use crate::v3::wire::claims;
use crate::v3::wire::element_limit::decode;
use crate::v3::wire::messages::{
    ResponseHeader, WatchAction, WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse,
};
use crate::{Error, Kind};

const PATH: &str = "/etcdserverpb.Watch/Watch";

/// Requests for progress that may wait to be sent; more of them would say nothing more.
const WAITING_REQUESTS: usize = 4;

/// How long the confirmation of a watch may take on a connection that carries others.
const ROOM_WITHIN: Duration = Duration::from_millis(500);
/// How much longer it may take if the connection has room, and its server is busy.
const SLOW: Duration = Duration::from_secs(2);
/// On which one watch is tried at the same time.
const MOST_CONNECTIONS: usize = 8;

/// So many bytes of a frame are a sign of life.
const SIGN_OF_LIFE: usize = 1 << 10;

/// A watch that its server has confirmed. Dropping it ends it on the server, too.
pub(in crate::v3) struct WatchStream {
    pool: Arc<Pool>,
    endpoint: Arc<EndpointClient>,
    slot: Arc<StreamSlot>,
    requests: mpsc::Sender<Bytes>,
    answers: Answers<AnswerBody>,
    /// How many bytes of the next frame have come since this was last reported.
    arrived: Arc<AtomicUsize>,
    created: ResponseHeader,
    watch_id: i64,
    start: Start,
}

impl WatchStream {
    /// Opens the watch at the first endpoint that confirms it.
    pub(in crate::v3) async fn open(pool: &Arc<Pool>, create: &WatchCreateRequest) -> Result<Self, Error> {
        let open_at = |endpoint, token| Self::open_at(pool, endpoint, token, create);
        pool.round(true, true, open_at).await.map_err(RoundFailure::into_error)
    }

    pub(in crate::v3) async fn open_at(
        pool: &Arc<Pool>,
        endpoint: Arc<EndpointClient>,
        token: Token,
        create: &WatchCreateRequest,
    ) -> Result<Self, Failure> {
        let slot = endpoint.for_stream(None).await.map_err(Failure::broken)?;
        let generation = slot.generation();
        // etcd sends no headers before its first frame, and none at all for some bad requests.
        let limit = pool.options().timeout;
        let confirmation = timeout(limit, Self::find_room(pool, &endpoint, slot, &token, create)).await;
        let outcome = confirmation.unwrap_or_else(|_| {
            let message = format!("the watch was not confirmed within {limit:.1?}");
            Err(Failure::broken(Error::new(Kind::Timeout, message)))
        });
        if matches!(&outcome, Err(failure) if failure.is_broken()) {
            endpoint.renew(generation);
        }
        outcome
    }

    /// Opens the watch on a connection that has room for it. One that is full lets a stream wait without
    /// a word, so where others live on the same connection, and this is not confirmed soon, it is opened
    /// on a further one as well.
    async fn find_room(
        pool: &Arc<Pool>,
        endpoint: &Arc<EndpointClient>,
        mut slot: StreamSlot,
        token: &Token,
        create: &WatchCreateRequest,
    ) -> Result<Self, Failure> {
        let (mut race, mut tried) = (Race::new(), Vec::new());
        loop {
            let connection = Arc::clone(slot.connection());
            let (pool, token, create) = (pool.clone(), token.clone(), create.clone());
            let confirm = Self::confirm(pool, endpoint.clone(), slot, token, create);
            race.start(tried.len(), confirm, Some(Box::pin(crowding(Arc::clone(&connection)))));
            tried.push(connection);
            let Some(Done { place, outcome, silent, .. }) = race.next(tried.len() < MOST_CONNECTIONS).await
            else {
                slot = endpoint.for_stream(tried.last()).await.map_err(Failure::broken)?;
                continue;
            };
            if matches!(&outcome, Err(failure) if failure.is_for_want_of_room())
                && tried.len() < MOST_CONNECTIONS
            {
                tried[place].suspect(true);
                slot = endpoint.for_stream(tried.last()).await.map_err(Failure::broken)?;
                continue;
            }
            if let (Ok(_), Some(first)) = (&outcome, silent.first()) {
                tokio::spawn(judge(endpoint.clone(), race, tried.swap_remove(*first)));
            }
            return outcome;
        }
    }

    async fn confirm(
        pool: Arc<Pool>,
        endpoint: Arc<EndpointClient>,
        mut slot: StreamSlot,
        token: Token,
        create: WatchCreateRequest,
    ) -> Result<Self, Failure> {
        let (requests, rest) = mpsc::channel(WAITING_REQUESTS);
        let start = Start::asked(create.start_revision);
        let first = WatchRequest { action: Some(WatchAction::Create(create)) };
        let body = RequestBody::of_stream(framed(&first).map_err(Failure::broken)?, rest);
        let arrived = Arc::default();
        let channel = GrpcChannel::for_stream(&endpoint, &slot, pool.options().timeout, &arrived);
        let refused = |error: CallError<_>| start.believed(error.into());
        let answers =
            channel.call(PATH, Pool::headers(&token, true), body, pool.options().receive_limit).await;
        let mut answers = answers.map_err(refused)?;
        let first = answers.message().await.map_err(refused)?;
        let first = first.map(read).transpose().map_err(|failure| start.believed(failure))?;
        let (created, watch_id) = confirmed(first, start)?;
        let start = start.confirmed(created.revision);
        arrived.store(0, Ordering::Relaxed);
        slot.confirm();
        let slot = Arc::new(slot);
        Ok(Self { pool, endpoint, slot, requests, answers, arrived, created, watch_id, start })
    }

    /// The header of the server's confirmation: its revision is the head of the store.
    pub(in crate::v3) fn created(&self) -> &ResponseHeader {
        &self.created
    }

    pub(in crate::v3) fn endpoint(&self) -> &Arc<EndpointClient> {
        &self.endpoint
    }

    pub(in crate::v3) fn slot(&self) -> &Arc<StreamSlot> {
        &self.slot
    }

    /// The watch that the stream was opened with.
    pub(in crate::v3) fn watch_id(&self) -> i64 {
        self.watch_id
    }

    /// Where what is asked of the stream is sent, in its frame.
    pub(in crate::v3) fn requests(&self) -> &mpsc::Sender<Bytes> {
        &self.requests
    }

    /// The next frame with events, or with the progress that was asked for. An error is the last
    /// answer.
    pub(in crate::v3) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<WatchResponse, Error>> {
        let failure = match ready!(self.poll_any_frame(cx)) {
            Ok(frame) if !frame.canceled => match self.check(&frame) {
                Ok(()) => return Poll::Ready(Ok(frame)),
                Err(lie) => Failure::broken(lie),
            },
            Ok(frame) => self.start.cancelled(&frame),
            Err(failure) => self.start.believed(failure),
        };
        if failure.may_be_of_one_endpoint() {
            self.give_up();
        }
        Poll::Ready(Err(failure.error.at(self.endpoint.name())))
    }

    /// The next frame of any watch that was begun on this stream. An error is the last answer.
    pub(in crate::v3) fn poll_any_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<WatchResponse, Failure>> {
        Poll::Ready(match ready!(self.answers.poll_message(cx)) {
            Ok(Some(frame)) => {
                self.arrived.store(0, Ordering::Relaxed);
                read(frame)
            }
            Ok(None) => Err(Failure::broken(Error::new(Kind::Unavailable, "the server has ended the watch"))),
            Err(error) => Err(error.into()),
        })
    }

    fn check(&self, frame: &WatchResponse) -> Result<(), Error> {
        claims::frame(frame, self.watch_id, self.created.cluster_id)
    }

    /// Whether a kilobyte more of the next frame has arrived since it last had: over a slow link a large
    /// one takes its time. Less than that says nothing of it: a frame that comes in drips is none.
    pub(in crate::v3) fn has_received_more(&self) -> bool {
        let enough = self.arrived.load(Ordering::Relaxed) >= SIGN_OF_LIFE;
        if enough {
            self.arrived.store(0, Ordering::Relaxed);
        }
        enough
    }

    /// Asks for a frame that tells how far the watch has come.
    pub(in crate::v3) fn request_progress(&self) {
        let request = WatchRequest { action: Some(WatchAction::Progress(WatchProgressRequest {})) };
        if let Ok(request) = framed(&request) {
            // Full: enough of them wait. Closed: the next frame is the error that says why.
            let _ = self.requests.try_send(request);
        }
    }

    /// Ends the watch, and sends what follows to another endpoint.
    pub(in crate::v3) fn give_up(&self) {
        self.pool.give_up(&self.endpoint, self.slot.generation());
    }
}

impl fmt::Debug for WatchStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatchStream({})", self.endpoint.name())
    }
}

/// Ready when a stream that waits on a connection should be opened on a further one, too: when others live
/// there, and none has been confirmed for some time.
async fn crowding(connection: Arc<Connection>) {
    loop {
        let before = connection.confirmations();
        sleep(ROOM_WITHIN).await;
        if connection.confirmed() > 0 && connection.confirmations() == before {
            return connection.suspect(true);
        }
    }
}

/// Learns how many streams a connection carries from one that was sooner confirmed on a further
/// connection, unless the first was only slow.
async fn judge(
    endpoint: Arc<EndpointClient>,
    mut race: Race<'static, Result<WatchStream, Failure>>,
    full: Arc<Connection>,
) {
    let streams = full.confirmed();
    match timeout(SLOW, race.next(false)).await {
        Ok(_) => full.suspect(false),
        Err(_) => endpoint.learn_limit(full.generation, streams),
    }
}

/// The header of a confirmation, and the id of the watch.
fn confirmed(first: Option<WatchResponse>, start: Start) -> Result<(ResponseHeader, i64), Failure> {
    match first {
        None => Err(Failure::broken(Error::new(Kind::Unavailable, "the server has not begun the watch"))),
        Some(frame) if frame.canceled => Err(start.cancelled(&frame)),
        Some(WatchResponse { created: true, header, watch_id, .. }) => {
            claims::head(header.as_ref()).map_err(Failure::broken)?;
            Ok((header.unwrap_or_default(), watch_id))
        }
        Some(_) => Err(Failure::broken(Error::new(Kind::Protocol, "the watch begins with something else"))),
    }
}

fn read(frame: Bytes) -> Result<WatchResponse, Failure> {
    decode(frame, None).map_err(|why| Failure::from_status(&Status::internal(why)))
}
