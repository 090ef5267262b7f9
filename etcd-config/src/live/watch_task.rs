//! The watching task: receives the watcher's events and passes them to the updater, without ever blocking.
//!
//! While updates have been fast, a small one is decoded in this task, at once. Any other is decoded on a
//! thread of the configuration's own; events that arrive until it is finished wait in the backlog.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use etcd_client_core::Batch;
use etcd_client_core::watcher::{Cause, Event, State, Watcher};
use tokio::sync::oneshot;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep, sleep_until};

use crate::cache::{Archive, CacheWriter, WriterStep};
use crate::live::backlog::{Backlog, commits};
use crate::live::endpoint_probe::EndpointProbe;
use crate::live::first_load::{FirstLoad, LoadedFrom};
use crate::live::last_good::difference;
use crate::live::shared::Shared;
use crate::live::updater::{Arrival, Effects, Updater, Work};
use crate::publish::current::Current;
use crate::resource::builds::{BuildEvent, Builds};
use crate::runtime::caller::Caller;
use crate::runtime::connections::OwnConnections;
use crate::runtime::deadline::runtime_deadline;
use crate::runtime::panics;
use crate::runtime::worker::Worker;
use crate::shape::layout::Layout;
use crate::status::Rewind;
use crate::status::cell::{HeardAt, StatusCell, StatusRecord};

/// The watch begins again at once after a first panic, after this pause after the second, and after twice the last
/// pause, up to the longest, from then on.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// After so long without a panic, the next one counts as the first.
const CALM: Duration = Duration::from_secs(60);

/// The watching task of one configuration.
pub(crate) struct WatchTask {
    layout: &'static Layout,
    watcher: Watcher,
    slot: UpdaterSlot,
    /// What has arrived while the updater was busy.
    backlog: Backlog,
    worker: Worker,
    shared: StopOnDrop,
    debounce: Duration,
    /// When the collected changes are to be published, and the cause of the last of them.
    publish_at: Option<(Instant, Cause)>,
    writer: Option<CacheWriter>,
    /// What is built for updates, once something is.
    builds: Option<Box<Builds>>,
    probe: EndpointProbe,
    /// The message of a panic after which the watch has not begun again yet.
    unrecovered_panic: Option<String>,
    /// Keeps the watcher's connections open: other configurations find them by a weak reference while this task lives.
    _connections: Arc<OwnConnections>,
}

/// The updater, or where it comes back from the worker's thread.
enum UpdaterSlot {
    Idle(Box<Updater>),
    Busy(oneshot::Receiver<Returned>),
}

/// The updater, with the effects of its work, or the message of a panic.
type Returned = (Box<Updater>, Result<Effects, String>);

/// Marks the shared state as stopped when the task ends, for whatever reason.
struct StopOnDrop(Arc<Shared>);

impl WatchTask {
    /// Goes on from the first load. The user's code runs in the caller's runtime, if there is one.
    pub(crate) fn new(loaded: FirstLoad, current: Arc<dyn Current>, caller: Caller) -> Self {
        let missed = loaded.refused.as_ref().map(|newest| difference(&loaded.listing(), newest));
        let FirstLoad { publisher, speed, watcher, loaded_from, cache, debounce, connections, .. } = loaded;
        let archive = cache.map(|cache| Arc::new(Archive::new(cache)));
        let mut writer = archive.clone().map(CacheWriter::new);
        let prefix = publisher.keys().context().prefix();
        let status_cell = StatusCell::new(publisher.layout().name, prefix, current.revision());
        status_cell.write(|record| {
            record.warnings = publisher.warnings();
            record.cache_file = archive.as_ref().map(|archive| archive.cache().unsaved());
            if let LoadedFrom::Cache { file, state } = loaded_from {
                record.mark_from_cache(file);
                if let Some(state) = state {
                    record.set_connection(state);
                }
            } else if let Some(writer) = &mut writer {
                writer.note_change(watcher.cluster());
            }
        });
        let keys = Arc::clone(publisher.keys());
        let probe = EndpointProbe::new(connections.store());
        let shared =
            Shared::new(current, status_cell, keys, archive, Arc::downgrade(&connections), caller.clone());
        let (shared, layout) = (Arc::new(shared), publisher.layout());
        let collects = !debounce.is_zero();
        let updater = Updater::new(publisher, Arc::clone(&shared), speed, collects, caller);
        let mut task = Self {
            layout,
            watcher,
            slot: UpdaterSlot::Idle(Box::new(updater)),
            backlog: Backlog::default(),
            worker: Worker::new("etcd-config-decoding"),
            shared: StopOnDrop(shared),
            debounce,
            publish_at: None,
            writer,
            builds: None,
            probe,
            unrecovered_panic: None,
            _connections: connections,
        };
        if let Some(batch) = missed {
            task.refuse_at_start(batch);
        }
        task
    }

