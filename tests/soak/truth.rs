//! What the keys hold at each step, so that a snapshot can be told to be one of them.
//!
//! Every write is a step with a number. What it writes follows from the number, and it is only
//! written on top of the step before it; so what the keys hold after a step follows from its
//! number, too. The greatest number in a snapshot says which step it is of.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The names of keys, and the step that wrote each.
pub(crate) type Keys = BTreeMap<String, u64>;

/// What one step does: `None` deletes a key.
pub(crate) type Changes = Vec<(String, Option<u64>)>;

/// The steps that were written, or may have been.
pub(crate) struct Truth {
    steps: Mutex<Steps>,
    confirmed: AtomicU64,
}

struct Steps {
    /// What the keys hold after the last step.
    keys: Keys,
    /// A digest of what they hold after each step.
    digests: Vec<u64>,
}

/// What is wrong with a snapshot.
#[derive(Debug)]
pub(crate) struct Torn;

impl Truth {
    pub(crate) fn new() -> Self {
        // Room for an hour and a half at once, so that what it takes grows by what is written alone.
        let mut digests = Vec::with_capacity(1 << 20);
        digests.push(0);
        let steps = Steps { keys: Keys::new(), digests };
        Self { steps: Mutex::new(steps), confirmed: AtomicU64::new(0) }
    }

    /// Announces a step, before it is written.
    pub(crate) fn announce(&self, changes: &Changes) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let mut digest = steps.digests.last().copied().unwrap_or_default();
        for (name, value) in changes {
            let old = match value {
                Some(value) => steps.keys.insert(name.clone(), *value),
                None => steps.keys.remove(name),
            };
            digest ^= old.map_or(0, |old| mix(name, old)) ^ value.map_or(0, |value| mix(name, value));
        }
        steps.digests.push(digest);
    }

    /// The last step is known to be written.
    pub(crate) fn confirm(&self) {
        self.confirmed.fetch_add(1, Ordering::SeqCst);
    }

    /// The number of the last step that is known to be written.
    pub(crate) fn confirmed(&self) -> u64 {
        self.confirmed.load(Ordering::SeqCst)
    }

    /// The step that the keys are of.
    pub(crate) fn step_of(&self, keys: &Keys) -> Result<u64, Torn> {
        let step = keys.values().copied().max().unwrap_or(0);
        let digest = keys.iter().fold(0, |digest, (name, value)| digest ^ mix(name, *value));
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(step).map_err(|_| Torn)?;
        if steps.digests.get(place) == Some(&digest) { Ok(step) } else { Err(Torn) }
    }
}

fn mix(name: &str, value: u64) -> u64 {
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The finalizer of splitmix64.
    let mut mixed = seed ^ value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
