//! The changes as a stream.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::publish::change::{AnyChange, Change};
use crate::runtime::panics;
use crate::runtime::process::Process;

/// Up to this many mailboxes, those of dropped readers are not looked for.
const FEW: usize = 64;

/// A [`Stream`] of changes, from [`Live::changes`](crate::Live::changes), for a task that does nothing else or
/// selects between several things. Where a function is to be called, [`Live::on`](crate::Live::on) is simpler.
///
/// It keeps nothing alive: it ends when the last handle of its [`Live`](crate::Live) is dropped,
/// or when nothing follows the store any more, after the last change. At most one change waits in it, however slow its
/// reader is. [`next`](Self::next) needs no other crate; as a [`Stream`] it has the combinators of `futures`.
pub struct Changes<T> {
    mailbox: Arc<Mailbox>,
    /// [`Change::of`], for a stream that does not know what a `T` can do.
    typed: fn(AnyChange) -> Option<Change<T>>,
    /// The process in which it is written to.
    process: Process,
}

/// The open streams of one configuration.
pub(crate) struct Streams {
    state: Mutex<Readers>,
}

struct Readers {
    mailboxes: Vec<Weak<Mailbox>>,
    /// At how many mailboxes those of dropped readers are looked for next.
    crowded: usize,
    /// Nothing is to come any more.
    ended: bool,
}

/// What waits for one reader: at most one change, however slow the reader is.
pub(super) struct Mailbox(Mutex<Waiting>);

struct Waiting {
    change: Option<AnyChange>,
    waker: Option<Waker>,
    ended: bool,
}

impl Streams {
    pub(crate) fn open<T: Send + Sync + 'static>(&self) -> Changes<T> {
        Changes { mailbox: self.add(), typed: Change::of, process: Process::this() }
    }

    pub(super) fn add(&self) -> Arc<Mailbox> {
        let mut state = self.lock();
        let waiting = Waiting { change: None, waker: None, ended: state.ended };
        let mailbox = Arc::new(Mailbox(Mutex::new(waiting)));
        if state.mailboxes.len() >= state.crowded {
            state.mailboxes.retain(|mailbox| mailbox.strong_count() > 0);
            // Doubled, so that looking through them costs no more than opening them did.
            state.crowded = (2 * state.mailboxes.len()).max(FEW);
        }
        state.mailboxes.push(Arc::downgrade(&mailbox));
        mailbox
    }

    /// `change` is asked only if there are streams.
    pub(crate) fn send<'c>(&self, change: impl Fn() -> &'c AnyChange) {
        self.update_all(|waiting| match &mut waiting.change {
            Some(before) => before.extend(change()),
            empty => *empty = Some(change().clone()),
        });
    }

    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.update_all(|waiting| waiting.ended = true);
    }

    /// Updates each mailbox, and wakes its reader when no lock is held: wakers are the reader's code.
    fn update_all(&self, mut news: impl FnMut(&mut Waiting)) {
        let mailboxes: Vec<_> = self.lock().mailboxes.iter().filter_map(Weak::upgrade).collect();
        for mailbox in mailboxes {
            let mut waiting = mailbox.lock();
            news(&mut waiting);
            let waker = waiting.waker.take();
            drop(waiting);
            if let Some(Err(_)) = waker.map(|waker| panics::caught(|| waker.wake())) {
                panics::log(|| tracing::error!("the waker of a stream panicked; the others are woken"));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Readers> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailbox {
    /// One in which nothing ever comes.
    pub(super) fn ended() -> Self {
        Self(Mutex::new(Waiting { change: None, waker: None, ended: true }))
    }

    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Option<AnyChange>> {
        let mut waiting = self.lock();
        if let Some(change) = waiting.change.take() {
            return Poll::Ready(Some(change));
        }
        if waiting.ended {
            return Poll::Ready(None);
        }
        let before = waiting.waker.replace(cx.waker().clone());
        drop(waiting);
        drop(before);
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync + 'static> Changes<T> {
    /// A stream that has ended already.
    pub(crate) fn ended() -> Self {
        Self { mailbox: Arc::new(Mailbox::ended()), typed: Change::of, process: Process::this() }
    }
}

impl<T> Changes<T> {
    /// The next change, or `None` when the last handle of the [`Live`](crate::Live) is gone, or the watch has ended.
    /// Cancel safe: dropping the future loses no change, so it may be a branch of `tokio::select!`. Needs no tokio
    /// runtime.
    pub async fn next(&mut self) -> Option<Change<T>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Option<Change<T>>> {
        if !self.process.is_this() {
            return Poll::Ready(None); // In the child of a `fork` nothing writes to it.
        }
        self.mailbox.poll(cx).map(|change| change.and_then(self.typed))
    }
}

impl<T> Stream for Changes<T> {
    type Item = Change<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Change<T>>> {
        self.poll(cx)
    }
}

impl Default for Streams {
    fn default() -> Self {
        Self { state: Mutex::new(Readers { mailboxes: Vec::new(), crowded: FEW, ended: false }) }
    }
}

impl<T> fmt::Debug for Changes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}
