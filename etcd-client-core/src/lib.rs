//! Clients for etcd, the store that they are, and the watcher over it.
#![warn(missing_docs)]

pub mod blocking;
mod credentials;
mod endpoint;
mod error;
mod failover;
mod http;
mod memory;
mod proxy;
mod store;
mod tls;
pub mod v2;
pub mod v3;
pub mod watcher;

pub use credentials::Credentials;
pub use error::{EndpointFailure, Error, Kind};
pub use memory::{MemoryStore, Transaction};
pub use proxy::Proxy;
pub use store::{Batch, BoxFuture, Change, Entry, Listing, Opened, Prefix, Signal, Store, Watch};
pub use tls::Tls;
pub use watcher::Watcher;
