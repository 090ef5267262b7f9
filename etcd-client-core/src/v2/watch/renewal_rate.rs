//! When a poll is to be replaced by a younger one.

use std::time::Duration;

use tokio::time::Instant;

/// The server keeps the last 1,000 changes of the whole store. Another feed goes on from where the poll
/// before the last began, so this counts twice; the rest is left for what comes in a burst.
const CHANGES: u32 = 300;
const SHORTEST: Duration = Duration::from_secs(1);
const FIRST: Duration = Duration::from_secs(2);
/// How often the connection of a poll is proven alive.
const LONGEST: Duration = Duration::from_secs(30);
/// Two polls that are closer together say nothing of how fast the store is written.
const SAMPLE: Duration = Duration::from_millis(100);

/// How fast the store is written, seen by the indexes at which polls are registered, and how long a poll
/// may wait so that what it waits for does not fall out of the server's history.
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

    /// How long the poll may wait that was registered last.
    pub(in crate::v2) fn interval(&self) -> Duration {
        self.interval
    }

    /// Another poll was registered at this index.
    pub(in crate::v2) fn note(&mut self, index: u64) {
        let (passed, changes) = (self.at.elapsed(), index.saturating_sub(self.index));
        if passed < SAMPLE && changes < u64::from(CHANGES) {
            return;
        }
        let changes = u32::try_from(changes).unwrap_or(u32::MAX);
        let fitting = passed.saturating_mul(CHANGES).checked_div(changes).unwrap_or(LONGEST);
        // It grows with the time that has been seen to be calm.
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
        rate.note(index);
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
