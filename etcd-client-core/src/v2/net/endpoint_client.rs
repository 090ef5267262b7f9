//! A request at one endpoint.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::CONTENT_TYPE;

use crate::Error;
use crate::transport::credentials::Credentials;
use crate::transport::endpoint_client;
use crate::transport::http::Protocol;
use crate::transport::lost_connection::TlsStage;
use crate::transport::settings::ClientOptions;
use crate::v2::net::failure::Failure;
use crate::v2::net::redirect;
use crate::v2::net::redirect::Redirections;
use crate::v2::net::refusal::Refusal;
use crate::v2::net::reply::{Opened, Reply};
use crate::v2::wire::request::Request;

/// With an HTTP client, which has as many connections as it needs.
pub(in crate::v2) type EndpointClient = endpoint_client::EndpointClient<Option<reqwest::Client>>;

impl EndpointClient {
    /// Sends a request and takes the whole reply, which is to begin within `limit`.
    pub(in crate::v2) async fn ask(
        &self,
        request: &Request,
        limit: Duration,
        options: &ClientOptions,
        credentials: Option<&Credentials>,
    ) -> Result<Reply, Failure> {
        let opened = self.open(request, limit, options, credentials).await?;
        opened.read(Some(options.timeout), options).await
    }

    /// Sends a request and waits within `limit` for the headers of a success. What is no success is
    /// read here, and is a failure.
    pub(in crate::v2) async fn open(
        &self,
        request: &Request,
        limit: Duration,
        options: &ClientOptions,
        credentials: Option<&Credentials>,
    ) -> Result<Opened, Failure> {
        let (client, generation) = self.client().await.map_err(Failure::of_endpoint)?;
        let begun = self.send(client, request, options, credentials);
        let Ok(begun) = tokio::time::timeout(limit, begun).await else {
            self.renew(generation);
            return Err(Failure::silence("no answer", limit));
        };
        // A connection that is made anew reads its certificates anew.
        let answer = begun.inspect_err(|_| self.renew(generation))?;
        self.note_answer_on(generation);
        let opened = Opened::new(answer, generation, Arc::clone(self.activity()));
        if opened.headers.http_status().is_success() {
            return Ok(opened);
        }
        let reply = opened.read_refusal(options).await?;
        Err(self.refuse(Refusal::read(&reply.headers, &reply.body), request, options).await)
    }

    fn note_answer_on(&self, generation: u64) {
        self.activity().note(1);
        let connections = self.connections();
        if connections.generation == generation {
            connections.answered.store(true, Ordering::Relaxed);
        }
    }

    /// Follows redirections: method and body stay, credentials go to the endpoint's origin only.
    async fn send(
        &self,
        mut client: reqwest::Client,
        request: &Request,
        options: &ClientOptions,
        credentials: Option<&Credentials>,
    ) -> Result<reqwest::Response, Failure> {
        let mut url = self.endpoint().url(&request.path_and_query).map_err(Failure::of_input)?;
        let home = url.origin();
        let mut redirections = Redirections::new();
        loop {
            let mut builder = client.request(request.method.clone(), url.clone());
            if let Some(body) = &request.body {
                builder = builder
                    .header(CONTENT_TYPE, &*request.content_type)
                    .body(reqwest::Body::from(body.clone()));
            }
            if let Some(credentials) = credentials.filter(|_| url.origin() == home) {
                builder = builder.basic_auth(credentials.user(), Some(credentials.password()));
            }
            let answer = match builder.send().await {
                Ok(answer) => answer,
                Err(error) if !error.is_connect() && self.is_for_want_of_tls().await => {
                    return Err(Failure::for_want_of_tls());
                }
                Err(error) => {
                    let is_at_home = url.origin() == home;
                    // What a server elsewhere has answered before is not known.
                    let has_answered = !is_at_home || self.has_answered();
                    let stage = TlsStage::of(url.scheme() == "https", has_answered);
                    let failure = Failure::of_connection(&error, stage);
                    return Err(if !is_at_home {
                        failure.after_redirection(&redirect::shown(&url))
                    } else if error.is_connect() {
                        failure
                    } else {
                        self.identify(failure, options).await
                    });
                }
            };
            let Some(next) = redirections.next(&answer, &request.method)? else { return Ok(answer) };
            if next.scheme() == "https" && !self.endpoint().is_secure() && url.scheme() == "http" {
                self.http().prepare(true).await;
                client = self.http().client(Protocol::Http1, true).map_err(|error| {
                    Failure::of_endpoint(error).after_redirection(&redirect::shown(&next))
                })?;
            }
            url = next;
        }
    }

    /// Whether there is a server at the other end: any of them answers this, without a password and
    /// without a leader.
    pub(in crate::v2) async fn meet(&self, options: &ClientOptions) -> Result<(), Failure> {
        let request = Request::get("/version", &[]).map_err(Failure::of_input)?;
        match self.open(&request, options.timeout, options, None).await {
            Err(failure) if Refusal::of(&failure.error).is_none() => Err(failure),
            _ => Ok(()),
        }
    }

    /// The HTTP client, and the generation of its connections.
    pub(super) async fn client(&self) -> Result<(reqwest::Client, u64), Error> {
        if self.connections().of_protocol.is_none() {
            self.prepare().await;
        }
        let mut connections = self.connections();
        let generation = connections.generation;
        let client = match &mut connections.of_protocol {
            Some(client) => client.clone(),
            none => none.insert(self.connect(Protocol::Http1, generation)?).clone(),
        };
        Ok((client, generation))
    }
}
