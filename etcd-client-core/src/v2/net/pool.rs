//! All endpoints, and how a request finds one that answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::backoff::Doubling;
use crate::error::{EndpointFailure, FailingEndpoint};
use crate::transport::all_failed::all_failed;
use crate::transport::credentials::Credentials;
use crate::transport::endpoint_order::EndpointList;
use crate::transport::race::Done;
use crate::transport::round::Round;
use crate::transport::settings::ClientOptions;
use crate::v2::net::endpoint_client::EndpointClient;
use crate::v2::net::failure::Failure;
use crate::v2::net::refusal::Refusal;
use crate::v2::net::reply::{Opened, Reply};
use crate::v2::wire::request::{Request, Resend};
use crate::{BoxFuture, Error, Kind, OneLine};

/// Five further rounds take 7 s at least, in which a server is restarted or a leader elected.
pub(in crate::v2) const PAUSES: Doubling =
    Doubling { first: Duration::from_millis(300), longest: Duration::from_secs(5), spread: 0.75..1.25 };
/// Failures of earlier rounds that an error still tells of.
const MOST_FAILURES: usize = 100;

/// The endpoints of a cluster, and what is sent to them.
#[derive(Debug)]
pub(in crate::v2) struct Pool {
    options: ClientOptions,
    endpoints: EndpointList<Option<reqwest::Client>>,
    credentials: Arc<Mutex<Option<Credentials>>>,
}

impl Pool {
    pub(in crate::v2) fn new(options: ClientOptions, credentials: Option<Credentials>) -> Arc<Self> {
        Self::over(options, Arc::new(Mutex::new(credentials)))
    }

    /// Another pool over the same cluster, for the same user, with connections of its own.
    pub(in crate::v2) fn with_own_connections(&self) -> Arc<Self> {
        Self::over(self.options.clone(), self.credentials.clone())
    }

    fn over(options: ClientOptions, credentials: Arc<Mutex<Option<Credentials>>>) -> Arc<Self> {
        Arc::new(Self { endpoints: EndpointList::new(&options), options, credentials })
    }

    pub(in crate::v2) fn options(&self) -> &ClientOptions {
        &self.options
    }

    pub(in crate::v2) fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    pub(in crate::v2) fn set_credentials(&self, credentials: Option<Credentials>) {
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = credentials;
    }

    fn credentials(&self) -> Option<Credentials> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does a request, with so many further rounds over all endpoints while the members seem to be
    /// electing a leader. A success that cannot be read is a failure of its endpoint.
    pub(in crate::v2) async fn call<T: Send>(
        self: &Arc<Self>,
        request: &Request,
        retries: Option<u32>,
        read: impl Fn(&Reply) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let read = &read;
        let ask = |endpoint: Arc<EndpointClient>| async move {
            let reply = self.ask(&endpoint, request).await?;
            read(&reply).map_err(|error| Failure::of_protocol(error.with_source(reply.into_refusal())))
        };
        self.rounds(request.resend, retries.unwrap_or(self.options.max_retries), ask).await
    }

