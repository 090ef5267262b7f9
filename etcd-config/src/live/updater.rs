//! What is done with what the store tells: keys, decoding, checks, publishing. No I/O, and nothing
//! that waits, so that it can be done on any thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_client_core::watcher::{self, Cause};
use etcd_client_core::{Batch, Listing, OneLine, Printable};

use crate::decode::Derived;
use crate::live::backlog::{Backlog, commits};
use crate::live::shared::Shared;
use crate::notify::callbacks::Notice;
use crate::publish::speed::{DecodeSpeed, SLOW};
use crate::publish::{Outcome, Publisher, Spare};
use crate::runtime::caller::Caller;
use crate::runtime::panics;
use crate::status::Rewind;
use crate::status::cell::{Extent, Proof, StatusRecord};

/// How many changed keys the log names; they are counted, too.
const LOGGED_KEYS: usize = 10;

/// How long updates that are slow may go on being made one by one; then what waits becomes one.
const TOO_LATE: Duration = Duration::from_millis(100);

/// The publisher of one configuration, and where it puts what comes of it.
pub(crate) struct Updater<T: Derived> {
    publisher: Publisher<T>,
    shared: Arc<Shared<T>>,
    caller: Caller,
    speed: DecodeSpeed,
    /// Whether changes are collected before they are published.
    collects: bool,
    /// What is not committed, while what is waits to be published.
    uncommitted: Backlog,
    moment: Moment,
}

/// When something comes to the updater, and how it stands with the watcher then.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// When the store was last heard of.
    pub(crate) heard: Proof,
    pub(crate) counters: watcher::Counters,
    pub(crate) cluster: u64,
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
pub(crate) struct Effects<T> {
    /// Something was collected.
    pub(crate) collected: Option<Cause>,
    /// What is in force is new, or has a new proof.
    pub(crate) is_news: bool,
    /// What is in force was confirmed.
    pub(crate) is_proven: bool,
    pub(crate) discarded: Vec<Spare<T>>,
}

