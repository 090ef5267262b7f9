//! A way to cancel from elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Cancels the call or the watcher that it was taken from, from any thread, at any time.
///
/// Dropping a call's future cancels it, too; this handle is for callers that keep one.
#[derive(Clone, Debug, Default)]
pub struct AbortHandle(Arc<AbortState>);

#[derive(Debug, Default)]
struct AbortState {
    aborted: AtomicBool,
    notify: Notify,
}

impl AbortHandle {
    /// Cancels. Doing it again changes nothing, nor does it after the end.
    pub fn abort(&self) {
        self.0.aborted.store(true, Ordering::SeqCst);
        self.0.notify.notify_waiters();
    }

    /// The same as [`abort`](Self::abort).
    pub fn cancel(&self) {
        self.abort();
    }

    /// Whether it was cancelled.
    pub fn is_aborted(&self) -> bool {
        self.0.aborted.load(Ordering::SeqCst)
    }

    /// Resolves when it is cancelled.
    pub(in crate::v2) async fn aborted(self) {
        loop {
            let notified = self.0.notify.notified();
            if self.is_aborted() {
                return;
            }
            notified.await;
        }
    }
}
