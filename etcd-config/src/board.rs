//! Where the watching task puts what everybody else reads.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::changes::Streams;
use crate::hooks::Hooks;
use crate::keys::Keys;
use crate::snapshot::Snapshot;
use crate::standing::{Record, Standing};
use crate::status::Status;

pub(crate) struct Board<T> {
    pub(crate) current: ArcSwap<Snapshot<T>>,
    pub(crate) standing: Standing,
    pub(crate) keys: Arc<Keys>,
    pub(crate) hooks: Arc<Hooks<T>>,
    pub(crate) streams: Streams<T>,
    /// Someone waits for a revision: the store may be asked how far it is.
    pub(crate) impatience: Notify,
}

impl<T: Send + Sync + 'static> Board<T> {
    pub(crate) fn new(first: Snapshot<T>, standing: Standing, keys: Arc<Keys>, runtime: Handle) -> Self {
        Self {
            current: ArcSwap::from_pointee(first),
            standing,
            keys,
            hooks: Hooks::new(runtime),
            streams: Streams::default(),
            impatience: Notify::new(),
        }
    }
}

impl<T> Board<T> {
    pub(crate) fn status(&self) -> Status {
        let mut status = self.standing.status();
        // Also those since the watching task has last counted them.
        status.counters.callback_panics = self.hooks.panics();
        status
    }

    /// Nothing is written any more.
    pub(crate) fn stop(&self) {
        self.standing.write(Record::stop);
        self.streams.end();
        // Drops callbacks, which are the user's.
        self.hooks.stop();
    }
}
