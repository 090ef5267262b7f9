//! The client: a handle on the endpoints, with a method for each call.

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

/// A client of an etcd cluster's v2 API. Cheap to clone; clones share the connections, and the endpoint that
/// is asked first.
///
/// Use it if the keys were written through v2, as node-etcd does: etcd keeps the keys of v2 and v3 apart. For
/// all else there is [`v3::Client`](crate::v3::Client). In a program without a tokio runtime take
/// [`blocking`](Self::blocking).
///
/// Each call is a [`Call`] with options, which is sent when it is awaited and resolves with a
/// [`Response`](crate::v2::Response). [The module](crate::v2) says when calls are tried again, and what an error
/// holds.
///
/// ```no_run
/// use std::time::Duration;
/// use etcd_client_core::v2::Client;
///
/// # async fn example() -> Result<(), etcd_client_core::Error> {
/// let client = Client::new(["10.0.0.1:2379", "10.0.0.2:2379"])?;
/// client.set("jobs/7", "running").ttl(Duration::from_secs(30)).await?;
/// client.compare_and_swap("jobs/7", "done", "running").await?;
/// for job in &client.get("jobs").await?.node().map(|dir| dir.nodes.clone()).unwrap_or_default() {
///     println!("{} {:?}", job.name(), job.value);
/// }
/// client.delete("jobs").recursive(true).await?;
/// # Ok(())
/// # }
/// ```
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

    /// Reads a key, or lists a directory. Without [`quorum`](Call::quorum) the answer may be that of a lagging
    /// member.
    ///
    /// ```no_run
    /// # async fn example(client: etcd_client_core::v2::Client) -> Result<(), etcd_client_core::Error> {
    /// let response = client.get("payments/limit").quorum(true).await?;
    /// println!("{:?}", response.value());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) if there is no such key.
    pub fn get(&self, key: impl Into<String>) -> Call<Get> {
        Call::new(&self.pool, Get::new(key.into()))
    }

    /// Writes a key. Values are text, because v2 answers in JSON. With
    /// [`prev_exist`](Call::prev_exist) it only creates, or only updates. Directories on the way are created. The
    /// key loses a time to live that it had, unless [`ttl`](Call::ttl) gives another.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(client: etcd_client_core::v2::Client) -> Result<(), etcd_client_core::Error> {
    /// client.set("payments/limit", "100").await?;
    /// client.set("workers/7", "here").ttl(Duration::from_secs(30)).prev_exist(false).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`](crate::Kind::InvalidRequest) if the key is a directory, or something on the way to it is no directory.
    /// [`Kind::Conflict`](crate::Kind::Conflict) and [`Kind::NotFound`](crate::Kind::NotFound) if a condition does not
    /// hold. [`Kind::InvalidInput`](crate::Kind::InvalidInput) for conditions and times that etcd would misread.
    pub fn set(&self, key: impl Into<String>, value: impl Into<String>) -> Call<Set> {
        Call::new(&self.pool, Set::new(key.into(), value.into()))
    }

    /// Writes a key if its value is `expected`.
    ///
    /// # Errors
    /// [`Kind::Conflict`](crate::Kind::Conflict) if it is not, and [`Kind::NotFound`](crate::Kind::NotFound) if there is no
    /// such key. An `expected` that is empty is [`Kind::InvalidInput`](crate::Kind::InvalidInput): etcd cannot compare
    /// with it.
    pub fn compare_and_swap(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
        expected: impl Into<String>,
    ) -> Call<Set> {
        Call::new(&self.pool, Set::new(key.into(), value.into()).if_value(expected.into()))
    }

    /// Writes a key if it was last changed at the index `expected`.
    ///
    /// # Errors
    /// [`Kind::Conflict`](crate::Kind::Conflict) if it was not, and [`Kind::NotFound`](crate::Kind::NotFound) if there is
    /// no such key. Index 0 is [`Kind::InvalidInput`](crate::Kind::InvalidInput).
    pub fn compare_index_and_swap(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
        expected: u64,
    ) -> Call<Set> {
        Call::new(&self.pool, Set::new(key.into(), value.into()).if_index(expected))
    }

    /// Gives a key a new time to live, in whole seconds, from now on. Its value stays, and watches are not
    /// notified.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) if there is no such key: it may have expired.
    /// [`Kind::InvalidInput`](crate::Kind::InvalidInput) for parts of a second, and for 0.
    pub fn refresh(&self, key: impl Into<String>, ttl: Duration) -> Call<Refresh> {
        Call::new(&self.pool, Refresh::new(key.into(), ttl))
    }

    /// Creates a key in a directory, with a name that sorts after those of all keys that were created there in
    /// this way before: a queue. To list it in order: `get(directory).recursive(true).sorted(true)`. The name is in the
    /// answer's [`node`](crate::v2::Response::node).
    ///
    /// # Errors
    /// It is made once: it is sent again only if no server can have acted on it. If the answer is lost, the error says
    /// that it [may have been applied](crate::Error::maybe_applied).
    pub fn create_in_order(
        &self,
        directory: impl Into<String>,
        value: impl Into<String>,
    ) -> Call<CreateInOrder> {
        Call::new(&self.pool, CreateInOrder::new(directory.into(), value.into()))
    }

    /// Deletes a key; a directory only with [`recursive`](Call::<Delete>::recursive).
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) if there is no such key, and
    /// [`Kind::InvalidRequest`](crate::Kind::InvalidRequest) for a directory without `recursive`.
    pub fn delete(&self, key: impl Into<String>) -> Call<Delete> {
        Call::new(&self.pool, Delete::new(key.into()))
    }

    /// Deletes a key if its value is `expected`.
    ///
    /// # Errors
    /// Those of [`compare_and_swap`](Self::compare_and_swap).
    pub fn compare_and_delete(&self, key: impl Into<String>, expected: impl Into<String>) -> Call<Delete> {
        Call::new(&self.pool, Delete::new(key.into()).if_value(expected.into()))
    }

    /// Deletes a key if it was last changed at the index `expected`.
    ///
    /// # Errors
    /// Those of [`compare_index_and_swap`](Self::compare_index_and_swap).
    pub fn compare_index_and_delete(&self, key: impl Into<String>, expected: u64) -> Call<Delete> {
        Call::new(&self.pool, Delete::new(key.into()).if_index(expected))
    }

    /// Creates a directory. `set` does so by itself for those on the way to its key; this is for an empty one, or for one
    /// with a [time to live](Call::<Mkdir>::ttl).
    ///
    /// # Errors
    /// [`Kind::Conflict`](crate::Kind::Conflict) if there is a directory or a key of this name.
    pub fn mkdir(&self, key: impl Into<String>) -> Call<Mkdir> {
        Call::new(&self.pool, Mkdir::new(key.into()))
    }

    /// Removes an empty directory; with [`recursive`](Call::<Rmdir>::recursive), also one with keys in it.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) if there is none, and
    /// [`Kind::InvalidRequest`](crate::Kind::InvalidRequest) if there is something in it.
    pub fn rmdir(&self, key: impl Into<String>) -> Call<Rmdir> {
        Call::new(&self.pool, Rmdir::new(key.into()))
    }

    /// Waits for the next change of a key. For more than one change, [`watcher`](Self::watcher) misses none
    /// between them.
    ///
    /// ```no_run
    /// # async fn example(client: etcd_client_core::v2::Client) -> Result<(), etcd_client_core::Error> {
    /// let change = client.watch("jobs/7").await?;
    /// println!("{:?} {:?}", change.action(), change.value());
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self, key: impl Into<String>) -> Watch {
        Watch::new(&self.pool, key.into(), None)
    }

    /// Waits for the first change of a key at or after an index; with 0, for the next one. To miss nothing since a read,
    /// give it the read's [`etcd_index`](crate::v2::Headers::etcd_index) and one.
    pub fn watch_index(&self, key: impl Into<String>, index: u64) -> Watch {
        Watch::new(&self.pool, key.into(), Some(index))
    }

    /// Follows a key or a directory until it is stopped: a stream of events. [`Watcher`](crate::v2::Watcher) has an
    /// example.
    pub fn watcher(&self, key: impl Into<String>) -> WatcherBuilder {
        WatcherBuilder::new(&self.pool, key.into())
    }

    /// A request with any method on any path, for parts of the API that have no call here. The path must be
    /// percent-encoded already; the slash at its beginning may be left out.
    pub fn raw(&self, method: impl Into<String>, path: impl Into<String>) -> Call<Raw> {
        Call::new(&self.pool, Raw::new(method.into(), path.into()))
    }

    /// The URLs at which clients reach the members.
    pub fn machines(&self) -> Call<Ask<Machines>> {
        Call::new(&self.pool, Ask::new("/v2/machines"))
    }

    /// The members of the cluster.
    pub fn members(&self) -> Call<Ask<Members>> {
        Call::new(&self.pool, Ask::new("/v2/members"))
    }

    /// The leader.
    ///
    /// # Errors
    /// [`Kind::NoLeader`](crate::Kind::NoLeader) while one is being elected.
    pub fn leader(&self) -> Call<Ask<Member>> {
        Call::new(&self.pool, Ask::new("/v2/members/leader"))
    }

    /// The leader's statistics of its followers. Only the leader answers: if it is not among the endpoints, the
    /// error says `not current leader`.
    pub fn leader_stats(&self) -> Call<Ask<LeaderStats>> {
        Call::new(&self.pool, Ask::new("/v2/stats/leader"))
    }

    /// The statistics of the member that answers.
    pub fn self_stats(&self) -> Call<Ask<SelfStats>> {
        Call::new(&self.pool, Ask::new("/v2/stats/self"))
    }

    /// The counters of operations of the member that answers.
    pub fn store_stats(&self) -> Call<Ask<StoreStats>> {
        Call::new(&self.pool, Ask::new("/v2/stats/store"))
    }

    /// The versions of the server that answers and of its cluster.
    pub fn version(&self) -> Call<Ask<Version>> {
        Call::new(&self.pool, Ask::new("/version"))
    }

    /// Whether one of the servers is healthy: they are asked one after the other until one is. That none is
    /// comes as an answer, in which [`Health::healthy`] is `false`, and not as an error.
    pub fn health(&self) -> Call<Ask<Health>> {
        Call::new(&self.pool, Ask::new("/health"))
    }

    /// Uses another user or password from the next request on, in all clones of this client, those with
    /// connections of their own included. `None` sends none.
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
    /// Those of the builder: a name that is empty or has a colon, and a password for endpoints of which some are
    /// `https` and some `http`. Then the client keeps the credentials that it had.
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

    /// The same client with connections of its own, for use in another tokio runtime. The credentials remain
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
