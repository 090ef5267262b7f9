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

use crate::backlog::{Backlog, commits};
use crate::board::Board;
use crate::cache::{Archive, Keeper, Step};
use crate::deadline::runtime_deadline;
use crate::decode::Derived;
use crate::desk::{Desk, Moment, Upshot, Work};
use crate::loaded::{Loaded, Origin};
use crate::panics;
use crate::patrol::Patrol;
use crate::standing::{Proof, Record, Standing};
use crate::status::Rewind;
use crate::surroundings::Surroundings;
use crate::twin::Twin;
use crate::worker::Worker;

/// From the second panic in a row to beginning again; doubled up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// After so long without one, a panic is the first again.
const CALM: Duration = Duration::from_secs(60);

/// The watching task of one configuration.
pub(crate) struct Driver<T: Derived> {
    watcher: Watcher,
    seat: Seat<T>,
    /// What has come while the desk was away.
    backlog: Backlog,
    worker: Worker,
    board: Ending<T>,
    debounce: Duration,
    /// When what was collected is to be published, with what it was learnt by.
    due: Option<(Instant, Cause)>,
    keeper: Option<Keeper>,
    patrol: Patrol,
    /// The words of a panic that has not been dealt with.
    panic: Option<String>,
    /// Keeps the connections open that the watcher uses, for others to share.
    _twin: Arc<Twin>,
}

/// Where the desk is.
enum Seat<T: Derived> {
    Here(Box<Desk<T>>),
    /// With the worker, which gives it back.
    Away(oneshot::Receiver<Returned<T>>),
}

/// The desk, with what came of what was done, or the words of a panic.
type Returned<T> = (Box<Desk<T>>, Result<Upshot<T>, String>);

/// The board, which is told when nothing follows the store any more, however that came.
struct Ending<T>(Arc<Board<T>>);

impl<T: Derived> Driver<T> {
    /// Takes up what was loaded, for whoever is in these surroundings.
    pub(crate) fn new(loaded: Loaded<T>, surroundings: Surroundings) -> Self {
        let Loaded { first, publisher, pace, watcher, origin, cache, debounce, twin } = loaded;
        let prefix = publisher.keys().context().prefix().path().to_owned();
        let archive = cache.map(|cache| Arc::new(Archive::new(cache)));
        let mut keeper = archive.clone().map(Keeper::new);
        let standing = Standing::new(T::LAYOUT.name, prefix, first.revision);
        standing.write(|record| {
            record.warnings = publisher.warnings();
            record.cache_file = archive.as_ref().map(|archive| archive.cache().unsaved());
            if let Origin::Cache { file, state } = origin {
                record.is_from_cache(file);
                if let Some(state) = state {
                    record.follow(state);
                }
            } else if let Some(keeper) = &mut keeper {
                keeper.note_change(watcher.cluster());
            }
        });
        let keys = Arc::clone(publisher.keys());
        let patrol = Patrol::new(twin.store());
        let board = Board::new(first, standing, keys, archive, Arc::downgrade(&twin), surroundings.clone());
        let board = Arc::new(board);
        let collects = !debounce.is_zero();
        let desk = Desk::new(publisher, Arc::clone(&board), pace, collects, surroundings);
        Self {
            watcher,
            seat: Seat::Here(Box::new(desk)),
            backlog: Backlog::default(),
            worker: Worker::new("etcd-config-decoding"),
            board: Ending(board),
            debounce,
            due: None,
            keeper,
            patrol,
            panic: None,
            _twin: twin,
        }
    }

