//! One endpoint and its connections.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;

use crate::printable::{Length, Printable};
use crate::transport::addresses::Addresses;
use crate::transport::credentials::Credentials;
use crate::transport::endpoint::Endpoint;
use crate::transport::http::{Protocol, version_of};
use crate::transport::not_etcd::{CLIENT_URLS, HANGS_UP, Speech};
use crate::transport::pulse::{Flow, Pulse};
use crate::transport::record::EndpointRecord;
use crate::transport::round;
use crate::transport::round::Endpoint as _;
use crate::transport::settings::ClientOptions;
use crate::v2::net::failure::Failure;
use crate::v2::net::redirect;
use crate::v2::net::redirect::Redirections;
use crate::v2::net::refusal;
use crate::v2::net::refusal::Refusal;
use crate::v2::wire::headers::Headers;
use crate::v2::wire::request::Request;
use crate::{Error, Kind};

const PATIENCE_WITH_STRANGERS: Duration = Duration::from_secs(1);

/// An endpoint with its HTTP client, which is made when it is needed and made anew when a server has
/// fallen silent, so that a dead connection or an outdated certificate is never used again.
#[derive(Debug)]
pub(in crate::v2) struct EndpointClient {
    endpoint: Endpoint,
    name: Arc<str>,
    connections: Mutex<Connections>,
    pulse: Arc<Pulse>,
    record: EndpointRecord,
    addresses: Addresses,
}

#[derive(Debug, Default)]
struct Connections {
    generation: u64,
    client: Option<reqwest::Client>,
    /// Whether anything was ever answered on them.
    answered: bool,
}

/// The beginning of a reply: its headers are there, its body is not.
#[derive(Debug)]
pub(in crate::v2) struct Opened {
    pub(in crate::v2) headers: Headers,
    /// How old the connections were that it came on.
    pub(in crate::v2) generation: u64,
    body: reqwest::Response,
    /// Of the endpoint.
    pulse: Arc<Pulse>,
}

/// A whole reply.
#[derive(Clone)]
pub struct Reply {
    pub(in crate::v2) headers: Headers,
    pub(in crate::v2) body: Bytes,
}

impl EndpointClient {
    pub(in crate::v2) fn new(endpoint: Endpoint) -> Self {
        let name = endpoint.to_string().into();
        let (connections, pulse, addresses) = (Mutex::default(), Arc::default(), Addresses::default());
        Self { endpoint, name, connections, pulse, record: EndpointRecord::default(), addresses }
    }

