//! `Substreams` at a model of etcd's watch stream, with every order of things that the server allows: what is
//! delivered is what was written, and no watch takes an answer for its progress that does not speak for it.
//!
//! `DEALER_SCHEDULES` sets how many schedules are run, `DEALER_SEED` the first.

use std::collections::{BTreeMap, BTreeSet};
use std::task::{Context, Poll, Waker};

use fastrand::Rng;

use super::super::mailbox::Arrival;
use super::*;
use crate::v3::wire::messages::{Event, KeyValue};

/// Answers and frames that wait within the server, before watches lag.
const CHANNEL: usize = 4;
const KEYS: u8 = 3;

/// A server's side of one stream. The names are etcd's.
#[derive(Default)]
struct Server {
    head: i64,
    compacted: i64,
    /// The key that each revision from 1 on has written.
    history: Vec<u8>,
    requests: VecDeque<WatchAction>,
    watchers: BTreeMap<i64, Watcher>,
    event_channel: VecDeque<WatchResponse>,
    ctrl_stream: VecDeque<WatchResponse>,
    announced: BTreeSet<i64>,
    pending: BTreeMap<i64, Vec<WatchResponse>>,
    wire: VecDeque<WatchResponse>,
}

struct Watcher {
    key: u8,
    next: i64,
    is_synced: bool,
    is_compacted: bool,
}

fn frame(watch_id: i64, revision: i64) -> WatchResponse {
    let header = Some(ResponseHeader { revision, ..ResponseHeader::default() });
    WatchResponse { header, watch_id, ..WatchResponse::default() }
}

impl Server {
    fn write(&mut self, key: u8) {
        self.head += 1;
        self.history.push(key);
        let (head, history) = (self.head, &self.history);
        for (id, watcher) in &mut self.watchers {
            if watcher.key == key && watcher.is_synced {
                if self.event_channel.len() < CHANNEL {
                    self.event_channel.push_back(events(history, *id, key, head, head));
                    watcher.next = head + 1;
                } else {
                    watcher.is_synced = false;
                }
            } else if watcher.is_synced {
                watcher.next = head + 1;
            }
        }
    }

    /// One watcher that lags catches up, as far as there is room.
    fn sync(&mut self, rng: &mut Rng) {
        let lagging: Vec<i64> = self
            .watchers
            .iter()
            .filter(|(_, one)| !one.is_synced && !one.is_compacted)
            .map(|(id, _)| *id)
            .collect();
        let Some(id) = rng.choice(lagging) else { return };
        if self.event_channel.len() >= CHANNEL {
            return;
        }
        let watcher = self.watchers.get_mut(&id).unwrap();
        if watcher.next < self.compacted {
            watcher.is_compacted = true;
            let compact_revision = self.compacted;
            self.event_channel.push_back(WatchResponse {
                watch_id: id,
                canceled: true,
                compact_revision,
                ..WatchResponse::default()
            });
            return;
        }
        let missed = events(&self.history, id, watcher.key, watcher.next, self.head);
        (watcher.next, watcher.is_synced) = (self.head + 1, true);
        if !missed.events.is_empty() {
            self.event_channel.push_back(missed);
        }
    }

    /// recvLoop.
    fn receive(&mut self, rng: &mut Rng) {
        match self.requests.pop_front() {
            None => {}
            Some(WatchAction::Create(create)) => {
                if rng.u8(..8) == 0 {
                    let cancel_reason = "etcdserver: permission denied".to_owned();
                    let refusal = WatchResponse {
                        created: true,
                        canceled: true,
                        cancel_reason,
                        ..frame(-1, self.head.max(1))
                    };
                    return self.ctrl_stream.push_back(refusal);
                }
                let is_synced = create.start_revision == 0;
                let next = if is_synced { self.head + 1 } else { create.start_revision };
                let watcher = Watcher { key: create.key[0], next, is_synced, is_compacted: false };
                assert!(self.watchers.insert(create.watch_id, watcher).is_none(), "a number twice");
                // The head is looked up when the watch has begun.
                if rng.u8(..4) == 0 {
                    self.write(rng.u8(..KEYS));
                }
                self.ctrl_stream
                    .push_back(WatchResponse { created: true, ..frame(create.watch_id, self.head) });
            }
            Some(WatchAction::Cancel(cancel)) => {
                let answer = WatchResponse { canceled: true, ..frame(cancel.watch_id, self.head) };
                self.ctrl_stream.extend(self.watchers.remove(&cancel.watch_id).map(|_| answer));
            }
            Some(WatchAction::Progress(_)) => {
                let in_sync =
                    self.watchers.values().all(|watcher| watcher.is_synced && !watcher.is_compacted);
                if in_sync && !self.watchers.is_empty() && self.event_channel.len() < CHANNEL {
                    self.event_channel.push_back(frame(-1, self.head));
                }
            }
        }
    }