impl<T: Derived> Updater<T> {
    pub(crate) fn new(
        publisher: Publisher<T>,
        shared: Arc<Shared<T>>,
        speed: DecodeSpeed,
        collects: bool,
        caller: Caller,
    ) -> Self {
        let moment = Moment { heard: Proof::now(), counters: watcher::Counters::default(), cluster: 0 };
        let uncommitted = Backlog::default();
        Self { publisher, shared, caller, speed, collects, uncommitted, moment }
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

    /// Does something.
    pub(crate) fn run(&mut self, work: Work, moment: Moment) -> Effects<T> {
        let heard = match work {
            Work::Change { .. } | Work::Current { .. } | Work::Rewind(_) => moment.heard,
            // It was heard of before.
            Work::CatchUp(_) | Work::Publish(_) => self.moment.heard,
        };
        self.moment = Moment { heard, ..moment };
        let decodes = !matches!(work, Work::Current { .. } | Work::Rewind(_));
        let weight = if decodes { self.publisher.weight(0) } else { 0 };
        let begin = Instant::now();
        let caller = self.caller.clone();
        let mut effects = caller.decode(|| self.carry_out(work));
        if decodes {
            self.speed.note(begin.elapsed(), weight);
        }
        effects.discarded = self.publisher.take_discarded();
        effects
    }

    /// Makes the best of a panic: what is in force stays, and nothing that may be half done is used
    /// again. What the keys are now, to be compared with what the store has.
    pub(crate) fn recover(&mut self, cluster: u64) -> Listing {
        self.publisher.distrust();
        self.uncommitted = Backlog::default();
        self.publisher.keys().listing(cluster)
    }

    /// Whether newer keys are to be tried.
    pub(crate) fn is_due(&self) -> bool {
        self.publisher.outstanding().is_untried()
    }

    /// Whether a panic's words may hold a secret.
    pub(crate) fn has_secrets(&self) -> bool {
        self.publisher.has_secrets()
    }

    fn allows(&self, changes: usize) -> bool {
        self.speed.allows(self.publisher.weight(changes))
    }

    fn carry_out(&mut self, work: Work) -> Effects<T> {
        let mut effects =
            Effects { collected: None, is_news: false, is_proven: false, discarded: Vec::new() };
        match work {
            Work::Change { batch, cause } => self.change(batch, cause, &mut effects),
            Work::Current { revision } => self.current(revision, &mut effects),
            Work::Rewind(rewind) => self.rewind(rewind, &mut effects),
            Work::CatchUp(backlog) => self.catch_up(backlog, &mut effects),
            Work::Publish(cause) => {
                self.publish(cause, &mut effects);
                self.take_up(&mut effects);
            }
        }
        effects
    }

    fn catch_up(&mut self, mut backlog: Backlog, effects: &mut Effects<T>) {
        if let Some(rewind) = backlog.rewind.take() {
            self.rewind(rewind, effects);
            self.shared.announce();
        }
        let (begin, mut made) = (Instant::now(), 0_u32);
        while let Some((batch, cause, heard)) = backlog.next() {
            self.moment.heard = heard;
            self.change(batch, cause, effects);
            made += 1;
            if begin.elapsed() > TOO_LATE.max(SLOW.saturating_mul(made)) {
                backlog.merge();
            }
        }
        if let Some((revision, heard)) = backlog.current {
            self.moment.heard = heard;
            self.current(revision, effects);
        }
    }

    fn change(&mut self, batch: Batch, cause: Cause, effects: &mut Effects<T>) {
        let Some((batch, cause)) = self.committed(batch, cause) else { return };
        if !self.publisher.note(&batch) {
            self.record_update(effects, |_| ());
        } else if self.collects {
            effects.collected = Some(cause);
        } else {
            self.publish(cause, effects);
        }
    }

    /// What may be published together with what waits for that: what is not committed may not, and is
    /// put aside.
    fn committed(&mut self, batch: Batch, cause: Cause) -> Option<(Batch, Cause)> {
        if !self.collects || !self.is_due() || T::LAYOUT.commit_key.is_none() {
            return Some((batch, cause));
        }
        let commits = commits(&batch, self.shared.keys.context().prefix(), T::LAYOUT.commit_key);
        self.uncommitted.change(batch, cause, commits, self.moment.heard);
        if !commits {
            return None;
        }
        self.uncommitted.next().map(|(batch, cause, _)| (batch, cause))
    }

    /// Takes up what was put aside, as nothing waits any more that could be published with it.
    fn take_up(&mut self, effects: &mut Effects<T>) {
        let mut uncommitted = std::mem::take(&mut self.uncommitted);
        while let Some((batch, ..)) = uncommitted.next() {
            if !self.publisher.note(&batch) {
                self.record_update(effects, |_| ());
            }
        }
        if let Some((revision, _)) = uncommitted.current {
            self.current(revision, effects);
        }
    }

    fn current(&mut self, revision: u64, effects: &mut Effects<T>) {
        if self.uncommitted.is_empty() {
            self.publisher.advance(revision);
        } else {
            self.uncommitted.current(revision, self.moment.heard);
        }
        self.prove(effects, |_| ());
    }

    /// What differs follows; the watcher has logged it.
    fn rewind(&mut self, rewind: Rewind, effects: &mut Effects<T>) {
        // What follows is what differs from all that there was.
        self.take_up(effects);
        self.record(|record| {
            record.last_rewind = Some(rewind);
            // Of a revision of the other history nothing is known.
            record.in_force = 0;
        });
    }

    fn publish(&mut self, cause: Cause, effects: &mut Effects<T>) {
        let shared = Arc::clone(&self.shared);
        let (kept, cluster) = (shared.current.load().revision, self.moment.cluster);
        let outcome = self.publisher.publish(kept, cause, |snapshot| shared.publish(snapshot, cluster));
        let keys = Arc::clone(self.publisher.keys());
        let (name, prefix, count) = (T::LAYOUT.name, keys.context().prefix(), keys.read().len());
        match outcome {
            Outcome::Unchanged => self.prove(effects, |_| ()),
            Outcome::Ended => {}
            Outcome::Reverted => {
                let revision = self.publisher.revision();
                self.record_update(effects, |_| ());
                self.log(
                    || tracing::info!(name, %prefix, revision, "the values in force are the newest again"),
                );
            }
            Outcome::Same(keys) => {
                let revision = self.publisher.revision();
                self.record_update(effects, |_| ());
                shared.note_change(self.moment.cluster);
                effects.is_news = true;
                let first = some(&keys);
                self.log(|| tracing::info!(name, %prefix, revision, keys = ?first, "keys were written, and no value in force changes"));
            }
            Outcome::Published(change) => {
                let revision = change.revision();
                shared.streams.send(&change);
                let keys = Arc::clone(change.shared_keys());
                shared.hooks.hold(Notice::of_change(change), count);
                self.record_update(effects, |record| record.accept(revision));
                effects.is_news = true;
                let (changed, first) = (keys.len(), some(&keys));
                self.log(|| {
                    tracing::info!(name, %prefix, revision, ?cause, count = changed, keys = ?first, "configuration changed");
                });
            }
            Outcome::Refused(rejection) => {
                let refused = rejection.clone();
                shared.hooks.hold(Notice::of_rejection(rejection.clone()), count);
                self.record_update(effects, |record| record.refuse(rejection));
                self.log(|| tracing::warn!(name, %prefix, "{}", OneLine(&refused)));
            }
        }
    }

    /// Records what came of an update, with what is odd about the keys now, and then has the callbacks called
    /// that hear of it: by then the status says the same.
    fn record_update(&mut self, effects: &mut Effects<T>, write: impl FnOnce(&mut StatusRecord)) {
        let (warnings, pending) = (self.publisher.warnings(), self.publisher.pending());
        let new_warnings = self.publisher.take_new_warnings();
        if !new_warnings.is_empty() {
            let keys = self.publisher.keys().read().len();
            self.shared.hooks.hold(Notice::of_warnings(new_warnings), keys);
        }
        self.prove(effects, |record| {
            write(record);
            record.warnings = warnings;
            record.pending = pending;
        });
        self.shared.hooks.release();
    }

    /// The store has confirmed how much is known; what else there is to record goes with it.
    fn prove(&mut self, effects: &mut Effects<T>, write: impl FnOnce(&mut StatusRecord)) {
        let extent = Extent {
            revision: self.publisher.revision(),
            outstanding: self.publisher.outstanding(),
            heard: self.moment.heard,
        };
        let is_confirmed = self.record(|record| {
            write(record);
            let before = record.source;
            record.proven(extent);
            before != record.source
        });
        if is_confirmed {
            // The cache file is not as old as it says.
            self.shared.note_change(self.moment.cluster);
            effects.is_news = true;
        }
        effects.is_proven = true;
    }

    fn record<R>(&self, write: impl FnOnce(&mut StatusRecord) -> R) -> R {
        self.shared.record(self.moment.counters, write)
    }

    /// Writes a line to the log. A subscriber is code of others, and comes last.
    fn log(&self, line: impl FnOnce()) {
        if let Err(panic) = panics::caught(line) {
            self.shared.note_panic(&panic, self.has_secrets());
        }
    }
}

/// So many keys as a line of the log may name.
fn some(keys: &[Arc<str>]) -> Vec<Printable<'_>> {
    keys.iter().take(LOGGED_KEYS).map(|key| Printable::line(key)).collect()
}
