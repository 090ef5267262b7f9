//! The v2 keys API, over HTTP: etcd 3.4 and 3.5 with `--enable-v2`, and everything older.
//!
//! A [`Client`] holds no connection until it is used, keeps those that it has, fails over between
//! its endpoints, and is cheap to clone. Each call is a builder that is awaited:
//!
//! ```no_run
//! use std::time::Duration;
//! use etcd_client_core::v2::Client;
//!
//! # async fn example() -> Result<(), etcd_client_core::Error> {
//! let client = Client::new(["127.0.0.1:2379", "192.168.1.1:2379"])?;
//!
//! client.set("key", "value").ttl(Duration::from_secs(60)).await?;
//! let got = client.get("key").quorum(true).await?;
//! println!("{:?} at index {:?}", got.value(), got.headers().etcd_index());
//!
//! let mut events = client.watcher("dir").recursive(true).start();
//! while let Some(event) = events.next().await {
//!     println!("{:?}", event.action());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # When a call fails
//! A call asks one endpoint after the other, the one that answered last first. What a server itself
//! has decided is final; anything else is asked again elsewhere, and, while it looks as if the
//! members were electing a leader, in [`max_retries`](ClientBuilder::max_retries) further rounds.
//! Creations and what compares are sent again only where it is certain that no server has acted on
//! them. An error says whether a write [may have been applied](crate::Error::maybe_applied), what
//! [each endpoint](crate::Error::failures) answered, and, in its [`Refusal`], what etcd said.
//!
//! # Coming from node-etcd
//!
//! | node-etcd | here |
//! | --- | --- |
//! | `new Etcd(["h1:2379", "h2:2379"], opts)` | [`Client::new`], [`Client::builder`]; an empty list is refused |
//! | `auth`, `timeout`, `maxRetries` | [`user`](ClientBuilder::user), [`timeout`](ClientBuilder::timeout) (never ends a watch), [`max_retries`](ClientBuilder::max_retries), and [per call](Call::max_retries) |
//! | `ca`, `cert`, `key`, `passphrase` | [`tls`](ClientBuilder::tls) with a [`Tls`](crate::Tls) |
//! | `HTTP_PROXY`, `NO_PROXY` | [`proxy`](ClientBuilder::proxy) with [`Proxy::from_env`](crate::Proxy::from_env) |
//! | `set(key, value, opts)` | [`set`](Client::set) with [`ttl`](Call::ttl), [`prev_value`](Call::prev_value), [`prev_index`](Call::prev_index), [`prev_exist`](Call::prev_exist) |
//! | `set(key, null)` | [`mkdir`](Client::mkdir); to change a directory's ttl, with [`update`](Call::update) |
//! | `compareAndSwap`, `testAndSet` | [`compare_and_swap`](Client::compare_and_swap), [`compare_index_and_swap`](Client::compare_index_and_swap) |
//! | `compareAndDelete`, `testAndDelete` | [`compare_and_delete`](Client::compare_and_delete), [`compare_index_and_delete`](Client::compare_index_and_delete) |
//! | `get(key, opts)` | [`get`](Client::get) with [`recursive`](Call::recursive), [`sorted`](Call::sorted), [`quorum`](Call::quorum); for `wait` see `watch` |
//! | `del`, `delete` | [`delete`](Client::delete) |
//! | `mkdir`, `rmdir` | [`mkdir`](Client::mkdir), which replaces no key unless [asked to](Call::replace_key), [`rmdir`](Client::rmdir) |
//! | `create`, `post` | [`create_in_order`](Client::create_in_order) |
//! | `watch`, `watchIndex` | [`watch`](Client::watch), [`watch_index`](Client::watch_index) |
//! | `watcher(key, index, opts)` | [`watcher`](Client::watcher) with [`index`](WatcherBuilder::index), [`recursive`](WatcherBuilder::recursive) |
//! | `.on("change")`, `.on("<action>")` | [`Event::Change`], [`Event::action`] |
//! | `.on("reconnect")`, `.on("error")` | [`Event::Reconnect`], [`Event::Error`] |
//! | `.on("resync")` | [`Event::Resync`], with the state at its index |
//! | `.on("stop")`, `.stop()` | [`Event::Stop`], [`Watcher::stop`], [`Watcher::stop_handle`] |
//! | `raw(method, path, body)` | [`raw`](Client::raw) |
//! | `machines`, `leader` | [`machines`](Client::machines), [`leader`](Client::leader), [`members`](Client::members) |
//! | `leaderStats`, `selfStats` | [`leader_stats`](Client::leader_stats), [`self_stats`](Client::self_stats), [`store_stats`](Client::store_stats), [`version`](Client::version), [`health`](Client::health) |
//! | `setSync`, `getSync`, `delSync`, `mkdirSync`, `rmdirSync` | the same calls of [`blocking`](Client::blocking), ended by `send()` |
//! | `token.abort()`, `token.cancel()`, `token.isAborted()` | dropping the future, or [`abort_handle`](Call::abort_handle) |
//! | `err.errorCode`, `err.error.cause`, `err.error.index` | [`Refusal::code`], [`Refusal::cause`], [`Refusal::index`] |
//! | `err.errors`, `err.retries` | [`Error::failures`](crate::Error::failures), [`Error::retries`](crate::Error::retries) |
//! | the headers of the callback | [`Response::headers`] |
//!
//! ```no_run
//! use etcd_client_core::v2::{Client, ErrorCode, Refusal};
//!
//! # async fn example() -> Result<(), etcd_client_core::Error> {
//! // etcd.compareAndSwap("job", "mine", "free", (err, body, headers) => ...)
//! let client = Client::builder().endpoints(["h1:2379", "h2:2379"]).max_retries(1).build()?;
//! match client.compare_and_swap("job", "mine", "free").await {
//!     Ok(response) => println!("{:?} {:?}", response.body(), response.headers().etcd_index()),
//!     Err(error) => match Refusal::of(&error).and_then(Refusal::code) {
//!         Some(ErrorCode::TestFailed) => println!("somebody was faster"),
//!         Some(ErrorCode::KeyNotFound) => println!("there is no such job"),
//!         _ if error.maybe_applied() => println!("it may be mine: {error}"),
//!         _ => return Err(error),
//!     },
//! }
//! # Ok(())
//! # }
//! ```

mod abort;
mod builder;
mod call;
mod client;
mod cluster;
mod condition;
mod delete;
mod directory;
mod elder;
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
mod hidden;
mod hidden_watch;
mod listing;
mod pace;
mod peer;
mod poll;
mod pool;
mod quorum;
mod raw;
mod redirect;
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
pub use event::{Change, Event, Reconnect, Resync};
pub use get::Get;
pub use headers::Headers;
pub use raw::Raw;
pub use refusal::Refusal;
pub use response::{Action, Answer, Node, Response};
pub use set::{CreateInOrder, Refresh, Set};
pub use watch::{OpenWatch, Watch};
pub use watcher::{Watcher, WatcherBuilder};
