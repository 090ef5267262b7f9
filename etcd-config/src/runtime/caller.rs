//! The tokio runtime that the user's own code is called in: the caller's, and never one of ours. And a refusal
//! where that code would wait for itself.

use std::cell::Cell;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle};

use crate::error::Error;

thread_local! {
    /// Whether this thread is the one that reads the network.
    static IS_BACKGROUND: Cell<bool> = const { Cell::new(false) };
    /// Whether decoding or a check runs on this thread, which an update waits for.
    static IS_DECODING: Cell<bool> = const { Cell::new(false) };
}

/// The caller's runtime, if there was one.
#[derive(Clone, Default)]
pub(crate) struct Caller(Option<Handle>);

impl Caller {
    /// The runtime that this is called in.
    pub(crate) fn here() -> Self {
        let is_ours = |handle: &Handle| {
            IS_BACKGROUND.get() || nowhere().is_some_and(|nowhere| nowhere.id() == handle.id())
        };
        Self(Handle::try_current().ok().filter(|handle| !is_ours(handle)))
    }

    /// This runtime, or the other if there is none.
    pub(crate) fn or(self, other: &Self) -> Self {
        Self(self.0.or_else(|| other.0.clone()))
    }

    /// Runs a callback, on a thread without a runtime.
    pub(crate) fn call<R>(&self, callback: impl FnOnce() -> R) -> R {
        let _entered = self.0.as_ref().map(Handle::enter);
        callback()
    }

    /// Runs decoding, checks and all else that an update waits for, on any thread.
    pub(crate) fn decode<R>(&self, code: impl FnOnce() -> R) -> R {
        // Else a task that is spawned would run, or be waited for, on the thread that reads the network.
        let hides = || if IS_BACKGROUND.get() { nowhere() } else { None };
        let _entered = self.0.as_ref().or_else(hides).map(Handle::enter);
        let _decoding = Decoding(IS_DECODING.replace(true));
        code()
    }
}

/// The runtime that this is awaited in.
///
/// # Errors
/// There is none.
pub(crate) fn runtime() -> Result<Handle, Error> {
    Handle::try_current().map_err(|_| {
        Error::option("there is no tokio runtime here: await this inside of one, or use the blocking call")
    })
}

/// Refuses to block the thread where updates would wait for that, for ever.
///
/// # Errors
/// This is such code.
pub(crate) fn refuse_to_block() -> Result<(), Error> {
    refuse(IS_DECODING.get() || IS_BACKGROUND.get())
}

/// Refuses to wait in code that an update waits for.
///
/// # Errors
/// This is such code.
pub(crate) fn refuse_to_wait() -> Result<(), Error> {
    refuse(IS_DECODING.get())
}

fn refuse(is_waited_for: bool) -> Result<(), Error> {
    if is_waited_for {
        let message = "decoding and checks are what an update waits for, and cannot wait for one \
                       themselves: load configurations, and wait for them, elsewhere";
        return Err(Error::option(message));
    }
    Ok(())
}

/// Marks this thread as the one that reads the network.
pub(crate) fn is_background() {
    IS_BACKGROUND.set(true);
}

/// A runtime that has ended: what is spawned there is dropped.
fn nowhere() -> Option<&'static Handle> {
    static NOWHERE: OnceLock<Option<Handle>> = OnceLock::new();
    let ended = || {
        let runtime = Builder::new_current_thread().build().ok()?;
        let handle = runtime.handle().clone();
        runtime.shutdown_background();
        Some(handle)
    };
    NOWHERE.get_or_init(ended).as_ref()
}

struct Decoding(bool);

impl Drop for Decoding {
    fn drop(&mut self) {
        IS_DECODING.set(self.0);
    }
}
