//! One round over the endpoints, which both clients make: the preferred one first, the next after a
//! failure or beside a silence, and the one that has answered is preferred from then on.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::error::EndpointFailure;
use crate::transport::endpoint_client::EndpointClient;
use crate::transport::endpoint_order::EndpointList;
use crate::transport::preference::Candidates;
use crate::transport::race::{Done, Race};
use crate::{BoxFuture, Error};

/// The attempts of one round, each at another endpoint or another address of one.
pub(crate) struct Round<'a, C, T> {
    endpoints: &'a EndpointList<C>,
    candidates: Candidates,
    race: Race<'a, T>,
    others: bool,
    /// The generation of the connections on which each was asked last.
    generations: Vec<Option<u64>>,
    /// Those that have failed.
    lost: Vec<usize>,
}

impl<'a, C: Default, T> Round<'a, C, T> {
    pub(crate) fn over(endpoints: &'a EndpointList<C>) -> Self {
        let generations = vec![None; endpoints.len()];
        let candidates = endpoints.candidates();
        let (race, lost) = (Race::new(), Vec::new());
        Self { endpoints, candidates, race, others: true, generations, lost }
    }

    /// The next attempt that ends; `None` when all have. `begin` makes an attempt, and `silence` what is ready when
    /// the next one is to be made beside it, if that may be.
    pub(crate) async fn next<A>(
        &mut self,
        begin: impl Fn(&'a Arc<EndpointClient<C>>) -> A,
        silence: impl Fn(&'a Arc<EndpointClient<C>>) -> Option<BoxFuture<()>>,
    ) -> Option<Done<T>>
    where
        A: Future<Output = T> + Send + 'a,
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
            if let Some(generation) = self.generations[place] {
                endpoint.renew(generation);
            }
            self.generations[place] = Some(endpoint.generation());
            endpoint.record().asked();
            // Where there is nobody else to ask, nobody looks at the clock for it.
            let silence = if self.endpoints.is_one_address() { None } else { silence(endpoint) };
            self.race.start(place, begin(endpoint), silence);
        }
    }

    /// An endpoint has answered: it is asked first from now on, and those that were asked before it and
    /// are silent are asked on new connections.
    pub(crate) fn won(&self, place: usize, silent: &[usize]) {
        self.note_answer(place);
        self.endpoints.prefer(place, self.candidates.first);
        // The same endpoint may have been silent at another of its addresses.
        for silent in silent.iter().filter(|silent| **silent != place) {
            if let Some(generation) = self.generations[*silent] {
                self.endpoints[*silent].renew(generation);
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
        let (name, error, at) = (endpoint.name().to_string(), error.clone(), SystemTime::now());
        let failure = EndpointFailure { endpoint: name, error, elapsed, at };
        if is_its_own {
            endpoint.record().failed(&failure);
            self.lost.push(place);
        } else {
            self.note_answer(place);
        }
        failure
    }

    /// An endpoint has answered, perhaps with an error: those that failed before it in this round were passed over.
    fn note_answer(&self, place: usize) {
        self.endpoints[place].note_answer();
        // It may have served at another of its addresses.
        for lost in self.lost.iter().filter(|lost| **lost != place) {
            self.endpoints[*lost].note_passing_over();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::atomic::Ordering;

    use tokio::time::sleep;

    use super::*;
    use crate::Kind;
    use crate::transport::http::Protocol;
    use crate::transport::settings::Settings;

    #[test]
    fn an_endpoint_is_passed_over_by_a_success_and_by_a_refusal_alike() {
        for refuses in [false, true] {
            let mut settings = Settings::new(Duration::from_secs(5));
            settings.endpoints = vec!["one:1".to_owned(), "two:2".to_owned()];
            let options = settings.check(Protocol::Http1, false).unwrap();
            let endpoints = EndpointList::<()>::new(&options);
            let mut round = Round::<(), ()>::over(&endpoints);
            round.lost(0, &Error::new(Kind::Unavailable, "refused"), Duration::ZERO, true);
            if refuses {
                round.lost(1, &Error::new(Kind::NotFound, "no such key"), Duration::ZERO, false);
            } else {
                round.won(1, &[]);
            }
            let failing: Vec<_> = endpoints.failing().into_iter().map(|failing| failing.endpoint).collect();
            assert_eq!(failing, [&**endpoints[0].name()]);
            assert!(!endpoints[0].record().passed_over(), "it was logged already (a refusal: {refuses})");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_only_address_is_waited_for_without_a_look_at_the_clock() {
        for (addresses, answered, looks) in [
            (&["127.0.0.1:1"][..], false, true),
            (&["127.0.0.1:1"], true, false),
            (&["127.0.0.1:1", "127.0.0.2:1"], true, true),
        ] {
            let mut settings = Settings::new(Duration::from_secs(5));
            settings.endpoints = addresses.iter().map(|address| (*address).to_owned()).collect();
            let endpoints = EndpointList::<()>::new(&settings.check(Protocol::Http1, false).unwrap());
            for place in 0..endpoints.len() {
                endpoints[place].connections().answered.store(answered, Ordering::Relaxed);
            }
            let looked = Cell::new(false);
            let mut round = Round::over(&endpoints);
            let attempt = |_| sleep(Duration::from_secs(60));
            let silence = |_| {
                looked.set(true);
                None
            };
            let done = round.next(attempt, silence).await.unwrap();
            assert_eq!((done.elapsed > Duration::ZERO, looked.get()), (true, looks), "{addresses:?}");
        }
    }
}
