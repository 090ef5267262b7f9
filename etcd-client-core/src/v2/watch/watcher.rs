//! Watching until stopped: the events of a key or a directory, one after another.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::v2::calls::abort::AbortHandle;
use crate::v2::net::pool::Pool;
use crate::v2::net::refusal::Refusal;
use crate::v2::net::reply::Reply;
use crate::v2::watch::HEALTHY;
use crate::v2::watch::event::{Change, Event, Reconnect, Resync};
use crate::v2::watch::feed::{Feed, FeedSignal};
use crate::v2::watch::long_poll::Target;
use crate::v2::wire::response::{Answer, Node, parse};
use crate::{BoxFuture, Error, Kind};

const FIRST_DELAY: Duration = Duration::from_millis(300);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// The options of a [`Watcher`]. Made by [`Client::watcher`](crate::v2::Client::watcher).
///
/// ```no_run
/// # async fn example(client: etcd_client_core::v2::Client) -> Result<(), etcd_client_core::Error> {
/// // What was read, and every change after it.
/// let read = client.get("app").recursive(true).await?;
/// let after = read.headers().etcd_index().unwrap_or_default() + 1;
/// let events = client.watcher("app").recursive(true).index(after).start();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is watched before start()"]
pub struct WatcherBuilder {
    pool: Arc<Pool>,
    key: String,
    recursive: bool,
    index: Option<u64>,
}

/// Follows a key or a directory, through whatever happens to the connection or the server, until it
/// is stopped: a stream of [`Event`]s.
///
/// It reports each change as v2 sends it, with the action and the node before. For a single change
/// [`Client::watch`](crate::v2::Client::watch) is enough; for the keys of a prefix at one revision after another,
/// over v2 and v3 alike, use the crate's [`Watcher`](crate::Watcher).
///
/// Nothing is lost between two events: after an interruption the watcher resumes after the last index that it
/// has seen; if the server's history no longer goes back so far, it reads the state
/// ([`Event::Resync`]). Without an index to start with it begins with the first change after the server has
/// registered it. It works while it is polled, and has no task of its own.
///
/// A server keeps the last 1,000 changes of its whole store. However busy that is, no change is missed while
/// the watcher is polled and its connection lives: it is registered again in time, and stays registered
/// through a burst. One gap cannot be seen: a member that was cut off from its cluster may skip changes,
/// because the leader sends it a snapshot. They are found in the history if that goes back to the last
/// reported change; otherwise they are lost, and the next change after them is reported.
///
/// ```no_run
/// # async fn example(client: etcd_client_core::v2::Client) {
/// use etcd_client_core::v2::Event;
///
/// let mut events = client.watcher("app").recursive(true).start();
/// while let Some(event) = events.next().await {
///     match event {
///         Event::Change(change) => println!("{:?} {:?}", change.action, change.node),
///         Event::Resync(resync) => println!("now it is {:?}", resync.state),
///         Event::Reconnect(lost) => eprintln!("{}; again in {:?}", lost.error, lost.delay),
///         Event::Error(error) => eprintln!("{error}"),
///         _ => {}
///     }
/// }
/// # }
/// ```
pub struct Watcher {
    pool: Arc<Pool>,
    target: Result<Target, Error>,
    phase: Phase,
    /// The index up to which everything was reported.
    seen: Option<u64>,
    /// Whether the store has come to that index; a start index may lie in the future.
    reached: bool,
    cluster: Option<u64>,
    /// If set, the state is read before the watcher resumes, for this reason.
    resync: Option<Error>,
    attempt: u32,
    /// How often the state had to be read since there was a change, or a connection that lasted.
    resyncs: u32,
    events: VecDeque<Event>,
    stop: AbortHandle,
    stopped: BoxFuture<()>,
}

/// What a watcher is doing. The call under way is part of the phase, so dropping the phase cancels it.
enum Phase {
    Opening(BoxFuture<Result<Feed, Error>>),
    Following { feed: Box<Feed>, since: Instant },
    Reading(BoxFuture<Result<Snapshot, Error>>),
    Waiting(Pin<Box<Sleep>>),
    Stopped,
}

/// What a phase has waited for.
enum Input {
    Opened(Result<Box<Feed>, Error>),
    Signal(Result<FeedSignal, Error>),
    Read(Result<Snapshot, Error>),
    PauseOver,
    Stop,
}

impl WatcherBuilder {
    pub(in crate::v2) fn new(pool: &Arc<Pool>, key: String) -> Self {
        Self { pool: pool.clone(), key, recursive: false, index: None }
    }

    /// Also watches everything below the directory.
    pub fn recursive(mut self, recursive: bool) -> Self {
        self.recursive = recursive;
        self
    }

