//! The watching task: follows the watcher, publishes, and never waits for anybody.

use std::future::pending;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use etcd_client_core::watcher::{Cause, Event, Watcher};
use etcd_client_core::{Listing, Printable};
use tokio::runtime::Handle;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep_until};

use crate::board::Board;
use crate::cache::{Keeper, Step};
use crate::config::EtcdConfig;
use crate::deadline::deadline;
use crate::hooks::Notice;
use crate::loaded::{Loaded, Origin};
use crate::publisher::{Outcome, Publisher};
use crate::standing::{Extent, Record, Standing};
use crate::status::{Rewind, State};
use crate::twin::Twin;

/// How many changed keys the log names; they are counted, too.
const LOGGED_KEYS: usize = 10;

/// The watching task of one configuration.
pub(crate) struct Driver<T: EtcdConfig> {
    watcher: Watcher,
    publisher: Publisher<T>,
    board: Ending<T>,
    debounce: Duration,
    /// When what was noted is to be published, with what it was learnt by.
    due: Option<(Instant, Cause)>,
    keeper: Option<Keeper>,
    /// What callbacks have been told of how it stands.
    told: Told,
    /// Keeps the connections open that the watcher uses, for others to share.
    _twin: Arc<Twin>,
}

/// What callbacks hear about when it moves: the state, and the last rewind.
type Told = (Discriminant<State>, Option<Rewind>);

/// The board, which is told when nothing follows the store any more, however that came.
struct Ending<T>(Arc<Board<T>>);

impl<T: EtcdConfig> Driver<T> {
    /// Takes up what was loaded. `runtime` is where it was loaded, and will be followed.
    pub(crate) fn new(loaded: Loaded<T>, runtime: Handle) -> Self {
        let Loaded { first, publisher, watcher, origin, cache, debounce, twin } = loaded;
        let prefix = publisher.keys().context().prefix().to_string();
        let mut keeper = cache.map(Keeper::new);
        let standing = Standing::new(T::LAYOUT.name, prefix, first.revision);
        standing.write(|record| {
            record.warnings = publisher.warnings();
            record.cache_file = keeper.as_ref().map(Keeper::file);
            if let Origin::Cache { file, state } = origin {
                record.is_from_cache(file);
                if let Some(state) = state {
                    record.follow(state);
                }
            } else if let Some(keeper) = &mut keeper {
                keeper.note_change();
            }
        });
        let board = Ending(Arc::new(Board::new(first, standing, Arc::clone(publisher.keys()), runtime)));
        let told = board.0.standing.read(told);
        Self { watcher, publisher, board, debounce, due: None, keeper, told, _twin: twin }
    }

    pub(crate) fn board(&self) -> &Arc<Board<T>> {
        &self.board.0
    }

