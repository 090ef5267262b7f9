//! The client: a handle on the endpoints, and the calls that begin at it.

use std::sync::Arc;

use bytes::Bytes;

use super::watch::Watch;
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

/// A client of an etcd cluster. Clones share connections, endpoint and token.
///
/// Made by [`new`](Self::new), [`builder`](Self::builder) or, from etcdctl's variables, [`from_env`](Self::from_env). Each
/// call is a value that does nothing until it is awaited. Without a tokio runtime:
/// [`blocking`](Self::blocking).
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
}

impl Client {
    /// Reads a key, or several: [`prefix`](Get::prefix), [`range`](Get::range).
    pub fn get(&self, key: impl Into<Vec<u8>>) -> Get {
        Get::new(self.pool.clone(), KeyRange::key(key.into()))
    }

    /// Writes a key.
    pub fn put(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Put {
        Put::new(self.pool.clone(), Bytes::from(key.into()), Bytes::from(value.into()))
    }

    /// Deletes a key, or several: [`prefix`](Delete::prefix), [`range`](Delete::range).
    pub fn delete(&self, key: impl Into<Vec<u8>>) -> Delete {
        Delete::new(self.pool.clone(), KeyRange::key(key.into()))
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
        Watch::new(self.pool.clone(), KeyRange::key(key.into()))
    }

    /// A new lease, which expires after `ttl` seconds unless it is kept alive.
    pub fn lease_grant(&self, ttl: u32) -> LeaseGrant {
        LeaseGrant::new(self.pool.clone(), ttl)
    }

    /// Ends a lease, and deletes the keys that are attached to it.
    pub fn lease_revoke(&self, id: LeaseId) -> LeaseRevoke {
        LeaseRevoke::new(self.pool.clone(), id)
    }

    /// Starts a lease's time anew, once.
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

    /// The same client with connections of its own, to be used in another runtime. User, password
    /// and token remain shared.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        Self { pool: self.pool.with_own_connections() }
    }

    pub(super) fn over(pool: Arc<Pool>) -> Self {
        Self { pool }
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
}
