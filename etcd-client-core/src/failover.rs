//! What both protocols need to find an endpoint that answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::EndpointFailure;
use crate::{Error, Kind};

/// The order in which endpoints are asked: the one that answered last first, then those behind it.
#[derive(Debug)]
pub(crate) struct Preference {
    first: AtomicUsize,
    count: usize,
}

impl Preference {
    pub(crate) fn new(count: usize) -> Self {
        Self { first: AtomicUsize::new(0), count }
    }

    /// Each endpoint's place, once.
    pub(crate) fn order(&self) -> impl Iterator<Item = usize> + Send + use<> {
        let (first, count) = (self.first.load(Ordering::Relaxed), self.count);
        (0..count).map(move |offset| (first + offset) % count)
    }

    /// Asks the next one first from now on, unless this one is not the first any more.
    pub(crate) fn demote(&self, place: usize) {
        let next = (place + 1) % self.count;
        // Somebody else may have been quicker; then the first is another already.
        let _ = self.first.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// The error of a call that no endpoint could do. Its kind is the one that says most: a member that
/// misses its leader knows more than a connection that was refused.
pub(crate) fn everywhere(failures: Vec<EndpointFailure>, endpoints: usize, rounds: u32) -> Error {
    const TELLING: [Kind; 4] = [Kind::NoLeader, Kind::Overloaded, Kind::Protocol, Kind::Timeout];
    let kinds: Vec<Kind> = failures.iter().map(|failure| failure.error.kind()).collect();
    let kind = TELLING.into_iter().find(|kind| kinds.contains(kind)).unwrap_or(Kind::Unavailable);
    let code =
        failures.iter().find(|failure| failure.error.kind() == kind).and_then(|failure| failure.error.code());
    let in_rounds = if rounds == 1 { String::new() } else { format!(" in {rounds} rounds") };
    let message = match endpoints {
        1 => format!("the etcd endpoint did not answer{in_rounds}:"),
        count => format!("none of the {count} etcd endpoints answered{in_rounds}:"),
    };
    let error = Error::new(kind, message).with_failures(failures).with_retries(rounds.saturating_sub(1));
    match code {
        Some(code) => error.with_code(code),
        None => error,
    }
}
