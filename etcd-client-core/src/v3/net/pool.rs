//! All endpoints, and how a call finds one that answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;

use crate::backoff::Doubling;
use crate::error::FailingEndpoint;
use crate::transport::all_failed::all_failed;
use crate::transport::endpoint_order::EndpointList;
use crate::transport::race::Done;
use crate::transport::round::Round;
use crate::transport::settings::ClientOptions;
use crate::v3::net::auth::{Auth, Authenticator, Token};
use crate::v3::net::connections::{OpenConnections, StreamSlot};
use crate::v3::net::endpoint_client::EndpointClient;
use crate::v3::net::failure::{FailedAt, Failure};
use crate::v3::net::round_failure::{RoundFailure, Setback};
use crate::v3::net::unary::one_answer;
use crate::v3::wire::claims;
use crate::v3::wire::codec::Codec;
use crate::v3::wire::messages::{AuthenticateRequest, RangeRequest, StatusRequest};
use crate::v3::wire::method::Method;
use crate::{BoxFuture, Error, Kind, OneLine};

const PAUSES: Doubling =
    Doubling { first: Duration::from_millis(100), longest: Duration::from_secs(5), spread: 0.5..1.5 };
/// How often a call is sent again that its connection had no room for.
const FOR_WANT_OF_ROOM: u32 = 10;
const INSPECTION_LIMIT: Duration = Duration::from_secs(1);

/// The endpoints of a cluster, and the calls to them.
#[derive(Debug)]
pub(in crate::v3) struct Pool {
    options: ClientOptions,
    endpoints: EndpointList<OpenConnections>,
    auth: Auth,
}

impl Pool {
    pub(in crate::v3) fn new(options: ClientOptions, auth: Auth) -> Arc<Self> {
        Arc::new(Self { endpoints: EndpointList::new(&options), options, auth })
    }

    /// Another pool over the same cluster, for the same user, with connections of its own.
    pub(in crate::v3) fn with_own_connections(&self) -> Arc<Self> {
        Self::new(self.options.clone(), self.auth.with_own_token())
    }

    pub(in crate::v3) fn options(&self) -> &ClientOptions {
        &self.options
    }

    pub(in crate::v3) fn auth(&self) -> &Auth {
        &self.auth
    }

    /// Does a call, in as many further rounds over all endpoints as the client's options allow.
    pub(in crate::v3) async fn call<M: Method>(self: &Arc<Self>, request: M) -> Result<M::Answer, Error> {
        self.call_in_rounds(&request, self.options.max_retries).await
    }

    /// Does a call in one round: each endpoint is asked at most once.
    pub(in crate::v3) async fn call_once<M: Method>(
        self: &Arc<Self>,
        request: M,
    ) -> Result<M::Answer, Error> {
        self.call_in_rounds(&request, 0).await
    }

    /// Does a call on a given connection, and nowhere else.
    pub(in crate::v3) async fn call_on<M: Method>(
        self: &Arc<Self>,
        endpoint: &EndpointClient,
        slot: &StreamSlot,
        request: &M,
    ) -> Result<M::Answer, Error> {
        let mut token = self.token_for(M::NEEDS_TOKEN).await?;
        let mut renewed = false;
        loop {
            match self.ask_on(endpoint, slot, request, &token).await {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.token_refused && self.may_renew(&mut renewed) => {
                    token = self.auth.renew(&token, self).await?;
                }
                Err(failure) => return Err(failure.error.at(endpoint.name())),
            }
        }
    }

    /// Does something at one endpoint after the other, the preferred one first, until one can do it.
    /// If it is `repeatable`, the next is asked beside one that is silent.
    ///
    /// `try_at` fails with what can be said of one endpoint; what another endpoint would say, too,
    /// ends the round.
    pub(in crate::v3) async fn round<T, F>(
        self: &Arc<Self>,
        repeatable: bool,
        needs_token: bool,
        try_at: impl Fn(Arc<EndpointClient>, Token) -> F + Send + Sync,
    ) -> Result<T, RoundFailure>
    where
        F: Future<Output = Result<T, Failure>> + Send,
        T: Send,
    {
        self.token_for(needs_token).await.map_err(RoundFailure::of_token)?;
        let mut round = Round::over(&self.endpoints);
        let begin =
            |endpoint| (self.attempt(endpoint, needs_token, &try_at), self.silence(repeatable, endpoint));
        let mut failures = Vec::new();
        while let Some(Done { place, elapsed, outcome, silent }) = round.next(begin).await {
            match outcome {
                Ok(done) => {
                    round.won(place, &silent);
                    return Ok(done);
                }
                Err(Setback::OfToken(error)) => return Err(RoundFailure::of_token(error)),
                Err(Setback::OfEndpoint(failure, token)) => {
                    let noted = round.lost(place, &failure.error, elapsed, failure.may_be_of_one_endpoint());
                    self.after(repeatable, place, failure, &token)?;
                    failures.push(noted);
                }
            }
        }
        Err(RoundFailure::Everywhere(failures))
    }

