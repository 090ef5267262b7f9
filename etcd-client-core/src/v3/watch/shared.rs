//! Watches that share a stream: as many as go through the connections to one endpoint for one user.
//!
//! A stream costs its server three goroutines and some 40 kB, and a request for progress a fixed price; a
//! further watch on it costs a few kB. Go's clientv3 does the same.
//!
//! - `reader` is the task that reads a stream, and sends what is asked of it;
//! - `substreams` knows who a frame is for, and how much of it each watch may believe;
//! - `mailbox` is what has arrived for one watch: one that is read slowly holds up no other;
//! - `watch` is one watch, as its reader has it;
//! - `failed_openings` spares the many watches of a lost stream the tries of which one is enough.

mod failed_openings;
mod mailbox;
mod reader;
mod seen;
mod substreams;
mod watch;

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use self::failed_openings::FailedOpenings;
use self::mailbox::Mailbox;
use self::reader::{Command, Reader};
use self::seen::Seen;
use self::substreams::{Begun, Creation};
use crate::v3::net::auth::Token;
use crate::v3::net::endpoint_client::EndpointClient;
use crate::v3::net::failure::Failure;
use crate::v3::net::pool::Pool;
use crate::v3::net::round::RoundFailure;
use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::messages::{NO_WATCH, WatchCreateRequest};
use crate::v3::wire::response::signed;
use crate::{Error, Kind};

pub(in crate::v3) use self::mailbox::Arrival;
pub(in crate::v3) use self::watch::SharedWatch;

/// Watches on one stream.
const MOST_WATCHES: usize = 1_000;
/// A watch with more revisions to replay than this shares no stream with others that are in step: no request
/// for progress is answered before it has caught up. A server replays so many at once.
const SHORT_REPLAY: u64 = 1_000;
/// A watch with something to replay waits for one answer more than is missing, so it is not put where many are.
const MOST_UNANSWERED: u64 = 3;
/// How often a stream is joined that ends meanwhile, before a new one is opened.
const JOINS: u32 = 4;
/// How often a watch is begun anew that leads to another member than the one before: one endpoint may lead to
/// several, and their heads differ.
const ATTEMPTS: u32 = 3;

/// The streams of one client that may take further watches.
#[derive(Debug, Default)]
pub(in crate::v3) struct SharedStreams {
    streams: Mutex<Vec<Weak<SharedStream>>>,
    failed: FailedOpenings,
}

/// One stream, as its watches see it. The reader ends when the last of them has gone.
struct SharedStream {
    pool: Arc<Pool>,
    endpoint: Arc<EndpointClient>,
    generation: u64,
    token: Token,
    commands: mpsc::UnboundedSender<Command>,
    watches: AtomicUsize,
    /// The watch that asks for progress for all; `NO_WATCH` until one takes that on.
    asker: AtomicI64,
    seen: Arc<Seen>,
}

/// A place for a watch on a stream, and what keeps the stream open.
struct StreamHandle(Arc<SharedStream>);

/// A watch that is awaited. One that was confirmed when it is not awaited any more is ended.
struct Beginning<'s> {
    begun: oneshot::Receiver<Result<Begun, Failure>>,
    stream: &'s SharedStream,
}

impl SharedStreams {
    /// Begins a watch after this revision, or with what comes, at the first endpoint that confirms it.
    pub(in crate::v3) async fn watch(
        &self,
        pool: &Arc<Pool>,
        range: &KeyRange,
        after: Option<u64>,
    ) -> Result<SharedWatch, Error> {
        let begin_at = |endpoint, token| self.begin_at(pool, endpoint, token, range, after);
        pool.round(true, true, begin_at).await.map_err(RoundFailure::into_error)
    }

