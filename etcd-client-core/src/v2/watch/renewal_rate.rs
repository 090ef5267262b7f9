//! How often a long poll is replaced by a younger one.

use std::time::Duration;

use tokio::time::Instant;

/// The most changes in the store between two polls. The server keeps the last 1,000; another feed resumes at
/// the poll before the last, so this counts twice, and the rest is left for bursts.
const MAX_CHANGES: u32 = 300;
const SHORTEST: Duration = Duration::from_secs(1);
const FIRST: Duration = Duration::from_secs(2);
/// In a store without changes, how often a new poll proves that the connection is alive.
const LONGEST: Duration = Duration::from_secs(30);
/// The shortest time between two polls for their indexes to be a measurement.
const SAMPLE: Duration = Duration::from_millis(100);

/// Measures how fast the store is written, by the indexes at which polls are registered, and says how long a
/// poll may wait so that its index does not fall out of the server's history.
#[derive(Debug)]
pub(in crate::v2) struct RenewalRate {
    index: u64,
    at: Instant,
    interval: Duration,
}

impl RenewalRate {
    /// After a first poll, which was registered at this index.
    pub(in crate::v2) fn new(index: u64) -> Self {
        Self { index, at: Instant::now(), interval: FIRST }
    }

    /// How long the last registered poll may wait.
    pub(in crate::v2) fn interval(&self) -> Duration {
        self.interval
    }

    /// Another poll was registered at this index.
    pub(in crate::v2) fn record(&mut self, index: u64) {
        let (passed, changes) = (self.at.elapsed(), index.saturating_sub(self.index));
        if passed < SAMPLE && changes < u64::from(MAX_CHANGES) {
            return;
        }
        let changes = u32::try_from(changes).unwrap_or(u32::MAX);
        let fitting = passed.saturating_mul(MAX_CHANGES).checked_div(changes).unwrap_or(LONGEST);
        // It at most doubles, and only after a whole interval has been measured.
        let grown = if passed >= self.interval { self.interval.saturating_mul(2) } else { self.interval };
        self.interval = fitting.min(grown).clamp(SHORTEST, LONGEST);
        (self.index, self.at) = (index, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn noted(rate: &mut RenewalRate, after: Duration, index: u64) -> Duration {
        tokio::time::sleep(after).await;
        rate.record(index);
        rate.interval()
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_at_rest_is_asked_every_half_a_minute() {
        let (mut rate, mut asked) = (RenewalRate::new(7), Vec::new());
        for _ in 0..6 {
            let interval = rate.interval();
            asked.push(noted(&mut rate, interval, 7).await.as_secs());
        }
        assert_eq!(asked, [4, 8, 16, 30, 30, 30]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_store_is_asked_before_it_forgets() {
        let mut rate = RenewalRate::new(1_000);
        // 100 changes a second: 300 in 3 s.
        assert_eq!(noted(&mut rate, FIRST, 1_200).await, Duration::from_secs(3));
        assert_eq!(noted(&mut rate, Duration::from_secs(3), 1_500).await, Duration::from_secs(3));
        assert_eq!(noted(&mut rate, Duration::from_secs(3), u64::MAX).await, SHORTEST);
        // What was polled at the same moment is no sample.
        assert_eq!(noted(&mut rate, Duration::ZERO, u64::MAX).await, SHORTEST);
    }
}
