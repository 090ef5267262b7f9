//! The watches of a store in memory.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::faults::DirectoryFaults;
use super::{MemoryState, MemoryStore};
use crate::store::{Batch, Change, Entry, Prefix, Signal, Watch};
use crate::{Error, Kind};

/// The streams and calls that wait for the store to change, by their numbers.
#[derive(Default)]
pub(super) struct Streams {
    next: u64,
    cuts: u64,
    wakers: BTreeMap<u64, Waker>,
}

/// The position of one stream.
#[derive(Debug)]
pub(super) struct Stream {
    number: u64,
    cuts: u64,
    after: u64,
}

impl Streams {
    pub(super) fn open(&mut self, after: u64) -> Stream {
        self.next += 1;
        Stream { number: self.next, cuts: self.cuts, after }
    }

    pub(super) fn cut(&mut self) {
        self.cuts += 1;
    }

    pub(super) fn take_wakers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakers).into_values().collect()
    }

    fn wait(&mut self, number: u64, cx: &Context<'_>) {
        self.wakers.insert(number, cx.waker().clone());
    }
}

/// Waits while the store is silent; then fails if calls are refused.
pub(super) async fn until_not_silent(store: &MemoryStore) -> Result<(), Error> {
    let number = store.lock().streams.open(0).number;
    poll_fn(|cx| {
        let mut state = store.lock();
        if state.faults.silent {
            state.streams.wait(number, cx);
            return Poll::Pending;
        }
        Poll::Ready(state.faults.refusal.clone().map_or(Ok(()), Err))
    })
    .await
}

#[derive(Debug)]
pub(super) struct MemoryWatch {
    store: MemoryStore,
    prefix: Prefix,
    stream: Stream,
    progress_requested: bool,
    /// When the next revision arrives.
    arrives: Option<Pin<Box<Sleep>>>,
    /// When the next lease ends, if there is any.
    lease_ends: Option<Pin<Box<Sleep>>>,
}

impl MemoryWatch {
    pub(super) fn new(store: MemoryStore, prefix: Prefix, stream: Stream) -> Self {
        Self { store, prefix, stream, progress_requested: false, arrives: None, lease_ends: None }
    }

    /// Whether the next lease has ended since the state was looked at; otherwise that wakes the task.
    fn has_lease_ended(&mut self, end: Option<Instant>, cx: &mut Context<'_>) -> bool {
        let Some(end) = end else {
            self.lease_ends = None;
            return false;
        };
        let timer = self.lease_ends.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if timer.deadline() != end {
            timer.as_mut().reset(end);
        }
        timer.as_mut().poll(cx).is_ready()
    }

    fn next(&mut self, state: &mut MemoryState, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        let stream = &mut self.stream;
        if state.streams.cuts != stream.cuts {
            let error = Error::new(Kind::Unavailable, "memory: the connection was cut (MemoryStore::cut)");
            return Poll::Ready(Err(error));
        }
        let DirectoryFaults { silent, pause } = state.faults.of_stream(&self.prefix);
        if silent {
            state.streams.wait(stream.number, cx);
            return Poll::Pending;
        }
        if state.faults.early && std::mem::take(&mut self.progress_requested) {
            return Poll::Ready(Ok(Signal::Alive));
        }
        if state.faults.lagging.is_none() {
            state.keyspace.check_history(stream.after)?;
            while let Some((batch, lost)) = state.keyspace.next_after(stream.after) {
                let (revision, batch) = (batch.revision, below(batch, &self.prefix));
                if !lost && !batch.changes.is_empty() {
                    if !pause.is_zero() {
                        let arrives = self.arrives.get_or_insert_with(|| Box::pin(sleep(pause)));
                        if arrives.as_mut().poll(cx).is_pending() {
                            state.streams.wait(stream.number, cx);
                            return Poll::Pending;
                        }
                    }
                    (self.arrives, stream.after) = (None, revision);
                    return Poll::Ready(Ok(Signal::Batch(batch)));
                }
                stream.after = revision;
            }
            stream.after = state.keyspace.revision();
        }
        if std::mem::take(&mut self.progress_requested) {
            return Poll::Ready(Ok(Signal::Progress(stream.after)));
        }
        state.streams.wait(stream.number, cx);
        Poll::Pending
    }
}

impl Watch for MemoryWatch {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        let store = self.store.clone();
        loop {
            let mut state = store.lock();
            let signal = self.next(&mut state, cx);
            let end = state.keyspace.leases().next_end();
            drop(state);
            if signal.is_ready() || !self.has_lease_ended(end, cx) {
                return signal;
            }
        }
    }

    fn request_progress(&mut self) {
        self.progress_requested = true;
        let waker = self.store.lock().streams.wakers.remove(&self.stream.number);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn endpoint(&self) -> &'static str {
        "memory"
    }

    fn abandon(self: Box<Self>) {}
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.store.lock().streams.wakers.remove(&self.stream.number);
    }
}

/// Every change of a transaction as a batch for who watches a prefix.
fn below(batch: &Batch, prefix: &Prefix) -> Batch {
    let is_below = |change: &&Change| match change {
        Change::Put(Entry { key, .. }) | Change::Delete(key) | Change::DeleteBelow(key) => {
            prefix.directory_of(key).is_some()
        }
    };
    Batch { revision: batch.revision, changes: batch.changes.iter().filter(is_below).cloned().collect() }
}
