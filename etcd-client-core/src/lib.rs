//! Clients for etcd, the store that each of them is, and a watcher that loses nothing.
//!
//! # What flows where
//! ```text
//! etcd ─► v2, v3 ─► Store: a Listing at one revision, then Batches ─► Watcher ─► Event
//! ```
//!
//! In the order of the data:
//! - [`v3::Client`] speaks gRPC, [`v2::Client`] the older HTTP keys API. Both try one endpoint after
//!   the other, say what each of them answered when all fail, renew their tokens and read changed
//!   certificates by themselves, and never send a write twice that may have been carried out.
//!   [`Tls`] and the builders hold their options.
//! - [`Store`] is what a watcher needs of a server: a [`Listing`] of a [`Prefix`] at one revision,
//!   and [`Batch`]es of changes after it. Both clients are stores; so is [`MemoryStore`], which needs
//!   no server and has switches for what goes wrong.
//! - [`Watcher`] lists, watches, resumes, audits. It ends only when it is dropped, and what it reports
//!   adds up to the state of the prefix at exactly one revision after the other.
//! - [`Error`] is the one error of all of them: [`Kind`] is for programs, `Display` for people.
//!
//! Everything is async on tokio. Connections belong to the runtime that opened them; for code without
//! a runtime there is `client.blocking()`, which brings its own.
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
    Batch, BoxFuture, Change, Entry, HistoryMark, Known, Listing, Opened, Prefix, Signal, Store, Watch,
};
pub use watcher::Watcher;
