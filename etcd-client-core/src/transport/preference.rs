//! Which endpoint is asked first, and which after it.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The order in which endpoints are asked: the one that answered last first, then those after it.
#[derive(Debug)]
pub(crate) struct Preference {
    first: AtomicUsize,
    count: usize,
}

/// The endpoints that a call asks, one after the other.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// The place of the one that is preferred as the call begins.
    pub(crate) first: usize,
    count: usize,
    asked: usize,
}

impl Preference {
    pub(crate) fn new(count: usize) -> Self {
        Self { first: AtomicUsize::new(0), count }
    }

    /// The one that is asked first.
    pub(crate) fn first(&self) -> usize {
        self.first.load(Ordering::Relaxed)
    }

    pub(crate) fn candidates(&self) -> Candidates {
        Candidates { first: self.first(), count: self.count, asked: 0 }
    }

    /// Asks the next one first from now on, unless this one is not the first any more.
    pub(crate) fn demote(&self, place: usize) {
        self.replace(place, (place + 1) % self.count);
    }

    /// Asks `place` first from now on, unless `first` is not the first any more.
    pub(crate) fn replace(&self, first: usize, place: usize) {
        // Another call may have replaced it already.
        let _ = self.first.compare_exchange(first, place, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Candidates {
    /// The next place: each endpoint once, and then once more for each further address that its name
    /// has, which `addresses` knows when the name has been resolved.
    pub(crate) fn next(&mut self, addresses: impl Fn(usize) -> usize) -> Option<usize> {
        let most = (0..self.count).map(&addresses).max().unwrap_or(1).max(1);
        while self.asked < self.count * most {
            let (turn, place) = (self.asked / self.count, (self.first + self.asked) % self.count);
            self.asked += 1;
            if turn == 0 || turn < addresses(place) {
                return Some(place);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_is_asked_before_any_further_address_of_one() {
        let preference = Preference::new(3);
        preference.demote(0);
        let mut candidates = preference.candidates();
        let addresses = |place: usize| [1, 3, 2][place];
        let order: Vec<_> = std::iter::from_fn(|| candidates.next(addresses)).collect();
        assert_eq!(order, [1, 2, 0, 1, 2, 1]);
    }
}