    /// A watch that begins after the head of the store would silence the progress of all watches on its
    /// stream until something is written. So it begins at the head, if that is the revision; where it is
    /// later, there is something to replay.
    async fn begin_at(
        &self,
        pool: &Arc<Pool>,
        endpoint: Arc<EndpointClient>,
        token: Token,
        range: &KeyRange,
        after: Option<u64>,
    ) -> Result<SharedWatch, Failure> {
        let Some(after) = after else { return self.begin(pool, &endpoint, &token, range, None).await };
        // The watch at the head keeps its stream open until the other is begun.
        let (mut head, mut _at_head) = (self.head(&endpoint, &token), None);
        for _ in 0..ATTEMPTS {
            if let Some(gap) = head.and_then(|head| gap(after, head)) {
                let watch = self.begin(pool, &endpoint, &token, range, Some((after, gap))).await?;
                if watch.head() > after {
                    return Ok(watch);
                }
            }
            let watch = self.begin(pool, &endpoint, &token, range, None).await?;
            if watch.head() <= after {
                return Ok(watch);
            }
            (head, _at_head) = (Some(watch.head()), Some(watch));
        }
        let message = "the members that answer are too far apart for a watch to begin";
        Err(Failure::broken(Error::new(Kind::Unavailable, message)))
    }

    /// Begins one watch: with what comes, or after a revision, so many before the head.
    async fn begin(
        &self,
        pool: &Arc<Pool>,
        endpoint: &Arc<EndpointClient>,
        token: &Token,
        range: &KeyRange,
        replay: Option<(u64, u64)>,
    ) -> Result<SharedWatch, Failure> {
        let request = WatchCreateRequest {
            key: range.start.clone(),
            range_end: range.end.clone(),
            start_revision: replay.map_or(0, |(after, _)| signed(after.saturating_add(1))),
            ..WatchCreateRequest::default()
        };
        let limit = pool.options().timeout;
        let mut joins = 0;
        loop {
            let seat = self.seat(pool, endpoint, token, replay.map(|(_, gap)| gap), joins < JOINS)?;
            joins += 1;
            let mailbox = Arc::<Mailbox>::default();
            let (waiting, begun) = oneshot::channel();
            let creation = Creation { request: request.clone(), mailbox: Arc::clone(&mailbox), waiting };
            seat.send(Command::Create(creation));
            let mut beginning = Beginning { begun, stream: &seat };
            let outcome = timeout(limit, &mut beginning.begun).await;
            drop(beginning);
            match outcome {
                Ok(Ok(Ok(begun))) => {
                    self.failed.forget(endpoint);
                    return Ok(SharedWatch::new(seat, begun, mailbox));
                }
                Ok(Ok(Err(failure))) => {
                    if failure.is_broken() && seat.seen.slot().is_none() {
                        self.failed.note(endpoint, seat.generation, &failure);
                    }
                    if failure.error.kind() == Kind::PermissionDenied {
                        self.trust_older_tokens(&seat);
                    }
                    return Err(failure);
                }
                // It ended before it was asked, or takes no other watch.
                Ok(Err(_)) if joins <= JOINS => {
                    if seat.seen.is_sole() {
                        joins = JOINS;
                    }
                }
                Ok(Err(_)) => {
                    let error = Error::new(Kind::Unavailable, "the stream of the watch has ended");
                    return Err(Failure::broken(error));
                }
                Err(_) => {
                    endpoint.renew(seat.generation);
                    let message = format!("the watch was not confirmed within {limit:.1?}");
                    return Err(Failure::broken(Error::new(Kind::Timeout, message)));
                }
            }
        }
    }

    /// A seat on a stream that may take the watch, or on a new one, unless such a one has just failed.
    fn seat(
        &self,
        pool: &Arc<Pool>,
        endpoint: &Arc<EndpointClient>,
        token: &Token,
        replay: Option<u64>,
        joins: bool,
    ) -> Result<StreamHandle, Failure> {
        let generation = endpoint.generation();
        let catches_up = replay.is_some_and(|gap| gap > SHORT_REPLAY);
        let mut streams = self.lock();
        streams.retain(|stream| stream.strong_count() > 0);
        // The last ones were opened with the newest tokens.
        let found = streams.iter().rev().filter_map(Weak::upgrade).find(|stream| {
            stream.leads_to(endpoint, token)
                && stream.has_room()
                && stream.seen.catches_up() == catches_up
                && (replay.is_none() || stream.seen.unanswered() <= MOST_UNANSWERED)
        });
        let stream = if let Some(stream) = found.filter(|_| joins) {
            stream
        } else if let Some(failure) = self.failed.recent(endpoint) {
            return Err(failure);
        } else {
            let stream = SharedStream::open(pool, endpoint, token, generation, catches_up);
            if joins {
                streams.push(Arc::downgrade(&stream));
            }
            stream
        };
        stream.watches.fetch_add(1, Ordering::Relaxed);
        Ok(StreamHandle(stream))
    }

