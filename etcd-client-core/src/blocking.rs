//! The clients for programs without a tokio runtime: the same calls with the same options, sent by `send()`.
//!
//! [`v2::Client::blocking`](crate::v2::Client::blocking) gives a [`V2Client`], and
//! [`v3::Client::blocking`](crate::v3::Client::blocking) a [`V3Client`]. In async code use the clients themselves:
//! these block the thread.
//!
//! ```no_run
//! use etcd_client_core::v2;
//!
//! let client = v2::Client::new(["127.0.0.1:2379"])?.blocking();
//! client.set("key", "value").send()?;
//! let response = client.get("key").recursive(true).send()?;
//! println!("{:?} at {:?}", response.body(), response.headers().etcd_index());
//! # Ok::<(), etcd_client_core::Error>(())
//! ```
//!
//! Watches are iterators:
//!
//! ```no_run
//! use etcd_client_core::v3;
//!
//! let client = v3::Client::new(["127.0.0.1:2379"])?.blocking();
//! for response in client.watch("/payments/").prefix().start()? {
//!     println!("{:?}", response?.events);
//! }
//! # Ok::<(), etcd_client_core::Error>(())
//! ```
//!
//! A blocking client has a thread, a runtime and connections of its own, so its calls do not panic in the threads
//! of another runtime; they block the calling thread only. The thread ends when the last clone, call and iterator
//! of the client is dropped. In the child of a `fork` the calls fail with
//! [`Kind::InvalidInput`](crate::Kind::InvalidInput): make another client there.

mod options;
mod runtime;
#[cfg(feature = "v2")]
mod v2;
mod v3;

pub use runtime::Pending;
#[cfg(feature = "v2")]
#[cfg_attr(docsrs, doc(cfg(feature = "v2")))]
pub use v2::V2Client;
#[cfg(feature = "v2")]
#[cfg_attr(docsrs, doc(cfg(feature = "v2")))]
pub use v2::events::Events;
pub use v3::V3Client;
pub use v3::changes::Changes;