    /// sendLoop: takes from either channel.
    fn send(&mut self, rng: &mut Rng) {
        if rng.bool() {
            let Some(control) = self.ctrl_stream.pop_front() else { return };
            let (id, created, canceled) = (control.watch_id, control.created, control.canceled);
            self.wire.push_back(control);
            if canceled {
                self.announced.remove(&id);
            } else if created {
                self.announced.insert(id);
                self.wire.extend(self.pending.remove(&id).unwrap_or_default());
            }
        } else {
            let Some(event) = self.event_channel.pop_front() else { return };
            if event.watch_id == -1 || self.announced.contains(&event.watch_id) {
                self.wire.push_back(event);
            } else {
                self.pending.entry(event.watch_id).or_default().push(event);
            }
        }
    }
}

fn events(history: &[u8], id: i64, key: u8, from: i64, head: i64) -> WatchResponse {
    let event = |revision: i64| {
        let kv = KeyValue { key: vec![key].into(), mod_revision: revision, ..KeyValue::default() };
        Event { kv: Some(kv), ..Event::default() }
    };
    let written = |revision: &i64| history[usize::try_from(*revision - 1).unwrap()] == key;
    let events = (from.max(1)..=head).filter(written).map(event).collect();
    WatchResponse { events, ..frame(id, head) }
}

/// One watch of the client, and what it should have been sent.
struct Client {
    key: u8,
    start_revision: i64,
    mailbox: Arc<Mailbox>,
    begun: oneshot::Receiver<Result<Begun, Failure>>,
    watch_id: Option<i64>,
    /// Everything of the key up to here has arrived.
    seen: i64,
    progress: i64,
    is_over: bool,
}

impl Client {
    fn new(substreams: &mut Substreams, key: u8, start_revision: i64) -> Self {
        let mailbox = Arc::<Mailbox>::default();
        let (waiting, begun) = oneshot::channel();
        let request =
            WatchCreateRequest { key: vec![key].into(), start_revision, ..WatchCreateRequest::default() };
        substreams.create(Creation { request, mailbox: Arc::clone(&mailbox), waiting });
        Self {
            key,
            start_revision,
            mailbox,
            begun,
            watch_id: None,
            seen: start_revision - 1,
            progress: 0,
            is_over: false,
        }
    }

    fn read(&mut self, history: &[u8]) {
        if self.watch_id.is_none() {
            match self.begun.try_recv() {
                Ok(Ok(begun)) => {
                    self.watch_id = Some(begun.watch_id);
                    if self.start_revision == 0 {
                        self.seen = begun.header.revision;
                    }
                }
                Ok(Err(_)) => self.is_over = true,
                Err(_) => return,
            }
        }
        while let Poll::Ready(arrival) = self.mailbox.poll_next(&mut Context::from_waker(Waker::noop())) {
            match arrival {
                Ok(Arrival::Events(frame)) => {
                    for event in frame.events {
                        let revision = event.kv.unwrap().mod_revision;
                        // It may have begun just before the revision that its confirmation names.
                        if revision <= self.seen && self.start_revision == 0 {
                            continue;
                        }
                        assert_eq!(self.missed(history, revision - 1), None, "before {revision}");
                        assert!(revision > self.seen, "{revision} twice");
                        self.seen = revision;
                    }
                }
                Ok(Arrival::Answer { covers_watch: false, .. }) => {}
                Ok(Arrival::Answer { head, covers_watch: true }) => {
                    assert_eq!(
                        self.missed(history, head),
                        None,
                        "progress {head} of what begins at {}",
                        self.start_revision
                    );
                    (self.seen, self.progress) = (self.seen.max(head), self.progress.max(head));
                }
                Err(end) => {
                    assert_eq!(end.error.kind(), Kind::Compacted);
                    self.is_over = true;
                }
            }
        }
    }