    /// One endpoint's part of a round, with another token if the first was refused.
    async fn attempt<T, F>(
        self: &Arc<Self>,
        endpoint: &Arc<EndpointClient>,
        needs_token: bool,
        try_at: &(impl Fn(Arc<EndpointClient>, Token) -> F + Send + Sync),
    ) -> Result<T, Setback>
    where
        F: Future<Output = Result<T, Failure>> + Send,
    {
        let mut token = self.token_for(needs_token).await.map_err(Setback::OfToken)?;
        let mut outcome = try_at(endpoint.clone(), token.clone()).await;
        if matches!(&outcome, Err(failure) if failure.token_refused) && self.auth.has_credentials() {
            token = self.auth.renew(&token, self).await.map_err(Setback::OfToken)?;
            outcome = try_at(endpoint.clone(), token.clone()).await;
        }
        match outcome {
            Ok(done) => Ok(done),
            Err(failure) => Err(Setback::OfEndpoint(self.identify(endpoint, failure).await, token)),
        }
    }

    /// What an endpoint's failure means for the round: another is asked, or it is over.
    fn after(
        &self,
        repeatable: bool,
        place: usize,
        failure: Failure,
        token: &Token,
    ) -> Result<(), RoundFailure> {
        let endpoint = &self.endpoints[place];
        if !failure.error.is_transient() {
            if failure.may_be_of_one_endpoint() {
                self.endpoints.demote_place(place);
            }
            return Err(RoundFailure::Final(self.explain(failure.error).at(endpoint.name())));
        }
        if failure.error.kind() == Kind::Timeout && failure.origin == FailedAt::Connection {
            self.auth.doubt(token);
        }
        self.endpoints.demote_place(place);
        if !repeatable && !failure.unprocessed {
            return Err(RoundFailure::Final(failure.error.at(endpoint.name()).with_maybe_applied()));
        }
        tracing::debug!(endpoint = %endpoint.name(), error = %OneLine(&failure.error), "an endpoint failed: trying the next");
        Ok(())
    }

    /// Ready when another endpoint is to be asked beside this one.
    fn silence(self: &Arc<Self>, repeatable: bool, endpoint: &Arc<EndpointClient>) -> BoxFuture<()> {
        if !repeatable {
            return Box::pin(std::future::pending());
        }
        let (pool, endpoint) = (self.clone(), endpoint.clone());
        Box::pin(async move {
            let ping = async { pool.meet(&endpoint).await.is_ok() };
            endpoint.activity().silence(pool.options.timeout, ping).await;
        })
    }

    /// Whether an etcd answers. Its members answer this without a token and without a leader, if only with
    /// an error.
    async fn meet(&self, endpoint: &EndpointClient) -> Result<(), Failure> {
        match self.ask(endpoint, &StatusRequest::default(), &Token::default()).await {
            Err(failure) if failure.origin != FailedAt::Server || failure.error.kind() == Kind::Protocol => {
                Err(failure)
            }
            _ => Ok(()),
        }
    }

    /// Finds an endpoint that answers, for what may be sent only once.
    async fn find(self: &Arc<Self>) -> Result<(), RoundFailure> {
        if !self.endpoints.is_first_unproven() {
            return Ok(());
        }
        let meet = |endpoint: Arc<EndpointClient>, _| async move { self.meet(&endpoint).await };
        self.round(true, false, meet).await
    }

    /// What each endpoint has done instead of answering.
    pub(in crate::v3) fn outage(&self) -> Error {
        self.endpoints.outage()
    }

    pub(in crate::v3) fn failing(&self) -> Vec<FailingEndpoint> {
        self.endpoints.failing()
    }

    /// Asks those endpoints that no call has asked lately whether they serve, and whether they are of this
    /// cluster, if it is known (not 0).
    pub(in crate::v3) async fn check_idle_endpoints(self: &Arc<Self>, cluster: u64) {
        // A read that needs a leader and no permission: a refusal is an answer.
        let key = Bytes::from_static(b"\0");
        let request = RangeRequest { key, limit: 1, count_only: true, ..RangeRequest::default() };
        let ask = |endpoint: Arc<EndpointClient>| {
            let request = request.clone();
            async move {
                match self.ask(&endpoint, &request, &Token::default()).await {
                    Ok(answer) => same_cluster(cluster, answer.header.unwrap_or_default().cluster_id),
                    Err(failure) if failure.may_be_of_one_endpoint() => {
                        Err(self.identify(&endpoint, failure).await.error)
                    }
                    Err(_) => Ok(()),
                }
            }
        };
        self.endpoints.check_idle(ask).await;
    }

    /// Calls go to another endpoint first from now on, and to this one on new connections only.
    pub(in crate::v3) fn give_up(&self, endpoint: &EndpointClient, generation: u64) {
        self.endpoints.give_up(endpoint, generation);
    }

    /// The gRPC client for one call or stream, and the metadata that goes with it.
    pub(in crate::v3) fn request<T>(token: &Token, needs_leader: bool, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(token) = &token.value {
            request.metadata_mut().insert("token", token.clone());
        }
        if needs_leader {
            request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
        }
        request
    }

