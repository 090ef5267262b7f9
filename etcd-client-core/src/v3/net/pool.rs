//! The endpoints of a cluster, and which of them serve.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::error::FailingEndpoint;
use crate::transport::endpoint_order::EndpointList;
use crate::transport::http::PING_SELDOM_AFTER;
use crate::transport::settings::ClientOptions;
use crate::v3::grpc::request;
use crate::v3::net::auth::{Auth, Authenticator, Token};
use crate::v3::net::connections::{OpenConnections, StreamSlot};
use crate::v3::net::endpoint_client::EndpointClient;
use crate::v3::net::failure::{FailedAt, Failure};
use crate::v3::wire::any_method::{Encoded, answer_to};
use crate::v3::wire::messages::{AuthenticateRequest, RangeRequest, StatusRequest};
use crate::{BoxFuture, Error, Kind};

/// The endpoints of a cluster. What is asked of them is in `call`, and at which of them in `round`.
#[derive(Debug)]
pub(in crate::v3) struct Pool {
    pub(super) options: ClientOptions,
    pub(super) endpoints: EndpointList<OpenConnections>,
    pub(super) auth: Auth,
    /// It is there for watches; other calls are rare.
    is_for_watching: bool,
}

impl Pool {
    pub(in crate::v3) fn new(options: ClientOptions, auth: Auth) -> Arc<Self> {
        Self::over(options, auth, false)
    }

    fn over(options: ClientOptions, auth: Auth, is_for_watching: bool) -> Arc<Self> {
        Arc::new(Self { endpoints: EndpointList::new(&options), options, auth, is_for_watching })
    }

    /// Another pool over the same cluster, for the same user, with connections of its own.
    pub(in crate::v3) fn with_own_connections(&self) -> Arc<Self> {
        Self::over(self.options.clone(), self.auth.with_own_token(), self.is_for_watching)
    }

    /// The same for watches and the questions that go with them. The watcher asks for signs of life, so connections need
    /// not.
    pub(in crate::v3) fn for_watching(&self) -> Arc<Self> {
        let mut options = self.options.clone();
        options.http.ping_after = PING_SELDOM_AFTER;
        Self::over(options, self.auth.with_own_token(), true)
    }

    /// A place for a call at an endpoint.
    pub(in crate::v3) async fn for_call(
        &self,
        endpoint: &EndpointClient,
        may_be_large: bool,
    ) -> Result<StreamSlot, Error> {
        if self.is_for_watching {
            endpoint.for_rare_calls(may_be_large).await
        } else {
            endpoint.for_calls().await
        }
    }

    pub(in crate::v3) fn options(&self) -> &ClientOptions {
        &self.options
    }

    pub(in crate::v3) fn auth(&self) -> &Auth {
        &self.auth
    }

    /// Whether an etcd answers. Its members answer this without a token and without a leader, if only with
    /// an error.
    pub(super) async fn meet(&self, endpoint: &EndpointClient) -> Result<(), Failure> {
        let question = StatusRequest::default();
        let call = Encoded::of(&question).map_err(Failure::broken)?;
        match self.ask(endpoint, &call, &Token::default()).await {
            Err(failure) if failure.origin != FailedAt::Server || failure.error.kind() == Kind::Protocol => {
                Err(failure)
            }
            _ => Ok(()),
        }
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
                let answer = self.ask(&endpoint, &Encoded::of(&request)?, &Token::default()).await;
                match answer {
                    Ok(answer) => {
                        let answer = answer_to::<RangeRequest>(answer)?;
                        same_cluster(cluster, answer.header.unwrap_or_default().cluster_id)
                    }
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

    /// What is sent along with the messages of a call or a stream.
    pub(in crate::v3) fn headers(token: &Token, needs_leader: bool) -> HeaderMap {
        let mut headers = request::headers();
        if let Some(token) = &token.value {
            headers.insert("token", token.clone());
        }
        if needs_leader {
            headers.insert("hasleader", HeaderValue::from_static("true"));
        }
        headers
    }

    pub(super) async fn token_for(self: &Arc<Self>, needed: bool) -> Result<Token, Error> {
        if needed { self.auth.token(self).await } else { Ok(Token::default()) }
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
