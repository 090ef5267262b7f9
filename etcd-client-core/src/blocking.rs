//! The clients for programs without a runtime: the same calls, ended by `send()`.
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
//! A facade has a thread of its own, with a runtime and connections of its own, so that its calls
//! are legal anywhere, in a runtime's threads as well: they block the thread that makes them, and
//! nothing else. The thread ends with the last handle on the facade.

mod events;
mod options;
mod runtime;
mod v2;
mod v3;

pub use events::{Changes, Events};
pub use runtime::Pending;
pub use v2::V2Client;
pub use v3::V3Client;
