//! Panics of the user's code, which are reported and go no further.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the user's code; or the words of its panic.
pub(crate) fn caught<R>(code: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let said = words(panic.as_ref()).to_owned();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        // A panic that panics when it is dropped ends with the second one, which nobody may drop.
        dropped.unwrap_or_else(std::mem::forget);
        said
    })
}

/// Drops something of the user's.
pub(crate) fn let_go<V>(value: V) {
    if caught(|| drop(value)).is_err() {
        // Not its words: what is dropped may hold secrets. The process's panic hook has had them.
        tracing::error!("a drop panicked; nothing else is harmed");
    }
}

/// The words of a panic.
fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}
