//! The watching task: follows the watcher, has everything done that follows from it, and never waits
//! for anybody.
//!
//! What is small and was fast so far is done here, at once; all else is done on a thread of this
//! configuration's own, and what the store tells meanwhile waits in a backlog.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use etcd_client_core::watcher::{Cause, Event, State, Watcher};
use tokio::sync::oneshot;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep, sleep_until};

use crate::cache::{Archive, CacheWriter, WriterStep};
use crate::decode::Derived;
use crate::live::backlog::{Backlog, commits};
use crate::live::first_load::{FirstLoad, LoadedFrom};
use crate::live::patrol::Patrol;
use crate::live::shared::Shared;
use crate::live::updater::{Effects, Moment, Updater, Work};
use crate::runtime::caller::Caller;
use crate::runtime::connections::OwnConnections;
use crate::runtime::deadline::runtime_deadline;
use crate::runtime::panics;
use crate::runtime::worker::Worker;
use crate::status::Rewind;
use crate::status::cell::{Proof, StatusCell, StatusRecord};

/// From the second panic in a row to beginning again; doubled up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// After so long without one, a panic is the first again.
const CALM: Duration = Duration::from_secs(60);

/// The watching task of one configuration.
pub(crate) struct WatchTask<T: Derived> {
    watcher: Watcher,
    slot: UpdaterSlot<T>,
    /// What has come while the updater was busy.
    backlog: Backlog,
    worker: Worker,
    shared: StopOnDrop<T>,
    debounce: Duration,
    /// When what was collected is to be published, with what it was learnt by.
    due: Option<(Instant, Cause)>,
    writer: Option<CacheWriter>,
    patrol: Patrol,
    /// The words of a panic that has not been dealt with.
    panic: Option<String>,
    /// Keeps the connections open that the watcher uses, for others to share.
    _connections: Arc<OwnConnections>,
}

/// Whether the updater is free.
enum UpdaterSlot<T: Derived> {
    Idle(Box<Updater<T>>),
    /// With the worker, which gives it back.
    Busy(oneshot::Receiver<Returned<T>>),
}

/// The updater, with what came of what was done, or the words of a panic.
type Returned<T> = (Box<Updater<T>>, Result<Effects<T>, String>);

/// What is shared with the handles; it is stopped when nothing follows the store any more, however that came.
struct StopOnDrop<T>(Arc<Shared<T>>);

