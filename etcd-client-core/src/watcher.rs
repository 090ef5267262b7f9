//! The watcher: lists a prefix, watches it, and reports every change of it until it is dropped.
//!
//! | phase | what ends it | next phase |
//! | --- | --- | --- |
//! | `Listing` | the listing | `Opening`, after the listing |
//! | `Opening` | the store's confirmation | `Watching` |
//! | | it is after too many revisions | `CatchingUp` |
//! | | it is of another history | `Listing` |
//! | `CatchingUp` | what was written since the mirror | `Opening`, after it |
//! | | that does not explain what the store has | `Listing` |
//! | `Listing`, `CatchingUp` | something was committed meanwhile, and more was written after it | `ReadingCommit` |
//! | `ReadingCommit` | the state at the commit | `Opening`, after what was read before |
//! | `Watching` | the stream is lost | `Waiting`, then `Opening`, as a resume |
//! | | the store no longer has its changes | `Waiting`, then `CatchingUp` |
//! | | it shows another history | `Waiting`, then `Listing` |
//! | | it cannot deliver what has changed | `CatchingUp`, or `Listing` |
//! | any | a failure | `Waiting`, then the same again |
//!
//! The *mirror* is the state of the prefix that has been reported so far: keys at one revision.
//!
//! The rules, and where each one is kept:
//!
//! 1. The first read is one listing at one revision (`on_listed`).
//! 2. The watch starts right after the mirror's revision (`open`). If the server compacts faster than a listing
//!    takes, it starts at the head instead (`WatchStart::Head`), and a listing then closes the gap up to there
//!    (`has_gap`).
//! 3. A batch is applied whole or not at all (`on_batch`). Of several directories it is whole once the stream of each has
//!    come to its revision (`store/merged_watch.rs`).
//! 4. The end of a stream is a lost connection; only dropping the watcher ends it
//!    (`on_lost`).
//! 5. A short gap in the same history is replayed; otherwise the watcher reads what was written meanwhile, or
//!    lists, and reports the difference (`on_opened`, `catch_up.rs`, `replace_mirror`); if asked to, by itself that up to
//!    the last commit (`commits.rs`).
//! 6. When the store's history went backwards or was replaced, the prefix is listed and the rewind
//!    reported (`history_check.rs`, `replace_mirror`).
//! 7. A stream that does not answer is lost (`on_tick`). One that answers without saying how far it is
//!    proves only that it is alive, so the store is asked (`freshness_check.rs`, `on_freshness_check`).
//! 8. An audit compares the mirror with what the server holds (`audit.rs`). The listing that closes a gap is
//!    compared in the same way.
//! 9. If the prefix had keys and is now listed empty, it is listed a second time (`on_listed`).
//! 10. Retries are paced (`backoff.rs`).
//! 11. Nothing runs in the background: the watcher reads on when `next` is called.

mod audit;
mod auditing;
mod backoff;
mod catch_up;
mod commits;
mod connection_log;
mod event;
mod freshness_check;
mod history_check;
mod mirror;
mod newest;
mod options;
mod phase;
mod rhythm;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use self::mirror::Mirror;
use crate::store::{Batch, BoxFuture, Listing, Opened, PackedListing, Prefix, Signal, Store};
use crate::{Error, Kind, OneLine};
use audit::{Audit, Scope};
use backoff::Backoff;
use connection_log::ConnectionLog;
use freshness_check::Freshness;
use history_check::Confirmed;
use newest::Newest;
use phase::{AfterPause, Input, Phase, WatchStart, Watching};
use rhythm::Rhythm;

pub use event::{Cause, Counters, Event, State};
pub use options::Options;

/// How long after an empty listing the second one is made (rule 9).
const CONFIRM_EMPTY_AFTER: Duration = Duration::from_millis(500);

/// Follows a prefix of a [`Store`], through whatever happens to the connection or the server: a first
/// [`Event::Listed`], then each change, in the order of the revisions. It resumes after a lost connection,
/// reads what it has missed when the changes are compacted, and audits at intervals, so that what it reports always adds
/// up to the state of the prefix at one revision.
///
/// Use it to mirror keys as bytes. For a typed configuration use the crate `etcd-config`, which is built on
/// it; for a single wait for a change of one key, the clients have watches of their own, such as
/// [`v2::Client::watch`](crate::v2::Client::watch).
///
/// It has no task of its own: it works while [`next`](Self::next) is awaited, and stops when it is dropped.
/// Failures are not returned, because it never gives up: they are [`Event::State`]s, and the watcher
/// tries again. To give up, drop it.
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
    /// The state that has been reported so far; `None` until the first listing.
    mirror: Option<Mirror>,
    backoff: Backoff,
    counters: Counters,
    log: ConnectionLog,
    scope: Scope,
    /// The gap up to this revision was measured, and is short enough to be replayed.
    replay_measured: u64,
    /// The server has shown that its history is not the mirror's; the next listing reports a rewind.
    rewound: bool,
    /// An answer of the store contradicts the mirror. Before the next watch is resumed, the store is asked whether it has
    /// the same past.
    doubted: bool,
    events: VecDeque<Event>,
}

