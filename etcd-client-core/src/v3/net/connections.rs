//! The connections to one endpoint, and how many streams each of them carries.
//!
//! A server or a proxy limits the streams of a connection, and one more than that waits in the HTTP/2
//! client without a word. So no connection is given more than any server should allow (RFC 9113 wants
//! no limit below 100), and if one turns out to allow fewer, as many as it has confirmed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::Error;
use crate::transport::endpoint_client;
use crate::v3::net::method_urls::MethodUrls;

/// Streams that a connection carries before another is opened.
const STREAMS: usize = 100;
/// So many streams may be under way on a further connection before it is known how many fit.
const UNPROVEN: usize = 8;
/// How long other requests wait for the first answer on a connection.
const FIRST_ANSWER: Duration = Duration::from_millis(500);
/// Connections for calls: these are soon over, so that more of them may wait their turn.
const FOR_CALLS: usize = 8;
/// How long a call waits for its turn on the connection of a client that calls rarely, before another is opened.
const TURN_WITHIN: Duration = Duration::from_millis(500);

/// All connections of one generation.
pub(in crate::v3) type Connections = endpoint_client::Connections<OpenConnections>;

/// The connections for calls, and those for streams: a large answer would otherwise hold up the events that
/// share its connection (etcd-io/etcd#15402).
#[derive(Debug, Default)]
pub(in crate::v3) struct OpenConnections {
    calls: Vec<Arc<Connection>>,
    streams: Vec<Arc<Connection>>,
    /// How many streams a connection carries, if that is fewer than usual.
    limit: Option<usize>,
    /// Whether a member's answers to progress requests can be believed, if that is known.
    pub(in crate::v3) exact_progress: HashMap<u64, bool>,
    pub(in crate::v3) urls: MethodUrls,
    pub(in crate::v3) turns: Turns,
}

/// One connection: reqwest makes exactly one for each of its clients over HTTP/2.
#[derive(Debug)]
pub(in crate::v3) struct Connection {
    pub(in crate::v3) generation: u64,
    client: reqwest::Client,
    open: AtomicUsize,
    /// How many slots it has given so far.
    slots_given: AtomicUsize,
    confirmed: AtomicUsize,
    /// How often a stream on it has been confirmed.
    confirmations: AtomicUsize,
    /// How many streams it seems to carry.
    room: AtomicUsize,
    gate: Gate,
}

/// Lets one request onto a new connection, and all others when the server has answered: before that its
/// limits are not known, and it refuses what is more.
#[derive(Debug)]
pub(in crate::v3) struct Gate(Semaphore);

/// Lets as many calls be under way as one connection carries: where a thousand watches ask something at once, it is soon
/// answered, and for a connection more there is no use after that.
#[derive(Clone, Debug)]
pub(in crate::v3) struct Turns(Arc<Semaphore>);

/// A place for one call or stream on a connection; dropped when that ends.
#[derive(Debug)]
pub(in crate::v3) struct StreamSlot {
    connection: Arc<Connection>,
    answered: Arc<AtomicBool>,
    confirmed: bool,
    turn: Option<OwnedSemaphorePermit>,
}

impl Connections {
    /// A place for a call.
    pub(in crate::v3) fn for_calls(
        &mut self,
        connect: impl FnOnce(u64) -> Result<reqwest::Client, Error>,
    ) -> Result<StreamSlot, Error> {
        let connection = match self.free_for_calls() {
            Some(connection) => connection,
            None => Connection::push(&mut self.of_protocol.calls, self.generation, connect(self.generation)?),
        };
        Ok(self.slot(connection))
    }

    /// A place for a stream, on any connection except the one that is `crowded`.
    pub(in crate::v3) fn for_stream(
        &mut self,
        crowded: Option<&Arc<Connection>>,
        connect: impl FnOnce(u64) -> Result<reqwest::Client, Error>,
    ) -> Result<StreamSlot, Error> {
        let connection = match self.free_for_stream(crowded) {
            Some(connection) => connection,
            None => {
                Connection::push(&mut self.of_protocol.streams, self.generation, connect(self.generation)?)
            }
        };
        Ok(self.slot(connection))
    }

    /// A place for a small question, where streams have been confirmed.
    pub(in crate::v3) fn beside_streams(&self) -> Option<StreamSlot> {
        let limit = self.limit();
        let mut streams = self.of_protocol.streams.iter();
        let found = streams.find(|one| one.confirmed() > 0 && one.has_room(limit)).cloned();
        found.map(|connection| self.slot(connection))
    }

