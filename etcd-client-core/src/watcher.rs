//! The watcher: lists a prefix, watches it, and never loses it again.
//!
//! ```text
//! Listing ──ok──► Opening ──ok──► Watching ──lost──► Waiting ──► Opening (resume)
//!    ▲               │               │                  └──────► Listing
//!    └─ compacted, rewound, ─────────┘
//!       or away for too long
//! ```
//!
//! The rules, and where each one lives:
//!
//! 1. The first read is one listing at one revision (`on_listed`).
//! 2. The watch starts after the revision that is held, and after no other
//!    (`open`).
//! 3. A batch is applied whole or not at all (`on_batch`).
//! 4. The end of a stream is a lost connection; only dropping the watcher ends it
//!    (`on_lost`).
//! 5. A short gap in the same history is replayed; otherwise the watcher lists, and reports the
//!    difference (`on_opened`, `adopt`).
//! 6. A history that went backwards, or is another one by now, is read anew, and announced
//!    (`recognition.rs`, `adopt`).
//! 7. A stream that does not answer is lost (`on_tick`); one that answers before it has sent what it
//!    speaks of proves nothing, and the store is asked (`inquiry.rs`, `on_inquiry`).
//! 8. An audit compares what is held with what the server holds (`audit.rs`).
//! 9. A prefix that held keys and reads empty is read twice (`on_listed`).
//! 10. Retries are paced (`backoff.rs`).
//! 11. Nothing here waits for a consumer: whoever calls `next` reads on.

mod audit;
mod backoff;
mod event;
mod history_check;
mod inquiry;
mod mirror;
mod options;
mod phase;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::mirror::Mirror;
use crate::log::outage::{Outage, OutageEnd};
use crate::store::{Batch, Listing, Opened, Prefix, Signal, Store};
use crate::{Error, Kind, OneLine};
use audit::{Audit, Finding, Proof};
use backoff::Backoff;
use inquiry::{Answer, Inquiry};
use phase::{Input, Phase, ProgressThrottle, StartAt, Then, Watching};

pub use event::{Cause, Counters, Event, State};
pub use options::Options;

/// How long to wait before an empty answer is asked for again (rule 9).
const CONFIRM_AFTER: Duration = Duration::from_millis(500);

/// Follows a prefix of a [`Store`], through whatever happens to the connection or the server.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use etcd_client_core::{MemoryStore, Prefix, watcher::{Event, Options, Watcher}};
///
/// let store = MemoryStore::from([("/app/level", "info")]);
/// let mut watcher = Watcher::new(Arc::new(store.clone()), Prefix::new("/app"), Options::default());
/// loop {
///     match watcher.next().await {
///         Event::Listed(listing) => assert_eq!(listing.entries.len(), 1),
///         Event::State(state) if state.is_watching() => { store.put("/app/level", "debug"); }
///         Event::Changed { batch, .. } => break assert_eq!(batch.changes.len(), 1),
///         _ => {}
///     }
/// }
/// # });
/// ```
#[derive(Debug)]
pub struct Watcher {
    store: Arc<dyn Store>,
    prefix: Prefix,
    options: Options,
    phase: Phase,
    /// What has been reported so far; `None` until the first listing.
    mirror: Option<Mirror>,
    backoff: Backoff,
    counters: Counters,
    /// What the log has heard of the connection, by the states that it failed into.
    outage: Outage<Discriminant<State>>,
    /// The log has heard that it watches.
    introduced: bool,
    /// The server has shown a history that cannot be the one that is held.
    rewound: bool,
    events: VecDeque<Event>,
}

impl Watcher {
    /// A watcher of everything below `prefix`. It does nothing until [`next`](Self::next) is called.
    pub fn new(store: Arc<dyn Store>, prefix: Prefix, options: Options) -> Self {
        let call = store.list(&prefix);
        Self {
            store,
            prefix,
            options: options.bounded(),
            phase: Phase::Listing { call, confirmed: false },
            mirror: None,
            backoff: Backoff::default(),
            counters: Counters::default(),
            outage: Outage::default(),
            introduced: false,
            rewound: false,
            events: VecDeque::from([Event::State(State::Listing)]),
        }
    }