    /// The newest state, which is known to be refused, as if it had come after the first snapshot: the status says so
    /// from the beginning.
    fn refuse_at_start(&mut self, batch: Batch) {
        let (counters, cluster) = (self.watcher.counters(), self.watcher.cluster());
        let arrival = Arrival { heard: HeardAt::now(), counters, cluster };
        if let UpdaterSlot::Idle(updater) = &mut self.slot {
            let effects = updater.run(Work::Change { batch, cause: Cause::Resync }, arrival);
            self.follow_up(effects);
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared.0
    }

    /// Runs until it is dropped. After a panic the watch begins again with a listing.
    pub(crate) async fn run(mut self: Box<Self>) {
        let (mut last_restart, mut pause) = (Instant::now(), Duration::ZERO);
        loop {
            let Err(panic) = panics::caught_in(self.watch_until_panic()).await else { return };
            self.unrecovered_panic = Some(panic);
            if last_restart.elapsed() > CALM {
                pause = Duration::ZERO;
            }
            sleep(pause).await;
            (last_restart, pause) = (Instant::now(), (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE));
        }
    }

    /// Returns `None` if the updater is lost: there was a panic while another one was handled. Nothing else ends it.
    async fn watch_until_panic(&mut self) -> Option<Infallible> {
        if let Some(panic) = self.unrecovered_panic.take() {
            // Boxed: otherwise the future of each task would have room for it for ever.
            Box::pin(self.recover(&panic)).await?;
        }
        let shared = Arc::clone(self.shared());
        // One future for many turns of the loop: to make a new one costs a lock and a place in a list.
        let mut progress_wanted = pin!(shared.progress_wanted.notified());
        loop {
            // A store that always has events must not keep other tasks from the thread.
            consume_budget().await;
            tokio::select! {
                event = self.watcher.next() => self.on_event(event),
                returned = updater_back(&mut self.slot) => self.on_return(returned?),
                cause = publish_time(self.publish_at), if self.slot.is_idle() => {
                    self.publish_at = None;
                    self.work(Work::Publish(cause));
                }
                () = &mut progress_wanted => {
                    progress_wanted.set(shared.progress_wanted.notified());
                    self.watcher.request_progress();
                }
                news = next_build_event(&mut self.builds), if self.builds.is_some() && self.slot.is_idle() => self.work(match news {
                    BuildEvent::Over(failed) => Work::Built(failed),
                    BuildEvent::Retry => Work::Retry,
                }),
                step = next_step(&mut self.writer) => self.on_writer_step(step),
                () = self.probe.due() => self.probe_endpoints(),
            }
            shared.announce_status();
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
                let commits = commits(&batch, prefix, self.layout.commit_key);
                self.backlog.change(batch, cause, commits, HeardAt::now());
            }
            Event::Current { revision } => self.backlog.current(revision, HeardAt::now()),
            Event::Rewound { seen, now, cluster_changed } => {
                let rewind = Rewind { seen, now, cluster_changed, at: SystemTime::now() };
                match self.slot {
                    UpdaterSlot::Idle(_) => self.work(Work::Rewind(rewind)),
                    UpdaterSlot::Busy(_) => self.backlog.rewind(rewind),
                }
            }
            Event::State(state) => self.on_state(state),
            // `Event::Listed`: the first load has had it, and later ones are reported as changes.
            _ => {}
        }
    }

