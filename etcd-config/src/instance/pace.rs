//! When an instance writes: spread at random, so that a thousand instances that see the same change, or the end of the same
//! outage, do not write at one moment.

use std::time::Duration;

use tokio::time::Instant;

use crate::runtime::deadline::runtime_deadline;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The moments of an instance's writes.
#[derive(Debug)]
pub(super) struct Pace {
    spread: Duration,
    /// The earliest moment of the next write.
    not_before: Instant,
    /// How many have failed, one after the other.
    failures: u32,
}

impl Pace {
    pub(super) fn new(spread: Duration) -> Self {
        Self { spread, not_before: Instant::now(), failures: 0 }
    }

    /// When to write what is new now.
    pub(super) fn next(&self) -> Instant {
        self.not_before.max(Instant::now()) + self.spread.mul_f64(fastrand::f64())
    }

    /// When a connection is there again, or something is lost that others have lost, too.
    pub(super) fn soon(&self) -> Instant {
        Instant::now() + self.spread.mul_f64(fastrand::f64())
    }

    pub(super) fn written(&mut self) {
        self.failures = 0;
        self.not_before = Instant::now() + self.spread;
    }

    /// When to try again what has failed: ever later, and spread.
    pub(super) fn failed(&mut self) -> Instant {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.failures += 1;
        runtime_deadline(pause.max(self.spread).mul_f64(0.5 + fastrand::f64()))
    }
}