    /// A revision up to this one that should have arrived.
    fn missed(&self, history: &[u8], up_to: i64) -> Option<i64> {
        (self.seen + 1..=up_to).find(|revision| history[usize::try_from(*revision - 1).unwrap()] == self.key)
    }
}

fn opened(server: &mut Server) -> Substreams {
    let mut substreams = Substreams::new(0);
    let (waiting, _begun) = oneshot::channel();
    let creation = Creation { request: WatchCreateRequest::default(), mailbox: Arc::default(), waiting };
    let header = ResponseHeader { revision: server.head, ..ResponseHeader::default() };
    let watcher = Watcher { key: KEYS, next: server.head + 1, is_synced: true, is_compacted: false };
    server.watchers.insert(FIRST_ID, watcher);
    server.announced.insert(FIRST_ID);
    substreams.opened(creation, Begun { watch_id: FIRST_ID, header });
    substreams
}

fn run(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let mut server = Server::default();
    (0..rng.u8(1..20)).for_each(|_| server.write(rng.u8(..KEYS)));
    let mut substreams = opened(&mut server);
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..rng.usize(50..400) {
        match rng.u8(..32) {
            0..=1 => {
                let start = if rng.bool() { 0 } else { rng.i64(1..=server.head) };
                clients.push(Client::new(&mut substreams, rng.u8(..KEYS), start));
            }
            2 if !clients.is_empty() => {
                let gone = clients.swap_remove(rng.usize(..clients.len()));
                gone.watch_id.into_iter().for_each(|id| substreams.cancel(id));
            }
            3 => substreams.ask(rng.bool()),
            4 => substreams.ask_now(),
            5..=7 => server.write(rng.u8(..KEYS)),
            8 if rng.u8(..4) == 0 => server.compacted = rng.i64(server.compacted..=server.head),
            9..=11 => server.sync(&mut rng),
            12..=15 => server.requests.extend(substreams.next_outgoing().and_then(|request| request.action)),
            16..=19 => server.receive(&mut rng),
            20..=25 => server.send(&mut rng),
            26..=29 => {
                if let Some(frame) = server.wire.pop_front() {
                    substreams.read(frame).unwrap();
                }
            }
            _ => clients.iter_mut().for_each(|client| client.read(&server.history)),
        }
        clients.retain(|client| !client.is_over);
    }
    // In the end all are in step, and know it.
    for _ in 0..2_000 {
        substreams.ask(false);
        server.requests.extend(substreams.next_outgoing().and_then(|request| request.action));
        server.receive(&mut rng);
        server.sync(&mut rng);
        (0..8).for_each(|_| server.send(&mut rng));
        while let Some(frame) = server.wire.pop_front() {
            substreams.read(frame).unwrap();
        }
        clients.iter_mut().for_each(|client| client.read(&server.history));
        clients.retain(|client| !client.is_over);
        if substreams.unanswered() > 0 {
            substreams.ask_now();
        }
    }
    for client in clients {
        assert_eq!(client.progress, server.head, "{:?} of key {}", client.watch_id, client.key);
    }
}

#[test]
fn what_is_dealt_out_is_what_was_written_whatever_the_order() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let first = number("DEALER_SEED").unwrap_or(0);
    for seed in first..first + number("DEALER_SCHEDULES").unwrap_or(300) {
        let outcome = std::panic::catch_unwind(|| run(seed));
        if let Err(panic) = outcome {
            eprintln!("DEALER_SEED={seed} DEALER_SCHEDULES=1");
            std::panic::resume_unwind(panic);
        }
    }
}
