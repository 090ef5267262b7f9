//! The client: a handle on the endpoints, and the calls that begin at it.

use std::sync::Arc;
use std::time::Duration;

use super::watch::Watch;
use crate::Error;
use crate::transport::credentials::Credentials;
use crate::v2::calls::call::Call;
use crate::v2::calls::cluster::{
    Ask, Health, LeaderStats, Machines, Member, Members, SelfStats, StoreStats, Version,
};
use crate::v2::calls::delete::Delete;
use crate::v2::calls::directory::{Mkdir, Rmdir};
use crate::v2::calls::get::Get;
use crate::v2::calls::raw::Raw;
use crate::v2::calls::set::{CreateInOrder, Refresh, Set};
use crate::v2::net::pool::Pool;
use crate::v2::watch::watcher::WatcherBuilder;

/// A client of an etcd cluster's v2 API. Clones share connections and endpoint.
#[derive(Clone, Debug)]
pub struct Client {
    pool: Arc<Pool>,
}

impl Client {
    /// The endpoints, as `http://host:port`, in the order in which they were given.
    ///
    /// ```
    /// use etcd_client_core::v2::Client;
    ///
    /// assert_eq!(Client::new("10.0.0.1")?.endpoints(), ["http://10.0.0.1:2379"]);
    /// assert_eq!(Client::default().endpoints(), ["http://127.0.0.1:2379"]);
    /// # Ok::<(), etcd_client_core::Error>(())
    /// ```
    pub fn endpoints(&self) -> Vec<String> {
        self.pool.options().endpoints.iter().map(ToString::to_string).collect()
    }

    /// Reads a key, or lists a directory.
    pub fn get(&self, key: impl Into<String>) -> Call<Get> {
        Call::new(&self.pool, Get::new(key.into()))
    }

    /// Writes a key. Values are text: v2 answers in JSON, which knows no other bytes.
    pub fn set(&self, key: impl Into<String>, value: impl Into<String>) -> Call<Set> {
        Call::new(&self.pool, Set::new(key.into(), value.into()))
    }

    /// Writes a key where it holds the value `expected`.
    pub fn compare_and_swap(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
        expected: impl Into<String>,
    ) -> Call<Set> {
        Call::new(&self.pool, Set::new(key.into(), value.into()).if_value(expected.into()))
    }

    /// Writes a key where it was last changed at the index `expected`.
    pub fn compare_index_and_swap(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
        expected: u64,
    ) -> Call<Set> {
        Call::new(&self.pool, Set::new(key.into(), value.into()).if_index(expected))
    }

    /// Starts a key's time to live anew: whole seconds. Its value stays, and nobody who watches it
    /// is told.
    pub fn refresh(&self, key: impl Into<String>, ttl: Duration) -> Call<Refresh> {
        Call::new(&self.pool, Refresh::new(key.into(), ttl))
    }

    /// Makes a key in a directory, with a name that sorts after all that were made there before. To
    /// list them in order: `get(directory).recursive(true).sorted(true)`.
    pub fn create_in_order(
        &self,
        directory: impl Into<String>,
        value: impl Into<String>,
    ) -> Call<CreateInOrder> {
        Call::new(&self.pool, CreateInOrder::new(directory.into(), value.into()))
    }

    /// Deletes a key; a directory only with [`recursive`](Call::<Delete>::recursive).
    pub fn delete(&self, key: impl Into<String>) -> Call<Delete> {
        Call::new(&self.pool, Delete::new(key.into()))
    }

    /// Deletes a key where it holds the value `expected`.
    pub fn compare_and_delete(&self, key: impl Into<String>, expected: impl Into<String>) -> Call<Delete> {
        Call::new(&self.pool, Delete::new(key.into()).if_value(expected.into()))
    }

    /// Deletes a key where it was last changed at the index `expected`.
    pub fn compare_index_and_delete(&self, key: impl Into<String>, expected: u64) -> Call<Delete> {
        Call::new(&self.pool, Delete::new(key.into()).if_index(expected))
    }

