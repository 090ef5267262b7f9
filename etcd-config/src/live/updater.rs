//! From an event of the watcher to a published snapshot: keys, decoding, checks, publishing, callbacks. No I/O,
//! and nothing that waits, so that it can run on any thread.

mod trial;

use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_client_core::watcher::{self, Cause};
use etcd_client_core::{Batch, Listing, OneLine, Printable};

use self::trial::Trial;
use crate::live::backlog::{Backlog, commits};
use crate::live::shared::Shared;
use crate::notify::notice::Notice;
use crate::publish::spares::Spare;
use crate::publish::speed::{DecodeSpeed, SLOW};
use crate::publish::{Outcome, Publisher};
use crate::rejection::Rejection;
use crate::resource::builds::{Failed, ToBuild};
use crate::runtime::caller::Caller;
use crate::runtime::panics;
use crate::status::Rewind;
use crate::status::cell::{Extent, HeardAt, StatusRecord};

/// The most changed keys that a line of the log names; all are counted.
const LOGGED_KEYS: usize = 10;

/// How long slow updates are made one by one; then all that wait become one update.
const TOO_LATE: Duration = Duration::from_millis(100);

/// The publisher of one configuration, and the shared state that its outcomes are written to.
pub(crate) struct Updater {
    publisher: Publisher,
    shared: Arc<Shared>,
    caller: Caller,
    speed: DecodeSpeed,
    /// Whether changes are collected before they are published.
    collects: bool,
    /// What may not be in force together with what is being tried: changes that arrived while a snapshot is held, and
    /// uncommitted ones while committed ones wait for the end of the debounce interval or for another try.
    aside: Backlog,
    /// The newest values are refused by a build, and are tried again as long as the keys stay as they are.
    awaits_retry: Option<Cause>,
    /// What is held, while something is built for it.
    trial: Option<Trial>,
    arrival: Arrival,
}

/// When an event arrived, with what the watcher knew then.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    /// When it arrived.
    pub(crate) heard: HeardAt,
    pub(crate) counters: watcher::Counters,
    pub(crate) cluster: u64,
}

/// What the updater is to do.
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
    /// The debounce interval is over: what was collected is published.
    Publish(Cause),
    /// The builds for the held snapshot are over; these have failed.
    Built(Vec<Failed>),
    /// What a build has refused is tried again.
    Retry,
}

/// What the watching task has to see to after some work.
#[derive(Default)]
pub(crate) struct Effects {
    /// Changes were collected, and are to be published when the debounce interval is over.
    pub(crate) collected: Option<Cause>,
    /// The cache file is to be written: what is in force is new, or was confirmed for the first time.
    pub(crate) must_save: bool,
    /// The store has confirmed what it holds.
    pub(crate) is_confirmed: bool,
    /// What has to be built before the held snapshot is published.
    pub(crate) to_build: Option<ToBuild>,
    /// A build has failed: what it was for is to be tried again later.
    pub(crate) must_retry: bool,
    /// Old snapshots, whose drop is the user's code.
    pub(crate) discarded: Vec<Spare>,
}

impl Updater {
    pub(crate) fn new(
        publisher: Publisher,
        shared: Arc<Shared>,
        speed: DecodeSpeed,
        collects: bool,
        caller: Caller,
    ) -> Self {
        let arrival = Arrival { heard: HeardAt::now(), counters: watcher::Counters::default(), cluster: 0 };
        let aside = Backlog::default();
        Self { publisher, shared, caller, speed, collects, aside, awaits_retry: None, trial: None, arrival }
    }

    /// Whether work will be so fast that the thread that reads the network may do it.
    pub(crate) fn is_light(&self, work: &Work) -> bool {
        match work {
            Work::Current { .. } | Work::Rewind(_) => true,
            // It is put aside.
            Work::Change { .. } if self.publisher.is_held() => true,
            Work::Change { batch, .. } => self.allows(batch.changes.len()),
            Work::CatchUp(backlog) if backlog.keys() == 0 => true,
            Work::CatchUp(backlog) => self.allows(backlog.keys()),
            Work::Publish(_) | Work::Built(_) | Work::Retry => self.allows(0),
        }
    }

    /// Does some work.
    pub(crate) fn run(&mut self, work: Work, arrival: Arrival) -> Effects {
        let heard = match work {
            Work::Change { .. } | Work::Current { .. } | Work::Rewind(_) => arrival.heard,
            // It was heard of before.
            Work::CatchUp(_) | Work::Publish(_) | Work::Built(_) | Work::Retry => self.arrival.heard,
        };
        self.arrival = Arrival { heard, ..arrival };
        let decodes = !matches!(work, Work::Current { .. } | Work::Rewind(_));
        let weight = if decodes { self.publisher.keys_to_decode(0) } else { 0 };
        let begin = Instant::now();
        let caller = self.caller.clone();
        let mut effects = caller.decode(|| self.carry_out(work));
        if decodes {
            self.speed.note(begin.elapsed(), weight);
        }
        effects.discarded = self.publisher.take_discarded();
        effects
    }

