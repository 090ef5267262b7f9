//! The changes of one projection as a stream.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::stream::{Mailbox, Streams};
use crate::publish::change::AnyChange;
use crate::runtime::process::Process;

/// A [`Stream`] of the values at one projection, before and after each change of them: from
/// [`Live::changes_of`](crate::Live::changes_of).
///
/// It keeps nothing alive, and ends as [`Changes`](crate::Changes) do. At most one change waits in it: a reader that is
/// slower than the changes gets the first value and the last.
pub struct ChangesOf<P> {
    mailbox: Arc<Mailbox>,
    /// The values before and after; nothing where they are the same.
    values: Box<Values<P>>,
    /// The process in which it is written to.
    process: Process,
}

type Values<P> = dyn Fn(&AnyChange) -> Option<(P, P)> + Send;

impl<P> ChangesOf<P> {
    pub(crate) fn open<T, F>(streams: &Streams, projection: F) -> Self
    where
        T: Send + Sync + 'static,
        P: PartialEq + Clone,
        F: for<'a> Fn(&'a T) -> &'a P + Send + 'static,
    {
        let values = move |change: &AnyChange| {
            let (old, new) = change.values()?;
            let (old, new) = (projection(old), projection(new));
            (old != new).then(|| (old.clone(), new.clone()))
        };
        Self { mailbox: streams.add(), values: Box::new(values), process: Process::this() }
    }

    /// One that has ended already.
    pub(crate) fn ended() -> Self {
        Self { mailbox: Arc::new(Mailbox::ended()), values: Box::new(|_| None), process: Process::this() }
    }

    /// The values before and after the next change, or `None` when the last handle of the [`Live`](crate::Live) is gone,
    /// or the watch has ended. Cancel safe. Needs no tokio runtime.
    pub async fn next(&mut self) -> Option<(P, P)> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<(P, P)>> {
        if !self.process.is_this() {
            return Poll::Ready(None); // In the child of a `fork` nothing writes to it.
        }
        loop {
            let Poll::Ready(change) = self.mailbox.poll(cx) else { return Poll::Pending };
            let Some(change) = change else { return Poll::Ready(None) };
            if let Some(values) = (self.values)(&change) {
                return Poll::Ready(Some(values));
            }
        }
    }
}

impl<P> Stream for ChangesOf<P> {
    type Item = (P, P);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<(P, P)>> {
        self.poll(cx)
    }
}

impl<P> fmt::Debug for ChangesOf<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangesOf").finish_non_exhaustive()
    }
}
