//! The client: a handle on the endpoints, and the calls that begin at it.

use std::sync::Arc;

use bytes::Bytes;

use super::auth::Auth;
use super::builder::ClientBuilder;
use super::cluster::{Members, Status};
use super::kv::{Compact, Delete, Get, Put};
use super::lease::{LeaseGrant, LeaseKeepAlive, LeaseRevoke, LeaseTimeToLive, Leases};
use super::login::Login;
use super::pool::Pool;
use super::response::LeaseId;
use super::span::Span;
use super::txn::Txn;
use super::watch::Watch;
use crate::Error;
use crate::credentials::Credentials;
use crate::settings::Options;

/// A client of an etcd cluster. Clones share connections, endpoint and token.
#[derive(Clone, Debug)]
pub struct Client {
    pool: Arc<Pool>,
}

impl Client {
    /// A client with the defaults. An endpoint is `host:port`, `http://host:port` or
    /// `https://host:port`; without a port it is 2379.
    ///
    /// Nothing is connected before the first call.
    ///
    /// # Errors
    /// The list is empty, or an endpoint cannot be one.
    pub fn new<I>(endpoints: I) -> Result<Self, Error>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        Self::builder().endpoints(endpoints).build()
    }

    /// Everything that a client can be told.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// A client from etcdctl's environment variables:
    ///
    /// | variable | what it says |
    /// | --- | --- |
    /// | `ETCDCTL_ENDPOINTS` | the servers, with commas between; `127.0.0.1:2379` if unset |
    /// | `ETCDCTL_USER`, `ETCDCTL_PASSWORD` | `user:password` in the first, or one in each |
    /// | `ETCDCTL_CACERT`, `ETCDCTL_CERT`, `ETCDCTL_KEY` | files: the authority, and this client's identity |
    /// | `ETCDCTL_INSECURE_TRANSPORT` | `false`: endpoints without a scheme are `https`, those with `http` are refused |
    /// | `ETCDCTL_DIAL_TIMEOUT`, `ETCDCTL_COMMAND_TIMEOUT` | limits, such as `5s` or `500ms`: [`connect_timeout`](ClientBuilder::connect_timeout), [`timeout`](ClientBuilder::timeout) |
    /// | `ETCDCTL_MAX_RECV_BYTES` | the largest answer, in bytes: [`receive_limit`](ClientBuilder::receive_limit) |
    ///
    /// Those that say how etcdctl prints have no meaning here. What this client does not do is refused
    /// by name: `ETCDCTL_INSECURE_SKIP_TLS_VERIFY`, `ETCDCTL_DISCOVERY_SRV`, `ETCDCTL_AUTH_JWT_TOKEN`,
    /// `ETCDCTL_KEEPALIVE_TIME` and `_TIMEOUT`, `ETCDCTL_API` other than 3.
    ///
    /// # Errors
    /// A variable holds what cannot be right, or asks for what this client does not do.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// Reads a key, or several: [`prefix`](Get::prefix), [`range`](Get::range).
    pub fn get(&self, key: impl Into<Vec<u8>>) -> Get {
        Get::new(self.pool.clone(), Span::key(key.into()))
    }

    /// Writes a key.
    pub fn put(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Put {
        Put::new(self.pool.clone(), Bytes::from(key.into()), Bytes::from(value.into()))
    }

    /// Deletes a key, or several: [`prefix`](Delete::prefix), [`range`](Delete::range).
    pub fn delete(&self, key: impl Into<Vec<u8>>) -> Delete {
        Delete::new(self.pool.clone(), Span::key(key.into()))
    }

    /// Several operations in one revision, if certain things hold.
    pub fn txn(&self) -> Txn {
        Txn::new(self.pool.clone())
    }

    /// Forgets all history below this revision.
    pub fn compact(&self, revision: u64) -> Compact {
        Compact::new(self.pool.clone(), revision)
    }

    /// The changes of a key as they happen, or of several: [`prefix`](Watch::prefix).
    pub fn watch(&self, key: impl Into<Vec<u8>>) -> Watch {
        Watch::new(self.pool.clone(), Span::key(key.into()))
    }

    /// A new lease, which expires after `ttl` seconds unless it is kept alive.
    pub fn lease_grant(&self, ttl: u32) -> LeaseGrant {
        LeaseGrant::new(self.pool.clone(), ttl)
    }

    /// Ends a lease, and deletes the keys that live on it.
    pub fn lease_revoke(&self, id: LeaseId) -> LeaseRevoke {
        LeaseRevoke::new(self.pool.clone(), id)
    }

    /// Starts a lease's time anew, once.
    pub fn lease_keep_alive(&self, id: LeaseId) -> LeaseKeepAlive {
        LeaseKeepAlive::new(self.pool.clone(), id)
    }

    /// How long a lease has left, and which keys live on it.
    pub fn lease_time_to_live(&self, id: LeaseId) -> LeaseTimeToLive {
        LeaseTimeToLive::new(self.pool.clone(), id)
    }

    /// All leases.
    pub fn leases(&self) -> Leases {
        Leases::new(self.pool.clone())
    }

    /// The members of the cluster.
    pub fn members(&self) -> Members {
        Members::new(self.pool.clone())
    }

    /// How the endpoint in use is doing: its version, its leader, the size of its database. Servers
    /// with authentication may keep this to root.
    pub fn status(&self) -> Status {
        Status::new(self.pool.clone())
    }

    /// Uses another user or password from the next call on, in all clones and twins of this
    /// client. Watches that are open stay open.
    pub fn set_credentials(&self, user: impl Into<String>, password: impl Into<String>) {
        self.pool.auth().set_login(Login::Fixed(Credentials::new(user, password)));
    }

    /// The same client with connections of its own, to be used in another runtime. User, password
    /// and token remain shared.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        Self { pool: self.pool.twin() }
    }

    /// For nobody in particular, with all other options of another client.
    pub(crate) fn anonymous(options: Options) -> Self {
        Self::over(Pool::new(options, Arc::new(Auth::new(None))))
    }

    pub(super) fn over(pool: Arc<Pool>) -> Self {
        Self { pool }
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
}
