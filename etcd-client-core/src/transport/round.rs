//! One round over the endpoints, which both clients make: the preferred one first, the next after a
//! failure or beside a silence, and who has answered is preferred from then on.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::error::{EndpointFailure, FailingEndpoint};
use crate::log::outage::Over;
use crate::transport::failover::{Candidates, Preference, all_failed};
use crate::transport::pulse::Pulse;
use crate::transport::race::{Done, Race};
use crate::transport::record::EndpointRecord;
use crate::{Error, OneLine};

/// What a round must know of an endpoint and its connections.
pub(crate) trait Endpoint {
    /// As a person would write it.
    fn name(&self) -> &str;

    /// What has come from it so far.
    fn pulse(&self) -> &Pulse;

    /// What came of asking it.
    fn record(&self) -> &EndpointRecord;

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
    /// Those that have failed.
    lost: Vec<usize>,
}

impl<'a, E: Endpoint, T> Round<'a, E, T> {
    pub(crate) fn over(endpoints: &'a [Arc<E>], preference: &'a Preference) -> Self {
        let ages = vec![None; endpoints.len()];
        let candidates = preference.candidates();
        let (race, lost) = (Race::new(), Vec::new());
        Self { endpoints, preference, candidates, race, others: true, ages, lost }
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
        self.note_serving(place);
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

    /// An endpoint has failed: through its own fault, or by saying what any other would say.
    pub(crate) fn lost(
        &mut self,
        place: usize,
        error: &Error,
        elapsed: Duration,
        is_its_own: bool,
    ) -> EndpointFailure {
        let endpoint = &*self.endpoints[place];
        let (endpoint_name, error, at) = (endpoint.name().to_owned(), error.clone(), SystemTime::now());
        let failure = EndpointFailure { endpoint: endpoint_name, error, elapsed, at };
        if is_its_own {
            endpoint.record().failed(&failure);
            self.lost.push(place);
        } else {
            self.note_serving(place);
        }
        failure
    }

    /// An endpoint has answered, if only that there is no such key, where those that are lost have not.
    fn note_serving(&self, place: usize) {
        note_answer(&*self.endpoints[place]);
        // It may have served at another of its addresses.
        for lost in self.lost.iter().filter(|lost| **lost != place) {
            note_passing_over(&*self.endpoints[*lost]);
        }
    }
}

/// An endpoint that serves.
pub(crate) fn note_answer(endpoint: &impl Endpoint) {
    if let Some(Over { lasted, .. }) = endpoint.record().answered() {
        let lasted = format!("{:.1}s", lasted.as_secs_f64());
        tracing::info!(endpoint = endpoint.name(), failed_for = %lasted, "an endpoint serves again");
    }
}

/// An endpoint that has failed where others served. Where none does, the watcher says so.
pub(crate) fn note_passing_over(endpoint: &impl Endpoint) {
    let record = endpoint.record();
    if let Some(FailingEndpoint { error, .. }) = record.failing()
        && record.passed_over()
    {
        tracing::warn!(endpoint = endpoint.name(), error = %OneLine(&error), "an endpoint fails, and others serve");
    }
}

/// The endpoints that failed when they were asked last.
pub(crate) fn failing<E: Endpoint>(endpoints: &[Arc<E>]) -> Vec<FailingEndpoint> {
    endpoints.iter().filter_map(|endpoint| endpoint.record().failing()).collect()
}

/// Asks those endpoints that nobody has asked lately, one after the other, for no other reason than to know
/// whether they would serve. `ask` fails with what is one endpoint's own fault.
pub(crate) async fn look_round<E: Endpoint, A>(endpoints: &[Arc<E>], ask: impl Fn(Arc<E>) -> A)
where
    A: Future<Output = Result<(), Error>>,
{
    if endpoints.len() < 2 {
        return;
    }
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.record().takes_turn()) {
        let begin = Instant::now();
        match ask(Arc::clone(endpoint)).await {
            Ok(()) => note_answer(&**endpoint),
            Err(error) => {
                let (endpoint_name, elapsed) = (endpoint.name().to_owned(), begin.elapsed());
                endpoint.record().failed(&EndpointFailure {
                    endpoint: endpoint_name,
                    error,
                    elapsed,
                    at: SystemTime::now(),
                });
                note_passing_over(&**endpoint);
            }
        }
    }
}

/// What each endpoint has done instead of answering.
pub(crate) fn outage<E: Endpoint>(endpoints: &[Arc<E>]) -> Error {
    let failure =
        |endpoint: &Arc<E>| endpoint.record().failure(endpoint.name(), endpoint.pulse().bytes() > 0);
    all_failed(endpoints.iter().map(failure).collect(), endpoints.len(), 1)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::Kind;

    #[derive(Default)]
    struct Fake {
        name: String,
        pulse: Pulse,
        record: EndpointRecord,
        asked: AtomicUsize,
    }

    impl Endpoint for Fake {
        fn name(&self) -> &str {
            &self.name
        }

        fn pulse(&self) -> &Pulse {
            &self.pulse
        }

        fn record(&self) -> &EndpointRecord {
            &self.record
        }

        fn addresses(&self) -> usize {
            1
        }

        fn age(&self) -> u64 {
            0
        }

        fn renew(&self, _: u64) {}
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_a_refusal_shows_that_others_serve() {
        let endpoints: [Arc<Fake>; 2] = std::array::from_fn(|_| Arc::default());
        let preference = Preference::new(2);
        let mut round = Round::<_, ()>::over(&endpoints, &preference);
        let error = Error::new(Kind::Unavailable, "cannot connect");
        round.lost(0, &error, Duration::ZERO, true);
        let is_told = |place: usize| !endpoints[place].record.passed_over();
        round.lost(1, &Error::new(Kind::NotFound, "no such key"), Duration::ZERO, false);
        assert!(is_told(0));
        assert_eq!(failing(&endpoints).len(), 1);
    }

    /// A process has many configurations on the same connections, which all look at the same time.
    #[tokio::test(start_paused = true)]
    async fn those_who_look_at_the_same_time_ask_each_endpoint_once() {
        let endpoints: [Arc<Fake>; 2] = std::array::from_fn(|_| Arc::default());
        let look = || {
            look_round(&endpoints, |endpoint| async move {
                endpoint.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err(Error::new(Kind::Unavailable, "cannot connect"))
            })
        };
        tokio::join!(look(), look(), look());
        assert_eq!(endpoints.each_ref().map(|one| one.asked.load(Ordering::Relaxed)), [1, 1]);
        assert_eq!(failing(&endpoints).len(), 2);
    }
}
