//! What both clients keep of one endpoint, and the connections that they have to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::FailingEndpoint;
use crate::log::outage::OutageEnd;
use crate::transport::activity::Activity;
use crate::transport::addresses::Addresses;
use crate::transport::endpoint::Endpoint;
use crate::transport::http::{HttpOptions, Protocol};
use crate::transport::record::EndpointRecord;
use crate::{Error, Kind, OneLine};

/// An endpoint and its connections, which are made when they are needed, and made anew after a failure: so a
/// broken connection or an outdated certificate is never used again.
///
/// `C` is what a protocol keeps of the connections of one generation.
#[derive(Debug)]
pub(crate) struct EndpointClient<C> {
    endpoint: Endpoint,
    name: Arc<str>,
    http: HttpOptions,
    connections: Arc<Mutex<Connections<C>>>,
    activity: Arc<Activity>,
    record: EndpointRecord,
    addresses: Addresses,
}

/// The connections to an endpoint, from the time when the ones before were given up.
#[derive(Debug, Default)]
pub(crate) struct Connections<C> {
    /// How often connections were given up before these.
    pub(crate) generation: u64,
    /// Whether anything was ever answered on them.
    pub(crate) answered: Arc<AtomicBool>,
    pub(crate) of_protocol: C,
}

impl<C> Connections<C> {
    /// Nothing panics while it holds this lock, so a poisoned one is as good as any.
    pub(crate) fn lock(connections: &Mutex<Self>) -> MutexGuard<'_, Self> {
        connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Default> EndpointClient<C> {
    pub(crate) fn new(endpoint: Endpoint, http: HttpOptions) -> Self {
        let name = endpoint.to_string().into();
        let (connections, activity) = (Arc::default(), Arc::default());
        let (record, addresses) = (EndpointRecord::default(), Addresses::default());
        Self { endpoint, name, http, connections, activity, record, addresses }
    }

    /// Gives up the connections of this generation; what is under way on them goes on.
    pub(crate) fn renew(&self, generation: u64) {
        let mut connections = self.connections();
        if connections.generation == generation {
            *connections = Connections { generation: generation + 1, ..Connections::default() };
        }
    }
}

impl<C> EndpointClient<C> {
    /// The endpoint as a person would write it.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn http(&self) -> &HttpOptions {
        &self.http
    }

    /// What has come from it so far.
    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// What came of asking it.
    pub(crate) fn record(&self) -> &EndpointRecord {
        &self.record
    }

    /// How many addresses its name has, as far as is known.
    pub(crate) fn addresses(&self) -> usize {
        self.addresses.count()
    }

    /// How often its connections have been given up.
    pub(crate) fn generation(&self) -> u64 {
        self.connections().generation
    }

    /// Whether anything was ever answered on its connections.
    pub(crate) fn has_answered(&self) -> bool {
        self.connections().answered.load(Ordering::Relaxed)
    }

    pub(crate) fn connections(&self) -> MutexGuard<'_, Connections<C>> {
        Connections::lock(&self.connections)
    }

    /// The connections for a task that must not keep them.
    pub(crate) fn weak_connections(&self) -> Weak<Mutex<Connections<C>>> {
        Arc::downgrade(&self.connections)
    }

    /// Makes ready what takes long in [`connect`](Self::connect), which needs the lock.
    pub(crate) async fn prepare(&self) {
        self.http.prepare(self.endpoint.is_secure()).await;
    }

    /// An HTTP client for the connections of this generation. A file that cannot be read now may be back at
    /// the next attempt: it is being replaced.
    pub(crate) fn connect(&self, protocol: Protocol, generation: u64) -> Result<reqwest::Client, Error> {
        let (secure, addresses) = (self.endpoint.is_secure(), &self.addresses);
        let client = self.http.client_of_generation(protocol, secure, addresses, generation);
        client.map_err(|error| {
            Error::new(Kind::Unavailable, format!("cannot connect: {error}")).with_source(error)
        })
    }

    /// It serves.
    pub(crate) fn note_answer(&self) {
        if let Some(OutageEnd { lasted, .. }) = self.record.answered() {
            let lasted = format!("{:.1}s", lasted.as_secs_f64());
            tracing::info!(endpoint = &*self.name, failed_for = %lasted, "an endpoint serves again");
        }
    }

    /// It has failed, and others served. When none does, the watcher says so.
    pub(crate) fn note_passing_over(&self) {
        if let Some(FailingEndpoint { error, .. }) = self.record.failing()
            && self.record.passed_over()
        {
            tracing::warn!(endpoint = &*self.name, error = %OneLine(&error), "an endpoint fails, and others serve");
        }
    }
}
