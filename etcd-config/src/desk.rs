//! What is done with what the store tells: keys, decoding, checks, publishing. No I/O, and nothing
//! that waits, so that it can be done on any thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_client_core::watcher::{self, Cause};
use etcd_client_core::{Batch, Listing, OneLine, Printable};

use crate::backlog::Backlog;
use crate::board::Board;
use crate::config::EtcdConfig;
use crate::hooks::Notice;
use crate::pace::{Pace, SLOW};
use crate::panics;
use crate::publisher::{Outcome, Publisher, Spare};
use crate::standing::{Extent, Record};
use crate::status::Rewind;
use crate::surroundings::Surroundings;

/// How many changed keys the log names; they are counted, too.
const LOGGED_KEYS: usize = 10;

/// How long updates that are slow may go on being made one by one; then what waits becomes one.
const TOO_LATE: Duration = Duration::from_millis(100);

/// The publisher of one configuration, and where it puts what comes of it.
pub(crate) struct Desk<T: EtcdConfig> {
    publisher: Publisher<T>,
    board: Arc<Board<T>>,
    surroundings: Surroundings,
    pace: Pace,
    /// Whether changes are collected before they are published.
    collects: bool,
    counters: watcher::Counters,
}

/// Something to be done.
pub(crate) enum Work {
    Change {
        batch: Batch,
        cause: Cause,
    },
    Current {
        revision: u64,
    },
    Rewind(Rewind),
    CatchUp(Backlog),
    /// What was collected is to be published.
    Publish(Cause),
}

/// What came of it, for whoever sees to time.
pub(crate) struct Upshot<T> {
    /// Something was collected.
    pub(crate) collected: Option<Cause>,
    /// What is in force is new, or has a new proof.
    pub(crate) is_news: bool,
    /// What is in force was confirmed.
    pub(crate) is_proven: bool,
    pub(crate) discarded: Vec<Spare<T>>,
}

impl<T: EtcdConfig> Desk<T> {
    pub(crate) fn new(
        publisher: Publisher<T>,
        board: Arc<Board<T>>,
        pace: Pace,
        collects: bool,
        surroundings: Surroundings,
    ) -> Self {
        let counters = watcher::Counters::default();
        Self { publisher, board, surroundings, pace, collects, counters }
    }

    /// Whether something is done so fast that the thread that reads the network may do it.
    pub(crate) fn is_light(&self, work: &Work) -> bool {
        match work {
            Work::Current { .. } | Work::Rewind(_) => true,
            Work::Change { batch, .. } => self.allows(batch.changes.len()),
            Work::CatchUp(backlog) if backlog.keys() == 0 => true,
            Work::CatchUp(backlog) => self.allows(backlog.keys()),
            Work::Publish(_) => self.allows(0),
        }
    }

    /// Does something. `counters` are the watcher's.
    pub(crate) fn run(&mut self, work: Work, counters: watcher::Counters) -> Upshot<T> {
        self.counters = counters;
        let decodes = !matches!(work, Work::Current { .. } | Work::Rewind(_));
        let weight = if decodes { self.publisher.weight(0) } else { 0 };
        let begin = Instant::now();
        let surroundings = self.surroundings.clone();
        let mut upshot = surroundings.decode(|| self.carry_out(work));
        if decodes {
            self.pace.note(begin.elapsed(), weight);
        }
        upshot.discarded = self.publisher.take_discarded();
        upshot
    }

    /// Makes the best of a panic: what is in force stays, and nothing that may be half done is used
    /// again. What the keys are now, to be compared with what the store has.
    pub(crate) fn recover(&mut self, cluster: u64) -> Listing {
        self.publisher.distrust();
        self.publisher.keys().listing(cluster)
    }

    /// Whether newer keys wait to be tried.
    pub(crate) fn is_due(&self) -> bool {
        self.publisher.is_due()
    }

    /// Whether a panic's words may hold a secret.
    pub(crate) fn has_secrets(&self) -> bool {
        self.publisher.has_secrets()
    }

    fn allows(&self, changes: usize) -> bool {
        self.pace.allows(self.publisher.weight(changes))
    }