impl Watcher {
    /// A watcher of all keys below `prefix`. Nothing is sent before [`next`](Self::next) is awaited. The store
    /// opens its connections on the runtime that awaits `next`: if the store is used on another runtime, give it
    /// [`store.with_own_connections()`](Store::with_own_connections).
    pub fn new(store: Arc<dyn Store>, prefix: Prefix, options: Options) -> Self {
        let call = store.list(&prefix);
        Self {
            store,
            prefix,
            options: options.bounded(),
            phase: Phase::Listing { call, is_second: false },
            mirror: None,
            backoff: Backoff::default(),
            counters: Counters::default(),
            log: ConnectionLog::default(),
            scope: Scope::default(),
            replay_measured: 0,
            rewound: false,
            doubted: false,
            events: VecDeque::from([Event::State(State::Listing)]),
        }
    }

    /// The next event. There is always one more. Cancel safe: dropping the future loses no event. Await it again soon:
    /// while it is not polled, what arrives waits in memory, over v3 up to 16 MiB of it; then the watch ends, and what
    /// was missed follows as after a lost connection.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time enabled.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            let input = poll_fn(|cx| self.phase.poll(cx)).await;
            self.advance(input);
        }
    }

    /// Begins with a listing of an earlier time, such as one from a cache file, as if it had been reported:
    /// instead of an [`Event::Listed`] the difference between it and the first listing of the store is
    /// reported, as after an interruption. Does nothing once there was an [`Event::Listed`].
    #[allow(clippy::needless_pass_by_value)] // The caller need not have it any longer.
    pub fn assume(&mut self, listing: Arc<Listing>) {
        self.mirror.get_or_insert_with(|| Mirror::new(&listing));
    }

    /// Drops the call or stream under way and lists the prefix; the difference to `known` is reported.
    /// For a consumer that has lost events, and knows that it has the state `known`. Its entries must be
    /// in the order of their keys.
    #[allow(clippy::needless_pass_by_value)] // The caller need not have it any longer.
    pub fn restart(&mut self, known: Arc<Listing>) {
        self.mirror = Some(Mirror::new(&known));
        self.rewound = false;
        self.events.clear();
        self.list(false);
    }

    /// The listing that the watcher itself keeps, packed, for a consumer that keeps it, too: right after
    /// [`Event::Listed`] the same as that, and later without what has changed since. `None` before.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// use std::sync::Arc;
    /// use etcd_client_core::{MemoryStore, Prefix, watcher::{Event, Options, Watcher}};
    ///
    /// let store = MemoryStore::from([("/app/level", "info")]);
    /// let mut watcher = Watcher::new(Arc::new(store), Prefix::new("/app"), Options::default());
    /// let listing = loop {
    ///     if let Event::Listed(listing) = watcher.next().await {
    ///         break listing;
    ///     }
    /// };
    /// assert_eq!(watcher.listed().map(|packed| packed.listing()), Some((*listing).clone()));
    /// # });
    /// ```
    pub fn listed(&self) -> Option<Arc<PackedListing>> {
        self.mirror.as_ref().map(|mirror| Arc::clone(mirror.listing()))
    }

    /// The id of the cluster that the reported state comes from, 0 if it is unknown.
    pub fn cluster(&self) -> u64 {
        self.mirror.as_ref().map_or(0, Mirror::cluster)
    }

    /// What has been done so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Asks the server for a progress notification now, not after the
    /// [progress interval](Options::progress_interval); it is reported as an [`Event::Current`]. Requests are
    /// sent at most every 20 ms; while no stream is open, nothing is sent.
    pub fn request_progress(&mut self) {
        if let Phase::Watching(watching) = &mut self.phase {
            watching.request_progress_soon();
        }
    }

    fn advance(&mut self, input: Input) {
        match input {
            Input::Listed { answer: Ok(listing), is_second } => self.on_listed(listing, is_second),
            Input::Listed { answer: Err(error), .. } => {
                self.retry_later(error, AfterPause::LIST);
            }
            Input::CaughtUp { answer, since, may_replay } => self.on_caught_up(answer, since, may_replay),
            Input::CommitRead { answer, newest } => self.on_commit_read(answer, newest),
            Input::Opened { answer: Ok(confirmed), start } => self.on_opened(confirmed, start),
            Input::Opened { answer: Err(error), start } => self.on_not_opened(error, start),
            Input::Signal(Ok(signal)) => self.on_signal(signal),
            Input::Signal(Err(error)) => self.on_lost(error),
            Input::Tick => self.on_tick(),
            Input::Audit => self.on_audit(),
            Input::FreshnessCheck => self.on_freshness_check(),
            Input::PauseOver(AfterPause::List { is_second }) => self.list(is_second),
            Input::PauseOver(AfterPause::CatchUp) => self.catch_up(false),
            Input::PauseOver(AfterPause::Refresh) => self.refresh(),
            Input::PauseOver(AfterPause::Open(start)) => self.open(start),
        }
    }

    fn list(&mut self, is_second: bool) {
        self.report(State::Listing);
        self.phase = Phase::Listing { call: self.store.list(&self.prefix), is_second };
    }

    /// Rules 1 and 9.
    fn on_listed(&mut self, listing: Listing, is_second: bool) {
        self.counters.lists += 1;
        self.backoff.answered();
        if !is_second && self.reads_empty(&listing) {
            tracing::warn!(prefix = %self.prefix, "reads empty, but had keys: asking once more before it counts");
            return self.pause(CONFIRM_EMPTY_AFTER, AfterPause::List { is_second: true });
        }
        self.take_newest(Newest::Listing(listing));
    }

    fn reads_empty(&self, listing: &Listing) -> bool {
        listing.entries.is_empty() && self.mirror.as_ref().is_some_and(|mirror| !mirror.is_empty())
    }

    /// Makes a listing the mirror, and reports the difference (rules 5 and 6).
    fn replace_mirror(&mut self, listing: Listing, cause: Cause) {
        let Some(mirror) = &mut self.mirror else {
            self.scope.listed(&self.options);
            self.mirror = Some(Mirror::new(&listing));
            self.events.push_back(Event::Listed(Arc::new(listing)));
            return;
        };
        if std::mem::take(&mut self.rewound) || mirror.cannot_be_of(listing.cluster, listing.revision) {
            let cluster_changed = mirror.is_other_cluster(listing.cluster);
            let (seen, now) = (mirror.revision(), listing.revision);
            self.counters.rewinds += 1;
            tracing::warn!(prefix = %self.prefix, seen, now, cluster_changed, "the store's history was rewound");
            self.events.push_back(Event::Rewound { seen, now, cluster_changed });
        }
        self.scope.listed(&self.options);
        let is_ahead = listing.revision > mirror.revision();
        let (batch, values_differ) = mirror.replace(&listing);
        if cause == Cause::Audit && values_differ {
            self.count_repair(batch.changes.len(), is_ahead);
        }
        self.events.push_back(Event::changed_or_current(batch, cause));
    }

    /// Rule 2.
    fn open(&mut self, start: WatchStart) {
        let Some(mirror) = &self.mirror else { return self.list(false) };
        let after = (start != WatchStart::Head).then_some(mirror.revision());
        let call = self.store.watch(&self.prefix, after);
        let call: BoxFuture<Result<Confirmed, Error>> = if start == WatchStart::Head {
            Box::pin(async move { call.await.map(Confirmed::from) })
        } else {
            let question = self.question_before(start, mirror);
            history_check::opened_in_same_history(
                call,
                &self.store,
                &self.prefix,
                mirror.history_mark(),
                question,
            )
        };
        if start == WatchStart::Resume {
            self.report(State::Resuming);
        }
        self.phase = Phase::Opening { call, start };
    }

    /// Rules 5 and 6: whether the opened watch continues the mirror, or a listing is needed.
    fn on_opened(&mut self, confirmed: Confirmed, start: WatchStart) {
        let Some(mirror) = &self.mirror else { return self.list(false) };
        let Confirmed { opened: Opened { watch, head, cluster }, written } = confirmed;
        if head != 0 && mirror.cannot_be_of(cluster, head) {
            // Another history, or a lagging member: a linearizable listing decides. A member that has not come to
            // a listing that was just made is lagging: its stream is abandoned, and the next call goes elsewhere.
            let is_lagging = start == WatchStart::AfterListing;
            let pause = if is_lagging { self.backoff.before_other_start() } else { Duration::ZERO };
            if is_lagging {
                watch.abandon();
            }
            return self.pause(pause, AfterPause::LIST);
        }
        if start == WatchStart::Resume && head > self.replayed_until(mirror) {
            let may_replay = head - mirror.revision() <= self.options.replay_limit;
            return self.catch_up(may_replay);
        }
        let audit = match start {
            WatchStart::AfterListing => Audit::later(&self.options),
            WatchStart::Resume => match self.audit_of_resume(written) {
                Some(audit) => audit,
                None => return self.open(start),
            },
            WatchStart::Head => Audit::closing_gap(self.store.as_ref(), &self.prefix, head),
        };
        self.counters.resumes += u64::from(start == WatchStart::Resume);
        if start != WatchStart::Head {
            self.report(State::Watching { endpoint: watch.endpoint().to_owned() });
        }
        let mut watching = Watching::new(watch, start, audit, Rhythm::of(&self.options));
        if watching.audit.read_at().is_some() {
            watching.request_progress();
        }
        self.phase = Phase::Watching(Box::new(watching));
    }

    /// The watch could not be opened, or was refused at its first answer.
    fn on_not_opened(&mut self, error: Error, start: WatchStart) {
        match error.kind() {
            Kind::Compacted | Kind::TooLarge => {
                tracing::info!(prefix = %self.prefix, error = %OneLine(&error), "what was missed cannot be replayed: listing");
                self.report(State::Listing);
                let again = if start == WatchStart::Resume {
                    AfterPause::CatchUp
                } else {
                    AfterPause::Open(WatchStart::Head)
                };
                let pause = self.backoff.before_other_start();
                self.pause(pause, again);
            }
            Kind::FutureRevision => {
                self.report(State::Listing);
                self.rewound = true;
                let pause = self.backoff.before_other_start();
                self.pause(pause, AfterPause::LIST);
            }
            _ => {
                // From now on it counts as a resume, so that `on_opened` checks the replay limit: much may be written
                // before the next try.
                let again = if start == WatchStart::AfterListing { WatchStart::Resume } else { start };
                self.retry_later(error, AfterPause::Open(again));
            }
        }
    }

    fn on_signal(&mut self, signal: Signal) {
        let (Phase::Watching(watching), Some(mirror)) = (&mut self.phase, &mut self.mirror) else { return };
        watching.unanswered = false;
        if signal != Signal::Arriving {
            (watching.start_if_refused, watching.heard) = (WatchStart::Resume, true);
        }
        match signal {
            Signal::Batch(batch) => {
                watching.freshness.on_delivery();
                if watching.has_gap {
                    // Not reported before the gap is closed.
                    watching.audit.record(&batch, mirror);
                } else {
                    self.on_batch(batch);
                }
            }
            Signal::Arriving => watching.freshness.on_delivery(),
            Signal::Alive => {
                watching.postpone_check(Rhythm::of(&self.options));
                watching.freshness.on_alive();
            }
            Signal::Progress(revision) => {
                watching.postpone_check(Rhythm::of(&self.options));
                watching.freshness.on_progress();
                if revision >= mirror.revision() && !watching.has_gap {
                    mirror.advance(revision);
                    self.events.push_back(Event::Current { revision });
                }
            }
            // The connection is not lost, so no state is reported meanwhile.
            Signal::Stale => {
                self.backoff.lost_after(watching.since.elapsed());
                let pause = self.backoff.before_retry();
                return if pause.is_zero() { self.refresh() } else { self.pause(pause, AfterPause::Refresh) };
            }
        }
        self.conclude_if_reached();
    }

    /// Rule 3. A batch that the mirror has already, from an audit's listing, is not applied again.
    fn on_batch(&mut self, batch: Batch) {
        let (Phase::Watching(watching), Some(mirror)) = (&mut self.phase, &mut self.mirror) else { return };
        if batch.revision <= mirror.revision() {
            return;
        }
        watching.audit.record(&batch, mirror);
        let batch = mirror.apply(batch);
        self.events.push_back(Event::changed_or_current(batch, Cause::Watch));
    }

    /// Rule 7.
    fn on_tick(&mut self) {
        let Phase::Watching(watching) = &mut self.phase else { return };
        if !watching.unanswered || watching.watch.has_heard() {
            watching.check_alive(self.options.progress_interval);
            return;
        }
        let (endpoint, interval) = (watching.watch.endpoint(), self.options.progress_interval);
        let error =
            Error::new(Kind::Timeout, format!("{endpoint} has not answered on the watch for {interval:.1?}"));
        let resume = AfterPause::Open(WatchStart::Resume);
        let then = if watching.watch.is_resumable() { resume } else { AfterPause::LIST };
        self.abandon_stream(error, then);
    }

    /// The store has said whether the mirror is current (rule 7).
    fn on_freshness_check(&mut self) {
        let (Phase::Watching(watching), Some(mirror)) = (&mut self.phase, &mut self.mirror) else { return };
        match watching.freshness.advance(&self.store, &self.prefix, mirror.known()) {
            Freshness::Unchanged(revision) => {
                watching.unanswered = false;
                watching.start_if_refused = WatchStart::Resume;
                if watching.audit.is_under_way() || watching.has_gap {
                    // The audit must record what is on its way, and `on_batch` drops what is not after the mirror: so
                    // the mirror is not advanced here.
                    return self.conclude_if_equal();
                }
                mirror.advance(revision);
                self.events.push_back(Event::Current { revision });
            }
            // An audit under way repairs the mirror without a new listing.
            Freshness::Lagging(time)
                if time >= self.options.progress_interval && !watching.audit.is_under_way() =>
            {
                let (endpoint, revision) = (watching.watch.endpoint(), mirror.revision());
                let message = format!(
                    "{endpoint} has sent nothing for {time:.1?} of what the store holds after revision {revision}"
                );
                let error = Error::new(Kind::Timeout, message);
                self.abandon_stream(error, AfterPause::LIST);
            }
            Freshness::Failed(error) => self.on_lost(error),
            Freshness::Lagging(_) | Freshness::Undecided => {}
        }
    }

    /// Drops a stream, and has the store go to another endpoint.
    fn abandon_stream(&mut self, error: Error, then: AfterPause) {
        // In its place until `after_loss` sets the next phase.
        let waiting = Phase::Waiting { pause: Box::pin(sleep(Duration::ZERO)), then };
        let phase = std::mem::replace(&mut self.phase, waiting);
        if let Phase::Watching(watching) = phase {
            let (lasted, start) = (watching.since.elapsed(), watching.start_if_refused);
            watching.watch.abandon();
            self.after_loss(error, lasted, start, then);
        }
    }

    /// Rule 4: the stream is resumed, or the prefix listed if it cannot be.
    fn on_lost(&mut self, error: Error) {
        let Phase::Watching(watching) = &self.phase else { return };
        // A stream that has delivered something, or begins at the head, cannot have had its start compacted:
        // its server is too slow, or wrong.
        if error.kind() == Kind::Compacted
            && (watching.heard || watching.start_if_refused == WatchStart::Head)
        {
            return self.abandon_stream(error, AfterPause::Open(WatchStart::Resume));
        }
        let (lasted, start) = (watching.since.elapsed(), watching.start_if_refused);
        self.after_loss(error, lasted, start, AfterPause::Open(WatchStart::Resume));
    }

    /// Counts a lost stream, and decides by the error whether its start was refused or it is tried again; only for the
    /// latter does `then` count.
    fn after_loss(&mut self, error: Error, lasted: Duration, start: WatchStart, then: AfterPause) {
        self.counters.losses += 1;
        self.backoff.lost_after(lasted);
        match error.kind() {
            // etcd confirms a watch first, and sends afterwards that its start is compacted.
            Kind::Compacted => self.on_not_opened(error, start),
            // Wherever it began, the prefix is listed.
            Kind::FutureRevision | Kind::TooLarge => self.on_not_opened(error, WatchStart::Resume),
            _ => self.retry_later(error, then),
        }
    }

    /// Reports a failure, and pauses before the next try (rule 10).
    fn retry_later(&mut self, error: Error, then: AfterPause) {
        let pause = if error.is_access() {
            backoff::jittered(self.options.access_retry)
        } else {
            self.backoff.before_retry()
        };
        let state = State::failed(error);
        // A failure before the first listing that waiting does not cure is the caller's to report, from the event: the
        // log has it as a debug record only.
        let is_for_caller = self.mirror.is_none() && state.error().is_some_and(|error| !error.is_transient());
        self.log.failed(&self.prefix, &state, pause, is_for_caller);
        self.report(state);
        self.pause(pause, then);
    }

    fn pause(&mut self, pause: Duration, then: AfterPause) {
        self.phase = Phase::Waiting { pause: Box::pin(sleep(pause)), then };
    }

    fn report(&mut self, state: State) {
        if let State::Watching { endpoint } = &state {
            self.log.watching(&self.prefix, endpoint);
            self.backoff.answered();
        }
        self.events.push_back(Event::State(state));
    }
}