    async fn call_in_rounds<M: Method>(
        self: &Arc<Self>,
        request: &M,
        retries: u32,
    ) -> Result<M::Answer, Error> {
        let repeatable = request.is_repeatable();
        let mut rounds = 0;
        loop {
            let ask = |endpoint: Arc<EndpointClient>, token| async move {
                self.ask(&endpoint, request, &token).await
            };
            let outcome = match if repeatable { Ok(()) } else { self.find().await } {
                Ok(()) => self.round(repeatable, M::NEEDS_TOKEN, ask).await,
                Err(failure) => Err(failure),
            };
            let failures = match outcome {
                Ok(answer) => return Ok(answer),
                Err(RoundFailure::Final(error)) => return Err(error),
                Err(RoundFailure::Everywhere(failures)) => failures,
            };
            rounds += 1;
            if rounds > retries {
                return Err(all_failed(failures, self.endpoints.len(), rounds));
            }
            tokio::time::sleep(PAUSES.pause(rounds - 1)).await;
        }
    }

    async fn ask<M: Method>(
        &self,
        endpoint: &EndpointClient,
        request: &M,
        token: &Token,
    ) -> Result<M::Answer, Failure> {
        let slot = endpoint
            .for_calls()
            .await
            .map_err(|error| Failure { unprocessed: true, ..Failure::broken(error) })?;
        self.ask_on(endpoint, &slot, request, token).await
    }

    /// What a connection has refused because it carries too much was not done, and is sent again.
    async fn ask_on<M: Method>(
        &self,
        endpoint: &EndpointClient,
        slot: &StreamSlot,
        request: &M,
        token: &Token,
    ) -> Result<M::Answer, Failure> {
        let mut tries = 0;
        loop {
            match self.try_on(endpoint, slot, request, token).await {
                Err(failure) if failure.is_for_want_of_room() && tries < FOR_WANT_OF_ROOM => {
                    tokio::time::sleep(PAUSES.pause(0)).await;
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_on<M: Method>(
        &self,
        endpoint: &EndpointClient,
        slot: &StreamSlot,
        request: &M,
        token: &Token,
    ) -> Result<M::Answer, Failure> {
        let limit = self.options.timeout;
        let mut grpc = Grpc::new(endpoint.transport(slot, limit, Some(limit)))
            .max_decoding_message_size(self.options.receive_limit);
        let message = Self::request(token, request.needs_leader(), request.clone());
        let codec = Codec::<M, M::Answer>::new(request.at_most());
        let outcome = match one_answer(&mut grpc, message, M::PATH, codec, limit).await {
            // Whatever has answered so has done what it was asked, or something else.
            Ok(answer) => return request.check(&answer).map(|()| answer).map_err(Failure::broken),
            Err(failure) => failure,
        };
        let failure = match claims::refusal(&outcome.error, request.names_revision()) {
            Ok(()) => outcome,
            Err(lie) => Failure::broken(lie),
        };
        if failure.is_broken() {
            endpoint.renew(slot.generation());
        }
        Err(failure)
    }

    /// Asks a server that does not speak HTTP/2 in HTTP/1.1 what it is.
    async fn identify(&self, endpoint: &EndpointClient, mut failure: Failure) -> Failure {
        if failure.origin != FailedAt::NotHttp2 {
            return failure;
        }
        let suspicion = failure.error.kind() != Kind::Protocol;
        let limit = self.options.timeout.min(INSPECTION_LIMIT);
        if let Some(complaint) = endpoint.complaint_in_http1(suspicion, limit).await {
            failure.error = complaint.with_source(failure.error);
        }
        failure
    }

    /// Names the user to whom something is not permitted, or says that the client gives none.
    fn explain(&self, error: Error) -> Error {
        if error.kind() != Kind::PermissionDenied {
            return error;
        }
        match self.auth.user() {
            Some(user) => error.of_user(&user),
            None if self.auth.has_credentials() => error,
            None => {
                let message = format!("{error} (this client gives no user and no password)");
                error.reworded(message)
            }
        }
    }

    async fn token_for(self: &Arc<Self>, needed: bool) -> Result<Token, Error> {
        if needed { self.auth.token(self).await } else { Ok(Token::default()) }
    }

    fn may_renew(&self, renewed: &mut bool) -> bool {
        !std::mem::replace(renewed, true) && self.auth.has_credentials()
    }
}

impl Authenticator for Arc<Pool> {
    /// Boxed: the call for a token is a call, too.
    fn authenticate(&self, request: AuthenticateRequest) -> BoxFuture<Result<String, Error>> {
        let pool = self.clone();
        Box::pin(async move { pool.call_once(request).await.map(|answer| answer.token) })
    }
}

/// The ids in hexadecimal, as etcd prints them.
fn same_cluster(followed: u64, other: u64) -> Result<(), Error> {
    if followed == 0 || other == 0 || followed == other {
        return Ok(());
    }
    let message = format!(
        "it belongs to cluster {other:x}, and {followed:x} is followed: name endpoints of one cluster only"
    );
    Err(Error::new(Kind::Protocol, message))
}
