//! When to try again (rule 10).
//!
//! The first try after a loss is made at once: the store goes to another endpoint, and most losses are those of
//! one server. After that, a pause is about half as long as the outage has lasted, at least 200 ms and at most
//! 30 s: a minute's outage costs fewer than 20 tries, and its end is noticed after half its length. (Doubling alone
//! would overshoot an outage by its own length.)
//!
//! Connections that answer and are then lost, again and again, are slowed down by doubling, with full jitter, to
//! 2 s, so that the mirror is never more than 5 s old while an endpoint answers. A connection that has lasted for
//! five seconds ends that, and after one that has lasted for a second the pause is no longer than it lasted. A
//! listing instead of a resumed watch, again and again, is slowed down to 30 s.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::{Doubling, spread};

const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);
/// The longest pause after a connection that has carried an answer.
const LONGEST_AFTER_ANSWER: Duration = Duration::from_secs(2);
/// After a connection that has lasted so long, the count of losses in a row begins again.
const HEALTHY: Duration = Duration::from_secs(5);
/// After a connection that has lasted so long, the pause is no longer than that.
const USEFUL: Duration = Duration::from_secs(1);
/// So many losses in a row are followed by a try at once.
const IMMEDIATE_RETRIES: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// When the outage began.
    since: Option<Instant>,
    /// Connections lost since the last that was healthy.
    losses: u32,
    /// How long the last connection lasted, if that was long enough to be useful.
    lasted: Option<Duration>,
}

impl Backoff {
    /// The store has answered: an outage, if there was one, is over.
    pub(super) fn answered(&mut self) {
        self.since = None;
    }

    /// A connection was lost that had lasted so long.
    pub(super) fn lost_after(&mut self, lasted: Duration) {
        if lasted >= HEALTHY {
            self.losses = 0;
        }
        self.lasted = Some(lasted).filter(|lasted| *lasted >= USEFUL);
    }

    /// The pause before a failed call is made again, or a lost stream resumed.
    pub(super) fn before_retry(&mut self) -> Duration {
        let Some(since) = self.since else {
            self.since = Some(Instant::now());
            return self.loss(LONGEST_AFTER_ANSWER);
        };
        let outage = since.elapsed();
        spread(outage, &(0.42..0.5)).clamp(spread(SHORTEST, &(0.5..1.0)), LONGEST)
    }

    /// The pause before going on with a listing or another kind of watch: none at first, longer if that is needed
    /// again and again.
    pub(super) fn before_other_start(&mut self) -> Duration {
        self.loss(LONGEST)
    }

    fn loss(&mut self, longest: Duration) -> Duration {
        self.losses = self.losses.saturating_add(1);
        match self.losses.checked_sub(IMMEDIATE_RETRIES + 1) {
            None => Duration::ZERO,
            Some(doublings) => {
                let longest = self.lasted.unwrap_or(longest).min(longest);
                Doubling { first: SHORTEST, longest, spread: 0.0..1.0 }.pause(doublings)
            }
        }
    }
}

/// About `period`: a tenth more or less, so that many clients do not come at once.
pub(super) fn jittered(period: Duration) -> Duration {
    spread(period, &(0.9..1.1))
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
                let pause = backoff.before_retry();
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

    /// The longest of many pauses after connections that each lasted so long.
    fn longest_pause(lasted: Duration) -> Duration {
        let mut backoff = Backoff::default();
        let pauses = (0..200).map(|_| {
            let pause = backoff.before_retry();
            backoff.answered();
            backoff.lost_after(lasted);
            pause
        });
        pauses.max().unwrap_or_default()
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_are_lost_at_once_are_slowed_down_and_others_are_not() {
        for seed in 0..20 {
            fastrand::seed(seed);
            let flapping = longest_pause(Duration::from_millis(1));
            assert!(
                flapping > Duration::from_secs(1) && flapping <= LONGEST_AFTER_ANSWER,
                "{flapping:?} (seed {seed})"
            );
            let short = longest_pause(Duration::from_secs(2));
            assert!(short > SHORTEST && short <= Duration::from_secs(2), "{short:?} (seed {seed})");
            assert_eq!(longest_pause(HEALTHY), Duration::ZERO);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_good_connection_ends_the_slowness() {
        fastrand::seed(1);
        let mut backoff = Backoff::default();
        for _ in 0..30 {
            let _ = backoff.before_retry();
            backoff.answered();
            backoff.lost_after(Duration::ZERO);
        }
        backoff.lost_after(HEALTHY);
        assert_eq!(backoff.before_retry(), Duration::ZERO);
    }
}
