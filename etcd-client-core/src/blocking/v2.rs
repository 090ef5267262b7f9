//! The calls of the v2 client.

pub(super) mod events;
mod options;

use std::time::Duration;

use super::runtime::{Pending, Runtime};
use crate::v2::{self, Ask, Call};

/// A blocking [`v2::Client`], made by [`v2::Client::blocking`]: the same calls, sent by `send()`. Clones share its
/// thread and its connections. [The module](crate::blocking) has an example.
#[derive(Clone, Debug)]
pub struct V2Client {
    client: v2::Client,
    runtime: Runtime,
}

impl v2::Client {
    /// A client with the same calls for programs without a tokio runtime: see [`blocking`](crate::blocking). It starts
    /// a thread; if that fails, the calls return the error.
    pub fn blocking(&self) -> V2Client {
        V2Client { client: self.with_own_connections(), runtime: Runtime::start() }
    }
}

impl V2Client {
    /// See [`v2::Client::endpoints`].
    pub fn endpoints(&self) -> Vec<String> {
        self.client.endpoints()
    }
}

macro_rules! calls {
    ($($name:ident($($argument:ident: $type:ty),*) -> $call:ty;)*) => {
        impl V2Client {
            $(
                #[doc = concat!("See [`v2::Client::", stringify!($name), "`].")]
                pub fn $name(&self, $($argument: $type),*) -> Pending<$call> {
                    Pending::new(self.client.$name($($argument),*), &self.runtime)
                }
            )*
        }
    };
}

calls! {
    get(key: impl Into<String>) -> Call<v2::Get>;
    set(key: impl Into<String>, value: impl Into<String>) -> Call<v2::Set>;
    compare_and_swap(
        key: impl Into<String>, value: impl Into<String>, expected: impl Into<String>
    ) -> Call<v2::Set>;
    compare_index_and_swap(key: impl Into<String>, value: impl Into<String>, expected: u64) -> Call<v2::Set>;
    refresh(key: impl Into<String>, ttl: Duration) -> Call<v2::Refresh>;
    create_in_order(directory: impl Into<String>, value: impl Into<String>) -> Call<v2::CreateInOrder>;
    delete(key: impl Into<String>) -> Call<v2::Delete>;
    compare_and_delete(key: impl Into<String>, expected: impl Into<String>) -> Call<v2::Delete>;
    compare_index_and_delete(key: impl Into<String>, expected: u64) -> Call<v2::Delete>;
    mkdir(key: impl Into<String>) -> Call<v2::Mkdir>;
    rmdir(key: impl Into<String>) -> Call<v2::Rmdir>;
    watch(key: impl Into<String>) -> v2::Watch;
    watch_index(key: impl Into<String>, index: u64) -> v2::Watch;
    watcher(key: impl Into<String>) -> v2::WatcherBuilder;
    raw(method: impl Into<String>, path: impl Into<String>) -> Call<v2::Raw>;
    machines() -> Call<Ask<v2::Machines>>;
    members() -> Call<Ask<v2::Members>>;
    leader() -> Call<Ask<v2::Member>>;
    leader_stats() -> Call<Ask<v2::LeaderStats>>;
    self_stats() -> Call<Ask<v2::SelfStats>>;
    store_stats() -> Call<Ask<v2::StoreStats>>;
    version() -> Call<Ask<v2::Version>>;
    health() -> Call<Ask<v2::Health>>;
}
