//! A wish of somebody else, such as a person at a terminal, that a rollout be taken back.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Takes back a [`Rollout`](crate::Rollout) that is running; from [`Rollout::handle`](crate::Rollout::handle). For code
/// that waits for Ctrl-C, for example. Cheap to clone.
#[derive(Clone, Default)]
pub struct RolloutHandle(Arc<Wish>);

#[derive(Default)]
struct Wish {
    reason: Mutex<Option<String>>,
    notify: Notify,
}

impl RolloutHandle {
    /// Has the rollout taken back, for this reason; of several calls the first one counts. This returns at once: when it is
    /// taken back, [`promote`](crate::Rollout::promote) returns. Once it is being promoted it is too late.
    pub fn abort(&self, reason: impl Into<String>) {
        let mut wish = self.0.reason.lock().unwrap_or_else(PoisonError::into_inner);
        wish.get_or_insert_with(|| reason.into());
        self.0.notify.notify_one();
    }

    /// The reason, as soon as there is one.
    pub(super) async fn asked(&self) -> String {
        loop {
            if let Some(reason) = self.reason() {
                return reason;
            }
            self.0.notify.notified().await;
        }
    }

    /// The reason, if there is one by now.
    pub(super) fn reason(&self) -> Option<String> {
        self.0.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for RolloutHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RolloutHandle").finish_non_exhaustive()
    }
}