    fn carry_out(&mut self, work: Work) -> Upshot<T> {
        let mut upshot = Upshot { collected: None, is_news: false, is_proven: false, discarded: Vec::new() };
        match work {
            Work::Change { batch, cause } => self.change(&batch, cause, &mut upshot),
            Work::Current { revision } => self.current(revision, &mut upshot),
            Work::Rewind(rewind) => self.rewind(rewind),
            Work::CatchUp(mut backlog) => {
                if let Some(rewind) = backlog.rewind.take() {
                    self.rewind(rewind);
                    self.board.tell();
                }
                let (begin, mut made) = (Instant::now(), 0_u32);
                while let Some((batch, cause)) = backlog.next() {
                    self.change(&batch, cause, &mut upshot);
                    made += 1;
                    if begin.elapsed() > TOO_LATE.max(SLOW.saturating_mul(made)) {
                        backlog.merge();
                    }
                }
                if let Some(revision) = backlog.current {
                    self.current(revision, &mut upshot);
                }
            }
            Work::Publish(cause) => self.publish(cause, &mut upshot),
        }
        upshot
    }

    fn change(&mut self, batch: &Batch, cause: Cause, upshot: &mut Upshot<T>) {
        if !self.publisher.note(batch) {
            self.record_update(upshot, |_| ());
        } else if self.collects {
            upshot.collected = Some(cause);
        } else {
            self.publish(cause, upshot);
        }
    }

    fn current(&mut self, revision: u64, upshot: &mut Upshot<T>) {
        self.publisher.advance(revision);
        self.prove(upshot, |_| ());
    }

    /// What differs follows; the watcher has logged it.
    fn rewind(&mut self, rewind: Rewind) {
        self.record(|record| {
            record.last_rewind = Some(rewind);
            // Of a revision of the other history nothing is known.
            record.in_force = 0;
        });
    }

    fn publish(&mut self, cause: Cause, upshot: &mut Upshot<T>) {
        let board = Arc::clone(&self.board);
        let outcome = self.publisher.publish(&board.current, cause);
        let keys = Arc::clone(self.publisher.keys());
        let (name, prefix, count) = (T::LAYOUT.name, keys.context().prefix(), keys.read().len());
        match outcome {
            Outcome::Unchanged => self.prove(upshot, |_| ()),
            Outcome::Reverted => {
                let revision = self.publisher.revision();
                self.record_update(upshot, Record::revert);
                self.log(
                    || tracing::info!(name, %prefix, revision, "the values in force are the newest again"),
                );
            }
            Outcome::Same(keys) => {
                let revision = self.publisher.revision();
                self.record_update(upshot, Record::revert);
                upshot.is_news = true;
                let first = some(&keys);
                self.log(|| tracing::info!(name, %prefix, revision, keys = ?first, "keys were written, and no value in force changes"));
            }
            Outcome::Published(change) => {
                let revision = change.revision();
                board.streams.send(&change);
                let keys = Arc::clone(change.shared_keys());
                board.hooks.hold(Notice::of_change(change), count);
                self.record_update(upshot, |record| record.accept(revision));
                upshot.is_news = true;
                board.hooks.release();
                let (changed, first) = (keys.len(), some(&keys));
                self.log(|| {
                    tracing::info!(name, %prefix, revision, ?cause, count = changed, keys = ?first, "configuration changed");
                });
            }
            Outcome::Refused(rejection) => {
                let refused = rejection.clone();
                board.hooks.hold(Notice::of_rejection(rejection.clone()), count);
                self.record_update(upshot, |record| record.refuse(rejection));
                board.hooks.release();
                self.log(|| tracing::warn!(name, %prefix, "{}", OneLine(&refused)));
            }
        }
    }

    /// Records what came of an update, with what is odd about the keys now.
    fn record_update(&mut self, upshot: &mut Upshot<T>, write: impl FnOnce(&mut Record)) {
        let (warnings, pending) = (self.publisher.warnings(), self.publisher.pending());
        self.prove(upshot, |record| {
            write(record);
            record.warnings = warnings;
            record.pending = pending;
        });
    }

    /// The store has confirmed how much is known; what else there is to record goes with it.
    fn prove(&mut self, upshot: &mut Upshot<T>, write: impl FnOnce(&mut Record)) {
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
        // The cache file is not as old as it says.
        upshot.is_news |= is_confirmed;
        upshot.is_proven = true;
    }

    fn record<R>(&self, write: impl FnOnce(&mut Record) -> R) -> R {
        self.board.record(self.counters, write)
    }

    /// Writes a line to the log. A subscriber is code of others, and comes last.
    fn log(&self, line: impl FnOnce()) {
        if let Err(panic) = panics::caught(line) {
            self.board.note_panic(&panic, self.has_secrets());
        }
    }
}

/// So many keys as a line of the log may name.
fn some(keys: &[Arc<str>]) -> Vec<Printable<'_>> {
    keys.iter().take(LOGGED_KEYS).map(|key| Printable::line(key)).collect()
}
