//! A callback that gets the present value first, and every change after it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::publish::snapshot::Snapshot;

/// Called with the snapshot of the last call, and the next one.
type Callback<T> = Box<dyn FnMut(Option<&T>, &T) + Send>;

/// A callback, and the snapshot that it was called with last. It runs on one thread at a time: a snapshot that
/// another thread offers meanwhile is left to the one that runs it, so that neither waits for the other.
pub(crate) struct Follower<T> {
    state: Mutex<Phase<T>>,
}

struct Phase<T> {
    /// Taken out while it runs.
    callback: Option<Callback<T>>,
    seen: Option<Arc<Snapshot<T>>>,
    next: Option<Arc<Snapshot<T>>>,
}

/// Puts the callback back when it has returned or panicked.
struct Turn<'a, T> {
    follower: &'a Follower<T>,
    callback: Option<Callback<T>>,
}

impl<T> Follower<T> {
    /// Nothing is called before [`start`](Self::start).
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(Phase { callback: None, seen: None, next: None }) }
    }

    /// Calls back with what is current, and with what was offered before that was over.
    pub(crate) fn start(&self, callback: Callback<T>, current: Arc<Snapshot<T>>) {
        let mut state = self.lock();
        let passed_over = state.offer(current);
        self.run(state, callback);
        drop(passed_over);
    }

    /// Calls back with a snapshot, unless that or a newer one was seen already.
    pub(crate) fn offer(&self, snapshot: Arc<Snapshot<T>>) {
        let mut state = self.lock();
        let passed_over = state.offer(snapshot);
        match state.callback.take() {
            Some(callback) => self.run(state, callback),
            None => drop(state),
        }
        drop(passed_over);
    }

    fn run<'f>(&'f self, mut state: MutexGuard<'f, Phase<T>>, callback: Callback<T>) {
        let mut turn = Turn { follower: self, callback: Some(callback) };
        while let Some(next) = state.next.take() {
            let seen = state.seen.replace(Arc::clone(&next));
            drop(state);
            if let Some(callback) = &mut turn.callback {
                callback(seen.as_deref().map(|seen| &seen.value), &next.value);
            }
            drop((seen, next));
            state = self.lock();
        }
        // Before the lock is released, or an offer in between would be lost.
        state.callback = turn.callback.take();
    }

    fn lock(&self) -> MutexGuard<'_, Phase<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Phase<T> {
    /// Returns the snapshot that is passed over: dropping it is the user's code, and must wait until the lock is
    /// released.
    fn offer(&mut self, snapshot: Arc<Snapshot<T>>) -> Option<Arc<Snapshot<T>>> {
        let newest = self.next.as_ref().or(self.seen.as_ref());
        if newest.is_none_or(|newest| newest.number < snapshot.number) {
            self.next.replace(snapshot)
        } else {
            Some(snapshot)
        }
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        if let Some(callback) = self.callback.take() {
            self.follower.lock().callback = Some(callback);
        }
    }
}

impl<T> fmt::Debug for Follower<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").finish_non_exhaustive()
    }
}
