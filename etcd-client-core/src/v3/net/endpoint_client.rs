//! One endpoint and its connections.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::header::SERVER;

use crate::transport::addresses::Addresses;
use crate::transport::endpoint::Endpoint;
use crate::transport::http::{HttpOptions, Protocol, version_of};
use crate::transport::not_etcd::{CLIENT_URLS, HANGS_UP, Speech};
use crate::transport::pulse::Pulse;
use crate::transport::record::EndpointRecord;
use crate::transport::round;
use crate::transport::tls;
use crate::{Error, Kind, Printable};

use crate::v3::net::connections::{Connection, Connections, Share};
use crate::v3::net::transport::{Transport, no_grpc};

/// Each question is two connections, one of them over TLS.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(120);
/// So long what was found out is said of later failures, too, without a question for each.
const COMPLAINT_HOLDS: Duration = Duration::from_secs(10);

/// An endpoint with its HTTP clients, which are made when they are needed and made anew after a
/// failure, so that a broken connection or an outdated certificate is never used again.
#[derive(Debug)]
pub(in crate::v3) struct EndpointClient {
    endpoint: Endpoint,
    name: Arc<str>,
    http: HttpOptions,
    connections: Mutex<Connections>,
    pulse: Arc<Pulse>,
    record: EndpointRecord,
    addresses: Addresses,
    /// When it was last asked in HTTP/1.1, and what came of it.
    last_complaint: Mutex<Option<(Instant, Option<Error>)>>,
}

impl EndpointClient {
    pub(in crate::v3) fn new(endpoint: Endpoint, http: HttpOptions) -> Self {
        let name = endpoint.to_string().into();
        let (connections, last_complaint) = (Mutex::default(), Mutex::default());
        let (pulse, record, addresses) = (Arc::default(), EndpointRecord::default(), Addresses::default());
        Self { endpoint, name, http, connections, pulse, record, addresses, last_complaint }
    }

    /// The endpoint as a person would write it.
    pub(in crate::v3) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether anything was ever answered on its connections.
    pub(in crate::v3) fn has_answered(&self) -> bool {
        locked(&self.connections).answered.load(Ordering::Relaxed)
    }

    pub(in crate::v3) async fn for_calls(&self) -> Result<Share, Error> {
        if locked(&self.connections).free_for_calls().is_none() {
            self.http.prepare(self.endpoint.is_secure()).await;
        }
        locked(&self.connections).for_calls(|age| self.connect(age))
    }

    /// A place for a stream: on another connection than the one that is `crowded`, where one is.
    pub(in crate::v3) async fn for_stream(&self, crowded: Option<&Arc<Connection>>) -> Result<Share, Error> {
        if locked(&self.connections).free_for_stream(crowded).is_none() {
            self.http.prepare(self.endpoint.is_secure()).await;
        }
        locked(&self.connections).for_stream(crowded, |age| self.connect(age))
    }

    /// Connections as old as this one carry so many streams.
    pub(in crate::v3) fn learn_limit(&self, generation: u64, streams: usize) {
        tracing::debug!(endpoint = %self.name, streams, "connections carry no more streams: opening further ones");
        locked(&self.connections).learn(generation, streams);
    }

    pub(in crate::v3) fn transport(
        &self,
        share: &Share,
        headers_within: Duration,
        pieces_within: Option<Duration>,
    ) -> Transport {
        Transport {
            connection: Arc::clone(share.connection()),
            endpoint: self.endpoint.clone(),
            headers_within,
            pieces_within,
            answered: Arc::clone(share.answered()),
            pulse: Arc::clone(&self.pulse),
            arrived: Arc::default(),
        }
    }

    pub(in crate::v3) fn exact_progress(&self, member: u64) -> Option<bool> {
        locked(&self.connections).exact_progress.get(&member).copied()
    }

    pub(in crate::v3) fn note_exact_progress(&self, member: u64, exact: bool) {
        locked(&self.connections).exact_progress.insert(member, exact);
    }

    /// What `GET /version` answers, which needs no permission.
    pub(in crate::v3) async fn version_over_http(&self, limit: Duration) -> Option<String> {
        version_of(self.get("/version", limit).await?).await
    }

