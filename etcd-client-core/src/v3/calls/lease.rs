//! Leases: keys that are deleted when their lease is not kept alive.

use std::sync::Arc;

use bytes::Bytes;

use crate::v3::net::pool::Pool;
use crate::v3::wire::messages as wire;
use crate::v3::wire::response::{Header, LeaseId, unsigned};
use crate::{BoxFuture, Error, Kind};

macro_rules! call {
    ($(#[$docs:meta])* $call:ident($request:ident) -> $answer:ident) => {
        $(#[$docs])*
        #[derive(Clone, Debug)]
        #[must_use = "does nothing until it is awaited"]
        pub struct $call {
            pool: Arc<Pool>,
            request: wire::$request,
        }

        impl IntoFuture for $call {
            type Output = Result<$answer, Error>;
            type IntoFuture = BoxFuture<Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(async move { $answer::read(self.pool.call(self.request).await?) })
            }
        }
    };
}

call! {
    /// A new lease, to which keys are attached by [`Put::lease`](crate::v3::Put::lease). Await it.
    ///
    /// ```no_run
    /// # async fn example(client: etcd_client_core::v3::Client) -> Result<(), etcd_client_core::Error> {
    /// let lease = client.lease_grant(60).await?;
    /// client.put("/workers/one", "here").lease(lease.id).await?;
    /// loop {
    ///     tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    ///     client.lease_keep_alive(lease.id).await?;
    /// }
    /// # }
    /// ```
    LeaseGrant(LeaseGrantRequest) -> LeaseGrantResponse
}

impl LeaseGrant {
    pub(in crate::v3) fn new(pool: Arc<Pool>, ttl: u32) -> Self {
        Self { pool, request: wire::LeaseGrantRequest { ttl: ttl.into(), id: 0 } }
    }

    /// Under this number, instead of one that the server chooses. If there is a lease of this number already, the call
    /// fails.
    pub fn id(mut self, id: LeaseId) -> Self {
        self.request.id = id.0;
        self
    }
}

/// A lease that was granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseGrantResponse {
    /// The member that answered, and the store's revision then.
    pub header: Header,
    /// The lease.
    pub id: LeaseId,
    /// Seconds until it ends; the server may grant more than was asked for.
    pub ttl: u64,
}

impl LeaseGrantResponse {
    fn read(answer: wire::LeaseGrantResponse) -> Result<Self, Error> {
        if !answer.error.is_empty() {
            return Err(Error::new(Kind::Server, answer.error));
        }
        Ok(Self { header: answer.header.into(), id: LeaseId(answer.id), ttl: unsigned(answer.ttl) })
    }
}

call! {
    /// The end of a lease and its keys. Await it.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) if there is no such lease.
    LeaseRevoke(LeaseRevokeRequest) -> LeaseRevokeResponse
}

impl LeaseRevoke {
    pub(in crate::v3) fn new(pool: Arc<Pool>, id: LeaseId) -> Self {
        Self { pool, request: wire::LeaseRevokeRequest { id: id.0 } }
    }
}

/// A lease that was revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseRevokeResponse {
    /// The member that answered, and the store's revision then.
    pub header: Header,
}

impl LeaseRevokeResponse {
    #[expect(clippy::unnecessary_wraps, reason = "all answers are read in one way")]
    fn read(answer: wire::LeaseRevokeResponse) -> Result<Self, Error> {
        Ok(Self { header: answer.header.into() })
    }
}

call! {
    /// One renewal of a lease. Await it, well before the time is over, as often as it is needed.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) if the lease has ended, or never was: its keys are gone. After any
    /// other error it may still live: try again.
    LeaseKeepAlive(LeaseKeepAliveRequest) -> LeaseKeepAliveResponse
}

impl LeaseKeepAlive {
    pub(in crate::v3) fn new(pool: Arc<Pool>, id: LeaseId) -> Self {
        Self { pool, request: wire::LeaseKeepAliveRequest { id: id.0 } }
    }
}

/// A lease that was kept alive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseKeepAliveResponse {
    /// The member that answered, and the store's revision then.
    pub header: Header,
    /// Seconds until it ends.
    pub ttl: u64,
}

impl LeaseKeepAliveResponse {
    fn read(answer: wire::LeaseKeepAliveResponse) -> Result<Self, Error> {
        if answer.ttl <= 0 {
            return Err(no_lease(LeaseId(answer.id)));
        }
        Ok(Self { header: answer.header.into(), ttl: unsigned(answer.ttl) })
    }
}

call! {
    /// A question about a lease. Await it.
    ///
    /// ```no_run
    /// # use etcd_client_core::{Error, v3::{Client, LeaseId}};
    /// # async fn example(client: Client, id: LeaseId) -> Result<(), Error> {
    /// let lease = client.lease_time_to_live(id).keys().await?;
    /// println!("{} of {} s left, {} keys", lease.ttl, lease.granted_ttl, lease.keys.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) if there is no such lease.
    LeaseTimeToLive(LeaseTimeToLiveRequest) -> LeaseTimeToLiveResponse
}

impl LeaseTimeToLive {
    pub(in crate::v3) fn new(pool: Arc<Pool>, id: LeaseId) -> Self {
        Self { pool, request: wire::LeaseTimeToLiveRequest { id: id.0, keys: false } }
    }

    /// Answers with the keys that are attached to it, too.
    pub fn keys(mut self) -> Self {
        self.request.keys = true;
        self
    }
}

/// What is left of a lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseTimeToLiveResponse {
    /// The member that answered, and the store's revision then.
    pub header: Header,
    /// Seconds until it ends.
    pub ttl: u64,
    /// Seconds that it was granted for.
    pub granted_ttl: u64,
    /// The keys that are attached to it, if they were asked for.
    pub keys: Vec<Bytes>,
}

impl LeaseTimeToLiveResponse {
    fn read(answer: wire::LeaseTimeToLiveResponse) -> Result<Self, Error> {
        // A lease that does not exist has a time to live of -1.
        if answer.ttl < 0 {
            return Err(no_lease(LeaseId(answer.id)));
        }
        Ok(Self {
            header: answer.header.into(),
            ttl: unsigned(answer.ttl),
            granted_ttl: unsigned(answer.granted_ttl),
            keys: answer.keys,
        })
    }
}

call! {
    /// A question for all leases. Await it.
    Leases(LeaseLeasesRequest) -> LeasesResponse
}

impl Leases {
    pub(in crate::v3) fn new(pool: Arc<Pool>) -> Self {
        Self { pool, request: wire::LeaseLeasesRequest {} }
    }
}

/// All leases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeasesResponse {
    /// The member that answered, and the store's revision then.
    pub header: Header,
    /// Their numbers.
    pub leases: Vec<LeaseId>,
}

impl LeasesResponse {
    #[expect(clippy::unnecessary_wraps, reason = "all answers are read in one way")]
    fn read(answer: wire::LeaseLeasesResponse) -> Result<Self, Error> {
        let leases = answer.leases.into_iter().map(|lease| LeaseId(lease.id)).collect();
        Ok(Self { header: answer.header.into(), leases })
    }
}

fn no_lease(id: LeaseId) -> Error {
    Error::new(Kind::NotFound, format!("there is no lease {id}: it has ended, or never was"))
}