    /// The endpoint as a person would write it.
    pub(in crate::v2) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether anything was ever answered on its connections.
    pub(in crate::v2) fn has_answered(&self) -> bool {
        self.lock().answered
    }

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
        let (client, generation) = self.client(options).await.map_err(Failure::of_endpoint)?;
        let begun = self.send(client, request, options, credentials);
        let Ok(begun) = tokio::time::timeout(limit, begun).await else {
            self.renew(generation);
            return Err(Failure::silence("no answer", limit));
        };
        // A connection that is made anew reads its certificates anew.
        let mut body = begun.inspect_err(|_| self.renew(generation))?;
        self.note_answer(generation);
        let headers = Headers::new(body.status(), std::mem::take(body.headers_mut()));
        let opened = Opened { headers, generation, body, pulse: Arc::clone(&self.pulse) };
        if opened.body.status().is_success() {
            return Ok(opened);
        }
        let reply = opened.read_refusal(options).await?;
        Err(self.refuse(&Refusal::read(&reply.headers, &reply.body), request, options).await)
    }

    fn note_answer(&self, generation: u64) {
        self.pulse.note(1);
        let mut connections = self.lock();
        connections.answered |= connections.generation == generation;
    }

    /// Follows redirections: method and body stay, credentials go to the endpoint's origin only.
    async fn send(
        &self,
        mut client: reqwest::Client,
        request: &Request,
        options: &ClientOptions,
        credentials: Option<&Credentials>,
    ) -> Result<reqwest::Response, Failure> {
        let mut url = self.endpoint.url(&request.address).map_err(Failure::of_input)?;
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
                Err(error) if !error.is_connect() && self.is_for_want_of_tls(options).await => {
                    return Err(Failure::for_want_of_tls());
                }
                Err(error) => {
                    let failure = Failure::of_connection(&error);
                    return Err(if url.origin() != home {
                        failure.after_redirection(&redirect::shown(&url))
                    } else if error.is_connect() {
                        failure
                    } else {
                        self.identify(failure, options).await
                    });
                }
            };
            let Some(next) = redirections.next(&answer, &request.method)? else { return Ok(answer) };
            if next.scheme() == "https" && !self.endpoint.is_secure() && url.scheme() == "http" {
                options.http.prepare(true).await;
                client = options.http.client(Protocol::Http1, true).map_err(Failure::of_endpoint)?;
            }
            url = next;
        }
    }

    /// Servers without the v2 API know no such path: that is no missing key.
    async fn refuse(&self, refusal: &Refusal, request: &Request, options: &ClientOptions) -> Failure {
        let v2_is_off = refusal.status() == 404
            && refusal.body().trim() == "404 page not found"
            && request.address.starts_with("/v2/");
        if !v2_is_off {
            return refusal.clone().into_failure();
        }
        let Some(version) = self.version(options).await else {
            let message =
                format!("{refusal}; is it etcd's port for metrics, or another service? {CLIENT_URLS}");
            return Failure::of_endpoint(Error::new(Kind::Server, message).with_source(refusal.clone()));
        };
        let shown = Printable::line(&version).at_most(20);
        let message = if self.has_members(options).await {
            format!("this is the port of an etcd {shown} for its peers (--listen-peer-urls): {CLIENT_URLS}")
        } else if ["3.4.", "3.5."].iter().any(|line| version.starts_with(line)) {
            format!(
                "the v2 API is off on this server, etcd {shown}: start etcd with --enable-v2=true, or use the v3 \
                 client"
            )
        } else {
            format!("the v2 API is gone since etcd 3.6, and this is {shown}: use the v3 client")
        };
        Failure::of_endpoint(Error::new(Kind::InvalidRequest, message).with_source(refusal.clone()))
    }

    /// Lets a stranger say in its own words what it could not in HTTP.
    async fn identify(&self, failure: Failure, options: &ClientOptions) -> Failure {
        if self.has_answered() {
            return failure;
        }
        let limit = options.timeout.min(PATIENCE_WITH_STRANGERS);
        let speech = Speech::at(&self.endpoint, &options.http, Protocol::Http1, limit).await;
        let (kind, message) = match &speech {
            Some(Speech::Other(what)) => (Kind::Protocol, format!("{what}: {CLIENT_URLS}")),
            Some(Speech::Http2) => (
                Kind::Protocol,
                "only gRPC is spoken on this port; HTTP, and the v2 API where there is one, are \
                on --listen-client-http-urls: write one of these, or use the v3 client"
                    .to_owned(),
            ),
            Some(Speech::None) => (failure.error.kind(), HANGS_UP.to_owned()),
            Some(Speech::Http1) | None => return failure,
        };
        // Who hangs up may be about to be restarted.
        let election = failure.election && speech == Some(Speech::None);
        Failure { error: Error::new(kind, message).with_source(failure.error), election, ..failure }
    }

    /// What only the port for peers answers.
    async fn has_members(&self, options: &ClientOptions) -> bool {
        let Ok((client, _)) = self.client(options).await else { return false };
        let Ok(url) = self.endpoint.url("/members") else { return false };
        let answer = client.get(url).timeout(options.timeout).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Whether only TLS is spoken there, so that what was sent without it was not understood. One port may be
    /// for both.
    async fn is_for_want_of_tls(&self, options: &ClientOptions) -> bool {
        let limit = options.http.connect_timeout;
        options.http.is_for_want_of_tls(&self.endpoint, limit).await
            && !self.may_speak_plainly(limit, options).await
    }

    async fn may_speak_plainly(&self, limit: Duration, options: &ClientOptions) -> bool {
        let Ok((client, _)) = self.client(options).await else { return true };
        let Ok(url) = self.endpoint.url("/version") else { return true };
        client.get(url).timeout(limit).send().await.map_or_else(|error| error.is_timeout(), |_| true)
    }

    /// What `GET /version` answers, which needs no permission.
    async fn version(&self, options: &ClientOptions) -> Option<String> {
        let (client, _) = self.client(options).await.ok()?;
        let request = client.get(self.endpoint.url("/version").ok()?).timeout(options.timeout);
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

    /// A file that cannot be read now may be back at the next attempt: it is being replaced.
    async fn client(&self, options: &ClientOptions) -> Result<(reqwest::Client, u64), Error> {
        if self.lock().client.is_none() {
            options.http.prepare(self.endpoint.is_secure()).await;
        }
        let mut connections = self.lock();
        let client = if let Some(client) = &connections.client {
            client.clone()
        } else {
            let (secure, age) = (self.endpoint.is_secure(), connections.generation);
            let client = options.http.client_of_age(Protocol::Http1, secure, &self.addresses, age);
            let client = client.map_err(|error| {
                Error::new(Kind::Unavailable, format!("cannot connect: {error}")).with_source(error)
            })?;
            connections.client.insert(client).clone()
        };
        Ok((client, connections.generation))
    }

    /// Nothing panics while it holds this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl round::Endpoint for EndpointClient {
    fn name(&self) -> &str {
        &self.name
    }

    fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    fn record(&self) -> &EndpointRecord {
        &self.record
    }

    fn addresses(&self) -> usize {
        self.addresses.count()
    }

    fn age(&self) -> u64 {
        self.lock().generation
    }

    fn renew(&self, generation: u64) {
        let mut connections = self.lock();
        if connections.generation == generation {
            *connections = Connections { generation: generation + 1, ..Connections::default() };
        }
    }
}

impl Reply {
    /// For a success that is none.
    pub(in crate::v2) fn into_refusal(self) -> Refusal {
        let headers = &self.headers;
        if headers.http_status().is_success() {
            Refusal::unread(headers)
        } else {
            Refusal::read(headers, &self.body)
        }
    }
}

impl std::fmt::Debug for Reply {
    /// Leaves out what the body says: values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("headers", &self.headers)
            .field("body", &Length::of(&self.body))
            .finish()
    }
}

