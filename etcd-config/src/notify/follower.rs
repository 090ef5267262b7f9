//! A callback that has the value of now first, and every change after it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::publish::snapshot::Snapshot;

/// What is called with the snapshot that it was called with before, and the next one.
type Callback<T> = Box<dyn FnMut(Option<&T>, &T) + Send>;

/// A callback and how far it has come. It runs on one thread at a time: what another thread offers
/// meanwhile is taken over by the one that runs it, so that neither waits for the other.
pub(crate) struct Follower<T> {
    state: Mutex<Phase<T>>,
}

struct Phase<T> {
    /// Taken out while it runs.
    callback: Option<Callback<T>>,
    seen: Option<Arc<Snapshot<T>>>,
    next: Option<Arc<Snapshot<T>>>,
}

/// Takes the callback back, whether it returned or panicked.
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
        // Under the lock under which there was nothing more, or the next offer would be lost.
        state.callback = turn.callback.take();
    }

    fn lock(&self) -> MutexGuard<'_, Phase<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Phase<T> {
    /// What nobody will see; dropping it is the user's code, and no matter for the lock.
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
