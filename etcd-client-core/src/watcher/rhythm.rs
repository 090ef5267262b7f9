//! When a stream is asked for a sign of life.
//!
//! It is lost two intervals after its last one, so the later it is asked, the less often, and the less time it has to
//! answer. One that has just answered at once is asked after one interval and a half. One that took its time, or was not
//! asked yet, is asked after one interval, so that a server that becomes slow does not lose all its clients together.
//!
//! Watchers that ask at the same moment wake their thread once. Of the watches on one stream one asks; the others would ask
//! a little later, which its answer puts off.
//!
//! tokio's clock is a wheel: a timer that is seconds away ends a sleep when the 4,096 ms begin in which it is due, counted
//! from when the runtime was built, once more when the 64 ms begin, and then when it is due. A moment at which 64 ms begin
//! spares one of them.

use std::time::Duration;

use tokio::time::Instant;

use super::options::Options;
use crate::backoff::spread;

/// About how many steps an interval has; moments that watchers have in common are whole steps apart.
const STEPS: u32 = 10;
/// A step that watchers have in common is a multiple of this, where an answer has time to spare.
const SLOT: Duration = Duration::from_millis(64);
/// Of so many multiples, at most, the best one is chosen.
const CHOICES: u32 = 8;
/// How long an answer may take: this, or half an interval if that is longer, or an interval if that is shorter.
const ANSWERED_WITHIN: Duration = Duration::from_millis(2_500);
/// An answer came at once if it took at most `1 / AT_ONCE` of the time that it had.
const AT_ONCE: u32 = 10;

#[derive(Clone, Copy)]
pub(super) struct Rhythm {
    interval: Duration,
    /// The moment from which steps are counted, if watchers have one in common.
    origin: Option<Instant>,
}

/// Which of the watches on a stream it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It asks for all, and the last answer has come at once.
    Asks,
    /// It asks for all, and the answer may take long.
    AsksSoon,
    /// Another one asks, a step before it would.
    LeavesItToAnother,
}

/// How long the answers of a stream take to the watch that asks for them.
#[derive(Default)]
pub(super) struct Answers {
    /// When it asked for the one that has not come.
    asked: Option<Instant>,
    at_once: bool,
}

impl Answers {
    pub(super) fn asked(&mut self, now: Instant) {
        self.asked.get_or_insert(now);
    }

    /// There is one; whether it, or the last one that this watch has asked for, came at once.
    pub(super) fn come_at_once(&mut self, now: Instant, rhythm: Rhythm) -> bool {
        if let Some(asked) = self.asked.take() {
            self.at_once = rhythm.is_at_once(now.saturating_duration_since(asked));
        }
        self.at_once
    }
}

impl Rhythm {
    pub(super) fn of(options: &Options) -> Self {
        Self { interval: options.progress_interval, origin: options.aligned_to.map(Instant::from_std) }
    }

    /// Whether an answer that took so long came at once.
    fn is_at_once(self, took: Duration) -> bool {
        took <= self.time_for_answer() / AT_ONCE
    }

    /// The time that an answer has, at least.
    fn time_for_answer(self) -> Duration {
        (self.interval / 2).max(ANSWERED_WITHIN.min(self.interval))
    }

    /// When a stream that has answered now is asked again by a watch in this role.
    pub(super) fn due(self, now: Instant, role: Role) -> Instant {
        let step = self.step();
        let longer = match role {
            Role::AsksSoon => Duration::ZERO,
            Role::Asks | Role::LeavesItToAnother => {
                self.interval.saturating_sub(self.time_for_answer()).saturating_sub(step)
            }
        };
        let (earliest, asks) = (now + self.interval + longer, role != Role::LeavesItToAnother);
        let further = if asks { Duration::ZERO } else { step };
        let Some(origin) = self.origin.filter(|_| step > Duration::ZERO) else {
            return earliest + further + if asks { spread(step, &(0.0..1.0)) } else { step };
        };
        let since = earliest.saturating_duration_since(origin).as_nanos();
        let into_step = Duration::from_nanos(u64::try_from(since % step.as_nanos()).unwrap_or_default());
        let rest = if into_step.is_zero() { Duration::ZERO } else { step.saturating_sub(into_step) };
        earliest + rest + further
    }

