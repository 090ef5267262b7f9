//! A configuration's cache file, how much of the state is in it, and the thread that writes it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use etcd_client_core::Listing;

use super::Cache;
use crate::runtime::panics;
use crate::runtime::worker::{Job, Worker};
use crate::status::CacheFile;

/// Shared by the watching task, which writes it now and then, and the handles, which do when they end the watch.
pub(crate) struct Archive {
    cache: Arc<Cache>,
    worker: Worker,
    cluster: AtomicU64,
    /// How often there was something new, and up to which of these the file has it.
    changes: AtomicU64,
    saved: AtomicU64,
    /// Why it could not be written the last time.
    failure: Mutex<Option<String>>,
}

impl Archive {
    pub(crate) fn new(cache: Arc<Cache>) -> Self {
        let worker = Worker::new("etcd-config-file");
        let [cluster, changes, saved] = [0; 3].map(AtomicU64::new);
        Self { cache, worker, cluster, changes, saved, failure: Mutex::default() }
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// There is a new state of this cluster, and it is good.
    pub(crate) fn note_change(&self, cluster: u64) {
        self.cluster.store(cluster, Ordering::Release);
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether the file lacks the last state.
    pub(crate) fn is_outdated(&self) -> bool {
        self.saved.load(Ordering::Acquire) < self.changes.load(Ordering::Acquire)
    }

    /// Whether this is another reason than the one that it could not be written for the last time.
    pub(super) fn is_news(&self, why: &str) -> bool {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.replace(why.to_owned()).as_deref() != Some(why)
    }

    /// It was written.
    pub(super) fn forget_failure(&self) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The watch has ended, and the last state could not be written. The log has it once.
    pub(crate) fn warn_last_not_saved(&self, why: &str) {
        if self.is_news(why) {
            let (name, path) = (self.cache.name(), self.cache.path().display());
            panics::log(|| tracing::warn!(name, %path, "the last state is not in the cache file: {why}"));
        }
    }

    /// Does something on the thread that writes, or, where the system has none left, not at all.
    pub(crate) fn run(&self, job: Job) {
        drop(self.worker.run(job));
    }

    /// Writes the last state, which was current at `proven`, where the file lacks it. Blocks.
    pub(crate) fn write(
        &self,
        proven: SystemTime,
        listing: &dyn Fn(u64) -> Listing,
    ) -> Result<Option<CacheFile>, String> {
        let changes = self.changes.load(Ordering::Acquire);
        if self.saved.load(Ordering::Acquire) >= changes {
            return Ok(None);
        }
        let listing = listing(self.cluster.load(Ordering::Acquire));
        let file = self.cache.write(listing, proven, changes)?;
        self.saved.fetch_max(changes, Ordering::AcqRel);
        Ok(Some(file))
    }
}
