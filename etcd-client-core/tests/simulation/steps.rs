//! What a schedule is made of.

use fastrand::Rng;

/// What a schedule is made of: writes, and every fault that the store can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Write,
    Cut,
    Silence,
    Refuse,
    Lag,
    Deny,
    Delay,
    Slow,
    SlowOne,
    SilenceOne,
    Early,
    Compact,
    Rewind,
    Wipe,
    Lose,
    Storm,
    Empty,
    Flicker,
    Hollow,
    Stale,
    Arriving,
    End,
    Unopened,
    Unlisted,
    Unasked,
    Hurry,
    Restart,
    Edit,
}

/// The steps, and how often each is drawn.
pub(crate) const STEPS: &[(Step, u8)] = &[
    (Step::Write, 20),
    (Step::Cut, 4),
    (Step::Compact, 4),
    (Step::Storm, 3),
    (Step::Silence, 2),
    (Step::Delay, 2),
    (Step::Slow, 3),
    (Step::SlowOne, 4),
    (Step::SilenceOne, 2),
    (Step::Early, 2),
    (Step::Refuse, 1),
    (Step::Lag, 1),
    (Step::Deny, 1),
    (Step::Rewind, 1),
    (Step::Wipe, 1),
    (Step::Lose, 1),
    (Step::Empty, 1),
    (Step::Flicker, 3),
    (Step::Hollow, 2),
    (Step::Stale, 2),
    (Step::Arriving, 1),
    (Step::End, 2),
    (Step::Unopened, 2),
    (Step::Unlisted, 2),
    (Step::Unasked, 2),
    (Step::Hurry, 3),
    (Step::Restart, 1),
    (Step::Edit, 14),
];

pub(crate) fn draw(rng: &mut Rng) -> Step {
    let total: u8 = STEPS.iter().map(|(_, weight)| weight).sum();
    let mut at = rng.u8(0..total);
    for (step, weight) in STEPS {
        match at.checked_sub(*weight) {
            None => return *step,
            Some(left) => at = left,
        }
    }
    unreachable!("the weights add up to the total")
}
