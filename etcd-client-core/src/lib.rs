//! Clients for etcd, the store that they are, and the watcher over it.
#![warn(missing_docs)]

mod error;
mod memory;
mod store;
pub mod watcher;

pub use error::{EndpointFailure, Error, Kind};
pub use memory::{MemoryStore, Transaction};
pub use store::{Batch, BoxFuture, Change, Entry, Listing, Opened, Prefix, Signal, Store, Watch};
pub use watcher::Watcher;