    /// Makes a directory. What exists is refused, be it a directory or a key.
    pub fn mkdir(&self, key: impl Into<String>) -> Call<Mkdir> {
        Call::new(&self.pool, Mkdir::new(key.into()))
    }

    /// Removes a directory that is empty; with [`recursive`](Call::<Rmdir>::recursive), any.
    pub fn rmdir(&self, key: impl Into<String>) -> Call<Rmdir> {
        Call::new(&self.pool, Rmdir::new(key.into()))
    }

    /// Waits for the next change of a key.
    pub fn watch(&self, key: impl Into<String>) -> Watch {
        Watch::new(&self.pool, key.into(), None)
    }

    /// Waits for the first change of a key at or after an index; with 0, for the next one.
    pub fn watch_index(&self, key: impl Into<String>, index: u64) -> Watch {
        Watch::new(&self.pool, key.into(), Some(index))
    }

    /// Follows a key or a directory until it is stopped.
    pub fn watcher(&self, key: impl Into<String>) -> WatcherBuilder {
        WatcherBuilder::new(&self.pool, key.into())
    }

    /// Any method on any path, which must be encoded already; a slash before it may be left out.
    pub fn raw(&self, method: impl Into<String>, path: impl Into<String>) -> Call<Raw> {
        Call::new(&self.pool, Raw::new(method.into(), path.into()))
    }

    /// Where clients reach the members.
    pub fn machines(&self) -> Call<Ask<Machines>> {
        Call::new(&self.pool, Ask::new("/v2/machines"))
    }

    /// The members of the cluster.
    pub fn members(&self) -> Call<Ask<Members>> {
        Call::new(&self.pool, Ask::new("/v2/members"))
    }

    /// The member that leads.
    pub fn leader(&self) -> Call<Ask<Member>> {
        Call::new(&self.pool, Ask::new("/v2/members/leader"))
    }

    /// What the leader knows of its followers. Only the leader answers: where it is not among the
    /// endpoints the error says `not current leader`.
    pub fn leader_stats(&self) -> Call<Ask<LeaderStats>> {
        Call::new(&self.pool, Ask::new("/v2/stats/leader"))
    }

    /// What the member that answers knows of itself.
    pub fn self_stats(&self) -> Call<Ask<SelfStats>> {
        Call::new(&self.pool, Ask::new("/v2/stats/self"))
    }

    /// What the member that answers has done with its store.
    pub fn store_stats(&self) -> Call<Ask<StoreStats>> {
        Call::new(&self.pool, Ask::new("/v2/stats/store"))
    }

    /// The versions of the server that answers and of its cluster.
    pub fn version(&self) -> Call<Ask<Version>> {
        Call::new(&self.pool, Ask::new("/version"))
    }

    /// Whether one of the servers can take part in the cluster's decisions.
    pub fn health(&self) -> Call<Ask<Health>> {
        Call::new(&self.pool, Ask::new("/health"))
    }

    /// Uses another user or password from the next request on, in all clones and twins of this
    /// client. `None` sends none.
    ///
    /// ```no_run
    /// # fn example(client: etcd_client_core::v2::Client) -> Result<(), etcd_client_core::Error> {
    /// client.set_credentials(("payments", "rotated"))?;
    /// client.set_credentials(None)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the builder refuses: a name that is empty or has a colon, and a password for endpoints of
    /// which some are `https` and some `http`. The client goes on with the credentials that it had.
    pub fn set_credentials<'c>(
        &self,
        credentials: impl Into<Option<(&'c str, &'c str)>>,
    ) -> Result<(), Error> {
        let credentials = credentials.into().map(|(user, password)| Credentials::new(user, password));
        if let Some(credentials) = &credentials {
            credentials.check_for_basic()?;
            self.pool.options().check_password()?;
        }
        self.pool.set_credentials(credentials);
        Ok(())
    }

    /// The same client with connections of its own, to be used in another runtime. The user remains
    /// shared.
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
