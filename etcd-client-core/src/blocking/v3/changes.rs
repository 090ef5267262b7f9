//! A v3 watch as an iterator.

use crate::blocking::runtime::{Pending, Runtime};
use crate::{Error, v3};

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