    /// A watch was refused with a newer token, too: older ones may be as good, and the user has no permission.
    fn trust_older_tokens(&self, refused: &SharedStream) {
        let streams = self.lock();
        let streams = streams.iter().filter_map(Weak::upgrade);
        let of_user = |stream: &Arc<SharedStream>| stream.token.is_of_same_user(&refused.token);
        for stream in streams.filter(of_user).filter(|stream| refused.token.is_newer_than(&stream.token)) {
            stream.seen.doubt_token(false);
        }
    }

    /// The newest revision that the endpoint has spoken of on a stream.
    fn head(&self, endpoint: &Arc<EndpointClient>, token: &Token) -> Option<u64> {
        let streams = self.lock();
        let streams = streams.iter().filter_map(Weak::upgrade);
        let streams = streams.filter(|stream| stream.leads_to(endpoint, token) && stream.has_room());
        streams.map(|stream| stream.seen.head()).max().filter(|head| *head > 0)
    }

    /// Nothing panics while it holds this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<SharedStream>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many revisions are to be replayed.
fn gap(after: u64, head: u64) -> Option<u64> {
    head.checked_sub(after).filter(|gap| *gap > 0)
}

impl SharedStream {
    /// A new stream, which is opened for the first watch that wants it.
    fn open(
        pool: &Arc<Pool>,
        endpoint: &Arc<EndpointClient>,
        token: &Token,
        generation: u64,
        catches_up: bool,
    ) -> Arc<Self> {
        let (commands, received) = mpsc::unbounded_channel();
        let stream = Arc::new(Self {
            pool: Arc::clone(pool),
            endpoint: Arc::clone(endpoint),
            generation,
            token: token.clone(),
            commands,
            watches: AtomicUsize::new(0),
            asker: AtomicI64::new(NO_WATCH),
            seen: Arc::new(Seen::new(catches_up)),
        });
        let reader = Reader {
            pool: Arc::clone(pool),
            endpoint: Arc::clone(endpoint),
            token: token.clone(),
            seen: Arc::clone(&stream.seen),
            commands: received,
        };
        tokio::spawn(reader.run());
        stream
    }

    /// Whether it leads to this endpoint on connections that are not given up, for the user of the token. A watch
    /// that was refused begins with another token on another stream.
    fn leads_to(&self, endpoint: &Arc<EndpointClient>, token: &Token) -> bool {
        Arc::ptr_eq(&self.endpoint, endpoint)
            && self.generation == endpoint.generation()
            && self.token.is_of_same_user(token)
            && (self.token.is_same(token) || !self.seen.is_token_doubted())
            && !self.seen.is_closed()
            && !self.commands.is_closed()
    }

    fn has_room(&self) -> bool {
        self.watches.load(Ordering::Relaxed) < MOST_WATCHES
    }

    /// Where the stream is over, nobody waits for the command.
    fn send(&self, command: Command) {
        let _ = self.commands.send(command);
    }
}

impl Deref for StreamHandle {
    type Target = SharedStream;

    fn deref(&self) -> &SharedStream {
        &self.0
    }
}

impl Drop for StreamHandle {
    fn drop(&mut self) {
        self.watches.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        // What is confirmed from now on is ended by the substreams, as nobody waits for it.
        self.begun.close();
        if let Ok(Ok(Begun { watch_id, .. })) = self.begun.try_recv() {
            self.stream.send(Command::Cancel(watch_id));
        }
    }
}

impl fmt::Debug for SharedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedStream({})", self.endpoint.name())
    }
}
