//! A request at one endpoint.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::CONTENT_TYPE;

use crate::printable::Printable;
use crate::transport::credentials::Credentials;
use crate::transport::endpoint_client;
use crate::transport::http::{Protocol, version_of};
use crate::transport::lost_connection::TlsStage;
use crate::transport::not_etcd::{DetectedProtocol, LONGEST_VERSION, NOT_FOUND, peer_port};
use crate::transport::settings::ClientOptions;
use crate::v2::net::failure::Failure;
use crate::v2::net::redirect;
use crate::v2::net::redirect::Redirections;
use crate::v2::net::refusal::Refusal;
use crate::v2::net::reply::{Opened, Reply};
use crate::v2::wire::request::Request;
use crate::{Error, Kind};

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
        let mut url = self.endpoint().url(&request.address).map_err(Failure::of_input)?;
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
                client = self.http().client(Protocol::Http1, true).map_err(Failure::of_endpoint)?;
            }
            url = next;
        }
    }

    /// Completes a refusal by what the request says, or by what the server is. Servers without the v2 API know
    /// no such path: that is no missing key.
    async fn refuse(&self, refusal: Refusal, request: &Request, options: &ClientOptions) -> Failure {
        if let Some(comparison) = refusal.comparison(request) {
            return refusal.in_words(comparison).into_failure();
        }
        if !refusal.is_not_etcds() || !request.address.starts_with("/v2/") {
            return refusal.into_failure();
        }
        let is_not_found = refusal.status() == 404 && refusal.body().trim() == NOT_FOUND;
        if is_not_found && let Some(version) = self.version(options).await {
            let message =
                if self.has_members(options).await { peer_port(&version) } else { without_v2(&version) };
            let error = Error::new(Kind::InvalidRequest, message.clone());
            return Failure::of_endpoint(error.with_source(refusal.in_words(message)));
        }
        let message = format!("{refusal}; {}", refusal.whose());
        refusal.in_words(message).into_failure()
    }

    /// Says what answers instead of etcd, if it does not speak HTTP/1.1.
    async fn identify(&self, failure: Failure, options: &ClientOptions) -> Failure {
        if self.has_answered() {
            return failure;
        }
        let detected =
            DetectedProtocol::detect(self.endpoint(), self.http(), Protocol::Http1, options.timeout).await;
        let Some(detected) = detected else { return failure };
        let only_grpc = || {
            "only gRPC is spoken on this port; HTTP, and the v2 API where there is one, are on \
             --listen-client-http-urls: write one of these, or use the v3 client"
                .to_owned()
        };
        let only_grpc = (detected == DetectedProtocol::Http2).then(only_grpc);
        let Some(message) = detected.complaint().or(only_grpc) else { return failure };
        // A server that hangs up may be about to be restarted.
        let hangs_up = detected == DetectedProtocol::HangsUp;
        let kind = if hangs_up { failure.error.kind() } else { Kind::Protocol };
        let election = failure.election && hangs_up;
        Failure { error: Error::new(kind, message).with_source(failure.error), election, ..failure }
    }

    /// What only the port for peers answers.
    async fn has_members(&self, options: &ClientOptions) -> bool {
        let Ok((client, _)) = self.client().await else { return false };
        let Ok(url) = self.endpoint().url("/members") else { return false };
        let answer = client.get(url).timeout(options.timeout).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Whether only TLS is spoken there, so that what was sent without it was not understood. One port may be
    /// for both.
    async fn is_for_want_of_tls(&self) -> bool {
        let limit = self.http().connect_timeout;
        self.http().is_for_want_of_tls(self.endpoint(), limit).await && !self.may_speak_plainly(limit).await
    }

    async fn may_speak_plainly(&self, limit: Duration) -> bool {
        let Ok((client, _)) = self.client().await else { return true };
        let Ok(url) = self.endpoint().url("/version") else { return true };
        client.get(url).timeout(limit).send().await.map_or_else(|error| error.is_timeout(), |_| true)
    }

    /// What `GET /version` answers, which needs no permission.
    async fn version(&self, options: &ClientOptions) -> Option<String> {
        let (client, _) = self.client().await.ok()?;
        let request = client.get(self.endpoint().url("/version").ok()?).timeout(options.timeout);
        version_of(request.send().await.ok()?).await
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
    async fn client(&self) -> Result<(reqwest::Client, u64), Error> {
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

/// What to say of an etcd of this version, the server's own word, that has no v2 API.
fn without_v2(version: &str) -> String {
    let shown = Printable::line(version).at_most(LONGEST_VERSION);
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < (3, 6) => format!(
            "the v2 API is off on this server, etcd {shown}: start etcd with --enable-v2=true, or use the v3 client"
        ),
        _ => format!("the v2 API is gone since etcd 3.6, and this is etcd {shown}: use the v3 client"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_v2_api_is_gone_from_3_6_on_and_off_before() {
        for version in ["3.6.0-alpha.0", "3.6.16", "3.10.1", "4.0.0", "unknown"] {
            let expected =
                format!("the v2 API is gone since etcd 3.6, and this is etcd {version}: use the v3 client");
            assert_eq!(without_v2(version), expected);
        }
        for version in ["2.3.8", "3.3.27", "3.4.23", "3.5.1"] {
            let begin =
                format!("the v2 API is off on this server, etcd {version}: start etcd with --enable-v2=true");
            assert!(without_v2(version).starts_with(&begin), "{version}");
        }
    }
}
