//! When to try again (rule 10).
//!
//! The first try after a loss is made at once: the store goes to another endpoint, and most losses
//! are one server's. After that, a pause is about half of how long the outage has lasted, at least
//! 200 ms and at most 30 s: a minute's outage costs fewer than 20 tries, and its end is noticed
//! after half its length. (Doubling alone would overshoot an outage by its own length.) A
//! connection that is lost again and again is slowed down by doubling, with full jitter, until
//! it has been healthy for two minutes.

use std::time::Duration;

use tokio::time::Instant;

const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);
const HEALTHY: Duration = Duration::from_secs(120);
/// Losses in a row that are answered at once.
const PATIENCE: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// When the outage began.
    since: Option<Instant>,
    /// Connections lost since the last that was healthy.
    losses: u32,
}

impl Backoff {
    pub(super) fn connected(&mut self) {
        self.since = None;
    }

    /// How long the connection had lasted that was lost.
    pub(super) fn was_healthy(&mut self, lasted: Duration) {
        if lasted >= HEALTHY {
            self.losses = 0;
        }
    }

    pub(super) fn next(&mut self) -> Duration {
        let Some(since) = self.since else {
            self.since = Some(Instant::now());
            return self.loss();
        };
        let outage = since.elapsed();
        let share = 0.42 + 0.08 * fastrand::f64();
        outage.mul_f64(share).clamp(SHORTEST.mul_f64(0.5 + 0.5 * fastrand::f64()), LONGEST)
    }

    /// The pause before going on in another way: none, unless that happens again and again.
    pub(super) fn again(&mut self) -> Duration {
        self.loss()
    }

    fn loss(&mut self) -> Duration {
        self.losses = self.losses.saturating_add(1);
        match self.losses.checked_sub(PATIENCE + 1) {
            None => Duration::ZERO,
            Some(doublings) => {
                let ceiling = SHORTEST.saturating_mul(1 << doublings.min(10)).min(LONGEST);
                ceiling.mul_f64(fastrand::f64())
            }
        }
    }
}

/// About `period`: a tenth more or less, so that many clients do not come at once.
pub(super) fn jittered(period: Duration) -> Duration {
    period.mul_f64(0.9 + 0.2 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_minute_of_outage_costs_fewer_than_twenty_tries_and_its_end_is_noticed_in_time() {
        for seed in 0..1_000 {
            fastrand::seed(seed);
            let mut backoff = Backoff::default();
            let start = Instant::now();
            let mut tries = 0;
            while start.elapsed() < Duration::from_secs(60) {
                let before = start.elapsed();
                let pause = backoff.next();
                assert!(
                    pause <= before.mul_f64(0.5).max(SHORTEST),
                    "{pause:?} after {before:?} (seed {seed})"
                );
                tokio::time::sleep(pause).await;
                tries += 1;
            }
            assert!(tries < 20, "{tries} tries in a minute (seed {seed})");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flapping_connection_is_slowed_down_until_it_is_healthy() {
        fastrand::seed(1);
        let mut backoff = Backoff::default();
        let mut waited = Duration::ZERO;
        for _ in 0..20 {
            waited += backoff.next();
            backoff.connected();
            backoff.was_healthy(Duration::from_millis(1));
        }
        assert!(waited > Duration::from_secs(10), "{waited:?}");
        backoff.was_healthy(HEALTHY);
        assert_eq!(backoff.next(), Duration::ZERO);
    }
}
