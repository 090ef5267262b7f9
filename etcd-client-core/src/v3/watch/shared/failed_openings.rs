//! Streams that could not be opened. A thousand watches that have lost one stream try again after pauses of their own,
//! and each try would cost a connection, to find what another one has just found. So while an endpoint fails, the last
//! failure stands for a twentieth of the time for which it has failed: who comes within that is answered with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::v3::net::endpoint_client::EndpointClient;
use crate::v3::net::failure::Failure;

/// A failure stands for this part of the time for which the endpoint has failed. A pause of one watch is longer than
/// that, so none is answered with its own failure.
const PART: u32 = 20;
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// The endpoints at which no stream could be opened when it was last tried.
#[derive(Debug, Default)]
pub(super) struct FailedOpenings(Mutex<Vec<Failing>>);

#[derive(Debug)]
struct Failing {
    endpoint: Weak<EndpointClient>,
    /// On which connections it was tried last.
    generation: u64,
    since: Instant,
    last: Instant,
    /// The first failure stands for nobody else: a second try is made at once.
    is_first: bool,
    failure: Failure,
}

impl FailedOpenings {
    /// The connection for a stream was not made, or broke before the stream was there.
    pub(super) fn note(&self, endpoint: &Arc<EndpointClient>, generation: u64, failure: &Failure) {
        let now = Instant::now();
        let mut all = self.lock();
        match all.iter_mut().find(|failing| failing.is_of(endpoint)) {
            // All who have waited for the stream say so.
            Some(failing) if failing.generation == generation => {}
            Some(failing) => {
                let (since, endpoint) = (failing.since, Weak::clone(&failing.endpoint));
                let failure = failure.clone();
                *failing = Failing { endpoint, generation, since, last: now, is_first: false, failure };
            }
            None => {
                let (endpoint, failure) = (Arc::downgrade(endpoint), failure.clone());
                all.push(Failing { endpoint, generation, since: now, last: now, is_first: true, failure });
            }
        }
    }

    /// A stream is open.
    pub(super) fn forget(&self, endpoint: &Arc<EndpointClient>) {
        let mut all = self.lock();
        if !all.is_empty() {
            all.retain(|failing| !failing.is_of(endpoint));
        }
    }

    /// Why no stream is opened now.
    pub(super) fn recent(&self, endpoint: &Arc<EndpointClient>) -> Option<Failure> {
        let all = self.lock();
        let failing = all.iter().find(|failing| failing.is_of(endpoint) && !failing.is_first)?;
        let part = failing.last.duration_since(failing.since) / PART;
        let stands = failing.last.elapsed() < part.clamp(SHORTEST, LONGEST);
        stands.then(|| failing.failure.clone())
    }

    /// Nothing panics while it holds this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Vec<Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failing {
    fn is_of(&self, endpoint: &Arc<EndpointClient>) -> bool {
        std::ptr::eq(self.endpoint.as_ptr(), Arc::as_ptr(endpoint))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::transport::endpoint::{Endpoint, Scheme};
    use crate::transport::http::{HttpOptions, PING_AFTER};
    use crate::{Error, Kind};

    const MILLI: Duration = Duration::from_millis(1);

    fn endpoint() -> Arc<EndpointClient> {
        let http = HttpOptions { connect_timeout: MILLI, tls: None, proxy: None, ping_after: PING_AFTER };
        Arc::new(EndpointClient::new(Endpoint::parse("127.0.0.1:1", Scheme::Http).unwrap(), http))
    }

    fn failure(text: &str) -> Failure {
        Failure::broken(Error::new(Kind::Unavailable, text))
    }

    fn recent(openings: &FailedOpenings, endpoint: &Arc<EndpointClient>) -> Option<String> {
        openings.recent(endpoint).map(|failure| failure.error.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn from_the_second_failure_on_it_stands_for_all_who_come_soon_after() {
        let (openings, failing, other) = (FailedOpenings::default(), endpoint(), endpoint());
        assert_eq!(recent(&openings, &failing), None);
        for _ in 0..3 {
            openings.note(&failing, 0, &failure("one"));
            assert_eq!(recent(&openings, &failing), None, "a second try is made at once");
        }
        openings.note(&failing, 1, &failure("two"));
        assert_eq!(recent(&openings, &failing).as_deref(), Some("two"));
        assert_eq!(recent(&openings, &other), None);
        sleep(SHORTEST).await;
        assert_eq!(recent(&openings, &failing), None);
        openings.note(&failing, 2, &failure("three"));
        openings.forget(&failing);
        assert_eq!(recent(&openings, &failing), None, "it was opened");
        openings.note(&failing, 3, &failure("four"));
        assert_eq!(recent(&openings, &failing), None, "which begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_stands_for_a_twentieth_of_the_outage() {
        let (openings, failing) = (FailedOpenings::default(), endpoint());
        let start = Instant::now();
        openings.note(&failing, 0, &failure("one"));
        for (generation, (outage, stands)) in
            [(0, 50), (2_000, 100), (10_000, 500), (60_000, 1_000)].into_iter().enumerate()
        {
            tokio::time::sleep_until(start + MILLI * outage).await;
            openings.note(&failing, u64::try_from(generation).unwrap() + 1, &failure("more"));
            sleep(MILLI * (stands - 1)).await;
            assert!(recent(&openings, &failing).is_some(), "after {outage} ms");
            sleep(MILLI).await;
            assert_eq!(recent(&openings, &failing), None, "after {outage} ms");
        }
    }

    /// Of many watches with the pauses of the watcher few try it.
    #[tokio::test(start_paused = true)]
    async fn a_thousand_watches_make_few_tries_in_a_minute() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let (openings, failing) = (FailedOpenings::default(), endpoint());
        let start = Instant::now();
        let mut due = vec![Duration::ZERO; 1_000];
        let mut tries = 0;
        while start.elapsed() < Duration::from_secs(60) {
            let next = (0..due.len()).min_by_key(|watch| due[*watch]).unwrap();
            tokio::time::sleep_until(start + due[next]).await;
            if openings.recent(&failing).is_none() {
                tries += 1;
                openings.note(&failing, tries, &failure("down"));
            }
            let pause = due[next].mul_f64(0.42 + 0.08 * random.f64());
            due[next] += pause.max(MILLI * 100 + MILLI.mul_f64(100.0 * random.f64()));
        }
        // Without it, about 14,000.
        assert!((50..400).contains(&tries), "{tries} tries");
    }
}