    pub(crate) fn board(&self) -> &Arc<Board<T>> {
        &self.board.0
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

    /// Ends only where the desk is lost, which only a panic of a panic could do.
    async fn follow(&mut self) -> Option<Infallible> {
        if let Some(panic) = self.panic.take() {
            self.recover(&panic).await?;
        }
        let board = Arc::clone(self.board());
        loop {
            // A store that always has news must not keep others from the thread.
            consume_budget().await;
            tokio::select! {
                event = self.watcher.next() => self.on_event(event),
                returned = back(&mut self.seat) => self.on_return(returned?),
                cause = passed(self.due), if self.seat.is_here() => {
                    self.due = None;
                    self.work(Work::Publish(cause));
                }
                () = board.impatience.notified() => self.watcher.request_progress(),
                step = kept(&mut self.keeper) => self.keep(step),
                () = self.patrol.due() => self.look_round(),
            }
            board.tell();
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Changed { batch, cause } if self.seat.is_here() => {
                self.work(Work::Change { batch, cause });
            }
            Event::Current { revision } if self.seat.is_here() => self.work(Work::Current { revision }),
            Event::Changed { batch, cause } => {
                let prefix = self.board.0.keys.context().prefix();
                let commits = commits(&batch, prefix, T::LAYOUT.commit_key);
                self.backlog.change(batch, cause, commits, Proof::now());
            }
            Event::Current { revision } => self.backlog.current(revision, Proof::now()),
            Event::Rewound { seen, now, cluster_changed } => {
                let rewind = Rewind { seen, now, cluster_changed, at: SystemTime::now() };
                match self.seat {
                    Seat::Here(_) => self.work(Work::Rewind(rewind)),
                    Seat::Away(_) => self.backlog.rewind(rewind),
                }
            }
            Event::State(state) => self.on_state(state),
            _ => {}
        }
    }

    /// How it stands with the store is known at once, whatever is being decoded.
    fn on_state(&mut self, state: State) {
        let (board, counters) = (self.board(), self.watcher.counters());
        panics::log(|| {
            tracing::debug!(name = T::LAYOUT.name, prefix = %board.keys.context().prefix(), ?state);
        });
        board.record(counters, |record| record.follow(state));
    }

    /// While nobody answers, each attempt asks all servers.
    fn look_round(&mut self) {
        if self.board().standing.read(Record::is_watching) {
            self.patrol.look(self.watcher.cluster());
        } else {
            self.patrol.rest();
        }
    }

    /// Has something done, here or elsewhere. The desk is here.
    fn work(&mut self, work: Work) {
        let (counters, cluster) = (self.watcher.counters(), self.watcher.cluster());
        let moment = Moment { heard: Proof::now(), counters, cluster };
        let (sender, receiver) = oneshot::channel();
        match std::mem::replace(&mut self.seat, Seat::Away(receiver)) {
            Seat::Here(mut desk) if !desk.is_light(&work) => {
                let job = move || {
                    let upshot = panics::caught(|| desk.run(work, moment)).map(Upshot::let_go);
                    // Nobody takes it back where the watch has ended meanwhile.
                    drop(sender.send((desk, upshot)));
                };
                // Where the system has no thread it is done here after all.
                if let Err(job) = self.worker.run(Box::new(job)) {
                    job();
                }
            }
            Seat::Here(desk) => {
                self.seat = Seat::Here(desk);
                let Seat::Here(desk) = &mut self.seat else { return };
                let upshot = desk.run(work, moment);
                self.follow_up(upshot);
            }
            away @ Seat::Away(_) => self.seat = away,
        }
    }

    fn on_return(&mut self, (desk, upshot): Returned<T>) {
        self.seat = Seat::Here(desk);
        match upshot {
            Ok(upshot) => self.follow_up(upshot),
            // Dealt with as one of this task.
            Err(panic) => std::panic::resume_unwind(Box::new(panic)),
        }
        if !self.backlog.is_empty() {
            let backlog = std::mem::take(&mut self.backlog);
            self.work(Work::CatchUp(backlog));
        }
    }

    /// Sees to what has its time, and to what is dropped elsewhere.
    fn follow_up(&mut self, upshot: Upshot<T>) {
        let Upshot { collected, is_news, is_proven, discarded } = upshot;
        if let Some(cause) = collected {
            let end = self.due.map_or_else(|| runtime_deadline(self.debounce), |(end, _)| end);
            self.due = Some((end, cause));
        }
        let cluster = self.watcher.cluster();
        match &mut self.keeper {
            Some(keeper) if is_news => keeper.plan(),
            Some(keeper) if is_proven => keeper.note_proof(cluster),
            _ => {}
        }
        if !discarded.is_empty() {
            let drop = move || discarded.into_iter().for_each(panics::let_go);
            if let Err(job) = self.worker.run(Box::new(drop)) {
                job();
            }
        }
    }

    /// Begins again after a panic: what the store has is compared with the keys that are here.
    async fn recover(&mut self, panic: &str) -> Option<()> {
        if let Some(returned) = self.seat.recall().await {
            let (desk, _) = returned?;
            self.seat = Seat::Here(desk);
        }
        self.backlog = Backlog::default();
        let Seat::Here(desk) = &mut self.seat else { return None };
        let held = desk.recover(self.watcher.cluster());
        let (has_secrets, is_due) = (desk.has_secrets(), desk.is_due());
        self.watcher.restart(Arc::new(held));
        if is_due && self.due.is_none() {
            self.due = Some((Instant::now(), Cause::Resync));
        }
        self.board().note_panic(panic, has_secrets);
        let words = panics::shown(if has_secrets { panics::WITHHELD } else { panic });
        let prefix = self.board().keys.context().prefix();
        panics::log(|| {
            tracing::error!(
                name = T::LAYOUT.name, %prefix, panic = words,
                "following the store panicked: beginning again with a listing"
            );
        });
        Some(())
    }

    /// The next step with the cache file.
    fn keep(&mut self, step: Step) {
        let counters = self.watcher.counters();
        let board = self.board();
        match step {
            Step::Due(sender) => board.save(move |written| drop(sender.send(written))),
            Step::Written(file) => board.record(counters, |record| record.cache_file = Some(file)),
            Step::Failed(why) => board.record(counters, |record| {
                if let Some(file) = &mut record.cache_file {
                    file.problem = Some(why);
                }
            }),
        }
    }
}

impl<T: Derived> Seat<T> {
    fn is_here(&self) -> bool {
        matches!(self, Seat::Here(_))
    }

    /// Waits for the desk where it is away; none in it where it is lost.
    async fn recall(&mut self) -> Option<Option<Returned<T>>> {
        match self {
            Seat::Here(_) => None,
            Seat::Away(returned) => Some(returned.await.ok()),
        }
    }
}

impl<T> Upshot<T> {
    /// Drops here what is to be dropped.
    fn let_go(mut self) -> Self {
        self.discarded.drain(..).for_each(panics::let_go);
        self
    }
}

impl<T: Derived> Drop for Driver<T> {
    fn drop(&mut self) {
        let board = Arc::clone(self.board());
        if board.archive.as_ref().is_some_and(|archive| archive.is_behind()) {
            board.save(|written| {
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
        let seat = std::mem::replace(&mut self.seat, Seat::Away(nobody));
        if let Err(job) = self.worker.run(Box::new(move || panics::let_go(seat))) {
            job();
        }
    }
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

async fn back<T: Derived>(seat: &mut Seat<T>) -> Option<Returned<T>> {
    match seat {
        Seat::Here(_) => pending().await,
        Seat::Away(returned) => returned.await.ok(),
    }
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
