//! When a stream is asked for a sign of life.
//!
//! Asking a little late costs nothing, and watchers that ask at the same moment wake their thread once. Of the watches on
//! one stream one asks; the others would ask a little later, which its answer puts off.

use std::time::Duration;

use tokio::time::Instant;

use super::options::Options;
use crate::backoff::spread;

/// How many steps an interval has; moments that watchers have in common are whole steps apart.
const STEPS: u32 = 10;

#[derive(Clone, Copy)]
pub(super) struct Rhythm {
    interval: Duration,
    /// The moment from which steps are counted, if watchers have one in common.
    origin: Option<Instant>,
}

impl Rhythm {
    pub(super) fn of(options: &Options) -> Self {
        Self { interval: options.progress_interval, origin: options.aligned_to.map(Instant::from_std) }
    }

    /// When a stream that has answered now is asked again. The watch that `asks` for all does so less than a step after
    /// an interval; the others would do so at the next step.
    pub(super) fn due(self, now: Instant, asks: bool) -> Instant {
        let step = self.interval / STEPS;
        let (earliest, further) = (now + self.interval, if asks { Duration::ZERO } else { step });
        let Some(origin) = self.origin.filter(|_| step > Duration::ZERO) else {
            return earliest + further + if asks { spread(step, &(0.0..1.0)) } else { step };
        };
        let since = earliest.saturating_duration_since(origin).as_nanos();
        let into_step = Duration::from_nanos(u64::try_from(since % step.as_nanos()).unwrap_or_default());
        let rest = if into_step.is_zero() { Duration::ZERO } else { step.saturating_sub(into_step) };
        earliest + rest + further
    }

    /// By how much this moment is later than an interval after now.
    pub(super) fn late(self, now: Instant, due: Instant) -> Duration {
        due.saturating_duration_since(now + self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(500);

    fn rhythm(origin: Option<Instant>) -> Rhythm {
        Rhythm { interval: STEP * STEPS, origin }
    }

    #[test]
    fn whatever_the_moment_of_an_answer_all_ask_at_whole_steps_and_one_of_them_first() {
        let origin = Instant::now();
        for millis in [0, 1, 250, 499, 500, 501, 12_345] {
            let now = origin + Duration::from_millis(millis);
            let (first, others) = (rhythm(Some(origin)).due(now, true), rhythm(Some(origin)).due(now, false));
            assert_eq!((first - origin).as_millis() % STEP.as_millis(), 0, "{millis}");
            assert!((STEP * STEPS..STEP * 11).contains(&(first - now)), "{millis}: {:?}", first - now);
            assert_eq!(others - first, STEP, "{millis}");
        }
    }

    #[test]
    fn without_alignment_one_asks_before_the_others_too() {
        let now = Instant::now();
        for _ in 0..100 {
            let (first, others) = (rhythm(None).due(now, true), rhythm(None).due(now, false));
            assert!((STEP * STEPS..STEP * 11).contains(&(first - now)));
            assert_eq!(others - now, STEP * 12);
        }
    }

    #[test]
    fn the_shortest_interval_and_an_origin_in_the_future_are_no_trouble() {
        let now = Instant::now();
        let short = Rhythm { interval: Duration::from_nanos(5), origin: Some(now) };
        assert!(short.due(now, true) >= now + short.interval);
        let due = rhythm(Some(now + STEP * 100)).due(now, false);
        assert_eq!(due - now, STEP * 11);
    }
}