    /// The connection's state is recorded at once, even while an update is being decoded.
    fn on_state(&mut self, state: State) {
        let (shared, counters) = (self.shared(), self.watcher.counters());
        panics::log(|| {
            tracing::debug!(name = self.layout.name, prefix = %shared.keys.context().prefix(), ?state);
        });
        shared.record(counters, |record| record.set_connection(state));
        // In an outage every endpoint fails the probe, and that would be reported as if others served.
        if !shared.status_cell.read(StatusRecord::is_watching) {
            self.probe.stop();
        }
    }

    /// Only while watching: in an outage each attempt of the watcher tries all endpoints anyway.
    fn probe_endpoints(&mut self) {
        if self.shared().status_cell.read(StatusRecord::is_watching) {
            self.probe.start(self.watcher.cluster());
        } else {
            self.probe.postpone();
        }
    }

    /// Has the updater, which is idle, do something: in this task or on the worker's thread.
    fn work(&mut self, work: Work) {
        let (counters, cluster) = (self.watcher.counters(), self.watcher.cluster());
        let arrival = Arrival { heard: HeardAt::now(), counters, cluster };
        // It stays in its slot while it runs here, so that a panic does not lose it.
        if let UpdaterSlot::Idle(updater) = &mut self.slot
            && updater.is_light(&work)
        {
            let effects = updater.run(work, arrival);
            return self.follow_up(effects);
        }
        let (sender, receiver) = oneshot::channel();
        match std::mem::replace(&mut self.slot, UpdaterSlot::Busy(receiver)) {
            UpdaterSlot::Idle(mut updater) => {
                let job = move || {
                    let effects = panics::caught(|| updater.run(work, arrival)).map(Effects::drop_discarded);
                    // If the watch has ended meanwhile, there is no receiver.
                    drop(sender.send((updater, effects)));
                };
                // If the system has no thread, it is done here after all.
                if let Err(job) = self.worker.run(Box::new(job)) {
                    job();
                }
            }
            // Never: callers check that it is idle. What comes while it is busy goes to the backlog.
            busy @ UpdaterSlot::Busy(_) => self.slot = busy,
        }
    }

    fn on_return(&mut self, (updater, effects): Returned) {
        self.slot = UpdaterSlot::Idle(updater);
        match effects {
            Ok(effects) => self.follow_up(effects),
            // `run` catches it, and begins again.
            Err(panic) => std::panic::resume_unwind(Box::new(panic)),
        }
        if !self.backlog.is_empty() {
            let backlog = std::mem::take(&mut self.backlog);
            self.work(Work::CatchUp(backlog));
        }
    }

    /// Sets the timers for what is to be done later, and has old snapshots dropped on the worker's thread.
    fn follow_up(&mut self, effects: Effects) {
        let Effects { collected, must_save, is_confirmed, discarded, must_retry, to_build } = effects;
        if let (Some(builds), true) = (&mut self.builds, must_retry) {
            builds.plan_retry();
        }
        if let Some(to_build) = to_build {
            let resources = Arc::clone(self.shared().resources());
            self.builds.get_or_insert_with(|| Box::new(Builds::new(resources))).begin(to_build);
        }
        if let Some(cause) = collected {
            let end = self.publish_at.map_or_else(|| runtime_deadline(self.debounce), |(end, _)| end);
            self.publish_at = Some((end, cause));
        }
        let cluster = self.watcher.cluster();
        match &mut self.writer {
            // The updater has noted the change in the archive.
            Some(writer) if must_save => writer.plan(),
            Some(writer) if is_confirmed => writer.note_proof(cluster),
            _ => {}
        }
        if !discarded.is_empty() {
            let drop = move || discarded.into_iter().for_each(panics::drop_caught);
            if let Err(job) = self.worker.run(Box::new(drop)) {
                job();
            }
        }
    }

