//! One round over the endpoints, which both clients make: the preferred one first, the next after a
//! failure or beside a silence, and who has answered is preferred from then on.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::Error;
use crate::error::EndpointFailure;
use crate::failover::{Candidates, Preference, everywhere};
use crate::pulse::Pulse;
use crate::race::{Done, Race};
use crate::record::Record;

/// What a round must know of an endpoint and its connections.
pub(crate) trait Endpoint {
    /// As a person would write it.
    fn name(&self) -> &str;

    /// What has come from it so far.
    fn pulse(&self) -> &Pulse;

    /// What came of asking it.
    fn record(&self) -> &Record;

    /// How many addresses its name has, as far as is known.
    fn addresses(&self) -> usize;

    /// How often its connections have been given up.
    fn age(&self) -> u64;

    /// Gives up the connections of this age; what is under way on them goes on.
    fn renew(&self, age: u64);
}

/// The attempts of one round, each at another endpoint or another address of one.
pub(crate) struct Round<'a, E, T> {
    endpoints: &'a [Arc<E>],
    preference: &'a Preference,
    candidates: Candidates,
    race: Race<'a, T>,
    others: bool,
    /// The age of the connections on which each was asked last.
    ages: Vec<Option<u64>>,
}

impl<'a, E: Endpoint, T> Round<'a, E, T> {
    pub(crate) fn over(endpoints: &'a [Arc<E>], preference: &'a Preference) -> Self {
        let ages = vec![None; endpoints.len()];
        let candidates = preference.candidates();
        Self { endpoints, preference, candidates, race: Race::new(), others: true, ages }
    }

    /// The next attempt that ends; `None` when all have. `begin` makes an attempt, and what is ready when
    /// the next one is to be made beside it.
    pub(crate) async fn next<A, S>(&mut self, begin: impl Fn(&'a Arc<E>) -> (A, S)) -> Option<Done<T>>
    where
        A: Future<Output = T> + Send + 'a,
        S: Future<Output = ()> + Send + 'a,
    {
        loop {
            if let Some(done) = self.race.next(self.others).await {
                return Some(done);
            }
            let Some(place) = self.candidates.next(|place| self.endpoints[place].addresses()) else {
                if self.race.is_over() {
                    return None;
                }
                self.others = false;
                continue;
            };
            let endpoint = &self.endpoints[place];
            // Another address of a name is asked on other connections.
            if let Some(age) = self.ages[place] {
                endpoint.renew(age);
            }
            self.ages[place] = Some(endpoint.age());
            endpoint.record().asked();
            let (attempt, silence) = begin(endpoint);
            self.race.start(place, attempt, silence);
        }
    }

    /// An endpoint has answered: it is asked first from now on, and those that were asked before it and
    /// are silent are asked on new connections.
    pub(crate) fn won(&self, place: usize, silent: &[usize]) {
        self.endpoints[place].record().answered();
        if place != self.candidates.first {
            self.preference.replace(self.candidates.first, place);
        }
        // The same endpoint may have been silent at another of its addresses.
        for silent in silent.iter().filter(|silent| **silent != place) {
            if let Some(age) = self.ages[*silent] {
                self.endpoints[*silent].renew(age);
            }
        }
    }

    /// An endpoint has failed.
    pub(crate) fn lost(&self, place: usize, error: &Error, elapsed: Duration) -> EndpointFailure {
        let endpoint = &self.endpoints[place];
        let (endpoint_name, error, at) = (endpoint.name().to_owned(), error.clone(), SystemTime::now());
        let failure = EndpointFailure { endpoint: endpoint_name, error, elapsed, at };
        endpoint.record().failed(&failure);
        failure
    }
}

/// What each endpoint has done instead of answering.
pub(crate) fn outage<E: Endpoint>(endpoints: &[Arc<E>]) -> Error {
    let failure =
        |endpoint: &Arc<E>| endpoint.record().failure(endpoint.name(), endpoint.pulse().bytes() > 0);
    everywhere(endpoints.iter().map(failure).collect(), endpoints.len(), 1)
}