    /// Forgets a connection for calls, which closes it, if no call is under way and there have been no more than these.
    pub(in crate::v3) fn close_idle(&mut self, connection: &Arc<Connection>, calls: usize) -> bool {
        let is_idle = connection.open() == 0 && connection.slots_given() == calls;
        if is_idle {
            self.of_protocol.calls.retain(|one| !Arc::ptr_eq(one, connection));
        }
        is_idle
    }

    /// The connection that the next call is given, unless it is a new one.
    pub(in crate::v3) fn free_for_calls(&self) -> Option<Arc<Connection>> {
        let (limit, count) = (self.limit(), self.of_protocol.calls.len());
        let free = self.of_protocol.calls.iter().find(|connection| connection.has_room(limit));
        let least = || self.of_protocol.calls.iter().min_by_key(|connection| connection.open());
        free.or_else(|| least().filter(|_| count == FOR_CALLS)).cloned()
    }

    /// The connection that the next stream is given, unless it is a new one.
    pub(in crate::v3) fn free_for_stream(
        &self,
        crowded: Option<&Arc<Connection>>,
    ) -> Option<Arc<Connection>> {
        // One place is left for a question on the same connection.
        let limit = (self.limit() - 1).max(1);
        let limit = crowded.map_or(limit, |crowded| limit.min(crowded.confirmed().max(UNPROVEN)));
        let is_crowded = |one: &&Arc<Connection>| crowded.is_some_and(|other| Arc::ptr_eq(one, other));
        let mut others = self.of_protocol.streams.iter().filter(|one| !is_crowded(one));
        others.find(|connection| connection.has_room(limit)).cloned()
    }

    /// Connections of this generation carry so many streams.
    pub(in crate::v3) fn learn(&mut self, generation: u64, limit: usize) {
        if generation == self.generation {
            self.of_protocol.limit = Some(self.limit().min(limit.max(1)));
        }
    }

    fn limit(&self) -> usize {
        self.of_protocol.limit.unwrap_or(STREAMS)
    }

    fn slot(&self, connection: Arc<Connection>) -> StreamSlot {
        connection.open.fetch_add(1, Ordering::Relaxed);
        connection.slots_given.fetch_add(1, Ordering::Relaxed);
        StreamSlot { connection, answered: Arc::clone(&self.answered), confirmed: false, turn: None }
    }
}

impl Connection {
    fn push(into: &mut Vec<Arc<Self>>, generation: u64, client: reqwest::Client) -> Arc<Self> {
        let [open, slots_given, confirmed, confirmations] = [const { AtomicUsize::new(0) }; 4];
        let room = AtomicUsize::new(usize::MAX);
        let gate = Gate(Semaphore::new(1));
        let connection =
            Arc::new(Self { generation, client, open, slots_given, confirmed, confirmations, room, gate });
        into.push(Arc::clone(&connection));
        connection
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many slots it has given so far.
    pub(in crate::v3) fn slots_given(&self) -> usize {
        self.slots_given.load(Ordering::Relaxed)
    }

    fn has_room(&self, limit: usize) -> bool {
        self.open() < limit.min(self.room.load(Ordering::Relaxed))
    }

    pub(in crate::v3) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    pub(in crate::v3) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// How many open streams on it the server has confirmed.
    pub(in crate::v3) fn confirmed(&self) -> usize {
        self.confirmed.load(Ordering::Relaxed)
    }

    /// How often a stream on it has been confirmed.
    pub(in crate::v3) fn confirmations(&self) -> usize {
        self.confirmations.load(Ordering::Relaxed)
    }

    /// Gives it no more streams than are confirmed on it, until that is known to be wrong.
    pub(in crate::v3) fn suspect(&self, is_full: bool) {
        let room = if is_full { self.confirmed().max(1) } else { usize::MAX };
        self.room.store(room, Ordering::Relaxed);
    }
}

impl Gate {
    /// Waits for the first answer, if another request is under way, but not for long: even if that is not
    /// answered, the server's limits are known by then. What is returned is kept until there is an answer.
    pub(in crate::v3) async fn pass(&self) -> Option<SemaphorePermit<'_>> {
        if self.0.is_closed() {
            return None;
        }
        timeout(FIRST_ANSWER, self.0.acquire()).await.ok()?.ok()
    }

    pub(in crate::v3) fn open(&self) {
        self.0.close();
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(STREAMS)))
    }
}

impl Turns {
    /// Waits for a turn, but not for long: an answer that takes its time holds up no other.
    pub(in crate::v3) async fn next(self) -> Option<OwnedSemaphorePermit> {
        match Arc::clone(&self.0).try_acquire_owned() {
            Ok(turn) => Some(turn),
            Err(_) => timeout(TURN_WITHIN, self.0.acquire_owned()).await.ok()?.ok(),
        }
    }
}

