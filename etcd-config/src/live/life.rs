//! What all handles of a configuration share, and what happens when the last one is dropped.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use crate::live::shared::Shared;
use crate::runtime::background::Background;
use crate::runtime::caller::refuse_to_block;
use crate::status::cell::StatusRecord;

/// How long dropping the last handle waits for the cache file, and for the store to forget the instance.
const FLUSH: Duration = Duration::from_secs(1);

/// Ends the watch when it is dropped, that is, with the last handle.
pub(crate) struct Life {
    shared: Arc<Shared>,
    task: AbortHandle,
    /// Kept running as long as the task runs on it.
    background: Option<Arc<Background>>,
}

impl Life {
    pub(crate) fn new(shared: Arc<Shared>, task: AbortHandle, background: Option<Arc<Background>>) -> Self {
        Self { shared, task, background }
    }

    /// Ends the watch. What is in force stays, and may still be cached.
    pub(crate) fn end(&self) {
        self.task.abort();
        self.shared.stop();
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if self.shared.is_orphan() {
            // Locks may be held for ever, and the threads are the parent's. What is left of it is a copy.
            std::mem::forget((Arc::clone(&self.shared), self.background.take()));
            return;
        }
        self.end();
        let until = Instant::now() + FLUSH;
        flush(&self.shared);
        // On a runtime of the caller's the key goes when that comes to it: it may be waiting for this.
        if self.background.is_some() && refuse_to_block().is_ok() {
            self.shared.wait_until_out_of_fleet(until);
        }
    }
}

impl Shared {
    /// Waits until the instance is no longer listed in the fleet, if it is to be listed there.
    pub(super) fn wait_until_out_of_fleet(&self, until: Instant) {
        loop {
            let epoch = self.status_cell.epoch();
            if !self.is_in_fleet() || !self.status_cell.sleep(epoch, until) {
                return;
            }
        }
    }

    /// Whether something in the store is still to be taken back.
    fn is_in_fleet(&self) -> bool {
        let is_there =
            |record: &StatusRecord| record.in_fleet.as_ref().is_some_and(|in_fleet| !in_fleet.has_left);
        self.status_cell.read(is_there)
    }

    /// The same for a task.
    pub(super) async fn wait_until_out_of_fleet_async(&self, until: tokio::time::Instant) {
        loop {
            let epoch = self.status_cell.epoch();
            if !self.is_in_fleet() || !self.status_cell.sleep_async(epoch, until).await {
                return;
            }
        }
    }
}

/// Has the last state cached, and waits for it a while.
fn flush(shared: &Arc<Shared>) {
    if let Some(archive) = shared.archive.as_ref().filter(|archive| archive.is_outdated()) {
        let (sender, receiver) = mpsc::channel();
        shared.save(move |written| drop(sender.send(written)));
        // Nobody is there to be notified; the log says why it failed.
        if let Ok(Err(why)) = receiver.recv_timeout(FLUSH) {
            archive.warn_last_not_saved(&why);
        }
    }
}
