//! Clients for etcd, the store that they are, and the watcher over it.
#![warn(missing_docs)]

mod error;
mod store;

pub use error::{EndpointFailure, Error, Kind};
pub use store::{Batch, BoxFuture, Change, Entry, Listing, Opened, Prefix, Signal, Store, Watch};
