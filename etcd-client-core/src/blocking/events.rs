//! Watches as iterators.

use super::runtime::{Pending, Runtime};
use crate::{Error, v2, v3};

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

/// The responses of a [`v3::Watch`] as an iterator: [`Iterator::next`] blocks until there is one. The last item is the
/// error with which the watch has ended.
///
/// ```no_run
/// use etcd_client_core::v3;
///
/// let client = v3::Client::new("127.0.0.1:2379")?.blocking();
/// for response in client.watch("/app/").prefix().start()? {
///     for event in response?.events {
///         println!("{:?} {}", event.kind, event.kv.key_lossy());
///     }
/// }
/// # Ok::<(), etcd_client_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Changes {
    changes: Option<v3::Changes>,
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
    /// Starts the watcher. Nothing is sent before the first event is asked for.
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
