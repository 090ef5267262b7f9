//! How many servers run at once: tests run in parallel, on machines with few cores.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

const SEATS: usize = 12;

static TAKEN: Mutex<Option<HashMap<ThreadId, usize>>> = Mutex::new(None);
static FREED: Condvar = Condvar::new();

/// The right to run some servers, given back on drop.
#[derive(Debug)]
pub(crate) struct Seats {
    count: usize,
    owner: ThreadId,
}

impl Seats {
    /// Waits until so many more servers may run.
    ///
    /// A thread that has seats already is not made to wait for more: it might wait for a thread
    /// that waits for it.
    pub(crate) fn take(count: usize) -> Self {
        let owner = thread::current().id();
        let mut guard = taken();
        loop {
            let by_thread = guard.get_or_insert_default();
            let total: usize = by_thread.values().sum();
            if total == 0 || total + count <= SEATS || by_thread.contains_key(&owner) {
                *by_thread.entry(owner).or_default() += count;
                return Self { count, owner };
            }
            guard = FREED.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Seats {
    fn drop(&mut self) {
        let mut guard = taken();
        let by_thread = guard.get_or_insert_default();
        if let Some(count) = by_thread.get_mut(&self.owner) {
            *count -= self.count;
            if *count == 0 {
                by_thread.remove(&self.owner);
            }
        }
        FREED.notify_all();
    }
}

fn taken() -> MutexGuard<'static, Option<HashMap<ThreadId, usize>>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}
