//! The thread that follows the store for all configurations that are watched from blocking code.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::runtime::caller;
use crate::runtime::deadline::count_from;
use crate::runtime::process::PerProcess;

static CURRENT: PerProcess<Mutex<Weak<Background>>> = PerProcess::new();

/// A thread named `etcd-config` with a runtime of its own, shared by the whole process: there when
/// first needed, gone when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    runtime: Handle,
    /// Dropped with the last handle, which is the signal to end.
    _ends: oneshot::Sender<()>,
}

impl Background {
    /// The thread of the process.
    ///
    /// # Errors
    /// The operating system has no thread, or no descriptors, for it.
    pub(crate) fn shared() -> io::Result<Arc<Self>> {
        CURRENT.with(|current| {
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(background) = current.upgrade() {
                return Ok(background);
            }
            let background = Arc::new(Self::start()?);
            *current = Arc::downgrade(&background);
            Ok(background)
        })
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    fn start() -> io::Result<Self> {
        let before = Instant::now();
        let runtime = Builder::new_current_thread().enable_all().thread_name("etcd-config-names").build()?;
        let handle = runtime.handle().clone();
        let (ends, end) = oneshot::channel::<()>();
        thread::Builder::new().name("etcd-config".to_owned()).spawn(move || {
            caller::is_background();
            // Its clock begins less than a millisecond later, and counts whole ones.
            count_from(before);
            // An error is the end of the other half, which is what is waited for.
            let _ = runtime.block_on(end);
            // Does not wait for a name that is being resolved.
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, _ends: ends })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn is_one_for_all_and_ends_with_the_last_handle() {
        let first = Background::shared().unwrap();
        let second = Background::shared().unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        let runtime = first.runtime().clone();
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(sender);
        });
        drop(first);
        assert_eq!(
            receiver.recv_timeout(Duration::from_millis(50)),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout)
        );
        let before = Instant::now();
        drop(second);
        assert_eq!(
            receiver.recv_timeout(Duration::from_secs(1)),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
        );
        assert!(before.elapsed() < Duration::from_secs(1));
    }
}
