//! The client: a handle on the endpoints, and the calls that begin at it.

use std::sync::Arc;

use bytes::Bytes;

use super::watch::Watch;
use super::watch::shared::SharedStreams;
use crate::Error;
use crate::transport::credentials::Credentials;
use crate::v3::calls::cluster::{Members, Status};
use crate::v3::calls::kv::{Compact, Delete, Get, Put};
use crate::v3::calls::lease::{LeaseGrant, LeaseKeepAlive, LeaseRevoke, LeaseTimeToLive, Leases};
use crate::v3::calls::txn::Txn;
use crate::v3::net::login::Login;
use crate::v3::net::pool::Pool;
use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::response::LeaseId;

/// A client of an etcd cluster's v3 API, which is the one that `etcdctl` uses. Clones share connections, endpoint and
/// token, so one client is enough for a program; `with_own_connections` is for a second runtime.
///
/// Keys that were written over the older v2 API, as node-etcd does, are not seen: for these there is
/// [`v2::Client`](crate::v2::Client).
///
/// Made by [`new`](Self::new), [`builder`](Self::builder) or, from etcdctl's variables, [`from_env`](Self::from_env). Each
/// call is a value that does nothing until it is awaited. Dropping its future cancels it; a write that was sent may be
/// applied all the same. Without a tokio runtime: [`blocking`](Self::blocking).
///
/// Any call can fail with the [kinds](crate::Kind) of connections, access and limits; what is special to one is said
/// at its type. [The module](crate::v3) says what is tried again.
///
/// ```no_run
/// # async fn example() -> Result<(), etcd_client_core::Error> {
/// use etcd_client_core::v3::Client;
///
/// let client = Client::new("127.0.0.1:2379")?;
/// client.put("/app/level", "debug").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    pool: Arc<Pool>,
    streams: Arc<SharedStreams>,
}

impl Client {
    /// Reads a key, or several: [`prefix`](Get::prefix), [`range`](Get::range).
    pub fn get(&self, key: impl Into<Vec<u8>>) -> Get {
        Get::new(self.pool.clone(), KeyRange::key(key.into()))
    }

    /// Writes a key. Without a [`lease`](Put::lease) it stays until it is deleted, and loses the lease that it had.
    pub fn put(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Put {
        Put::new(self.pool.clone(), Bytes::from(key.into()), Bytes::from(value.into()))
    }

    /// Deletes a key, or several: [`prefix`](Delete::prefix), [`range`](Delete::range).
    pub fn delete(&self, key: impl Into<Vec<u8>>) -> Delete {
        Delete::new(self.pool.clone(), KeyRange::key(key.into()))
    }

    /// Several operations in one revision, if certain things hold: for writes that belong together, or that depend on
    /// what there is.
    pub fn txn(&self) -> Txn {
        Txn::new(self.pool.clone())
    }

    /// Forgets all history below this revision, for all clients of the cluster. Servers do so by themselves with
    /// `--auto-compaction-retention`.
    pub fn compact(&self, revision: u64) -> Compact {
        Compact::new(self.pool.clone(), revision)
    }

    /// The changes of a key as they happen, or of several: [`prefix`](Watch::prefix). It ends with its connection; for
    /// one that goes on see [`Watcher`](crate::Watcher).
    pub fn watch(&self, key: impl Into<Vec<u8>>) -> Watch {
        Watch::new(self.pool.clone(), KeyRange::key(key.into()))
    }

    /// A new lease, which expires after `ttl` seconds unless it is kept alive. Nothing here keeps it alive by itself:
    /// call [`lease_keep_alive`](Self::lease_keep_alive) about three times in each `ttl`.
    pub fn lease_grant(&self, ttl: u32) -> LeaseGrant {
        LeaseGrant::new(self.pool.clone(), ttl)
    }

    /// Ends a lease, and deletes the keys that are attached to it.
    pub fn lease_revoke(&self, id: LeaseId) -> LeaseRevoke {
        LeaseRevoke::new(self.pool.clone(), id)
    }

    /// Starts a lease's time anew, once. [`Kind::NotFound`](crate::Kind::NotFound) if it has ended.
    pub fn lease_keep_alive(&self, id: LeaseId) -> LeaseKeepAlive {
        LeaseKeepAlive::new(self.pool.clone(), id)
    }

    /// How long a lease has left, and which keys are attached to it.
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

    /// Uses another user or password from the next call on, in all clones of this client, and
    /// in those [with their own connections](Self::with_own_connections). Watches that are open stay open.
    ///
    /// # Errors
    /// What the builder refuses: a name that is empty, and a password for endpoints of which some are
    /// `https` and some `http`. The client goes on with the credentials that it had.
    pub fn set_credentials(&self, user: impl Into<String>, password: impl Into<String>) -> Result<(), Error> {
        let credentials = Credentials::new(user, password);
        credentials.check()?;
        self.pool.options().check_password()?;
        self.pool.auth().set_login(Login::Fixed(credentials));
        Ok(())
    }

    /// The same client with connections of its own, to be used in another runtime: connections belong to the runtime
    /// that opened them, and break when it ends. User, password and token remain shared.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        Self::over(self.pool.with_own_connections())
    }

    pub(super) fn over(pool: Arc<Pool>) -> Self {
        Self { pool, streams: Arc::default() }
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The streams that the watches of the [`Store`](crate::Store) share.
    pub(super) fn streams(&self) -> &Arc<SharedStreams> {
        &self.streams
    }
}
