//! All endpoints of a client, and which of them is asked first.

use std::ops::Index;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::Error;
use crate::error::{EndpointFailure, FailingEndpoint};
use crate::transport::all_failed::all_failed;
use crate::transport::endpoint_client::EndpointClient;
use crate::transport::preference::{Candidates, Preference};
use crate::transport::settings::ClientOptions;

/// The endpoints in the order of a client, by their places, one of which is preferred until it fails.
#[derive(Debug)]
pub(crate) struct EndpointList<C> {
    list: Vec<Arc<EndpointClient<C>>>,
    preference: Preference,
}

impl<C> Index<usize> for EndpointList<C> {
    type Output = Arc<EndpointClient<C>>;

    fn index(&self, place: usize) -> &Self::Output {
        &self.list[place]
    }
}

impl<C: Default> EndpointList<C> {
    /// Begins at a random endpoint, so that many clients spread over the cluster.
    pub(crate) fn new(options: &ClientOptions) -> Self {
        let mut endpoints = options.endpoints.clone();
        fastrand::shuffle(&mut endpoints);
        let client = |endpoint| Arc::new(EndpointClient::new(endpoint, options.http.clone()));
        let list: Vec<_> = endpoints.into_iter().map(client).collect();
        Self { preference: Preference::new(list.len()), list }
    }

    /// Another endpoint is asked first from now on, and this one on new connections only.
    pub(crate) fn give_up(&self, endpoint: &EndpointClient<C>, generation: u64) {
        endpoint.renew(generation);
        self.demote(endpoint);
    }
}

impl<C> EndpointList<C> {
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The places in the order in which a round asks them.
    pub(crate) fn candidates(&self) -> Candidates {
        self.preference.candidates()
    }

    /// Whether an endpoint that answers is to be found before something is sent that may be sent only once: an
    /// endpoint that hangs would keep it. One that has answered on its connections is asked without that.
    pub(crate) fn is_first_unproven(&self) -> bool {
        let first = &self.list[self.preference.first()];
        let is_alone = self.list.len() == 1 && first.addresses() == 1;
        !is_alone && !first.has_answered()
    }

    /// Whether there is one endpoint, which has one address: it has answered, so that its addresses are known.
    pub(crate) fn is_one_address(&self) -> bool {
        match &*self.list {
            [only] => only.addresses() == 1 && only.has_answered(),
            _ => false,
        }
    }

    /// Another endpoint is asked first from now on, if it was this one.
    pub(crate) fn demote(&self, endpoint: &EndpointClient<C>) {
        if let Some(place) = self.list.iter().position(|other| std::ptr::eq(&raw const **other, endpoint)) {
            self.preference.demote(place);
        }
    }

    /// The same for the one in this place.
    pub(crate) fn demote_place(&self, place: usize) {
        self.preference.demote(place);
    }

    /// Asks `place` first from now on, unless `first` is not the first any more.
    pub(crate) fn prefer(&self, place: usize, first: usize) {
        if place != first {
            self.preference.replace(first, place);
        }
    }

    /// The endpoints that failed when they were asked last.
    pub(crate) fn failing(&self) -> Vec<FailingEndpoint> {
        self.list.iter().filter_map(|endpoint| endpoint.record().failing()).collect()
    }

    /// What each endpoint has done instead of answering.
    pub(crate) fn outage(&self) -> Error {
        let failures = self.list.iter().map(|endpoint| {
            let something_came = endpoint.activity().bytes() > 0;
            endpoint.record().failure(endpoint.name(), something_came)
        });
        all_failed(failures.collect(), self.list.len(), 1)
    }

    /// Asks those endpoints that no call has asked lately, one after the other, for no other reason than to
    /// know whether they would serve. `ask` fails with what is one endpoint's own fault.
    pub(crate) async fn check_idle<A>(&self, ask: impl Fn(Arc<EndpointClient<C>>) -> A)
    where
        A: Future<Output = Result<(), Error>>,
    {
        if self.list.len() < 2 {
            return;
        }
        for endpoint in self.list.iter().filter(|endpoint| endpoint.record().begin_check()) {
            let begin = Instant::now();
            match ask(Arc::clone(endpoint)).await {
                Ok(()) => endpoint.note_answer(),
                Err(error) => {
                    let (name, elapsed) = (endpoint.name().to_string(), begin.elapsed());
                    let failure = EndpointFailure { endpoint: name, error, elapsed, at: SystemTime::now() };
                    endpoint.record().failed(&failure);
                    endpoint.note_passing_over();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::Kind;
    use crate::transport::http::Protocol;
    use crate::transport::settings::Settings;

    /// A process has many configurations on the same connections, which all check at the same time.
    #[tokio::test(start_paused = true)]
    async fn checks_at_the_same_time_ask_each_endpoint_once() {
        let mut settings = Settings::new(Duration::from_secs(5));
        settings.endpoints = vec!["one:1".to_owned(), "two:2".to_owned()];
        let endpoints = EndpointList::<()>::new(&settings.check(Protocol::Http1, false).unwrap());
        let asked = Mutex::new(Vec::new());
        let check = || {
            endpoints.check_idle(|endpoint| {
                asked.lock().unwrap().push(endpoint.name().to_string());
                async {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Err(Error::new(Kind::Unavailable, "cannot connect"))
                }
            })
        };
        tokio::join!(check(), check(), check());
        let mut asked = asked.into_inner().unwrap();
        asked.sort();
        assert_eq!(asked, ["http://one:1", "http://two:2"]);
        assert_eq!(endpoints.failing().len(), 2);
    }
}
