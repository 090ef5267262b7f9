//! Clients for etcd's v2 and v3 APIs, and a watcher of a prefix that loses no change.
//!
//! # What flows where
//! ```text
//! etcd ─► v2, v3 ─► Store: a Listing at one revision, then Batches ─► Watcher ─► Event
//! ```
//!
//! In the order of the data:
//! - [`v3::Client`] speaks gRPC, [`v2::Client`] the older HTTP keys API; the two APIs have different keys. Both fail
//!   over between endpoints, name the failure of each if all fail, renew their tokens, read changed certificates,
//!   and send a write again only if it cannot have been applied, or if the second time changes nothing more. Their builders and [`Tls`] have the options.
//! - [`Store`] is what a watcher needs of a server: a [`Listing`] of a [`Prefix`] at one revision,
//!   and [`Batch`]es of changes after it. Both clients are stores; so is [`MemoryStore`], which needs
//!   no server and has switches for what goes wrong.
//! - [`Watcher`] lists, watches, resumes, audits. It ends only when it is dropped, and what it reports always adds up
//!   to the state of the prefix at one revision.
//! - [`Error`] is the error of all of them: its [`Kind`] is for programs, its `Display` for people.
//!
//! Everything is async on tokio. Connections belong to the runtime that opened them; a client
//! `with_own_connections()` is for another runtime, and `client.blocking()` for programs without one.
#![deny(missing_docs)]

mod backoff;
pub mod blocking;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
#[allow(missing_docs)]
pub mod fuzzing;
mod log;
mod memory;
mod printable;
mod store;
mod transport;
pub mod v2;
pub mod v3;
pub mod watcher;

pub use crate::log::one_line::OneLine;
pub use crate::transport::credentials::Credentials;
pub use crate::transport::endpoints::Endpoints;
pub use crate::transport::proxy::Proxy;
pub use crate::transport::tls::Tls;
pub use error::{EndpointFailure, Error, FailingEndpoint, Kind};
pub use memory::{MemoryStore, Transaction};
pub use printable::Printable;
pub use store::{
    Batch, BoxFuture, Change, Committed, Entry, GuardedWrites, HistoryMark, Known, Listing, Opened, Prefix,
    Signal, Store, Watch, Write,
};
pub use watcher::Watcher;