impl<T: Derived> WatchTask<T> {
    /// Takes up what was loaded, for this caller.
    pub(crate) fn new(loaded: FirstLoad<T>, caller: Caller) -> Self {
        let FirstLoad { first, publisher, speed, watcher, loaded_from, cache, debounce, connections } =
            loaded;
        let prefix = publisher.keys().context().prefix().path().to_owned();
        let archive = cache.map(|cache| Arc::new(Archive::new(cache)));
        let mut writer = archive.clone().map(CacheWriter::new);
        let status_cell = StatusCell::new(T::LAYOUT.name, prefix, first.revision);
        status_cell.write(|record| {
            record.warnings = publisher.warnings();
            record.cache_file = archive.as_ref().map(|archive| archive.cache().unsaved());
            if let LoadedFrom::Cache { file, state } = loaded_from {
                record.is_from_cache(file);
                if let Some(state) = state {
                    record.follow(state);
                }
            } else if let Some(writer) = &mut writer {
                writer.note_change(watcher.cluster());
            }
        });
        let keys = Arc::clone(publisher.keys());
        let patrol = Patrol::new(connections.store());
        let shared =
            Shared::new(first, status_cell, keys, archive, Arc::downgrade(&connections), caller.clone());
        let shared = Arc::new(shared);
        let collects = !debounce.is_zero();
        let updater = Updater::new(publisher, Arc::clone(&shared), speed, collects, caller);
        Self {
            watcher,
            slot: UpdaterSlot::Idle(Box::new(updater)),
            backlog: Backlog::default(),
            worker: Worker::new("etcd-config-decoding"),
            shared: StopOnDrop(shared),
            debounce,
            due: None,
            writer,
            patrol,
            panic: None,
            _connections: connections,
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<T>> {
        &self.shared.0
    }

    /// Goes on until it is dropped, whatever panics: then the watch begins again with a listing.
    pub(crate) async fn run(mut self) {
        let (mut last, mut pause) = (Instant::now(), Duration::ZERO);
        loop {
            let Err(panic) = panics::caught_in(self.follow()).await else { return };
            self.panic = Some(panic);
            if last.elapsed() > CALM {
                pause = Duration::ZERO;
            }
            sleep(pause).await;
            (last, pause) = (Instant::now(), (pause * 2).clamp(PAUSE, LONGEST_PAUSE));
        }
    }

    /// Ends only where the updater is lost, which only a panic of a panic could do.
    async fn follow(&mut self) -> Option<Infallible> {
        if let Some(panic) = self.panic.take() {
            self.recover(&panic).await?;
        }
        let shared = Arc::clone(self.shared());
        loop {
            // A store that always has news must not keep others from the thread.
            consume_budget().await;
            tokio::select! {
                event = self.watcher.next() => self.on_event(event),
                returned = back(&mut self.slot) => self.on_return(returned?),
                cause = passed(self.due), if self.slot.is_idle() => {
                    self.due = None;
                    self.work(Work::Publish(cause));
                }
                () = shared.progress_wanted.notified() => self.watcher.request_progress(),
                step = next_step(&mut self.writer) => self.keep(step),
                () = self.patrol.due() => self.look_round(),
            }
            shared.announce();
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Changed { batch, cause } if self.slot.is_idle() => {
                self.work(Work::Change { batch, cause });
            }
            Event::Current { revision } if self.slot.is_idle() => self.work(Work::Current { revision }),
            Event::Changed { batch, cause } => {
                let prefix = self.shared.0.keys.context().prefix();
                let commits = commits(&batch, prefix, T::LAYOUT.commit_key);
                self.backlog.change(batch, cause, commits, Proof::now());
            }
            Event::Current { revision } => self.backlog.current(revision, Proof::now()),
            Event::Rewound { seen, now, cluster_changed } => {
                let rewind = Rewind { seen, now, cluster_changed, at: SystemTime::now() };
                match self.slot {
                    UpdaterSlot::Idle(_) => self.work(Work::Rewind(rewind)),
                    UpdaterSlot::Busy(_) => self.backlog.rewind(rewind),
                }
            }
            Event::State(state) => self.on_state(state),
            _ => {}
        }
    }

    /// How it stands with the store is known at once, whatever is being decoded.
    fn on_state(&mut self, state: State) {
        let (shared, counters) = (self.shared(), self.watcher.counters());
        panics::log(|| {
            tracing::debug!(name = T::LAYOUT.name, prefix = %shared.keys.context().prefix(), ?state);
        });
        shared.record(counters, |record| record.follow(state));
        // What fails in an outage says nothing of who would serve.
        if !shared.status_cell.read(StatusRecord::is_watching) {
            self.patrol.stop();
        }
    }

    /// While nobody answers, each attempt asks all servers.
    fn look_round(&mut self) {
        if self.shared().status_cell.read(StatusRecord::is_watching) {
            self.patrol.look(self.watcher.cluster());
        } else {
            self.patrol.rest();
        }
    }

    /// Has something done, here or elsewhere. The updater is idle.
    fn work(&mut self, work: Work) {
        let (counters, cluster) = (self.watcher.counters(), self.watcher.cluster());
        let moment = Moment { heard: Proof::now(), counters, cluster };
        let (sender, receiver) = oneshot::channel();
        match std::mem::replace(&mut self.slot, UpdaterSlot::Busy(receiver)) {
            UpdaterSlot::Idle(mut updater) if !updater.is_light(&work) => {
                let job = move || {
                    let effects = panics::caught(|| updater.run(work, moment)).map(Effects::drop_caught);
                    // Nobody takes it back where the watch has ended meanwhile.
                    drop(sender.send((updater, effects)));
                };
                // Where the system has no thread it is done here after all.
                if let Err(job) = self.worker.run(Box::new(job)) {
                    job();
                }
            }
            UpdaterSlot::Idle(updater) => {
                self.slot = UpdaterSlot::Idle(updater);
                let UpdaterSlot::Idle(updater) = &mut self.slot else { return };
                let effects = updater.run(work, moment);
                self.follow_up(effects);
            }
            away @ UpdaterSlot::Busy(_) => self.slot = away,
        }
    }

    fn on_return(&mut self, (updater, effects): Returned<T>) {
        self.slot = UpdaterSlot::Idle(updater);
        match effects {
            Ok(effects) => self.follow_up(effects),
            // Dealt with as one of this task.
            Err(panic) => std::panic::resume_unwind(Box::new(panic)),
        }
        if !self.backlog.is_empty() {
            let backlog = std::mem::take(&mut self.backlog);
            self.work(Work::CatchUp(backlog));
        }
    }

    /// Sees to what has its time, and to what is dropped elsewhere.
    fn follow_up(&mut self, effects: Effects<T>) {
        let Effects { collected, is_news, is_proven, discarded } = effects;
        if let Some(cause) = collected {
            let end = self.due.map_or_else(|| runtime_deadline(self.debounce), |(end, _)| end);
            self.due = Some((end, cause));
        }
        let cluster = self.watcher.cluster();
        match &mut self.writer {
            Some(writer) if is_news => writer.plan(),
            Some(writer) if is_proven => writer.note_proof(cluster),
            _ => {}
        }
        if !discarded.is_empty() {
            let drop = move || discarded.into_iter().for_each(panics::drop_caught);
            if let Err(job) = self.worker.run(Box::new(drop)) {
                job();
            }
        }
    }

    /// Begins again after a panic: what the store has is compared with the keys that are here.
    async fn recover(&mut self, panic: &str) -> Option<()> {
        // It may be the look that has panicked, as it began or since, and must not be gone on with.
        self.patrol.rest();
        if let Some(returned) = self.slot.recall().await {
            let (updater, _) = returned?;
            self.slot = UpdaterSlot::Idle(updater);
        }
        self.backlog = Backlog::default();
        let UpdaterSlot::Idle(updater) = &mut self.slot else { return None };
        let held = updater.recover(self.watcher.cluster());
        let (has_secrets, is_due) = (updater.has_secrets(), updater.is_due());
        self.watcher.restart(Arc::new(held));
        if is_due && self.due.is_none() {
            self.due = Some((Instant::now(), Cause::Resync));
        }
        self.shared().note_panic(panic, has_secrets);
        let words = panics::shown(if has_secrets { panics::WITHHELD } else { panic });
        let prefix = self.shared().keys.context().prefix();
        panics::log(|| {
            tracing::error!(
                name = T::LAYOUT.name, %prefix, panic = words,
                "following the store panicked: beginning again with a listing"
            );
        });
        Some(())
    }

    /// The next step with the cache file.
    fn keep(&mut self, step: WriterStep) {
        let counters = self.watcher.counters();
        let shared = self.shared();
        match step {
            WriterStep::Due(sender) => shared.save(move |written| drop(sender.send(written))),
            WriterStep::Written(file) => shared.record(counters, |record| record.cache_file = Some(file)),
            WriterStep::Failed(why) => shared.record(counters, |record| {
                if let Some(file) = &mut record.cache_file {
                    file.problem = Some(why);
                }
            }),
        }
    }
}

impl<T: Derived> UpdaterSlot<T> {
    fn is_idle(&self) -> bool {
        matches!(self, UpdaterSlot::Idle(_))
    }

    /// Waits for the updater if it is busy; none in it if it is lost.
    async fn recall(&mut self) -> Option<Option<Returned<T>>> {
        match self {
            UpdaterSlot::Idle(_) => None,
            UpdaterSlot::Busy(returned) => Some(returned.await.ok()),
        }
    }
}

impl<T> Effects<T> {
    /// Drops here what is to be dropped.
    fn drop_caught(mut self) -> Self {
        self.discarded.drain(..).for_each(panics::drop_caught);
        self
    }
}

impl<T: Derived> Drop for WatchTask<T> {
    fn drop(&mut self) {
        let shared = Arc::clone(self.shared());
        if shared.archive.as_ref().is_some_and(|archive| archive.is_behind()) {
            shared.save(|written| {
                if let Err(why) = written {
                    panics::log(|| {
                        tracing::warn!(
                            name = T::LAYOUT.name,
                            "the last state is not in the cache file: {why}"
                        );
                    });
                }
            });
        }
        // What is dropped with it is the user's, and may take its time.
        let (_, nobody) = oneshot::channel();
        let slot = std::mem::replace(&mut self.slot, UpdaterSlot::Busy(nobody));
        if let Err(job) = self.worker.run(Box::new(move || panics::drop_caught(slot))) {
            job();
        }
    }
}

impl<T> Drop for StopOnDrop<T> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

async fn back<T: Derived>(slot: &mut UpdaterSlot<T>) -> Option<Returned<T>> {
    match slot {
        UpdaterSlot::Idle(_) => pending().await,
        UpdaterSlot::Busy(returned) => returned.await.ok(),
    }
}

async fn next_step(writer: &mut Option<CacheWriter>) -> WriterStep {
    match writer {
        Some(writer) => writer.next().await,
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
