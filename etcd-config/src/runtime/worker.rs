//! A thread for one configuration's slow work: callbacks, slow decoding, the cache file.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::runtime::panics;

/// How long the thread stays without work.
const LINGER: Duration = Duration::from_secs(2);

/// Does one job after the other on a thread of its own, which is started when needed. It is never joined: it keeps
/// neither a process nor a runtime from ending.
pub(crate) struct Worker(Arc<Thread>);

pub(crate) type Job = Box<dyn FnOnce() + Send>;

struct Thread {
    name: &'static str,
    state: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    has_thread: bool,
    /// No more jobs come: the thread ends after those that are there.
    ended: bool,
}

impl Worker {
    /// `name` is the thread's.
    pub(crate) fn new(name: &'static str) -> Self {
        Self(Arc::new(Thread { name, state: Mutex::default(), wake: Condvar::new() }))
    }

    /// Has a job done when those before it are.
    ///
    /// # Errors
    /// The job, where the system has no thread for it.
    pub(crate) fn run(&self, job: Job) -> Result<(), Job> {
        let mut state = self.0.lock();
        state.jobs.push_back(job);
        if std::mem::replace(&mut state.has_thread, true) {
            drop(state);
            self.0.wake.notify_one();
            return Ok(());
        }
        // While the lock is held no other thread takes the job.
        let shared = Arc::clone(&self.0);
        let started = thread::Builder::new().name(self.0.name.to_owned()).spawn(move || shared.work());
        if started.is_ok() {
            return Ok(());
        }
        state.has_thread = false;
        state.jobs.pop_back().map_or(Ok(()), Err)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.wake.notify_one();
    }
}

impl Thread {
    fn work(&self) {
        while let Some(job) = self.next() {
            if panics::caught(job).is_err() {
                // Not its words: the user's code, which sees secrets, may be part of it.
                panics::log(|| tracing::error!(thread = self.name, "a job panicked"));
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let until = Instant::now() + LINGER;
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                state.has_thread = false;
                return None;
            }
            state = self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// No code of others runs while it is held.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn does_its_jobs_in_order_on_one_thread_and_survives_their_panics() {
        let worker = Worker::new("etcd-config-test");
        let (sender, receiver) = mpsc::channel();
        for n in 0..100 {
            let sender = sender.clone();
            let job = move || {
                assert!(n % 10 != 3, "on purpose");
                sender.send((n, thread::current().id())).unwrap();
            };
            assert!(worker.run(Box::new(job)).is_ok());
        }
        drop((sender, worker));
        let done: Vec<_> = receiver.iter().collect();
        assert_eq!(
            done.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
            (0..100).filter(|n| n % 10 != 3).collect::<Vec<_>>()
        );
        assert!(done.iter().all(|(_, thread)| *thread == done[0].1));
    }
}