    /// Does something that changes nothing at one endpoint after the other, the next beside one that is
    /// silent.
    pub(in crate::v2) async fn once<T, F>(
        self: &Arc<Self>,
        try_at: impl Fn(Arc<EndpointClient>) -> F + Send + Sync,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>> + Send,
        T: Send,
    {
        self.rounds(Resend::Freely, 0, try_at).await
    }

    /// Does something at one endpoint after the other, in so many further rounds while the members seem to
    /// be electing a leader.
    pub(in crate::v2) async fn rounds<T, F>(
        self: &Arc<Self>,
        resend: Resend,
        retries: u32,
        try_at: impl Fn(Arc<EndpointClient>) -> F + Send + Sync,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>> + Send,
        T: Send,
    {
        let mut failures = Failures::default();
        let mut rounds = 0;
        loop {
            let outcome = match self.find(resend, &mut failures).await {
                Outcome::Done(()) => self.round(resend, &mut failures, &try_at).await,
                Outcome::Final(error) => Outcome::Final(error),
                Outcome::Nowhere { election } => Outcome::Nowhere { election },
            };
            match outcome {
                Outcome::Done(done) => return Ok(done),
                Outcome::Final(error) => return Err(error),
                Outcome::Nowhere { election } => {
                    rounds += 1;
                    if !election || rounds > retries {
                        return Err(failures.into_error(self.endpoints.len(), rounds));
                    }
                }
            }
            tokio::time::sleep(PAUSES.pause(rounds - 1)).await;
        }
    }

    pub(in crate::v2) async fn ask(
        &self,
        endpoint: &EndpointClient,
        request: &Request,
    ) -> Result<Reply, Failure> {
        let credentials = self.credentials();
        let reply = endpoint.ask(request, self.options.timeout, &self.options, credentials.as_ref()).await;
        reply.map_err(|failure| of_user(failure, credentials.as_ref()))
    }

    pub(in crate::v2) async fn open(
        &self,
        endpoint: &EndpointClient,
        request: &Request,
    ) -> Result<Opened, Failure> {
        let credentials = self.credentials();
        let opened = endpoint.open(request, self.options.timeout, &self.options, credentials.as_ref()).await;
        opened.map_err(|failure| of_user(failure, credentials.as_ref()))
    }

    /// What each endpoint has done instead of answering.
    pub(in crate::v2) fn outage(&self) -> Error {
        self.endpoints.outage()
    }

    pub(in crate::v2) fn failing(&self) -> Vec<FailingEndpoint> {
        self.endpoints.failing()
    }

    /// Asks those endpoints that no call has asked lately whether they serve.
    pub(in crate::v2) async fn check_idle_endpoints(&self) {
        // A read that needs a leader and no permission: a refusal, or that there is no such key, is an answer.
        let Ok(request) = Request::get("/v2/keys/_etcd-client-core", &[("quorum", "true".to_owned())]) else {
            return;
        };
        let ask = |endpoint: Arc<EndpointClient>| {
            let request = &request;
            async move {
                match endpoint.ask(request, self.options.timeout, &self.options, None).await {
                    Err(failure) if failure.elsewhere && !is_for_want_of_permission(&failure.error) => {
                        Err(failure.error)
                    }
                    _ => Ok(()),
                }
            }
        };
        self.endpoints.check_idle(ask).await;
    }

    /// Requests go to another endpoint first from now on, and to this one on new connections only.
    pub(in crate::v2) fn give_up(&self, endpoint: &Arc<EndpointClient>, generation: u64) {
        self.endpoints.give_up(endpoint, generation);
    }

    /// Requests go to another endpoint first from now on.
    pub(in crate::v2) fn demote(&self, endpoint: &Arc<EndpointClient>) {
        self.endpoints.demote(endpoint);
    }

    async fn round<T, F>(
        self: &Arc<Self>,
        resend: Resend,
        failures: &mut Failures,
        try_at: impl Fn(Arc<EndpointClient>) -> F + Send + Sync,
    ) -> Outcome<T>
    where
        F: Future<Output = Result<T, Failure>> + Send,
        T: Send,
    {
        let mut round = Round::over(&self.endpoints);
        let begin = |endpoint: &Arc<EndpointClient>| try_at(endpoint.clone());
        let silence = |endpoint| (resend == Resend::Freely).then(|| self.silence(endpoint));
        let mut election = true;
        while let Some(Done { place, elapsed, outcome, silent }) = round.next(begin, silence).await {
            let failure = match outcome {
                Ok(done) => {
                    round.won(place, &silent);
                    return Outcome::Done(done);
                }
                Err(failure) => failure,
            };
            let endpoint = &self.endpoints[place];
            let noted = round.lost(place, &failure.error, elapsed, failure.elsewhere);
            let doubt = resend != Resend::Freely && !failure.untouched;
            failures.uncertain |= doubt;
            if !failure.elsewhere {
                return Outcome::Final(failures.qualify(failure.error.at(endpoint.name())));
            }
            self.endpoints.demote_place(place);
            if doubt && resend == Resend::Never {
                return Outcome::Final(failures.qualify(failure.error.at(endpoint.name())));
            }
            tracing::debug!(endpoint = %endpoint.name(), error = %OneLine(&failure.error), "an endpoint failed: trying the next");
            election &= failure.election;
            failures.add(noted);
        }
        Outcome::Nowhere { election }
    }

    /// Ready when another endpoint is to be asked beside this one.
    fn silence(self: &Arc<Self>, endpoint: &Arc<EndpointClient>) -> BoxFuture<()> {
        let (pool, endpoint) = (self.clone(), endpoint.clone());
        Box::pin(async move {
            let ping = async { endpoint.meet(&pool.options).await.is_ok() };
            endpoint.activity().silence(pool.options.timeout, ping).await;
        })
    }

    /// Finds an endpoint that answers, for what may be sent only once.
    async fn find(self: &Arc<Self>, resend: Resend, failures: &mut Failures) -> Outcome<()> {
        if resend == Resend::Freely || !self.endpoints.is_first_unproven() {
            return Outcome::Done(());
        }
        let meet = |endpoint: Arc<EndpointClient>| async move { endpoint.meet(&self.options).await };
        self.round(Resend::Freely, failures, meet).await
    }
}

/// Names the user, unless it is not etcd that refuses: a proxy may want another password.
fn of_user(failure: Failure, credentials: Option<&Credentials>) -> Failure {
    let is_etcds = Refusal::of(&failure.error).is_some_and(|refusal| !refusal.is_not_etcds());
    if is_etcds { failure.of_user(credentials) } else { failure }
}

/// What a proxy in front of etcd says, too, to whoever gives no password or wants a key that is not its own.
fn is_for_want_of_permission(error: &Error) -> bool {
    Refusal::of(error).is_some_and(|refusal| matches!(refusal.status(), 401 | 403))
}

enum Outcome<T> {
    Done(T),
    /// No use in asking again.
    Final(Error),
    /// Each endpoint failed; in this round they all looked as in an election, or not.
    Nowhere {
        election: bool,
    },
}

/// What has gone wrong with a request so far.
#[derive(Default)]
struct Failures {
    list: Vec<EndpointFailure>,
    /// A server may have acted on it.
    uncertain: bool,
}

impl Failures {
    fn add(&mut self, failure: EndpointFailure) {
        if self.list.len() == MOST_FAILURES {
            self.list.remove(0);
        }
        self.list.push(failure);
    }

    /// The error, marked as one after which the request may have been applied, if a server may have.
    fn qualify(&self, error: Error) -> Error {
        if self.uncertain { error.with_maybe_applied() } else { error }
    }

    /// Where all endpoints say that there is something that a person must change, that is the error.
    fn into_error(self, endpoints: usize, rounds: u32) -> Error {
        let uncertain = self.uncertain;
        let kind = self.list.first().map(|failure| failure.error.kind());
        let settled = kind.filter(|kind| {
            matches!(kind, Kind::InvalidRequest | Kind::Unauthenticated | Kind::Server | Kind::NotFound)
                && self.list.iter().all(|failure| failure.error.kind() == *kind)
        });
        let source = self.list.last().map(|failure| failure.error.clone());
        let error = all_failed(self.list, endpoints, rounds);
        let error = match settled {
            Some(kind) => error.with_kind(kind),
            None => error,
        };
        let error = match source {
            Some(source) => error.with_source(source),
            None => error,
        };
        if uncertain { error.with_maybe_applied() } else { error }
    }
}
