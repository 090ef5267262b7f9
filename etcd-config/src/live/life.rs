//! What all handles of a configuration share, and what happens when the last one is dropped.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::live::shared::Shared;
use crate::runtime::background::Background;

/// How long dropping the last handle waits for the cache file.
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
        flush(&self.shared);
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
