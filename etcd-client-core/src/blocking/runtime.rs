//! The thread of a blocking client.

use std::sync::{Arc, mpsc};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::{Error, Kind};

/// A call of a blocking client, which is sent by [`send`](Self::send). It has the options of the async call `C`; a watch
/// is begun by `start` instead.
///
/// ```no_run
/// use etcd_client_core::v3;
///
/// let client = v3::Client::new("127.0.0.1:2379")?.blocking();
/// let found = client.get("/app/").prefix().limit(100).send()?;
/// println!("{} of {} keys", found.kvs.len(), found.count);
/// # Ok::<(), etcd_client_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before send()"]
pub struct Pending<C> {
    call: C,
    runtime: Runtime,
}

/// A handle on the thread, which ends with the last handle.
#[derive(Clone, Debug)]
pub(super) struct Runtime(Result<Arc<Thread>, Error>);

#[derive(Debug)]
struct Thread {
    handle: Handle,
    /// The process in which the thread was started: the child of a `fork` has no such thread.
    process: u32,
    /// The thread ends when this is dropped.
    _alive: oneshot::Sender<()>,
}

impl<C> Pending<C> {
    pub(super) fn new(call: C, runtime: &Runtime) -> Self {
        Self { call, runtime: runtime.clone() }
    }

    pub(super) fn map(self, option: impl FnOnce(C) -> C) -> Self {
        Self { call: option(self.call), runtime: self.runtime }
    }

    #[cfg(feature = "v2")]
    pub(super) fn call(&self) -> &C {
        &self.call
    }

    pub(super) fn into_parts(self) -> (C, Runtime) {
        (self.call, self.runtime)
    }

    /// Sends the call, and blocks the calling thread until it has ended: in async code use the async client.
    ///
    /// # Errors
    /// Those of the call. [`Kind::Unavailable`] if the client's thread could not be started, and
    /// [`Kind::InvalidInput`] in the child of a `fork`.
    pub fn send<T>(self) -> Result<T, Error>
    where
        C: IntoFuture<Output = Result<T, Error>, IntoFuture: Send + 'static> + Send + 'static,
        T: Send + 'static,
    {
        let Self { call, runtime } = self;
        runtime.run(async move { call.await })?
    }
}

impl Runtime {
    pub(super) fn start() -> Self {
        Self(Thread::start().map(Arc::new).map_err(|error| {
            Error::new(Kind::Unavailable, "no thread could be started for the blocking client")
                .with_source(error)
        }))
    }

    /// Runs a future on the thread, and blocks the calling one. Unlike `block_on` this may be called in the threads
    /// of a runtime.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, outcome) = mpsc::channel();
        let thread = self.0.as_ref().map_err(Error::clone)?;
        if thread.process != std::process::id() {
            let message = "the blocking client was made before this process was forked off, and its thread \
                           is the parent's: make another one here";
            return Err(Error::new(Kind::InvalidInput, message));
        }
        thread.handle.spawn(async move {
            // If this fails, the caller has panicked, and no longer waits.
            let _ = done.send(work.await);
        });
        outcome.recv().map_err(|_| Error::new(Kind::Unavailable, "the blocking client's thread has ended"))
    }
}

impl Thread {
    fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel::<()>();
        thread::Builder::new().name("etcd-blocking".into()).spawn(move || {
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self { handle, process: std::process::id(), _alive: alive })
    }
}
