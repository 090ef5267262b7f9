//! The thread behind a facade.

use std::sync::{Arc, mpsc};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::{Error, Kind};

/// A call that is sent by [`send`](Self::send). Its options are those of the call it stands for.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before send()"]
pub struct Pending<C> {
    call: C,
    runtime: Runtime,
}

/// A handle on the thread; the last one ends it.
#[derive(Clone, Debug)]
pub(super) struct Runtime(Result<Arc<Thread>, Error>);

#[derive(Debug)]
struct Thread {
    handle: Handle,
    /// The process that has it: the child of a `fork` has the handle only.
    process: u32,
    /// Dropped, it ends the thread.
    _alive: oneshot::Sender<()>,
}

impl<C> Pending<C> {
    pub(super) fn new(call: C, runtime: &Runtime) -> Self {
        Self { call, runtime: runtime.clone() }
    }

    pub(super) fn map(self, option: impl FnOnce(C) -> C) -> Self {
        Self { call: option(self.call), runtime: self.runtime }
    }

    pub(super) fn call(&self) -> &C {
        &self.call
    }

    pub(super) fn into_parts(self) -> (C, Runtime) {
        (self.call, self.runtime)
    }

    /// Sends the call, and blocks this thread until it is done.
    ///
    /// # Errors
    /// Those of the call.
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

    /// Does something on the thread, and waits for it in a way that is legal anywhere.
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
            // Nobody waits any longer where this fails.
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
