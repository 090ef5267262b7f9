//! The watching task: follows the watcher, publishes, and never waits for anybody.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::watcher::{self, Cause, Event, Watcher};
use tokio::runtime::Handle;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep_until};

use crate::board::Board;
use crate::cache::Saver;
use crate::config::EtcdConfig;
use crate::loaded::Loaded;
#[cfg(feature = "metrics")]
use crate::meters::Meters;
use crate::publisher::{Outcome, Publisher};
use crate::standing::{Record, Standing};
use crate::twin::Twin;

/// The watching task of one configuration.
pub(crate) struct Driver<T> {
    watcher: Watcher,
    publisher: Publisher<T>,
    board: Ending<T>,
    debounce: Duration,
    /// When what was noted is to be published, with what it was learnt by.
    due: Option<(Instant, Cause)>,
    saver: Option<Saver>,
    #[cfg(feature = "metrics")]
    meters: Meters,
    runtime: Handle,
    /// Keeps the connections open that the watcher uses, for others to share.
    _twin: Arc<Twin>,
}

/// What is known of the store at a moment.
struct Proof {
    revision: u64,
    /// Something that is known is not in force.
    waits: bool,
    counters: watcher::Counters,
}

/// The board, which is told when nothing follows the store any more, however that came.
struct Ending<T>(Arc<Board<T>>);

impl<T: EtcdConfig> Driver<T> {
    /// Takes up what was loaded. `runtime` is where it was loaded, and will be followed.
    pub(crate) fn new(loaded: Loaded<T>, runtime: Handle) -> Self {
        let Loaded { first, publisher, saved_at, watcher, debounce, cache, twin } = loaded;
        let keys = publisher.keys();
        let prefix = keys.context().prefix().to_string();
        let standing = Standing::new(T::LAYOUT.name, prefix, first.revision, saved_at);
        standing.write(|record| record.warnings = publisher.warnings());
        let mut saver = cache.map(|file| Saver::new(file, Arc::clone(keys)));
        if let Some(saver) = saver.as_mut().filter(|_| saved_at.is_none()) {
            saver.mark(first.revision);
        }
        let board = Arc::new(Board::new(first, standing, Arc::clone(keys), runtime.clone()));
        Self {
            watcher,
            publisher,
            #[cfg(feature = "metrics")]
            meters: Meters::new(&board.status()),
            board: Ending(board),
            debounce,
            due: None,
            saver,
            runtime,
            _twin: twin,
        }
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
                event = self.watcher.next() => self.on_event(event),
                cause = passed(self.due) => {
                    self.due = None;
                    self.publish(cause);
                }
                saver = saver_due(&mut self.saver) => saver.begin(&self.runtime),
                () = board.impatience.notified() => self.watcher.request_progress(),
            }
            #[cfg(feature = "metrics")]
            self.meters.record(&board.status());
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Changed { batch, cause } => {
                if self.publisher.note(&batch) {
                    self.schedule(cause);
                } else {
                    self.prove();
                }
            }
            // The store answers at last, after a start from the cache.
            Event::Listed(listing) => {
                if self.publisher.note_all(&listing) {
                    self.schedule(Cause::Resync);
                } else {
                    self.prove();
                    self.mark();
                }
            }
            Event::Current { revision } => {
                self.publisher.advance(revision);
                self.prove();
            }
            Event::State(state) => {
                let counters = self.watcher.counters();
                self.board().standing.write(|record| {
                    record.count(counters);
                    record.follow(state);
                });
            }
            // What differs follows; the watcher has counted and logged it.
            _ => {}
        }
    }

    fn schedule(&mut self, cause: Cause) {
        if self.debounce.is_zero() {
            self.publish(cause);
        } else if self.due.is_none() {
            self.due = Some((Instant::now() + self.debounce, cause));
        }
    }

    fn publish(&mut self, cause: Cause) {
        let Board { current, standing, hooks, streams, .. } = &*self.board.0;
        let outcome = self.publisher.publish(current, cause);
        let tree = self.publisher.keys().tree();
        let (name, prefix) = (T::LAYOUT.name, tree.prefix());
        let (keys, proof) = (tree.len(), self.proof());
        match outcome {
            Outcome::Unchanged => standing.write(|record| proof.note(record)),
            Outcome::Published(change) => {
                let revision = change.revision();
                tracing::info!(name, %prefix, revision, keys = ?change.keys(), ?cause, "configuration changed");
                let (warnings, pending) = (self.publisher.warnings(), self.publisher.pending());
                streams.send(&change);
                hooks.hold(Some(change), None, keys);
                standing.write(|record| {
                    record.accept(revision);
                    record.warnings = warnings;
                    record.pending = pending;
                    proof.note(record);
                });
            }
            Outcome::Refused(rejection) => {
                tracing::warn!(name, %prefix, "{rejection}");
                hooks.hold(None, Some(rejection.clone()), keys);
                standing.write(|record| {
                    record.refuse(rejection);
                    proof.note(record);
                });
            }
        }
        hooks.release();
        self.mark();
    }

    /// Has the keys saved, if they are good.
    fn mark(&mut self) {
        if let Some(saver) = &mut self.saver {
            if self.publisher.is_current() {
                saver.mark(self.publisher.revision());
            } else {
                saver.unmark();
            }
        }
    }

    fn prove(&self) {
        let proof = self.proof();
        self.board().standing.write(|record| proof.note(record));
    }

    fn proof(&self) -> Proof {
        Proof {
            revision: self.publisher.revision(),
            waits: !self.publisher.is_current(),
            counters: self.watcher.counters(),
        }
    }
}

impl Proof {
    fn note(&self, record: &mut Record) {
        record.count(self.counters);
        record.proven(self.revision, self.waits);
    }
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

async fn saver_due(saver: &mut Option<Saver>) -> &mut Saver {
    match saver {
        Some(saver) => {
            saver.due().await;
            saver
        }
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
