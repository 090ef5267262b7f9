//! A configuration's cache file, how much of the state is in it, and the thread that writes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use etcd_client_core::Listing;

use super::Cache;
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
}

impl Archive {
    pub(crate) fn new(cache: Arc<Cache>) -> Self {
        let worker = Worker::new("etcd-config-file");
        let [cluster, changes, saved] = [0; 3].map(AtomicU64::new);
        Self { cache, worker, cluster, changes, saved }
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

    /// Does something on the thread that writes, or, where the system has none left, not at all.
    pub(crate) fn run(&self, job: Job) {
        drop(self.worker.run(job));
    }

    /// Writes the last state, which was current at `proven`, where the file lacks it. Blocks.
    pub(crate) fn write(
        &self,
        proven: SystemTime,
        listing: impl FnOnce(u64) -> Listing,
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
