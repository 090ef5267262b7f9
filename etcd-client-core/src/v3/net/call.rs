//! A call: in rounds over the endpoints, or on a given connection.

use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::backoff::Doubling;
use crate::transport::all_failed::all_failed;
use crate::v3::grpc::request::RequestBody;
use crate::v3::net::auth::Token;
use crate::v3::net::connections::StreamSlot;
use crate::v3::net::endpoint_client::EndpointClient;
use crate::v3::net::failure::Failure;
use crate::v3::net::grpc_channel::GrpcChannel;
use crate::v3::net::pool::Pool;
use crate::v3::net::round::RoundFailure;
use crate::v3::net::unary::one_answer;
use crate::v3::wire::any_method::{AnyAnswer, AnyMethod, Encoded, answer_to};
use crate::v3::wire::claims;
use crate::v3::wire::method::Method;

/// Between the rounds of a call.
const PAUSES: Doubling =
    Doubling { first: Duration::from_millis(100), longest: Duration::from_secs(5), spread: 0.5..1.5 };
/// How often a call is sent again that its connection had no room for.
const FOR_WANT_OF_ROOM: u32 = 10;

impl Pool {
    /// Does a call, in as many further rounds over all endpoints as the client's options allow.
    pub(in crate::v3) async fn call<M: Method>(self: &Arc<Self>, request: M) -> Result<M::Answer, Error> {
        answer_to::<M>(self.call_in_rounds(&request, self.options.max_retries).await?)
    }

    /// Does a call in one round: each endpoint is asked at most once.
    pub(in crate::v3) async fn call_once<M: Method>(
        self: &Arc<Self>,
        request: M,
    ) -> Result<M::Answer, Error> {
        answer_to::<M>(self.call_in_rounds(&request, 0).await?)
    }

    /// Does a call on a given connection, and nowhere else.
    pub(in crate::v3) async fn call_on<M: Method>(
        self: &Arc<Self>,
        endpoint: &EndpointClient,
        slot: &StreamSlot,
        request: &M,
    ) -> Result<M::Answer, Error> {
        answer_to::<M>(self.call_there(endpoint, slot, request).await?)
    }

    /// The same without the types.
    async fn call_there(
        self: &Arc<Self>,
        endpoint: &EndpointClient,
        slot: &StreamSlot,
        request: &dyn AnyMethod,
    ) -> Result<AnyAnswer, Error> {
        let call = Encoded::of(request)?;
        let mut token = self.token_for(request.needs_token()).await?;
        let mut renewed = false;
        loop {
            match self.ask_on(endpoint, slot, &call, &token).await {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.token_refused && self.may_renew(&mut renewed) => {
                    token = self.auth.renew(&token, self).await?;
                }
                Err(failure) => return Err(failure.error.at(endpoint.name())),
            }
        }
    }

    async fn call_in_rounds(
        self: &Arc<Self>,
        request: &dyn AnyMethod,
        retries: u32,
    ) -> Result<AnyAnswer, Error> {
        let (repeatable, call) = (request.is_repeatable(), &Encoded::of(request)?);
        let mut rounds = 0;
        loop {
            let ask =
                |endpoint: Arc<EndpointClient>, token| async move { self.ask(&endpoint, call, &token).await };
            let outcome = match if repeatable { Ok(()) } else { self.find().await } {
                Ok(()) => self.round(repeatable, request.needs_token(), ask).await,
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

    /// Asks one endpoint, once.
    pub(super) async fn ask(
        &self,
        endpoint: &EndpointClient,
        call: &Encoded<'_>,
        token: &Token,
    ) -> Result<AnyAnswer, Failure> {
        let slot = self
            .for_call(endpoint, call.request.may_be_large())
            .await
            .map_err(|error| Failure { unprocessed: true, ..Failure::broken(error) })?;
        self.ask_on(endpoint, &slot, call, token).await
    }

    /// What a connection has refused because it carries too much was not done, and is sent again.
    async fn ask_on(
        &self,
        endpoint: &EndpointClient,
        slot: &StreamSlot,
        call: &Encoded<'_>,
        token: &Token,
    ) -> Result<AnyAnswer, Failure> {
        let mut tries = 0;
        loop {
            match self.try_on(endpoint, slot, call, token).await {
                Err(failure) if failure.is_for_want_of_room() && tries < FOR_WANT_OF_ROOM => {
                    tokio::time::sleep(PAUSES.pause(0)).await;
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_on(
        &self,
        endpoint: &EndpointClient,
        slot: &StreamSlot,
        call: &Encoded<'_>,
        token: &Token,
    ) -> Result<AnyAnswer, Failure> {
        let (request, limit) = (call.request, self.options.timeout);
        let channel = GrpcChannel::for_call(endpoint, slot, limit);
        let headers = Self::headers(token, request.needs_leader());
        let (open, body) = if request.ends_after_answer() {
            let (open, body) = RequestBody::held_open(call.message.clone());
            (Some(open), body)
        } else {
            (None, RequestBody::one(call.message.clone()))
        };
        let answer = async {
            let answers = channel.call(request.path(), headers, body, self.options.receive_limit).await?;
            one_answer(answers, request, open, limit).await
        };
        let outcome = match answer.await {
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

    /// Finds an endpoint that answers, for what may be sent only once.
    async fn find(self: &Arc<Self>) -> Result<(), RoundFailure> {
        if !self.endpoints.is_first_unproven() {
            return Ok(());
        }
        let meet = |endpoint: Arc<EndpointClient>, _| async move { self.meet(&endpoint).await };
        self.round(true, false, meet).await
    }

    fn may_renew(&self, renewed: &mut bool) -> bool {
        !std::mem::replace(renewed, true) && self.auth.has_credentials()
    }
}
