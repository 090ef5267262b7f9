//! Whether an update may be decoded where the network is read.

use std::time::Duration;

/// The most keys that are decoded there at a time.
const FEW: usize = 512;
/// What takes longer, and that much for each key, is slow.
pub(crate) const SLOW: Duration = Duration::from_millis(5);
const SLOW_KEY: Duration = Duration::from_micros(20);
/// How many must be fast in a row after the first slow one, and after very many.
const LEAST: u32 = 16;
const MOST: u32 = 4_096;
/// `patience` is halved when so many times as many have been fast in a row: what looked slow may have been a thread that
/// did not run for a while.
const CALM: u32 = 8;

/// How fast a configuration's updates are: the code of its types decides, and that is the user's.
///
/// Fast and small ones are decoded at once where they arrive, which is the shortest way to a reader.
/// After a slow one, updates go to a thread of the configuration's own, so that they hold up no other
/// configuration, until they have been fast for a while; for a longer while each time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecodeSpeed {
    /// How many more have to be fast.
    wary: u32,
    /// How many had to be after the last slow one.
    patience: u32,
    /// How many have been fast since then.
    calm: u32,
}

impl DecodeSpeed {
    /// After the first decoding, of so many keys.
    pub(crate) fn after(took: Duration, keys: usize) -> Self {
        let mut speed = Self { wary: 0, patience: LEAST / 2, calm: 0 };
        speed.note(took, keys);
        speed
    }

    /// An update of so many keys took so long.
    pub(crate) fn note(&mut self, took: Duration, keys: usize) {
        let keys = u32::try_from(keys).unwrap_or(u32::MAX);
        if took > SLOW.saturating_add(SLOW_KEY.saturating_mul(keys)) {
            self.patience = (self.patience * 2).min(MOST);
            (self.wary, self.calm) = (self.patience, 0);
        } else if self.wary > 0 {
            self.wary -= 1;
        } else if self.patience > LEAST / 2 {
            self.calm += 1;
            if self.calm >= CALM * self.patience {
                (self.patience, self.calm) = (self.patience / 2, 0);
            }
        }
    }

    /// Whether an update of so many keys will be fast.
    pub(crate) fn allows(self, keys: usize) -> bool {
        self.wary == 0 && keys <= FEW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trusts_what_is_fast_and_small_and_what_was_slow_later_and_later() {
        let (fast, slow) = (Duration::from_micros(50), Duration::from_millis(500));
        let mut speed = DecodeSpeed::after(fast, 10);
        assert!(speed.allows(1) && speed.allows(FEW) && !speed.allows(FEW + 1));
        let mut waits = Vec::new();
        for _ in 0..12 {
            speed.note(slow, 1);
            let mut wait = 0;
            while !speed.allows(1) {
                speed.note(fast, 1);
                wait += 1;
            }
            waits.push(wait);
        }
        assert_eq!(waits, [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096, 4096]);
        assert!(
            DecodeSpeed::after(Duration::from_millis(900), 1_000_000).allows(1),
            "much at once is not slow"
        );
        assert!(!DecodeSpeed::after(slow, 1).allows(1));
    }

    /// How many have to be fast after each of the slow ones, of which there is one after so many fast ones.
    fn waits(fast_ones: u32) -> Vec<u32> {
        let mut speed = DecodeSpeed::after(Duration::ZERO, 1);
        let mut waits = Vec::new();
        for _ in 0..12 {
            speed.note(Duration::from_millis(500), 1);
            waits.push(speed.wary);
            (0..fast_ones).for_each(|_| speed.note(Duration::ZERO, 1));
        }
        waits
    }

    #[test]
    fn forgets_what_was_slow_once_in_a_long_time() {
        assert!(waits(1_000).iter().all(|wait| *wait <= 4 * LEAST), "{:?}", waits(1_000));
        assert!(waits(100).last() > Some(&100), "one of a hundred is slow: {:?}", waits(100));
    }
}
