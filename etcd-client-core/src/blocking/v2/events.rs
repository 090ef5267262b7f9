//! A v2 watcher as an iterator.

use crate::blocking::runtime::{Pending, Runtime};
use crate::v2;

/// The events of a [`v2::Watcher`] as an iterator: [`Iterator::next`] blocks until there is one, and is `None` after
/// [`v2::Event::Stop`].
///
/// ```no_run
/// use etcd_client_core::v2;
///
/// let client = v2::Client::new(["127.0.0.1:2379"])?.blocking();
/// for event in client.watcher("app").recursive(true).start() {
///     if let v2::Event::Change(change) = event {
///         println!("{:?} {:?}", change.action, change.value());
///     }
/// }
/// # Ok::<(), etcd_client_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Events {
    watcher: Option<v2::Watcher>,
    stop: v2::AbortHandle,
    runtime: Runtime,
}

impl Events {
    pub(super) fn new(watcher: v2::Watcher, runtime: Runtime) -> Self {
        Self { stop: watcher.stop_handle(), watcher: Some(watcher), runtime }
    }

    /// Stops the watcher; the last event is [`v2::Event::Stop`].
    pub fn stop(&mut self) {
        self.stop.abort();
    }

    /// A handle that stops the watcher from another thread, also while this one waits for an event.
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

impl Pending<v2::WatcherBuilder> {
    /// Starts the watcher. Nothing is sent before the first event is asked for.
    pub fn start(self) -> Events {
        let (builder, runtime) = self.into_parts();
        Events::new(builder.start(), runtime)
    }
}
