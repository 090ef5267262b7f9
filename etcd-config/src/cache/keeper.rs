//! When the cache file is written: soon after a change, at most about once a second, and always
//! with the last state.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use etcd_client_core::Listing;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};

use super::Cache;
use crate::panics;
use crate::status::CacheFile;

/// From one write to the next.
const PACE: Duration = Duration::from_secs(1);
/// How old the file may get while its content is proven current all the time.
const REFRESH: Duration = Duration::from_secs(600);
/// When a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// Keeps a cache file up to date, off the watching task.
#[derive(Debug)]
pub(crate) struct Keeper {
    cache: Arc<Cache>,
    /// When there is something to write, and it may be.
    due: Option<Instant>,
    /// When the next write may be.
    not_before: Instant,
    writing: Option<JoinHandle<Result<CacheFile, String>>>,
    /// How many writes there were.
    turns: u64,
    /// Told of once, and again when it has gone well in between.
    failed: bool,
}

/// What has come.
pub(crate) enum Step {
    /// It is time to hand over what is to be written.
    Due,
    /// The file was written: how it stands now.
    Written(CacheFile),
    /// It could not be written: why not. What was there is there.
    Failed(String),
}

impl Keeper {
    pub(crate) fn new(cache: Arc<Cache>) -> Self {
        Self { cache, due: None, not_before: Instant::now(), writing: None, turns: 0, failed: false }
    }

    /// The file as long as nothing is known of it.
    pub(crate) fn file(&self) -> CacheFile {
        self.cache.unsaved()
    }

    /// There is a new state, and it is good.
    pub(crate) fn note_change(&mut self) {
        if self.due.is_none() {
            self.due = Some(self.not_before.max(Instant::now()));
        }
    }

    /// The state is still current.
    pub(crate) fn note_proof(&mut self) {
        if self.turns > 0 && self.not_before + REFRESH <= Instant::now() {
            self.note_change();
        }
    }

    /// The next step; never comes where there is nothing to do. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Step {
        if let Some(writing) = &mut self.writing {
            let done = writing.await;
            self.writing = None;
            return self.settle(done.unwrap_or_else(|error| Err(error.to_string())));
        }
        match self.due {
            Some(instant) => sleep_until(instant).await,
            None => pending().await,
        }
        Step::Due
    }

    /// Writes; the outcome is a later [`step`](Self::next).
    pub(crate) fn write(&mut self, listing: Listing, proven: SystemTime) {
        let turn = self.take_turn();
        let cache = Arc::clone(&self.cache);
        // Where the system has no thread left, tokio panics.
        let started = panics::caught(|| spawn_blocking(move || cache.write(listing, proven, turn)));
        self.writing = Some(started.unwrap_or_else(|_| {
            let failed = Err("there is no thread to write it".to_owned());
            tokio::spawn(async { failed })
        }));
    }

    /// Whether the file lacks the last state.
    pub(crate) fn is_behind(&self) -> bool {
        self.due.is_some()
    }

    /// Writes for the last time, on a thread of its own: nobody waits for it, and nobody is there
    /// to be told.
    pub(crate) fn write_last(&mut self, listing: Listing, proven: SystemTime) {
        let turn = self.take_turn();
        let cache = Arc::clone(&self.cache);
        let write = move || {
            if let Err(why) = cache.write(listing, proven, turn) {
                tracing::warn!(path = %cache.path().display(), "the cache file is not kept: {why}");
            }
        };
        let thread = std::thread::Builder::new().name("etcd-config-cache".to_owned());
        if let Err(error) = thread.spawn(write) {
            tracing::warn!(path = %self.cache.path().display(), %error, "the last state is not cached");
        }
    }

    fn take_turn(&mut self) -> u64 {
        self.due = None;
        // The state at the start is no storm: the first change after it need not wait.
        self.not_before = Instant::now() + if self.turns == 0 { Duration::ZERO } else { PACE };
        self.turns += 1;
        self.turns
    }

    fn settle(&mut self, done: Result<CacheFile, String>) -> Step {
        let path = self.cache.path().display();
        match done {
            Ok(file) => {
                tracing::debug!(%path, revision = file.revision, "cached");
                self.failed = false;
                Step::Written(file)
            }
            Err(why) => {
                if !self.failed {
                    tracing::warn!(%path, "the cache file is not kept: {why}");
                }
                self.failed = true;
                self.not_before = Instant::now() + RETRY;
                self.due = Some(self.not_before);
                Step::Failed(why)
            }
        }
    }
}