    /// The time between two moments at which watchers ask: of the multiples of a slot that are about a tenth of the interval
    /// the one whose own multiple comes closest to the latest moment.
    fn step(self) -> Duration {
        let step = self.interval / STEPS;
        let to_spare = self.interval.saturating_sub(self.time_for_answer());
        let slots = |time: Duration| u32::try_from(time.as_millis() / SLOT.as_millis()).unwrap_or(u32::MAX);
        let (fewest, latest) = (slots(step), slots(self.interval.saturating_add(to_spare)));
        if self.origin.is_none() || to_spare <= step || fewest == 0 {
            return step;
        }
        let most = fewest.saturating_add(fewest.div_ceil(3).min(CHOICES));
        let best = (fewest..=most).max_by_key(|slots| latest / slots * slots).unwrap_or(fewest);
        SLOT.saturating_mul(best)
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
    /// Of watchers that have moments in common.
    const COMMON_STEP: Duration = Duration::from_millis(576);

    fn rhythm(origin: Option<Instant>) -> Rhythm {
        Rhythm { interval: STEP * STEPS, origin }
    }

    #[test]
    fn whatever_the_moment_of_an_answer_all_ask_at_whole_steps_and_one_of_them_first() {
        let origin = Instant::now();
        for millis in [0, 1, 250, 499, 500, 501, 12_345] {
            let now = origin + Duration::from_millis(millis);
            let [soon, first, others] = [Role::AsksSoon, Role::Asks, Role::LeavesItToAnother]
                .map(|role| rhythm(Some(origin)).due(now, role));
            for due in [soon, first, others] {
                assert_eq!((due - origin).as_millis() % COMMON_STEP.as_millis(), 0, "{millis}");
            }
            let (interval, latest) = (STEP * STEPS, STEP * 15);
            assert!((interval..interval + COMMON_STEP).contains(&(soon - now)), "{millis}: {:?}", soon - now);
            let in_time = first - now <= latest && first - now + COMMON_STEP >= latest;
            assert!(in_time, "{millis}: {:?}", first - now);
            assert_eq!(others - first, COMMON_STEP, "{millis}");
        }
    }

    /// Each request costs its server something.
    #[test]
    fn one_that_answers_at_once_is_asked_as_late_as_it_may_be() {
        let origin = Instant::now();
        let mut now = origin + Duration::from_secs(1);
        for _ in 0..10 {
            let due = rhythm(Some(origin)).due(now, Role::Asks);
            assert_eq!(due.duration_since(origin).as_millis() % 64, 0);
            if now > origin + Duration::from_secs(2) {
                let (after, latest) = (due - now, STEP * 15);
                assert!(after <= latest && after + Duration::from_millis(20) >= latest, "{after:?}");
            }
            now = due + Duration::from_millis(1);
        }
    }

    #[test]
    fn without_alignment_one_asks_before_the_others_too() {
        let now = Instant::now();
        for _ in 0..100 {
            let [soon, first, others] =
                [Role::AsksSoon, Role::Asks, Role::LeavesItToAnother].map(|role| rhythm(None).due(now, role));
            assert!((STEP * STEPS..STEP * 11).contains(&(soon - now)));
            assert!((STEP * 14..STEP * 15).contains(&(first - now)));
            assert_eq!(others - now, STEP * 16);
        }
    }

    #[test]
    fn an_answer_has_half_an_interval_or_two_seconds_and_a_half_or_an_interval() {
        let seconds = Duration::from_secs;
        let now = Instant::now();
        for (interval, at_least) in
            [(1, seconds(1)), (2, seconds(2)), (4, ANSWERED_WITHIN), (60, seconds(30))]
        {
            let rhythm = Rhythm { interval: seconds(interval), origin: Some(now) };
            let left = now + seconds(2 * interval) - rhythm.due(now, Role::Asks);
            let step = rhythm.step();
            assert!((at_least..=at_least + step).contains(&left), "{interval} s: {left:?}");
            assert!(rhythm.is_at_once(at_least / 10) && !rhythm.is_at_once(at_least / 9));
        }
    }

    #[test]
    fn the_shortest_interval_and_an_origin_in_the_future_are_no_trouble() {
        let now = Instant::now();
        let short = Rhythm { interval: Duration::from_nanos(5), origin: Some(now) };
        assert!(short.due(now, Role::Asks) >= now + short.interval);
        let due = rhythm(Some(now + STEP * 100)).due(now, Role::LeavesItToAnother);
        assert_eq!(due - now, STEP * 15);
    }
}