    /// Begins with the first change at or after this index, which may be in the past. 0 is from now on.
    pub fn index(mut self, index: u64) -> Self {
        self.index = Some(index);
        self
    }

    /// The watcher. Nothing is sent before it is polled. An invalid key is reported as an
    /// [`Event::Error`], followed by [`Event::Stop`].
    pub fn start(self) -> Watcher {
        let stop = AbortHandle::default();
        let mut watcher = Watcher {
            target: Target::new(&self.key, self.recursive),
            pool: self.pool,
            phase: Phase::Stopped,
            seen: self.index.and_then(|index| index.checked_sub(1)),
            reached: false,
            cluster: None,
            resync: None,
            attempt: 0,
            resyncs: 0,
            events: VecDeque::new(),
            stopped: Box::pin(stop.clone().aborted()),
            stop,
        };
        watcher.start_next();
        watcher
    }
}

impl Watcher {
    /// The next event; `None` after [`Event::Stop`]. Cancel safe: dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Ends the watcher, also on the server. Allowed at any time; events that have not been read are dropped,
    /// and [`Event::Stop`] is the last.
    pub fn stop(&mut self) {
        self.stop.abort();
        self.advance(Input::Stop);
    }

    /// A handle that stops the watcher from another task or thread.
    pub fn stop_handle(&self) -> AbortHandle {
        self.stop.clone()
    }

    /// The index up to which everything was reported. Before the first connection it is the one before the index that was
    /// given, or `None`. It grows with the
    /// store's index, also while nothing is reported. To go on in another process, give
    /// [`WatcherBuilder::index`] the next one.
    pub fn index(&self) -> Option<u64> {
        self.seen
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            if !matches!(self.phase, Phase::Stopped) && self.stopped.as_mut().poll(cx).is_ready() {
                self.advance(Input::Stop);
            }
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Some(event));
            }
            let input = match &mut self.phase {
                Phase::Stopped => return Poll::Ready(None),
                phase => std::task::ready!(phase.poll(cx)),
            };
            self.advance(input);
        }
    }

    fn advance(&mut self, input: Input) {
        match input {
            Input::Opened(Ok(feed)) => self.on_opened(feed),
            Input::Opened(Err(error)) | Input::Signal(Err(error)) | Input::Read(Err(error)) => {
                self.on_lost(error);
            }
            Input::Signal(Ok(signal)) => self.on_signal(signal),
            Input::Read(Ok(Snapshot { state, index, cluster })) => {
                self.cluster = cluster;
                self.resynced(Some(state), index);
            }
            Input::PauseOver => self.start_next(),
            Input::Stop => {
                if !matches!(self.phase, Phase::Stopped) {
                    self.phase = Phase::Stopped;
                    self.events = VecDeque::from([Event::Stop]);
                }
            }
        }
    }

    /// Starts the next call: reading the state if changes were missed, otherwise watching.
    fn start_next(&mut self) {
        let (pool, target) = match &self.target {
            Ok(target) => (self.pool.clone(), target.clone()),
            Err(error) => {
                self.events.extend([Event::Error(error.clone()), Event::Stop]);
                self.phase = Phase::Stopped;
                return;
            }
        };
        let (after, reached) = (self.seen, self.reached);
        self.phase = if self.resync.is_some() {
            Phase::Reading(Box::pin(async move {
                pool.call(&target.read()?, Some(0), |reply| snapshot(&target, reply)).await
            }))
        } else if reached {
            Phase::Opening(Box::pin(async move { Feed::open(&pool, &target, after).await }))
        } else {
            Phase::Opening(Box::pin(async move { Feed::open_ahead(&pool, &target, after, 0).await }))
        };
    }

    fn on_opened(&mut self, feed: Box<Feed>) {
        let cluster = feed.headers().cluster_id();
        if self.cluster.is_some() && cluster != self.cluster {
            let error = feed.of_another_cluster();
            return self.on_lost(error);
        }
        self.cluster = cluster;
        self.seen = Some(feed.position());
        self.reached = feed.head() >= feed.position();
        self.phase = Phase::Following { feed, since: Instant::now() };
    }

    fn on_signal(&mut self, signal: FeedSignal) {
        let Phase::Following { feed, .. } = &self.phase else { return };
        match signal {
            FeedSignal::Change { answer, index, .. } => {
                self.seen = Some(index);
                self.reached = true;
                (self.attempt, self.resyncs) = (0, 0);
                let headers = feed.headers().clone();
                self.events.push_back(Event::Change(Change::new(*answer, headers)));
            }
            FeedSignal::Progress(_) => self.seen = self.seen.max(Some(feed.resume_after())),
            FeedSignal::Arriving => {}
            FeedSignal::Ended { pause, .. } => {
                let message = format!("{}: the watch was ended without a change", feed.endpoint());
                let error = Error::new(Kind::Unavailable, message);
                let error = error.with_source(Refusal::unread(feed.headers()));
                self.attempt = 0;
                self.reconnect(error, pause);
            }
        }
    }

    /// The state has been read; changes after it are reported next.
    fn resynced(&mut self, state: Option<Node>, index: u64) {
        let Some(error) = self.resync.take() else { return self.start_next() };
        self.seen = Some(index);
        self.reached = true;
        self.events.push_back(Event::Resync(Resync { error, state, index }));
        self.start_next();
    }

    /// The call or feed under way has failed.
    fn on_lost(&mut self, error: Error) {
        if self.resync.is_some()
            && let Some(index) = Refusal::of(&error).and_then(Refusal::index_of_nothing)
        {
            self.cluster = None; // the error does not name it
            return self.resynced(None, index);
        }
        if let Phase::Following { since, .. } = &self.phase
            && since.elapsed() >= HEALTHY
        {
            (self.attempt, self.resyncs) = (0, 0);
        }
        if matches!(error.kind(), Kind::Compacted | Kind::FutureRevision) {
            self.resync = Some(error);
            self.resyncs = self.resyncs.saturating_add(1);
            return match self.resyncs.checked_sub(2) {
                None => self.start_next(),
                Some(again) => self.phase = Phase::Waiting(Box::pin(sleep(delay(again)))),
            };
        }
        let elsewhere = self.attempt == 0 && self.pool.endpoints() > 1;
        let was_connected = matches!(self.phase, Phase::Following { .. });
        let lost = matches!(error.kind(), Kind::Unavailable | Kind::Timeout | Kind::NoLeader);
        let delay = if lost && was_connected && elsewhere { Duration::ZERO } else { delay(self.attempt) };
        if lost {
            self.reconnect(error, delay);
        } else {
            self.events.push_back(Event::Error(error));
        }
        self.attempt = self.attempt.saturating_add(1);
        self.phase = Phase::Waiting(Box::pin(sleep(delay)));
    }

    fn reconnect(&mut self, error: Error, delay: Duration) {
        let wait_index = self.seen.map(|seen| seen.saturating_add(1));
        self.events.push_back(Event::Reconnect(Reconnect {
            error,
            attempt: self.attempt,
            delay,
            wait_index,
        }));
    }
}