impl Opened {
    /// Takes the body, which may neither fall silent nor come in drips ([`Flow`]) for longer than `first`
    /// at its beginning, where that is limited, and than the client's limit once it has begun.
    pub(in crate::v2) async fn read(
        self,
        first: Option<Duration>,
        options: &ClientOptions,
    ) -> Result<Reply, Failure> {
        self.read_noting(first, options, &AtomicBool::default()).await
    }

    /// Takes the beginning of a body that is no success's.
    async fn read_refusal(self, options: &ClientOptions) -> Result<Reply, Failure> {
        let Self { headers, mut body, pulse, .. } = self;
        let mut begun = BytesMut::new();
        let mut flow = Some(Flow::new(&pulse, options.timeout));
        while begun.len() < refusal::LONGEST {
            match piece(&mut body, &mut flow, &pulse, options).await? {
                Some(piece) => begun.extend_from_slice(&piece),
                None => break,
            }
        }
        Ok(Reply { headers, body: begun.freeze() })
    }

    /// As [`read`](Self::read), and notes when there is more than white space of it.
    pub(in crate::v2) async fn read_noting(
        self,
        first: Option<Duration>,
        options: &ClientOptions,
        begun: &AtomicBool,
    ) -> Result<Reply, Failure> {
        let Self { headers, mut body, pulse, .. } = self;
        let mut whole = BytesMut::new();
        let mut flow = first.map(|first| Flow::new(&pulse, first));
        while let Some(piece) = piece(&mut body, &mut flow, &pulse, options).await? {
            if whole.len() + piece.len() > options.receive_limit {
                let message = format!(
                    "the answer is larger than {} bytes: raise the builder's receive_limit()",
                    options.receive_limit
                );
                return Err(Failure {
                    untouched: false,
                    ..Failure::of_input(Error::new(Kind::TooLarge, message))
                });
            }
            if !piece.iter().all(u8::is_ascii_whitespace) {
                begun.store(true, Ordering::Relaxed);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(Reply { headers, body: whole.freeze() })
    }
}

/// The next piece of a body, which must come fast enough once it has begun, or at once where there is a flow
/// already.
async fn piece(
    body: &mut reqwest::Response,
    flow: &mut Option<Flow>,
    pulse: &Arc<Pulse>,
    options: &ClientOptions,
) -> Result<Option<Bytes>, Failure> {
    let piece = match flow {
        None => body.chunk().await,
        Some(flow) => tokio::select! {
            biased;
            piece = body.chunk() => piece,
            complaint = poll_fn(|cx| flow.poll_dry(cx)) => return Err(Failure::drought(complaint)),
        },
    };
    let piece = piece.map_err(|error| Failure::of_connection(&error))?;
    if let Some(piece) = &piece {
        pulse.note(piece.len());
        flow.get_or_insert_with(|| Flow::new(pulse, options.timeout)).note(piece.len());
    }
    Ok(piece)
}