    /// Goes on until it is dropped.
    pub(crate) async fn run(mut self) {
        let board = Arc::clone(self.board());
        loop {
            // A store that always has news must not keep others from the thread.
            consume_budget().await;
            tokio::select! {
                event = self.watcher.next() => {
                    self.on_event(event);
                    self.tell();
                }
                cause = passed(self.due) => {
                    self.due = None;
                    self.publish(cause);
                    self.tell();
                }
                () = board.impatience.notified() => self.watcher.request_progress(),
                step = kept(&mut self.keeper) => self.keep(step),
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Changed { batch, cause } => {
                if self.publisher.note(&batch) {
                    self.schedule(cause);
                } else {
                    self.record_update(|_| ());
                }
            }
            Event::Current { revision } => {
                self.publisher.advance(revision);
                self.prove(|_| ());
            }
            Event::State(state) => {
                tracing::debug!(name = T::LAYOUT.name, prefix = %self.publisher.keys().context().prefix(), ?state);
                self.record(|record| record.follow(state));
            }
            // What differs follows; the watcher has logged it.
            Event::Rewound { seen, now, cluster_changed } => {
                let rewind = Rewind { seen, now, cluster_changed, at: SystemTime::now() };
                self.record(|record| {
                    record.last_rewind = Some(rewind);
                    // Of a revision of the other history nothing is known.
                    record.in_force = 0;
                });
            }
            _ => {}
        }
    }

    /// Tells callbacks how it stands, where that is news.
    fn tell(&mut self) {
        let now = self.board().standing.read(told);
        if now != self.told {
            self.told = now;
            let Board { hooks, .. } = &*self.board.0;
            hooks.hold(Notice::of_status(self.board().status()), self.publisher.keys().read().len());
            hooks.release();
        }
    }

    fn schedule(&mut self, cause: Cause) {
        if self.debounce.is_zero() {
            self.publish(cause);
        } else if let Some((_, last)) = &mut self.due {
            *last = cause;
        } else {
            self.due = Some((deadline(self.debounce).into(), cause));
        }
    }

    fn publish(&mut self, cause: Cause) {
        let board = Arc::clone(self.board());
        let outcome = self.publisher.publish(&board.current, cause);
        let keys = Arc::clone(self.publisher.keys());
        let (name, prefix, count) = (T::LAYOUT.name, keys.context().prefix(), keys.read().len());
        match outcome {
            Outcome::Unchanged => self.prove(|_| ()),
            Outcome::Reverted => {
                let revision = self.publisher.revision();
                tracing::info!(name, %prefix, revision, "the values in force are the newest again");
                self.record_update(Record::revert);
            }
            Outcome::Same(keys) => {
                let (revision, first) = (self.publisher.revision(), some(&keys));
                tracing::info!(name, %prefix, revision, keys = ?first, "keys were written, and no value differs");
                self.record_update(Record::revert);
                if let Some(keeper) = &mut self.keeper {
                    keeper.note_change();
                }
            }
            Outcome::Published(change) => {
                let revision = change.revision();
                let (changed, first) = (change.keys().len(), some(change.keys()));
                tracing::info!(name, %prefix, revision, ?cause, count = changed, keys = ?first, "configuration changed");
                board.streams.send(&change);
                board.hooks.hold(Notice::of_change(change), count);
                self.record_update(|record| record.accept(revision));
                if let Some(keeper) = &mut self.keeper {
                    keeper.note_change();
                }
            }
            Outcome::Refused(rejection) => {
                tracing::warn!(name, %prefix, "{rejection}");
                board.hooks.hold(Notice::of_rejection(rejection.clone()), count);
                self.record_update(|record| record.refuse(rejection));
            }
        }
        board.hooks.release();
    }

    /// Records what came of an update, with what is odd about the keys now.
    fn record_update(&mut self, write: impl FnOnce(&mut Record)) {
        let (warnings, pending) = (self.publisher.warnings(), self.publisher.pending());
        self.prove(|record| {
            write(record);
            record.warnings = warnings;
            record.pending = pending;
        });
    }

    /// The store has confirmed how much is known; what else there is to record goes with it.
    fn prove(&mut self, write: impl FnOnce(&mut Record)) {
        let extent = Extent {
            revision: self.publisher.revision(),
            waits: !self.publisher.is_current(),
            held_back: self.publisher.is_due(),
        };
        let is_confirmed = self.record(|record| {
            write(record);
            let before = record.source;
            record.proven(extent);
            before != record.source
        });
        match &mut self.keeper {
            // The file is not as old as it says.
            Some(keeper) if is_confirmed => keeper.note_change(),
            Some(keeper) => keeper.note_proof(),
            None => {}
        }
    }

    fn record<R>(&self, write: impl FnOnce(&mut Record) -> R) -> R {
        let board = self.board();
        let (counters, callback_panics) = (self.watcher.counters(), board.hooks.panics());
        board.standing.write(|record| {
            record.count(counters, callback_panics);
            write(record)
        })
    }

    /// The next step with the cache file.
    fn keep(&mut self, step: Step) {
        match step {
            Step::Due => self.cache(Keeper::write),
            Step::Written(file) => self.record(|record| record.cache_file = Some(file)),
            Step::Failed(why) => self.record(|record| {
                if let Some(file) = &mut record.cache_file {
                    file.problem = Some(why);
                }
            }),
        }
    }

    /// Has the keys cached that are in force.
    fn cache(&mut self, write: impl FnOnce(&mut Keeper, Listing, SystemTime)) {
        let Some(keeper) = &mut self.keeper else { return };
        let read = |record: &Record| (record.snapshot_revision, record.proven_at());
        let (snapshot, proven) = self.board.0.standing.read(read);
        write(keeper, self.publisher.listing(self.watcher.cluster(), snapshot), proven);
    }
}

impl<T: EtcdConfig> Drop for Driver<T> {
    fn drop(&mut self) {
        if self.keeper.as_ref().is_some_and(Keeper::is_behind) {
            self.cache(Keeper::write_last);
        }
    }
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn told(record: &Record) -> Told {
    (discriminant(record.state()), record.last_rewind)
}

/// So many keys as a line of the log may name.
fn some(keys: &[Arc<str>]) -> Vec<Printable<'_>> {
    keys.iter().take(LOGGED_KEYS).map(|key| Printable::line(key)).collect()
}

async fn kept(keeper: &mut Option<Keeper>) -> Step {
    match keeper {
        Some(keeper) => keeper.next().await,
        None => pending().await,
    }
}

async fn passed(due: Option<(Instant, Cause)>) -> Cause {
    match due {
        Some((instant, cause)) => {
            sleep_until(instant).await;
            cause
        }
        None => pending().await,
    }
}
