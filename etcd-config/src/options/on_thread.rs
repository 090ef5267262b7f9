//! Work that blocks, away from the threads of the caller's runtime.

use tokio::sync::oneshot;

use crate::error::Error;
use crate::runtime::panics;
use crate::runtime::worker::Worker;

/// Does something that blocks, on a thread of its own: a process could not end before a blocking thread of the
/// runtime does.
pub(super) async fn on_thread<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Error> {
    let (sender, receiver) = oneshot::channel();
    let job = move || drop(sender.send(panics::caught(work)));
    if let Err(job) = Worker::new("etcd-config-start").run(Box::new(job)) {
        job();
    }
    receiver
        .await
        .map_err(|_| Error::stopped("the thread that reads the configuration has ended before it was read"))?
        .map_err(|panic| panicked(&panic))
}

pub(super) fn panicked(words: &str) -> Error {
    Error::failed(format!("reading the configuration panicked: {}", panics::shown(words)))
}