    /// Begins again after a panic: the store is listed, and compared with the keys that were known.
    async fn recover(&mut self, panic: &str) -> Option<()> {
        // It may be the probe that has panicked: such a future must not be polled again.
        self.probe.postpone();
        if let Some(returned) = self.slot.recall().await {
            let (updater, _) = returned?;
            self.slot = UpdaterSlot::Idle(updater);
        }
        self.backlog = Backlog::default();
        if let Some(builds) = &mut self.builds {
            builds.abandon();
        }
        let UpdaterSlot::Idle(updater) = &mut self.slot else { return None };
        let keys_now = updater.recover(self.watcher.cluster());
        let (has_secrets, is_due) = (updater.has_secrets(), updater.is_due());
        self.watcher.restart(Arc::new(keys_now));
        if is_due && self.publish_at.is_none() {
            self.publish_at = Some((Instant::now(), Cause::Resync));
        }
        self.shared().note_panic(panic, has_secrets);
        // Notices of callbacks that were kept back until the update was published, which has panicked.
        self.shared().hooks.release();
        let message = panics::shown(if has_secrets { panics::WITHHELD } else { panic });
        let prefix = self.shared().keys.context().prefix();
        panics::log(|| {
            tracing::error!(
                name = self.layout.name, %prefix, panic = message,
                "following the store panicked: beginning again with a listing"
            );
        });
        Some(())
    }

    /// Carries out the cache writer's next step.
    fn on_writer_step(&mut self, step: WriterStep) {
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

impl UpdaterSlot {
    fn is_idle(&self) -> bool {
        matches!(self, UpdaterSlot::Idle(_))
    }

    /// Waits until a busy updater comes back. Returns `None` if it is idle, `Some(None)` if it is lost.
    async fn recall(&mut self) -> Option<Option<Returned>> {
        match self {
            UpdaterSlot::Idle(_) => None,
            UpdaterSlot::Busy(returned) => Some(returned.await.ok()),
        }
    }
}

impl Effects {
    /// Drops the old snapshots on this thread.
    fn drop_discarded(mut self) -> Self {
        self.discarded.drain(..).for_each(panics::drop_caught);
        self
    }
}

impl Drop for WatchTask {
    fn drop(&mut self) {
        let shared = Arc::clone(self.shared());
        if let Some(archive) = shared.archive.clone().filter(|archive| archive.is_outdated()) {
            shared.save(move |written| {
                if let Err(why) = written {
                    archive.warn_last_not_saved(&why);
                }
            });
        }
        // The slot is dropped on the worker's thread, as a drop is the user's code; `never` only takes its place. So are
        // the builds, which ends those that are tasks.
        let (_, never) = oneshot::channel();
        let slot = std::mem::replace(&mut self.slot, UpdaterSlot::Busy(never));
        let builds = self.builds.take();
        let drop = move || {
            panics::drop_caught(builds);
            panics::drop_caught(slot);
        };
        if let Err(job) = self.worker.run(Box::new(drop)) {
            job();
        }
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// The updater, when it comes back from the worker's thread, or `None` if it is lost; never ready while it is idle.
async fn updater_back(slot: &mut UpdaterSlot) -> Option<Returned> {
    match slot {
        UpdaterSlot::Idle(_) => pending().await,
        UpdaterSlot::Busy(returned) => returned.await.ok(),
    }
}

async fn next_build_event(builds: &mut Option<Box<Builds>>) -> BuildEvent {
    match builds {
        Some(builds) => builds.next().await,
        None => pending().await,
    }
}

async fn next_step(writer: &mut Option<CacheWriter>) -> WriterStep {
    match writer {
        Some(writer) => writer.next().await,
        None => pending().await,
    }
}

/// Ready at the time, if there is one.
async fn publish_time(publish_at: Option<(Instant, Cause)>) -> Cause {
    match publish_at {
        Some((instant, cause)) => {
            sleep_until(instant).await;
            cause
        }
        None => pending().await,
    }
}
