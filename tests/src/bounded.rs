//! Waiting for what is sent, with a limit: a test whose event never comes fails, and does not hang.

use std::panic::Location;

use tokio::time::timeout;

use crate::until::SOON;

/// The output of a future, which is waited for no longer than [`SOON`].
///
/// Not on a runtime with a paused clock, unless everything that the future waits for runs there: the clock jumps to
/// the limit as soon as nothing else is to be done.
#[track_caller]
pub fn soon<F: IntoFuture>(future: F) -> impl Future<Output = F::Output> {
    let place = Location::caller();
    async move {
        let output = timeout(SOON, future).await;
        output.unwrap_or_else(|_| panic!("{place}: nothing came within {SOON:?}"))
    }
}
