//! Streams as iterators.

use super::runtime::{Pending, Runtime};
use crate::{Error, v2, v3};

/// The events of a v2 watcher, one by one: [`Iterator::next`] blocks until there is one.
#[derive(Debug)]
pub struct Events {
    watcher: Option<v2::Watcher>,
    stop: v2::AbortHandle,
    runtime: Runtime,
}

/// The changes of a v3 watch, one response by one: [`Iterator::next`] blocks until there is one.
#[derive(Debug)]
pub struct Changes {
    changes: Option<v3::Changes>,
    runtime: Runtime,
}

impl Events {
    pub(super) fn new(watcher: v2::Watcher, runtime: Runtime) -> Self {
        Self { stop: watcher.stop_handle(), watcher: Some(watcher), runtime }
    }

    /// Ends the watcher; the last event is [`v2::Event::Stop`].
    pub fn stop(&mut self) {
        self.stop.abort();
    }

    /// A handle that stops the watcher from elsewhere, while another thread waits for an event.
    pub fn stop_handle(&self) -> v2::AbortHandle {
        self.stop.clone()
    }
}

impl Iterator for Events {
    type Item = v2::Event;

    fn next(&mut self) -> Option<v2::Event> {
        let mut watcher = self.watcher.take()?;
        let next = async move {
            let event = watcher.next().await;
            (watcher, event)
        };
        let (watcher, event) = self.runtime.run(next).ok()?;
        self.watcher = Some(watcher);
        event
    }
}

impl Iterator for Changes {
    type Item = Result<v3::WatchResponse, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut changes = self.changes.take()?;
        let next = async move {
            let next = changes.next().await;
            (changes, next)
        };
        let (changes, next) = self.runtime.run(next).ok()?;
        self.changes = Some(changes);
        next
    }
}

impl Pending<v2::WatcherBuilder> {
    /// The watcher. Nothing is sent before its first event is waited for.
    pub fn start(self) -> Events {
        let (builder, runtime) = self.into_parts();
        Events::new(builder.start(), runtime)
    }
}

impl Pending<v3::Watch> {
    /// Opens the watch, and blocks this thread until the server has confirmed it.
    ///
    /// # Errors
    /// Those of the call.
    pub fn start(self) -> Result<Changes, Error> {
        let (watch, runtime) = self.into_parts();
        let changes = runtime.run(async move { watch.await })??;
        Ok(Changes { changes: Some(changes), runtime })
    }
}
