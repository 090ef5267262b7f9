//! The v3 API, over gRPC: etcd 3.4 and later.
//!
//! A [`Client`] holds no connection until it is used, fails over between its endpoints, and is
//! cheap to clone. Each call is a builder that is awaited:
//!
//! ```no_run
//! use etcd_client_core::v3::{Client, Compare};
//!
//! # async fn example() -> Result<(), etcd_client_core::Error> {
//! let client = Client::new(["10.0.0.1:2379", "10.0.0.2:2379"])?;
//!
//! client.put("/app/level", "debug").await?;
//! let found = client.get("/app/").prefix().await?;
//! for kv in &found.kvs {
//!     println!("{} at revision {}", kv.key_lossy(), kv.mod_revision);
//! }
//!
//! let created = client
//!     .txn()
//!     .when(Compare::version("/app/owner").equals(0))
//!     .then(client.put("/app/owner", "me"))
//!     .or_else(client.get("/app/owner"))
//!     .await?;
//! println!("{}", if created.succeeded { "mine" } else { "someone else's" });
//!
//! let mut changes = client.watch("/app/").prefix().start_revision(found.header.revision + 1).await?;
//! while let Some(change) = changes.next().await {
//!     println!("{:?}", change?.events);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # When a call fails
//! A call asks one endpoint after the other, the one that answered last first. Calls that change
//! nothing are asked again elsewhere after any error that may pass, and in
//! [`max_retries`](ClientBuilder::max_retries) further rounds. Writes are sent again only where it
//! is certain that no server has acted on them; otherwise the error says
//! [`maybe_applied`](crate::Error::maybe_applied).
//!
//! # Runtimes
//! Connections belong to the tokio runtime that opened them. A client that is to be used in two
//! runtimes is two clients: see [`Client::with_own_connections`].

mod builder;
mod calls;
mod client;
#[cfg(fuzzing)]
#[doc(hidden)]
#[allow(missing_docs)]
pub mod fuzzing;
mod grpc;
mod net;
mod store;
mod watch;
mod wire;

pub use self::calls::cluster::{Member, Members, MembersResponse, Status, StatusResponse};
pub use self::calls::kv::{
    Compact, CompactResponse, Delete, DeleteResponse, Get, GetResponse, Put, PutResponse,
};
pub use self::calls::lease::{
    LeaseGrant, LeaseGrantResponse, LeaseKeepAlive, LeaseKeepAliveResponse, LeaseRevoke, LeaseRevokeResponse,
    LeaseTimeToLive, LeaseTimeToLiveResponse, Leases, LeasesResponse,
};
pub use self::calls::txn::{
    Compare, CompareNumber, CompareValue, Operation, OperationResponse, Txn, TxnResponse,
};
pub use self::wire::response::{Header, KeyValue, LeaseId};
pub use builder::ClientBuilder;
pub use client::Client;
pub use watch::{Changes, Event, EventKind, Watch, WatchResponse};