    /// What is said to an HTTP/1.1 request, if it is something that etcd does not say, or that it is
    /// TLS that is spoken there.
    ///
    /// Where there is only a suspicion, that is asked now and then, not at each failure.
    pub(in crate::v3) async fn complaint_in_http1(&self, suspicion: bool, limit: Duration) -> Option<Error> {
        if suspicion && let Some((asked, complaint)) = &*locked(&self.last_complaint) {
            let holds = if complaint.is_some() { COMPLAINT_HOLDS } else { ASK_AGAIN_AFTER };
            if asked.elapsed() < holds {
                return complaint.clone();
            }
        }
        let complaint = match self.get("/version", limit).await {
            Some(answer) if answer.status().is_success() => {
                // An etcd that was about to answer in HTTP/2 answers this, too.
                let speech = Speech::at(&self.endpoint, &self.http, Protocol::Http2, limit).await;
                let is_certain = speech.map_or(!suspicion, |speech| speech != Speech::Http2);
                if is_certain { Some(self.without_grpc(answer, limit).await) } else { None }
            }
            Some(mut answer) => {
                let status = answer.status();
                let body = answer.chunk().await.ok().flatten().unwrap_or_default();
                Some(Error::new(Kind::Protocol, no_grpc(status, &body)))
            }
            None if self.http.is_for_want_of_tls(&self.endpoint, limit).await => {
                Some(Error::new(Kind::Unavailable, tls::WANTED))
            }
            None => self.in_its_own_words(limit).await,
        };
        *locked(&self.last_complaint) = Some((Instant::now(), complaint.clone()));
        complaint
    }

    /// What speaks HTTP/1.1 only, and has answered so to `GET /version`.
    async fn without_grpc(&self, answer: reqwest::Response, limit: Duration) -> Error {
        let (status, headers) = (answer.status(), answer.headers().clone());
        let Some(version) = version_of(answer).await else {
            let server = headers.get(SERVER).and_then(|server| server.to_str().ok());
            let server = server.map(|server| format!(" ({})", Printable::line(server).at_most(60)));
            let server = server.unwrap_or_default();
            let message = format!("a web server answers, not etcd, HTTP {status}{server}: {CLIENT_URLS}");
            return Error::new(Kind::Protocol, message);
        };
        let version = Printable::line(&version).at_most(20);
        let is_of_peers =
            self.get("/members", limit).await.is_some_and(|answer| answer.status().is_success());
        let message = if is_of_peers {
            format!("this is the port of an etcd {version} for its peers (--listen-peer-urls): {CLIENT_URLS}")
        } else {
            format!(
                "an etcd {version} answers, but speaks no gRPC on this port, which is one of its \
                 --listen-client-http-urls: {CLIENT_URLS}"
            )
        };
        Error::new(Kind::Protocol, message)
    }

    /// What speaks no HTTP at all.
    async fn in_its_own_words(&self, limit: Duration) -> Option<Error> {
        match Speech::at(&self.endpoint, &self.http, Protocol::Http2, limit).await? {
            Speech::Other(what) => Some(Error::new(Kind::Protocol, format!("{what}: {CLIENT_URLS}"))),
            Speech::None => Some(Error::new(Kind::Unavailable, HANGS_UP)),
            Speech::Http1 | Speech::Http2 => None,
        }
    }

    async fn get(&self, path: &str, limit: Duration) -> Option<reqwest::Response> {
        self.http.prepare(self.endpoint.is_secure()).await;
        let client = self.http.client(Protocol::Http1, self.endpoint.is_secure()).ok()?;
        client.get(self.endpoint.url(path).ok()?).timeout(limit).send().await.ok()
    }

    /// A file that cannot be read now may be back at the next attempt: it is being replaced.
    fn connect(&self, age: u64) -> Result<reqwest::Client, Error> {
        let (secure, addresses) = (self.endpoint.is_secure(), &self.addresses);
        let client = self.http.client_of_age(Protocol::Http2, secure, addresses, age);
        client.map_err(|error| {
            Error::new(Kind::Unavailable, format!("cannot connect: {error}")).with_source(error)
        })
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
        locked(&self.connections).generation
    }

    fn renew(&self, generation: u64) {
        let mut connections = locked(&self.connections);
        if connections.generation == generation {
            *connections = Connections::of_age(generation + 1);
        }
    }
}

/// Nothing panics while it holds one of these locks, so a poisoned one is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
