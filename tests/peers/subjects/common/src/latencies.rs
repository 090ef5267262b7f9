//! How long values were under way that carry the time at which they were written.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::now;

/// How long is waited for the next value: one that was overwritten before anybody looked never comes.
const LIMIT: Duration = Duration::from_secs(3);

/// What was seen, by any thread, in nanoseconds from the write.
#[derive(Default)]
pub struct Latencies(Mutex<Vec<u64>>);

impl Latencies {
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// A value that was written at this time is seen now.
    pub fn saw(&self, written: u64) {
        self.nanos().push(now().saturating_sub(written));
    }

    /// The answer to `await <n>`: waits until n values were seen since the last answer, or no more come, and says how long
    /// they took.
    pub fn answer(&self, words: &[&str]) -> Value {
        let wanted = words.first().and_then(|word| word.parse().ok()).unwrap_or(0);
        let (mut seen, mut since) = (self.nanos().len(), Instant::now());
        while seen < wanted && since.elapsed() < LIMIT {
            thread::sleep(Duration::from_millis(2));
            let now = self.nanos().len();
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
        let mut nanos = std::mem::take(&mut *self.nanos());
        nanos.sort_unstable();
        let at = |share: usize| {
            nanos.get(nanos.len().saturating_sub(1) * share / 100).copied().unwrap_or(0) / 1_000
        };
        json!({ "count": nanos.len(), "p50_us": at(50), "p99_us": at(99) })
    }

    fn nanos(&self) -> MutexGuard<'_, Vec<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
