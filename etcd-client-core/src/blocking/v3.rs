//! The calls of the v3 client.

pub(super) mod changes;
mod options;

use super::runtime::{Pending, Runtime};
use crate::v3;

/// A blocking [`v3::Client`], made by [`v3::Client::blocking`]: the same calls, sent by `send()`. Clones share its
/// thread and its connections. [The module](crate::blocking) has an example.
#[derive(Clone, Debug)]
pub struct V3Client {
    client: v3::Client,
    runtime: Runtime,
}

impl v3::Client {
    /// A client with the same calls for programs without a tokio runtime: see [`blocking`](crate::blocking). It starts
    /// a thread; if that fails, the calls return the error.
    pub fn blocking(&self) -> V3Client {
        V3Client { client: self.with_own_connections(), runtime: Runtime::start() }
    }
}

macro_rules! calls {
    ($($name:ident($($argument:ident: $type:ty),*) -> $call:ty;)*) => {
        impl V3Client {
            $(
                #[doc = concat!("See [`v3::Client::", stringify!($name), "`].")]
                pub fn $name(&self, $($argument: $type),*) -> Pending<$call> {
                    Pending::new(self.client.$name($($argument),*), &self.runtime)
                }
            )*
        }
    };
}

calls! {
    get(key: impl Into<Vec<u8>>) -> v3::Get;
    put(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> v3::Put;
    delete(key: impl Into<Vec<u8>>) -> v3::Delete;
    txn() -> v3::Txn;
    compact(revision: u64) -> v3::Compact;
    watch(key: impl Into<Vec<u8>>) -> v3::Watch;
    lease_grant(ttl: u32) -> v3::LeaseGrant;
    lease_revoke(id: v3::LeaseId) -> v3::LeaseRevoke;
    lease_keep_alive(id: v3::LeaseId) -> v3::LeaseKeepAlive;
    lease_time_to_live(id: v3::LeaseId) -> v3::LeaseTimeToLive;
    leases() -> v3::Leases;
    members() -> v3::Members;
    status() -> v3::Status;
}