    /// After a panic: what is in force stays, and nothing that may be half done is used again. Returns the keys
    /// as they are now, to be compared with the store's.
    pub(crate) fn recover(&mut self, cluster: u64) -> Listing {
        self.publisher.distrust();
        self.aside = Backlog::default();
        self.publisher.keys().listing(cluster)
    }

    /// Whether newer keys are to be tried.
    pub(crate) fn is_due(&self) -> bool {
        self.publisher.outstanding().is_untried()
    }

    /// Whether a panic's message may hold a secret.
    pub(crate) fn has_secrets(&self) -> bool {
        self.publisher.has_secrets()
    }

    fn commit_key(&self) -> Option<&'static str> {
        self.publisher.layout().commit_key
    }

    fn allows(&self, changes: usize) -> bool {
        self.speed.allows(self.publisher.keys_to_decode(changes))
    }

    fn carry_out(&mut self, work: Work) -> Effects {
        let mut effects = Effects::default();
        match work {
            Work::Change { batch, cause } => self.change(batch, cause, &mut effects),
            Work::Current { revision } => self.current(revision, &mut effects),
            Work::Rewind(rewind) => self.rewind(rewind, &mut effects),
            Work::CatchUp(backlog) => self.catch_up(backlog, &mut effects),
            Work::Publish(cause) => {
                self.publish(cause, &mut effects);
                if !self.publisher.is_held() && self.awaits_retry.is_none() {
                    self.take_up(&mut effects);
                }
            }
            Work::Built(failed) => self.built(failed, &mut effects),
            Work::Retry => self.retry(&mut effects),
        }
        effects
    }

    fn catch_up(&mut self, mut backlog: Backlog, effects: &mut Effects) {
        if let Some(rewind) = backlog.rewind.take() {
            self.rewind(rewind, effects);
            self.shared.announce_status();
        }
        if self.shared.makes_resources() {
            // Each update may take long: what has come meanwhile is one.
            backlog.merge();
        }
        let (begin, mut made) = (Instant::now(), 0_u32);
        while let Some((batch, cause, heard)) = backlog.next() {
            self.arrival.heard = heard;
            self.change(batch, cause, effects);
            made += 1;
            if begin.elapsed() > TOO_LATE.max(SLOW.saturating_mul(made)) {
                backlog.merge();
            }
        }
        if let Some((revision, heard)) = backlog.current {
            self.arrival.heard = heard;
            self.current(revision, effects);
        }
    }

    fn change(&mut self, batch: Batch, cause: Cause, effects: &mut Effects) {
        if self.publisher.is_held() {
            let commits = commits(&batch, self.shared.keys.context().prefix(), self.commit_key());
            self.aside.change(batch, cause, commits, self.arrival.heard);
            return self.prove(effects, |_| ());
        }
        let Some((batch, cause)) = self.committed(batch, cause) else { return };
        if !self.publisher.apply(&batch) {
            self.record_update(effects, |_| ());
        } else if self.collects {
            effects.collected = Some(cause);
        } else {
            self.publish(cause, effects);
        }
    }

    /// The part of a change that may be published together with what was collected, or is to be tried again. What is
    /// not committed may not, and is put aside.
    fn committed(&mut self, batch: Batch, cause: Cause) -> Option<(Batch, Cause)> {
        let is_waited_for = self.collects && self.is_due() || self.awaits_retry.is_some();
        if !is_waited_for || self.commit_key().is_none() {
            return Some((batch, cause));
        }
        let commits = commits(&batch, self.shared.keys.context().prefix(), self.commit_key());
        self.aside.change(batch, cause, commits, self.arrival.heard);
        if !commits {
            return None;
        }
        self.aside.next().map(|(batch, cause, _)| (batch, cause))
    }

    /// Takes over what was put aside, when nothing is left that it could be published with.
    fn take_up(&mut self, effects: &mut Effects) {
        let mut aside = std::mem::take(&mut self.aside);
        while let Some((batch, ..)) = aside.next() {
            if !self.publisher.apply(&batch) {
                self.record_update(effects, |_| ());
            }
        }
        if let Some((revision, _)) = aside.current {
            self.current(revision, effects);
        }
    }

    fn current(&mut self, revision: u64, effects: &mut Effects) {
        if self.aside.is_empty() {
            self.publisher.advance(revision);
        } else {
            self.aside.current(revision, self.arrival.heard);
        }
        self.prove(effects, |_| ());
    }

    /// The differences follow as changes; the watcher has logged the rewind.
    fn rewind(&mut self, rewind: Rewind, effects: &mut Effects) {
        if self.publisher.is_held() {
            return self.aside.rewind(rewind);
        }
        // They are differences to all keys so far, committed or not: then these are not tried again alone.
        if !self.aside.is_empty() {
            self.awaits_retry = None;
        }
        self.take_up(effects);
        self.record(|record| {
            record.last_rewind = Some(rewind);
            // The revisions of the other history say nothing about this one's.
            record.in_force = 0;
        });
    }

    fn publish(&mut self, cause: Cause, effects: &mut Effects) {
        self.try_newest(cause, false, effects);
    }

    fn try_newest(&mut self, cause: Cause, is_retry: bool, effects: &mut Effects) {
        (self.awaits_retry, effects.must_retry) = (None, false);
        let shared = Arc::clone(&self.shared);
        let (kept, cluster) = (shared.current.revision(), self.arrival.cluster);
        let mut lacking = Vec::new();
        let place = |snapshot| shared.publish(&snapshot, cluster, &mut lacking);
        let outcome = self.publisher.publish(kept, cause, place);
        if matches!(outcome, Outcome::Held) {
            return self.hold(Trial { cause, cluster, is_retry }, lacking, effects);
        }
        self.conclude(outcome, effects);
    }

    /// Records what an update came to, and has whoever is to hear of it called.
    fn conclude(&mut self, outcome: Outcome, effects: &mut Effects) {
        let shared = Arc::clone(&self.shared);
        shared.tidy_resources();
        let keys = Arc::clone(self.publisher.keys());
        let (name, prefix) = (self.publisher.layout().name, keys.context().prefix());
        match outcome {
            Outcome::NothingToTry => self.prove(effects, |_| ()),
            Outcome::Ended | Outcome::Held => {}
            Outcome::BackAtPublished => {
                let revision = self.publisher.revision();
                self.record_update(effects, |_| ());
                self.log(
                    || tracing::info!(name, %prefix, revision, "the values in force are the newest again"),
                );
            }
            Outcome::ValuesUnchanged(replaced) => {
                let revision = self.publisher.revision();
                self.record_update(effects, |_| ());
                shared.note_change(self.arrival.cluster);
                effects.must_save = true;
                self.log(|| tracing::info!(name, %prefix, revision, keys = ?some(&replaced.keys(prefix)), "keys were written, and no value in force changes"));
            }
            Outcome::Published(step) => {
                let revision = step.revision();
                shared.streams.send(|| step.change(prefix));
                shared.hooks.hold(|| Notice::of_change(step.change(prefix).clone()), || keys.len());
                self.record_update(effects, |record| record.accept(revision));
                effects.must_save = true;
                self.log(|| {
                    // Asked only where somebody reads the line.
                    let (cause, changed) = (step.cause(), || step.change(prefix).keys());
                    tracing::info!(name, %prefix, revision, ?cause, count = changed().len(), keys = ?some(changed()), "configuration changed");
                });
            }
            Outcome::Refused(rejection) => self.announce_refusal(rejection, effects),
        }
    }

    fn announce_refusal(&mut self, rejection: Rejection, effects: &mut Effects) {
        let keys = Arc::clone(self.publisher.keys());
        let (name, prefix) = (self.publisher.layout().name, keys.context().prefix());
        let refused = rejection.clone();
        self.shared.hooks.hold(|| Notice::of_rejection(rejection.clone()), || keys.len());
        self.record_update(effects, |record| record.refuse(rejection));
        self.log(|| tracing::warn!(name, %prefix, "{}", OneLine(format_args!("{refused:#}"))));
    }

    /// Records the outcome of an update and the warnings, and then has the callbacks called: the status that they
    /// read has both.
    fn record_update(&mut self, effects: &mut Effects, write: impl FnOnce(&mut StatusRecord)) {
        let differ = self.publisher.remarks_differ();
        let remarks = differ.then(|| (self.publisher.warnings(), self.publisher.pending()));
        let new_warnings = self.publisher.take_new_warnings();
        if !new_warnings.is_empty() {
            let keys = self.publisher.keys();
            self.shared.hooks.hold(|| Notice::of_warnings(new_warnings), || keys.len());
        }
        self.prove(effects, |record| {
            write(record);
            if let Some((warnings, pending)) = remarks {
                (record.warnings, record.pending) = (warnings, pending);
            }
        });
        self.publisher.remarks_recorded();
        self.shared.hooks.release();
    }

    /// Records that the store has confirmed what it holds, together with `write`.
    fn prove(&mut self, effects: &mut Effects, write: impl FnOnce(&mut StatusRecord)) {
        let extent = Extent {
            revision: self.publisher.revision(),
            outstanding: self.publisher.outstanding(),
            heard: self.arrival.heard,
        };
        let is_confirmed = self.record(|record| {
            write(record);
            let before = record.source;
            record.proven(extent);
            before != record.source
        });
        if is_confirmed {
            // The cache file is not as old as it says.
            self.shared.note_change(self.arrival.cluster);
            effects.must_save = true;
        }
        effects.is_confirmed = true;
    }

    fn record<R: Default>(&self, write: impl FnOnce(&mut StatusRecord) -> R) -> R {
        self.shared.record(self.arrival.counters, write)
    }

    /// Writes a line to the log, last of all: a subscriber of `tracing` is code of others, and may panic.
    fn log(&self, line: impl FnOnce()) {
        if let Err(panic) = panics::caught(line) {
            self.shared.note_panic(&panic, self.has_secrets());
        }
    }
}

/// The keys that a line of the log names.
fn some(keys: &[Arc<str>]) -> Vec<Printable<'_>> {
    keys.iter().take(LOGGED_KEYS).map(|key| Printable::line(key)).collect()
}