    /// The next event. Never ends; dropping the future loses nothing, dropping the watcher stops it.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time enabled, as everything that sleeps.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            let input = poll_fn(|cx| self.phase.poll(cx)).await;
            self.advance(input);
        }
    }

    /// Takes a listing from an earlier time, of this process or another, for what has been reported:
    /// the first one that the store answers is then reported as its difference to it, as after any
    /// interruption. Does nothing once there was an [`Event::Listed`].
    pub fn assume(&mut self, listing: Arc<Listing>) {
        self.mirror.get_or_insert_with(|| Mirror::new(listing));
    }

    /// Begins again with a listing, whatever it was doing; what differs from `mirror`, which is in the
    /// order of its keys, is reported. For those who have lost track of what was reported.
    pub fn restart(&mut self, mirror: Arc<Listing>) {
        self.mirror = Some(Mirror::new(mirror));
        self.rewound = false;
        self.events.clear();
        self.list(false);
    }

    /// The cluster that what has been reported comes from, 0 where unknown.
    pub fn cluster(&self) -> u64 {
        self.mirror.as_ref().map_or(0, Mirror::cluster)
    }

    /// What has been done so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Asks the server how far it is, for those who cannot wait for the next sign of life: the
    /// answer is an [`Event::Current`]. Does nothing while there is no stream, and waits where it was
    /// asked less than 20 ms before.
    pub fn request_progress(&mut self) {
        if let Phase::Watching(watching) = &mut self.phase {
            watching.hurry();
        }
    }

    fn advance(&mut self, input: Input) {
        match input {
            Input::Listed { answer: Ok(listing), confirmed } => self.on_listed(listing, confirmed),
            Input::Listed { answer: Err(error), .. } => self.wait(error, Then::List { confirmed: false }),
            Input::Opened { answer: Ok(opened), from } => self.on_opened(opened, from),
            Input::Opened { answer: Err(error), from } => self.on_refused(error, from),
            Input::Signal(Ok(signal)) => self.on_signal(signal),
            Input::Signal(Err(error)) => self.on_lost(error),
            Input::Tick => self.on_tick(),
            Input::Audit => self.on_audit(),
            Input::Inquiry => self.on_inquiry(),
            Input::PauseOver(Then::List { confirmed }) => self.list(confirmed),
            Input::PauseOver(Then::Open(from)) => self.open(from),
        }
    }

    fn list(&mut self, confirmed: bool) {
        self.report(State::Listing);
        self.phase = Phase::Listing { call: self.store.list(&self.prefix), confirmed };
    }

    /// Rules 1 and 9.
    fn on_listed(&mut self, listing: Listing, confirmed: bool) {
        self.counters.lists += 1;
        self.backoff.answered();
        if !confirmed && self.reads_empty(&listing) {
            tracing::warn!(prefix = %self.prefix, "reads empty, but had keys: asking once more before it counts");
            return self.pause(CONFIRM_AFTER, Then::List { confirmed: true });
        }
        self.adopt(listing, Cause::Resync);
        self.open(StartAt::Listing);
    }

    fn reads_empty(&self, listing: &Listing) -> bool {
        listing.entries.is_empty() && self.mirror.as_ref().is_some_and(|mirror| !mirror.is_empty())
    }

    /// Makes a listing what is held, and reports what differs (rules 5 and 6).
    fn adopt(&mut self, listing: Listing, cause: Cause) {
        let listing = Arc::new(listing);
        let Some(mirror) = &mut self.mirror else {
            self.mirror = Some(Mirror::new(Arc::clone(&listing)));
            self.events.push_back(Event::Listed(listing));
            return;
        };
        if std::mem::take(&mut self.rewound) || mirror.precedes(listing.cluster, listing.revision) {
            let cluster_changed = mirror.is_other_cluster(listing.cluster);
            let (seen, now) = (mirror.revision(), listing.revision);
            self.counters.rewinds += 1;
            tracing::warn!(prefix = %self.prefix, seen, now, cluster_changed, "the store's history was rewound");
            self.events.push_back(Event::Rewound { seen, now, cluster_changed });
        }
        let (batch, differs) = mirror.replace(listing);
        if cause == Cause::Audit && differs {
            self.counters.repairs += 1;
            tracing::warn!(prefix = %self.prefix, keys = batch.changes.len(), "an audit found what the watch had missed");
        }
        self.events.push_back(Event::of(batch, cause));
    }

    /// Rule 2.
    fn open(&mut self, from: StartAt) {
        let Some(mirror) = &self.mirror else { return self.list(false) };
        let after = (from != StartAt::Head).then_some(mirror.revision());
        let mut call = self.store.watch(&self.prefix, after);
        if from != StartAt::Head {
            let resumes = from == StartAt::Lost;
            call = history_check::required(call, &self.store, &self.prefix, mirror.history_mark(), resumes);
        }
        if from == StartAt::Lost {
            self.report(State::Resuming);
        }
        self.phase = Phase::Opening { call, from };
    }

    /// Rules 5 and 6: whether to go on from where the last stream ended.
    fn on_opened(&mut self, opened: Opened, from: StartAt) {
        let Some(mirror) = &self.mirror else { return self.list(false) };
        let Opened { watch, head, cluster } = opened;
        if head != 0 && mirror.precedes(cluster, head) {
            // Another history, or a member that is behind its cluster: an authoritative read decides.
            // A member that is behind that, too, is left.
            let is_behind = from == StartAt::Listing;
            let pause = if is_behind { self.backoff.again() } else { Duration::ZERO };
            if is_behind {
                watch.abandon();
            }
            return self.pause(pause, Then::List { confirmed: false });
        }
        if from == StartAt::Lost && head.saturating_sub(mirror.revision()) > self.options.replay_limit {
            return self.list(false);
        }
        let audit = match from {
            StartAt::Listing => Audit::later(&self.options),
            StartAt::Lost => Audit::soon(&self.options),
            StartAt::Head => Audit::now(self.store.as_ref(), &self.prefix, head),
        };
        self.counters.resumes += u64::from(from == StartAt::Lost);
        let gap = from == StartAt::Head;
        if !gap {
            self.report(State::Watching { endpoint: watch.endpoint().to_owned() });
        }
        let tick = Box::pin(sleep(self.options.progress_interval));
        self.phase = Phase::Watching(Box::new(Watching {
            watch,
            from,
            heard: false,
            since: Instant::now(),
            tick,
            unanswered: false,
            audit,
            gap,
            throttle: ProgressThrottle::default(),
            inquiry: Inquiry::default(),
        }));
    }

    /// The watch could not be opened, or not be used.
    fn on_refused(&mut self, error: Error, from: StartAt) {
        match error.kind() {
            Kind::Compacted | Kind::TooLarge => {
                tracing::info!(prefix = %self.prefix, error = %OneLine(&error), "what was missed cannot be replayed: listing");
                self.report(State::Listing);
                let again = if from == StartAt::Lost {
                    Then::List { confirmed: false }
                } else {
                    Then::Open(StartAt::Head)
                };
                let pause = self.backoff.again();
                self.pause(pause, again);
            }
            Kind::FutureRevision => {
                self.report(State::Listing);
                self.rewound = true;
                let pause = self.backoff.again();
                self.pause(pause, Then::List { confirmed: false });
            }
            _ => {
                // Much may be written until the next try; then it is for a listing.
                let again = if from == StartAt::Listing { StartAt::Lost } else { from };
                self.wait(error, Then::Open(again));
            }
        }
    }

    fn on_signal(&mut self, signal: Signal) {
        let (Phase::Watching(watching), Some(mirror)) = (&mut self.phase, &mut self.mirror) else { return };
        watching.unanswered = false;
        if signal != Signal::Arriving {
            (watching.from, watching.heard) = (StartAt::Lost, true);
        }
        match signal {
            Signal::Batch(_) | Signal::Arriving => watching.inquiry.on_delivery(),
            Signal::Alive => watching.inquiry.on_alive(),
            Signal::Progress(_) => watching.inquiry.on_progress(),
            // Nothing was lost, so the state stays what it is while the prefix is listed.
            Signal::Stale => {
                self.phase = Phase::Listing { call: self.store.list(&self.prefix), confirmed: false };
                return;
            }
        }
        match signal {
            Signal::Batch(batch) if watching.gap => watching.audit.note(&batch),
            Signal::Batch(batch) => self.on_batch(batch),
            Signal::Progress(revision) if revision >= mirror.revision() && !watching.gap => {
                mirror.advance(revision);
                self.events.push_back(Event::Current { revision });
            }
            Signal::Progress(_) | Signal::Alive | Signal::Arriving | Signal::Stale => {}
        }
        self.compare();
    }

    /// Rule 3. What an audit has already taken over is not applied again.
    fn on_batch(&mut self, batch: Batch) {
        let (Phase::Watching(watching), Some(mirror)) = (&mut self.phase, &mut self.mirror) else { return };
        if batch.revision <= mirror.revision() {
            return;
        }
        watching.audit.note(&batch);
        let batch = mirror.apply(batch);
        self.events.push_back(Event::of(batch, Cause::Watch));
    }

    /// Rule 7.
    fn on_tick(&mut self) {
        let Phase::Watching(watching) = &mut self.phase else { return };
        if !watching.unanswered {
            watching.unanswered = true;
            watching.request_progress();
            watching.tick.as_mut().reset(Instant::now() + self.options.progress_interval);
            return;
        }
        let (endpoint, interval) = (watching.watch.endpoint(), self.options.progress_interval);
        let error =
            Error::new(Kind::Timeout, format!("{endpoint} has not answered on the watch for {interval:.1?}"));
        let is_resumable = watching.watch.is_resumable();
        self.leave(
            error,
            if is_resumable { Then::Open(StartAt::Lost) } else { Then::List { confirmed: false } },
        );
    }

    /// The store has said whether what is held is still so (rule 7).
    fn on_inquiry(&mut self) {
        let (Phase::Watching(watching), Some(mirror)) = (&mut self.phase, &mut self.mirror) else { return };
        match watching.inquiry.advance(&self.store, &self.prefix, mirror.known()) {
            Answer::Unchanged(revision) => {
                watching.unanswered = false;
                watching.from = StartAt::Lost;
                if watching.audit.is_under_way() || watching.gap {
                    // What is on its way must be noted, even where it comes to nothing.
                    return self.compare_at_rest();
                }
                mirror.advance(revision);
                self.events.push_back(Event::Current { revision });
            }
            // An audit under way is a listing, too.
            Answer::Behind(time)
                if time >= self.options.progress_interval && !watching.audit.is_under_way() =>
            {
                let (endpoint, revision) = (watching.watch.endpoint(), mirror.revision());
                let message = format!(
                    "{endpoint} has sent nothing for {time:.1?} of what the store holds after revision {revision}"
                );
                self.leave(Error::new(Kind::Timeout, message), Then::List { confirmed: false });
            }
            Answer::Failed(error) => self.on_lost(error),
            Answer::Behind(_) | Answer::Nothing => {}
        }
    }

    /// Leaves a stream on which nothing comes, and its endpoint.
    fn leave(&mut self, error: Error, then: Then) {
        let waiting = Phase::Waiting { pause: Box::pin(sleep(Duration::ZERO)), then };
        let phase = std::mem::replace(&mut self.phase, waiting);
        if let Phase::Watching(watching) = phase {
            let (lasted, from) = (watching.since.elapsed(), watching.from);
            watching.watch.abandon();
            self.after_loss(error, lasted, from, then);
        }
    }

    /// Rule 8: the audit's timer, its answer, or its patience has come to an end.
    fn on_audit(&mut self) {
        let (Phase::Watching(watching), Some(mirror)) = (&mut self.phase, &self.mirror) else { return };
        let (gap, was_refused) = (watching.gap, watching.audit.was_refused());
        match watching.audit.advance(self.store.as_ref(), &self.prefix, mirror.revision(), &self.options) {
            Finding::Nothing => {}
            Finding::Read if gap => self.conclude(),
            Finding::Read => {
                watching.request_progress();
                self.compare();
                self.compare_at_rest();
            }
            Finding::Overdue => self.conclude(),
            Finding::Failed(error) if gap => self.on_lost(error),
            Finding::Failed(error) if error.is_access() => {
                if !was_refused {
                    let (prefix, error) = (&self.prefix, OneLine(&error));
                    tracing::warn!(%prefix, %error, "an audit may not read the prefix: the watch may have to end");
                }
                self.events.push_back(Event::State(State::failed(error)));
            }
            Finding::Failed(error) => {
                tracing::debug!(prefix = %self.prefix, error = %OneLine(&error), "an audit could not read the prefix: trying again");
            }
        }
    }

    /// Concludes an audit as soon as the stream has come to the revision that was read.
    fn compare(&mut self) {
        let (Phase::Watching(watching), Some(mirror)) = (&self.phase, &self.mirror) else { return };
        if watching.audit.listing().is_some_and(|listing| listing.revision <= mirror.revision()) {
            self.conclude();
        }
    }

    /// Concludes an audit whose read is what is held, key by key: what may be on its way up to there
    /// comes to nothing.
    fn compare_at_rest(&mut self) {
        let (Phase::Watching(watching), Some(mirror)) = (&self.phase, &self.mirror) else { return };
        let is_read = watching.audit.listing().is_some_and(|listing| mirror.is_same(listing));
        if is_read && !watching.gap {
            self.conclude();
        }
    }

    fn conclude(&mut self) {
        let (Phase::Watching(watching), Some(mirror)) = (&mut self.phase, &self.mirror) else { return };
        let (was_refused, endpoint) = (watching.audit.was_refused(), watching.watch.endpoint().to_owned());
        let Some(Proof { mut listing, rewound }) = watching.audit.conclude(&self.options) else { return };
        let gap = std::mem::take(&mut watching.gap);
        self.counters.lists += u64::from(gap);
        self.counters.audits += u64::from(!gap);
        if was_refused {
            tracing::info!(prefix = %self.prefix, endpoint, "an audit may read the prefix again");
            self.events.push_back(Event::State(State::Watching { endpoint: endpoint.clone() }));
        }
        let is_other_cluster = mirror.is_other_cluster(listing.cluster);
        self.rewound |= rewound && !is_other_cluster;
        if rewound || is_other_cluster || (listing.entries.is_empty() && !mirror.is_empty()) {
            return self.list(false);
        }
        listing.revision = listing.revision.max(mirror.revision());
        self.adopt(listing, if gap { Cause::Resync } else { Cause::Audit });
        if gap {
            self.report(State::Watching { endpoint });
        }
    }

    /// Rule 4: from here it goes on by resuming, or by listing where resuming cannot work.
    fn on_lost(&mut self, error: Error) {
        let Phase::Watching(watching) = &self.phase else { return };
        // What a stream has come to cannot be compacted: its server was too slow, or says what is not so.
        if error.kind() == Kind::Compacted && (watching.heard || watching.from == StartAt::Head) {
            return self.leave(error, Then::Open(StartAt::Lost));
        }
        let (lasted, from) = (watching.since.elapsed(), watching.from);
        self.after_loss(error, lasted, from, Then::Open(StartAt::Lost));
    }

    fn after_loss(&mut self, error: Error, lasted: Duration, from: StartAt, then: Then) {
        self.counters.losses += 1;
        self.backoff.lost_after(lasted);
        match error.kind() {
            // etcd confirms a watch before it says that its start is compacted.
            Kind::Compacted => self.on_refused(error, from),
            Kind::FutureRevision | Kind::TooLarge => self.on_refused(error, StartAt::Lost),
            _ => self.wait(error, then),
        }
    }

    /// Rule 10.
    fn wait(&mut self, error: Error, then: Then) {
        let pause = if error.is_access() {
            backoff::jittered(self.options.access_retry)
        } else {
            self.backoff.next()
        };
        let state = State::failed(error);
        self.log_failure(&state, pause);
        self.report(state);
        self.pause(pause, then);
    }

    fn pause(&mut self, pause: Duration, then: Then) {
        self.phase = Phase::Waiting { pause: Box::pin(sleep(pause)), then };
    }

    fn report(&mut self, state: State) {
        if let State::Watching { endpoint } = &state {
            self.log_watching(endpoint);
            self.backoff.answered();
        }
        self.events.push_back(Event::State(state));
    }

    /// An outage is in the log once, not at each attempt.
    fn log_failure(&mut self, state: &State, pause: Duration) {
        let Some(error) = state.error() else { return };
        let (prefix, seconds) = (&self.prefix, pause.as_secs_f64());
        let retry_in = format!("{seconds:.1}s");
        // What waiting does not cure, at the start, is for whoever has begun it: it is an event, too.
        let is_final = self.mirror.is_none() && !error.is_transient();
        if !is_final && self.outage.failed(discriminant(state)) {
            tracing::warn!(%prefix, error = %OneLine(error), %retry_in, "not connected: trying until it is over");
        } else {
            tracing::debug!(%prefix, error = %OneLine(error), %retry_in, "still not connected");
        }
    }

    fn log_watching(&mut self, endpoint: &str) {
        let prefix = &self.prefix;
        match self.outage.end() {
            Some(OutageEnd { lasted, failures }) => {
                let outage = format!("{:.1}s", lasted.as_secs_f64());
                tracing::info!(%prefix, endpoint, %outage, failures, "connected: watching");
            }
            None if !self.introduced => tracing::info!(%prefix, endpoint, "watching"),
            None => tracing::debug!(%prefix, endpoint, "watching"),
        }
        self.introduced = true;
    }
}
