//! The v2 keys API, over HTTP: etcd 3.4 and 3.5 with `--enable-v2`, and everything older.
mod abort;
mod builder;
mod call;
mod client;
mod cluster;
mod condition;
mod delete;
mod directory;
mod encoding;
mod error_code;
mod event;
mod failure;
mod feed;
#[cfg(fuzzing)]
#[doc(hidden)]
#[allow(missing_docs)]
pub mod fuzzing;
mod get;
mod headers;
mod options;
mod peer;
mod poll;
mod pool;
mod raw;
mod refusal;
mod request;
mod response;
mod set;
mod store;
mod watch;
mod watcher;

pub use abort::AbortHandle;
pub use builder::ClientBuilder;
pub use call::{Call, Operation};
pub use client::Client;
pub use cluster::{
    Ask, Counts, FollowerStats, Health, Latency, LeaderInfo, LeaderStats, Machines, Member, Members,
    SelfStats, StoreStats, Version,
};
pub use delete::Delete;
pub use directory::{Mkdir, Rmdir};
pub use error_code::ErrorCode;
pub use event::{Event, Reconnect, Resync};
pub use get::Get;
pub use headers::Headers;
pub use raw::Raw;
pub use refusal::Refusal;
pub use response::{Action, Answer, Node, Response};
pub use set::{CreateInOrder, Refresh, Set};
pub use watch::{OpenWatch, Watch};
pub use watcher::{Watcher, WatcherBuilder};