impl StreamSlot {
    /// For a call that has waited for its turn, which ends with it.
    pub(in crate::v3) fn in_turn(mut self, turn: Option<OwnedSemaphorePermit>) -> Self {
        self.turn = turn;
        self
    }

    pub(in crate::v3) fn generation(&self) -> u64 {
        self.connection.generation
    }

    pub(in crate::v3) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    pub(in crate::v3) fn answered(&self) -> &Arc<AtomicBool> {
        &self.answered
    }

    /// The server has begun the stream.
    pub(in crate::v3) fn confirm(&mut self) {
        if !std::mem::replace(&mut self.confirmed, true) {
            self.connection.confirmed.fetch_add(1, Ordering::Relaxed);
            self.connection.confirmations.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.connection.open.fetch_sub(1, Ordering::Relaxed);
        if self.confirmed {
            self.connection.confirmed.fetch_sub(1, Ordering::Relaxed);
        }
        // Only now: whoever has the next turn finds room.
        drop(self.turn.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(_: u64) -> Result<reqwest::Client, Error> {
        crate::transport::http::HttpOptions {
            connect_timeout: std::time::Duration::from_secs(1),
            tls: None,
            proxy: None,
            ping_after: crate::transport::http::PING_AFTER,
        }
        .client(crate::transport::http::Protocol::Http2, false)
    }

    fn stream(connections: &mut Connections) -> StreamSlot {
        let mut slot = connections.for_stream(None, client).unwrap();
        slot.confirm();
        slot
    }

    #[test]
    fn a_connection_carries_so_many_streams_and_no_more() {
        let mut connections = Connections::default();
        let mut shares: Vec<_> = (0..250).map(|_| stream(&mut connections)).collect();
        assert_eq!(connections.of_protocol.streams.len(), 3);
        let open: Vec<_> = connections.of_protocol.streams.iter().map(|one| one.open()).collect();
        assert_eq!(open, [99, 99, 52]);
        shares.truncate(50);
        shares.extend((0..49).map(|_| stream(&mut connections)));
        assert_eq!(
            connections.of_protocol.streams.iter().map(|one| one.open()).collect::<Vec<_>>(),
            [99, 0, 0]
        );
    }

    #[test]
    fn what_a_connection_has_confirmed_is_what_others_carry() {
        let mut connections = Connections::default();
        let confirmed: Vec<_> = (0..10).map(|_| stream(&mut connections)).collect();
        let waiting = connections.for_stream(None, client).unwrap();
        let beside = connections.for_stream(Some(waiting.connection()), client).unwrap();
        assert!(!Arc::ptr_eq(waiting.connection(), beside.connection()));
        connections.learn(7, 3);
        assert_eq!(connections.limit(), STREAMS, "that was another generation");
        connections.learn(0, waiting.connection().confirmed());
        drop(waiting);
        let more: Vec<_> = (0..9).map(|_| stream(&mut connections)).collect();
        assert_eq!(
            connections.of_protocol.streams.iter().map(|one| one.open()).collect::<Vec<_>>(),
            [10, 9, 1]
        );
        drop((confirmed, beside, more));
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_request_on_a_connection_waits_for_an_answer_but_not_for_long() {
        let start = tokio::time::Instant::now();
        let gate = Gate(Semaphore::new(1));
        let first = gate.pass().await.expect("the first");
        assert!(gate.pass().await.is_none());
        assert_eq!(start.elapsed(), FIRST_ANSWER);
        drop(first);
        let second = gate.pass().await.expect("the first has failed");
        gate.open();
        assert!(gate.pass().await.is_none());
        assert_eq!(start.elapsed(), FIRST_ANSWER);
        drop(second);
    }

    #[test]
    fn calls_share_few_connections_however_many_there_are() {
        let mut connections = Connections::default();
        let calls: Vec<_> = (0..2_000).map(|_| connections.for_calls(client).unwrap()).collect();
        assert_eq!((calls.len(), connections.of_protocol.calls.len()), (2_000, FOR_CALLS));
        assert!(connections.of_protocol.calls.iter().all(|connection| connection.open() == 250));
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_calls_as_fit_have_their_turn_and_others_wait_but_not_for_long() {
        let (start, turns) = (tokio::time::Instant::now(), Turns::default());
        let mut under_way = Vec::new();
        for _ in 0..STREAMS {
            under_way.push(turns.clone().next().await.expect("a turn"));
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(turns.clone().next().await.is_none());
        assert_eq!(start.elapsed(), TURN_WITHIN);
        let next = turns.next();
        under_way.pop();
        assert!(next.await.is_some());
        assert_eq!(start.elapsed(), TURN_WITHIN);
    }
}
