//! One endpoint and its connections.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::endpoint::Endpoint;
use crate::http::{HttpOptions, Protocol, version_of};
use crate::{Error, Kind, tls};

use super::transport::{Transport, excerpt};

/// Streams that one TLS connection carries before another is opened: servers before 3.5.7 allow
/// 250, and the next one would wait for ever.
const STREAMS_PER_CONNECTION: usize = 200;

/// Each question is two connections, one of them over TLS.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(120);

/// An endpoint with its HTTP clients, which are made when they are needed and made anew after a
/// failure, so that a broken connection or an outdated certificate is never used again.
#[derive(Debug)]
pub(super) struct Peer {
    endpoint: Endpoint,
    name: Arc<str>,
    http: HttpOptions,
    connections: Mutex<Connections>,
    /// When it was last asked in HTTP/1.1 without result.
    asked_in_vain: Mutex<Option<Instant>>,
}

/// Streams have connections of their own: a large answer would otherwise hold up the events that
/// share its connection (etcd-io/etcd#15402).
#[derive(Debug, Default)]
struct Connections {
    generation: u64,
    calls: Option<reqwest::Client>,
    streams: Vec<Arc<reqwest::Client>>,
    /// Whether anything was ever answered on them.
    answered: Arc<AtomicBool>,
    /// Whether a member's answers to progress requests can be believed, where that is known.
    exact_progress: HashMap<u64, bool>,
}

/// A share in a connection, and the age of that connection.
#[derive(Clone, Debug)]
pub(super) struct Share {
    pub(super) generation: u64,
    client: Arc<reqwest::Client>,
    answered: Arc<AtomicBool>,
}

impl Peer {
    pub(super) fn new(endpoint: Endpoint, http: HttpOptions) -> Self {
        let name = endpoint.to_string().into();
        Self { endpoint, name, http, connections: Mutex::default(), asked_in_vain: Mutex::default() }
    }

    /// The endpoint as a person would write it.
    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) async fn for_calls(&self) -> Result<Share, Error> {
        if locked(&self.connections).calls.is_none() {
            self.prepare().await;
        }
        let mut connections = locked(&self.connections);
        let client = match &connections.calls {
            Some(client) => client.clone(),
            None => connections.calls.insert(self.connect()?).clone(),
        };
        Ok(connections.share(Arc::new(client)))
    }

    /// The share stands for one stream: it is to live as long.
    pub(super) async fn for_stream(&self) -> Result<Share, Error> {
        let limit = if self.endpoint.is_secure() { STREAMS_PER_CONNECTION } else { usize::MAX };
        if locked(&self.connections).free_for_stream(limit).is_none() {
            self.prepare().await;
        }
        let mut connections = locked(&self.connections);
        let client = if let Some(client) = connections.free_for_stream(limit) {
            client
        } else {
            let client = Arc::new(self.connect()?);
            connections.streams.push(client.clone());
            client
        };
        Ok(connections.share(client))
    }

    /// Gives up the connections of this age; what is under way on them goes on.
    pub(super) fn renew(&self, generation: u64) {
        let mut connections = locked(&self.connections);
        if connections.generation == generation {
            *connections = Connections { generation: generation + 1, ..Connections::default() };
        }
    }

    pub(super) fn transport(
        &self,
        share: &Share,
        headers_within: Duration,
        pieces_within: Option<Duration>,
    ) -> Transport {
        Transport {
            client: (*share.client).clone(),
            endpoint: self.endpoint.clone(),
            headers_within,
            pieces_within,
            answered: Arc::clone(&share.answered),
            arrived: Arc::default(),
        }
    }

    pub(super) fn exact_progress(&self, member: u64) -> Option<bool> {
        locked(&self.connections).exact_progress.get(&member).copied()
    }

    pub(super) fn note_exact_progress(&self, member: u64, exact: bool) {
        locked(&self.connections).exact_progress.insert(member, exact);
    }

    /// What `GET /version` answers, which needs no permission.
    pub(super) async fn version_over_http(&self, limit: Duration) -> Option<String> {
        version_of(self.get_version(limit).await?).await
    }

    /// What is said to an HTTP/1.1 request, if it is something that etcd does not say, or that it is
    /// TLS that is spoken there.
    ///
    /// Where there is only a suspicion, that is asked now and then, not at each failure.
    pub(super) async fn complaint_in_http1(&self, suspicion: bool, limit: Duration) -> Option<Error> {
        let recent = |asked: Instant| asked.elapsed() < ASK_AGAIN_AFTER;
        if suspicion && locked(&self.asked_in_vain).is_some_and(recent) {
            return None;
        }
        let complaint = match self.get_version(limit).await {
            Some(answer) if answer.status().is_success() => None,
            Some(mut answer) => {
                let status = answer.status();
                let body = answer.chunk().await.ok().flatten().unwrap_or_default();
                let message = format!("not an answer of etcd's gRPC, but HTTP {status}{}", excerpt(&body));
                Some(Error::new(Kind::Protocol, message))
            }
            None if self.http.is_for_want_of_tls(&self.endpoint, limit).await => {
                Some(Error::new(Kind::Unavailable, tls::WANTED))
            }
            None => None,
        };
        *locked(&self.asked_in_vain) = complaint.is_none().then(Instant::now);
        complaint
    }

    async fn get_version(&self, limit: Duration) -> Option<reqwest::Response> {
        self.prepare().await;
        let client = self.http.client(Protocol::Http1, self.endpoint.is_secure()).ok()?;
        client.get(self.endpoint.url("/version").ok()?).timeout(limit).send().await.ok()
    }

    async fn prepare(&self) {
        self.http.prepare(self.endpoint.is_secure()).await;
    }

    /// A file that cannot be read now may be back at the next attempt: it is being replaced.
    fn connect(&self) -> Result<reqwest::Client, Error> {
        let client = self.http.client(Protocol::Http2, self.endpoint.is_secure());
        client.map_err(|error| {
            Error::new(Kind::Unavailable, format!("cannot connect: {error}")).with_source(error)
        })
    }
}

impl Connections {
    fn free_for_stream(&self, limit: usize) -> Option<Arc<reqwest::Client>> {
        self.streams.iter().find(|client| Arc::strong_count(client) <= limit).cloned()
    }

    fn share(&self, client: Arc<reqwest::Client>) -> Share {
        Share { generation: self.generation, client, answered: Arc::clone(&self.answered) }
    }
}

/// Nothing panics while it holds one of these locks, so a poisoned one is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
