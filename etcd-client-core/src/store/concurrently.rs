//! Several calls at the same time.

use std::future::poll_fn;
use std::task::Poll;

use super::BoxFuture;
use crate::Error;

/// The answers of all calls, in their order, or the first error.
pub(crate) async fn concurrently<T>(calls: Vec<BoxFuture<Result<T, Error>>>) -> Result<Vec<T>, Error> {
    let mut calls: Vec<_> = calls.into_iter().map(|call| (call, None)).collect();
    poll_fn(move |cx| {
        let mut is_waiting = false;
        for (call, answer) in calls.iter_mut().filter(|(_, answer)| answer.is_none()) {
            match call.as_mut().poll(cx)? {
                Poll::Ready(found) => *answer = Some(found),
                Poll::Pending => is_waiting = true,
            }
        }
        if is_waiting {
            return Poll::Pending;
        }
        Poll::Ready(Ok(calls.iter_mut().filter_map(|(_, answer)| answer.take()).collect()))
    })
    .await
}
