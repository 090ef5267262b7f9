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
//!   and send a write again only if it cannot have been applied, or if the second time changes nothing more. Their
//!   builders and [`Tls`] have the options.
//! - [`Store`] is what a watcher needs of a server: a [`Listing`] of a [`Prefix`] at one revision,
//!   and [`Batch`]es of changes after it. Both clients are stores; so is [`MemoryStore`], which needs
//!   no server and has switches for what goes wrong.
//! - [`Watcher`] lists, watches, resumes, audits. It ends only when it is dropped, and what it reports always adds up
//!   to the state of the prefix at one revision.
//! - [`Error`] is the error of all of them: its [`Kind`] is for programs, its `Display` for people.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `tls`, on by default | `https` endpoints and [`Tls`]; without it the client of such an endpoint is refused when it is built |
//! | `encrypted-keys` | keys of clients that are encrypted with a passphrase ([`Tls::key_passphrase`]) |
//! | `p521` | certificates and keys on the curve P-521, as etcd's `--auto-tls` makes them |
//! | `v2` | [`v2`], for servers that have that API: up to etcd 3.5, with `--enable-v2` |
//! | `testing` | [`testing::Etcd`], a real etcd for a test |
//!
//! An error names the feature that is missing.
//!
//! # Runtimes
//! Everything is async on tokio. Connections belong to the runtime that opened them; a client
//! `with_own_connections()` is for another runtime, and `client.blocking()` for programs without one.
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Links lead to what is there with all features.
#![cfg_attr(
    not(all(feature = "testing", feature = "tls", feature = "v2")),
    allow(rustdoc::broken_intra_doc_links)
)]

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
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod transport;
#[cfg(feature = "v2")]
#[cfg_attr(docsrs, doc(cfg(feature = "v2")))]
pub mod v2;
pub mod v3;
pub mod watcher;

pub use crate::log::one_line::OneLine;
pub use crate::transport::credentials::Credentials;
pub use crate::transport::endpoints::Endpoints;
#[cfg(feature = "v2")]
#[cfg_attr(docsrs, doc(cfg(feature = "v2")))]
pub use crate::transport::proxy::Proxy;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use crate::transport::tls::Tls;
pub use error::{EndpointFailure, Error, FailingEndpoint, Kind};
pub use memory::{MemoryStore, Transaction};
pub use printable::Printable;
pub use store::{
    Batch, BoxFuture, Change, Committed, Delta, Entry, GuardedWrites, HistoryMark, Known, Lease, LeaseId,
    Leased, LeasedPut, Listing, Opened, PackedEntries, PackedEntry, PackedListing, Prefix, Signal, Store,
    Watch, Write,
};
pub use watcher::Watcher;
