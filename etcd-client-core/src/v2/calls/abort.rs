//! Cancelling a call from another task or thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Cancels the call or the watcher that it was taken from, from any thread, at any time.
///
/// To cancel a call from the task that awaits it, drop its future instead. A write that was sent may be applied
/// all the same.
///
/// ```no_run
/// # async fn example(client: etcd_client_core::v2::Client) -> Result<(), etcd_client_core::Error> {
/// let watch = client.watch("jobs/7");
/// let abort = watch.abort_handle();
/// tokio::spawn(async move { abort.abort() }); // on a signal, say
/// match watch.await {
///     Err(error) if error.kind() == etcd_client_core::Kind::Aborted => println!("not waited for"),
///     other => println!("{:?}", other?.value()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct AbortHandle(Arc<AbortState>);

#[derive(Debug, Default)]
struct AbortState {
    aborted: AtomicBool,
    notify: Notify,
}

impl AbortHandle {
    /// Cancels. Without effect if it was cancelled before, or has ended.
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
