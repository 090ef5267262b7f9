//! A round over the endpoints, and what the failure of one of them means for it: another is asked, or it is over.

use std::sync::Arc;
use std::time::Duration;

use crate::error::EndpointFailure;
use crate::transport::all_failed::all_failed;
use crate::transport::race::Done;
use crate::transport::round::Round;
use crate::v3::net::auth::Token;
use crate::v3::net::endpoint_client::EndpointClient;
use crate::v3::net::failure::{FailedAt, Failure};
use crate::v3::net::pool::Pool;
use crate::{BoxFuture, Error, Kind, OneLine};

/// How long a server may take to say what it is.
const INSPECTION_LIMIT: Duration = Duration::from_secs(1);

/// Why a round over the endpoints has led to nothing.
#[derive(Debug)]
pub(in crate::v3) enum RoundFailure {
    /// No use in asking again.
    Final(Error),
    /// Each endpoint failed in a way that may pass.
    Everywhere(Vec<EndpointFailure>),
}

/// Why an attempt at one endpoint has led to nothing.
enum Setback {
    /// With the token that was sent.
    OfEndpoint(Failure, Token),
    /// There is none.
    OfToken(Error),
}

impl Pool {
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
        let begin = |endpoint| self.attempt(endpoint, needs_token, &try_at);
        let silence = |endpoint| repeatable.then(|| self.silence(endpoint));
        let mut failures = Vec::new();
        while let Some(Done { place, elapsed, outcome, silent }) = round.next(begin, silence).await {
            match outcome {
                Ok(done) => {
                    round.won(place, &silent);
                    return Ok(done);
                }
                Err(Setback::OfToken(error)) => return Err(RoundFailure::of_token(error)),
                Err(Setback::OfEndpoint(failure, token)) => {
                    let noted = round.lost(place, &failure.error, elapsed, failure.may_be_of_one_endpoint());
                    self.after_failure(repeatable, place, failure, &token)?;
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
    fn after_failure(
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
    fn silence(self: &Arc<Self>, endpoint: &Arc<EndpointClient>) -> BoxFuture<()> {
        let (pool, endpoint) = (self.clone(), endpoint.clone());
        Box::pin(async move {
            let ping = async { pool.meet(&endpoint).await.is_ok() };
            endpoint.activity().silence(pool.options.timeout, ping).await;
        })
    }

    /// Asks a server that does not speak HTTP/2 in HTTP/1.1 what it is.
    pub(super) async fn identify(&self, endpoint: &EndpointClient, mut failure: Failure) -> Failure {
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
                let message = format!(
                    "{error} (this client gives no user and no password; if it shows a certificate, the user is the \
                     common name in that)"
                );
                error.reworded(message)
            }
        }
    }
}

impl RoundFailure {
    fn of_token(error: Error) -> Self {
        if error.failures().is_empty() {
            Self::Final(error)
        } else {
            Self::Everywhere(error.failures().to_vec())
        }
    }

    /// As the outcome of a call that does no further round.
    pub(in crate::v3) fn into_error(self) -> Error {
        match self {
            Self::Final(error) => error,
            Self::Everywhere(failures) => {
                let endpoints = failures.len();
                all_failed(failures, endpoints, 1)
            }
        }
    }
}