impl futures_core::Stream for Watcher {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll_event(cx)
    }
}

/// The state of the target at an index.
struct Snapshot {
    state: Node,
    index: u64,
    cluster: Option<u64>,
}

fn snapshot(target: &Target, reply: &Reply) -> Result<Snapshot, Error> {
    let answer: Answer = parse(&reply.body)?;
    let (Some(index), Some(state)) = (reply.headers.etcd_index(), answer.node) else {
        return Err(Error::new(Kind::Protocol, "the answer has no index or no node"));
    };
    target.check(&state, index)?;
    Ok(Snapshot { state, index, cluster: reply.headers.cluster_id() })
}

impl Phase {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        match self {
            Phase::Opening(opening) => {
                opening.as_mut().poll(cx).map(|opened| Input::Opened(opened.map(Box::new)))
            }
            Phase::Following { feed, .. } => feed.poll_next(cx).map(Input::Signal),
            Phase::Reading(reading) => reading.as_mut().poll(cx).map(Input::Read),
            Phase::Waiting(pause) => pause.as_mut().poll(cx).map(|()| Input::PauseOver),
            Phase::Stopped => Poll::Pending,
        }
    }
}

/// Doubles with each attempt, plus up to a second at random, and at most 30 s.
fn delay(attempt: u32) -> Duration {
    let doubled = FIRST_DELAY.saturating_mul(1_u32.checked_shl(attempt.min(16)).unwrap_or(u32::MAX));
    (doubled + Duration::from_millis(fastrand::u64(0..1_000))).min(LONGEST_DELAY)
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match &self.phase {
            Phase::Opening(_) => "Opening",
            Phase::Following { .. } => "Following",
            Phase::Reading(_) => "Reading",
            Phase::Waiting(_) => "Waiting",
            Phase::Stopped => "Stopped",
        };
        f.debug_struct("Watcher").field("phase", &phase).field("index", &self.seen).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_cap_and_never_overflow() {
        for seed in 0..100 {
            fastrand::seed(seed);
            for attempt in (0..64).chain([u32::MAX]) {
                let least = FIRST_DELAY.saturating_mul(1 << attempt.min(10)).min(LONGEST_DELAY);
                let delay = delay(attempt);
                assert!(delay >= least && delay <= LONGEST_DELAY, "{delay:?} at attempt {attempt}");
                assert!(delay <= least + Duration::from_secs(1), "{delay:?} at attempt {attempt}");
            }
        }
    }
}
