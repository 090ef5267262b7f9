//! Old snapshots, to be brought up to date and published again.

use std::sync::Arc;

use super::lag::Lag;
use super::snapshot::AnySnapshot;
use crate::runtime::panics;
use crate::tree::Touched;

/// So many are kept in any case. More than one is only needed while readers hold the others.
const LEAST: usize = 3;
/// The most that are kept while readers hold them: that costs no more than what has changed since.
const MOST: usize = 32;
/// One that lags by this many keys or more is only kept if these are at most a `SMALL_PART`th of all keys.
const LONG_LAG: usize = 1_024;
const SMALL_PART: usize = 8;

/// An old snapshot, and what has changed since it was current.
pub(crate) struct Spare {
    pub(super) snapshot: Arc<dyn AnySnapshot>,
    pub(super) lag: Lag,
}

/// The old snapshots, the oldest first.
#[derive(Default)]
pub(super) struct Spares {
    kept: Vec<Spare>,
    /// Of no use any more: to be dropped on another thread, as a drop is the user's code and may be slow.
    discarded: Vec<Spare>,
}

impl Spare {
    /// No reader holds it.
    fn is_free(&self) -> bool {
        Arc::strong_count(&self.snapshot) == 1
    }
}

impl Spares {
    /// Takes one without readers. The other free ones, and those that lag far, are discarded. `keys` is how many there
    /// are.
    pub(super) fn take(&mut self, keys: usize) -> Option<Spare> {
        let lags_far = |lag: usize| lag >= LONG_LAG && lag > keys / SMALL_PART;
        let mut taken = None;
        for place in (0..self.kept.len()).rev() {
            let spare = &self.kept[place];
            let (is_useless, is_free) = (lags_far(spare.lag.len()), spare.is_free());
            if is_useless || is_free && taken.is_some() {
                self.discarded.push(self.kept.remove(place));
            } else if is_free {
                taken = Some(self.kept.remove(place));
            }
        }
        taken
    }

    /// By how many keys the one lags that would be taken.
    pub(super) fn next_lag(&self) -> Option<usize> {
        self.kept.iter().rev().find(|spare| spare.is_free()).map(|spare| spare.lag.len())
    }

    /// Keeps one more, and discards the oldest where that is too much. `keys` is how many there are.
    pub(super) fn keep(&mut self, spare: Spare, keys: usize) {
        self.kept.push(spare);
        let most_lag = LONG_LAG.max(keys);
        let lag = |spares: &[Spare]| spares.iter().map(|spare| spare.lag.len()).sum::<usize>();
        while self.kept.len() > MOST || self.kept.len() > LEAST && lag(&self.kept) > most_lag {
            self.discarded.push(self.kept.remove(0));
        }
    }

    /// Keeps one that was taken and could not be brought up to date.
    pub(super) fn put_back(&mut self, spare: Spare) {
        self.kept.push(spare);
    }

    pub(super) fn discard(&mut self, spare: Spare) {
        self.discarded.push(spare);
    }

    pub(super) fn discard_all(&mut self) {
        self.discarded.append(&mut self.kept);
    }

    /// Discards those that readers have let go of, except for the newest.
    pub(super) fn discard_surplus(&mut self) {
        let newest = self.kept.iter().rposition(Spare::is_free);
        for place in (0..newest.unwrap_or(0)).rev() {
            if self.kept[place].is_free() {
                self.discarded.push(self.kept.remove(place));
            }
        }
    }

    /// These keys have changed, too.
    pub(super) fn add_to_lags(&mut self, changed: &Arc<Touched>) {
        self.kept.iter_mut().for_each(|spare| spare.lag.add(changed));
    }

    /// Those that are to be dropped on another thread.
    pub(super) fn take_discarded(&mut self) -> Vec<Spare> {
        std::mem::take(&mut self.discarded)
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        // One by one: two panics at a time would end the process.
        self.kept.drain(..).chain(self.discarded.drain(..)).for_each(panics::drop_caught);
    }
}
