//! Pauses before another attempt, spread at random so that many clients do not come at once.

use std::ops::Range;
use std::time::Duration;

/// Pauses that double with each attempt.
#[derive(Clone, Debug)]
pub(crate) struct Doubling {
    pub(crate) first: Duration,
    /// Before it is spread.
    pub(crate) longest: Duration,
    /// The share of a pause that is waited for, drawn anew for each.
    pub(crate) spread: Range<f64>,
}

impl Doubling {
    /// The pause after so many others.
    pub(crate) fn pause(&self, others: u32) -> Duration {
        let pause = self.first.saturating_mul(1 << others.min(16)).min(self.longest);
        spread(pause, &self.spread)
    }
}

/// A share of `pause` between the two, at random. What no clock can count is the longest of all durations.
pub(crate) fn spread(pause: Duration, share: &Range<f64>) -> Duration {
    let share = share.start + (share.end - share.start) * fastrand::f64();
    Duration::try_from_secs_f64(pause.as_secs_f64() * share).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_the_longest_and_is_spread() {
        let seconds = Duration::from_secs;
        let doubling = Doubling { first: seconds(1), longest: seconds(5), spread: 0.75..1.25 };
        for seed in 0..1_000 {
            fastrand::seed(seed);
            for (others, expected) in [(0, 1.0), (1, 2.0), (2, 4.0), (3, 5.0), (u32::MAX, 5.0)] {
                let pause = doubling.pause(others).as_secs_f64();
                assert!((expected * 0.75..expected * 1.25).contains(&pause), "{pause} after {others} others");
            }
        }
    }

    #[test]
    fn no_pause_is_too_long_to_be_spread() {
        assert_eq!(spread(Duration::MAX, &(1.1..1.2)), Duration::MAX);
        assert_eq!(spread(Duration::ZERO, &(0.9..1.1)), Duration::ZERO);
    }
}
