//! Panics of code that is not ours, and of our own, which are reported and go no further.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use etcd_client_core::Printable;

/// The most characters of a panic's message that are shown.
const SHOWN: usize = 200;

/// Instead of a panic's message, if that may hold a secret.
pub(crate) const WITHHELD: &str = "(not shown: there are secrets)";

/// Runs the user's code, and returns its result or its panic's message.
pub(crate) fn caught<R>(code: impl FnOnce() -> R) -> Result<R, String> {
    let (mut code, mut result) = (Some(code), None);
    run(&mut || result = code.take().map(|code| code()))?;
    // Never: what has not panicked has a result.
    result.ok_or_else(String::new)
}

/// Compiled once, and not for each piece of code.
fn run(code: &mut dyn FnMut()) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let said = words(panic.as_ref()).to_owned();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        // The payload of a panic may panic when it is dropped; the payload of that one is leaked.
        dropped.unwrap_or_else(std::mem::forget);
        said
    })
}

/// The same for a task. A future that has panicked is not polled again.
pub(crate) async fn caught_in<R>(task: impl Future<Output = R>) -> Result<R, String> {
    let mut task = pin!(task);
    poll_fn(|cx| match caught(|| task.as_mut().poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(result)) => Poll::Ready(Ok(result)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Drops something of the user's.
pub(crate) fn drop_caught<V>(value: V) {
    if caught(|| drop(value)).is_err() {
        // Without its message: what is dropped may hold secrets. The process's panic hook has had it.
        log(|| tracing::error!("a drop panicked; nothing else is harmed"));
    }
}

/// Writes a line to the log. A subscriber of `tracing` that panics does not keep the rest from being done.
pub(crate) fn log(line: impl FnOnce()) {
    // There is no place left to report that to.
    let _ = caught(line);
}

/// A panic's message as a person may see it.
pub(crate) fn shown(words: &str) -> String {
    Printable::line(words).at_most(SHOWN).to_string()
}

/// The message of a panic.
fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}
