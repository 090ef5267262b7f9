//! Runs a build where it may take as long as it wants, or never return: on a thread of its own, or in a task of the
//! caller's runtime.

use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::runtime::caller::Caller;
use crate::runtime::panics;

/// What a build came to: its product, or why there is none.
pub(crate) type Built<M> = Result<M, String>;

/// That the runtime in which something is built is no longer there.
pub(crate) const RUNTIME_ENDED: &str = "the runtime that it is built in has ended";

/// That a build has passed its limit.
pub(crate) fn late(limit: Duration) -> String {
    format!("has not returned within {limit:?}")
}

/// Runs a build on a thread of its own, within the caller's runtime, and calls `done` there. `hides` says that the words
/// of a panic may hold a secret.
///
/// # Errors
/// The system has no thread for it.
pub(crate) fn on_thread<M>(
    caller: Caller,
    hides: bool,
    build: impl FnOnce() -> Built<M> + Send + 'static,
    done: impl FnOnce(Built<M>) + Send + 'static,
) -> Result<(), String> {
    let run = move || {
        caller.call(|| {
            let made = panics::caught(build).unwrap_or_else(|words| Err(panicked(&words, hides)));
            // What is not wanted any more is dropped there, which is the user's code.
            drop(panics::caught(|| done(made)));
        });
    };
    let started = thread::Builder::new().name("etcd-config-build".to_owned()).spawn(run);
    started.map(drop).map_err(|error| format!("there is no thread to build it: {error}"))
}

/// The same in a task. Where the runtime ends, or the task is aborted, `done` is dropped.
pub(crate) fn in_task<M: Send + 'static>(
    runtime: &Handle,
    hides: bool,
    build: impl Future<Output = Built<M>> + Send + 'static,
    done: impl FnOnce(Built<M>) + Send + 'static,
) -> AbortHandle {
    let run = async move {
        let made = panics::caught_in(build).await.unwrap_or_else(|words| Err(panicked(&words, hides)));
        drop(panics::caught(|| done(made)));
    };
    runtime.spawn(run).abort_handle()
}

fn panicked(words: &str, hides: bool) -> String {
    format!("panicked: {}", panics::shown(if hides { panics::WITHHELD } else { words }))
}
