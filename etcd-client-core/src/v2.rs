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
//! Creations and what compares are sent again only if it is certain that no server has acted on
//! them. An error says whether a write [may have been applied](crate::Error::maybe_applied), what
//! [each endpoint](crate::Error::failures) answered, and, in its [`Refusal`], what etcd said.
//!
//! # Coming from node-etcd
//!
//! Each row names what node-etcd has, and what there is for it. The groups: the [client](#the-client-and-its-options),
//! [keys](#keys-and-values), [directories](#directories), [watches](#watches), [servers](#servers),
//! [calls](#calls-and-their-results), [errors](#errors).
//!
//! ## The client and its options
//!
//! | node-etcd 7 | here | what is different here |
//! | --- | --- | --- |
//! | `new Etcd()` | [`Client::default`] | |
//! | `new Etcd("h1:2379")`, `new Etcd(["h1:2379", "h2:2379"], opts)` | [`Client::new`], [`Client::builder`] | The port is 2379 if none is given, not 80. An empty list and a user in an address are refused. The endpoint that answered last is asked first, not a random one |
//! | `getHosts()` | [`Client::endpoints`] | |
//! | `auth` | [`user`](ClientBuilder::user), [`set_credentials`](Client::set_credentials) | Sent to the endpoints only; node-etcd sends them wherever one of those redirects a request |
//! | `timeout` | [`timeout`](ClientBuilder::timeout) | 10 s if none is given. It never ends a watch |
//! | `maxRetries` | [`max_retries`](Call::max_retries) of the call, [`max_retries`](ClientBuilder::max_retries) of all calls | 5 if none is given, with the pauses that [`ClientBuilder::max_retries`] names. There 3, after pauses of 0.1, 1.6 and 25.6 s, and only as an option of a call; for the same patience say 10 here. Creations and what compares are not sent again where a server may have acted on them |
//! | `ca`, `cert`, `key`, `passphrase` | [`tls`](ClientBuilder::tls) with a [`Tls`](crate::Tls) | Certificates are always verified. Other options of the `request` library are not there |
//! | `HTTP_PROXY`, `NO_PROXY` | [`proxy`](ClientBuilder::proxy) with [`Proxy::from_env`](crate::Proxy::from_env) | Only if asked for, and never for loopback |
//! | redirections | followed, 10 times as there | A write that is answered with 301, 302 or 303 fails, and says where it was sent; node-etcd makes a GET of it, which writes nothing, and reports no error |
//!
//! ## Keys and values
//!
//! | node-etcd 7 | here | what is different here |
//! | --- | --- | --- |
//! | keys | any text | Encoded, so that `?`, `#` and `%41` are part of the key; node-etcd puts them into the address. Slashes too many are left out; the one at the end is sent, as there, because a role on `/app/*` allows `app/` and not `app`. With `recursive` it is added |
//! | values | text | There numbers become text, `null` and objects an empty value |
//! | `set(key, value, opts)` | [`set`](Client::set) with [`ttl(Duration::from_secs(n))`](Call::ttl), [`prev_value`](Call::prev_value), [`prev_index`](Call::prev_index), [`prev_exist`](Call::prev_exist) | Refused: `ttl: 0`, with which the key expires at once, and `prevIndex: 0`, which etcd ignores. `ttl: ""` is [`without_ttl`](Call::without_ttl) |
//! | `{refresh: true, prevExist: true, ttl: n}` | [`refresh(key, Duration::from_secs(n))`](Client::refresh) | |
//! | `{noValueOnSuccess: true}` | [`no_value_on_success`](Call::no_value_on_success) | |
//! | `set(key, null)`, `set("dir/")` | `set(key, "")` | Its documentation promises a directory, but it makes an empty key. For a directory see `mkdir` |
//! | `compareAndSwap`, `testAndSet` | [`compare_and_swap`](Client::compare_and_swap), [`compare_index_and_swap`](Client::compare_index_and_swap) | An empty value to compare with is refused before etcd does it (code 201) |
//! | `compareAndDelete`, `testAndDelete` | [`compare_and_delete`](Client::compare_and_delete), [`compare_index_and_delete`](Client::compare_index_and_delete) | As above |
//! | `get(key, opts)` | [`get`](Client::get) with [`recursive`](Call::recursive), [`sorted`](Call::sorted), [`quorum`](Call::quorum) | For `wait` and `waitIndex` see `watch` |
//! | `del`, `delete` | [`delete`](Client::delete) with [`recursive`](Call::<Delete>::recursive) | |
//! | `create`, `post` | [`create_in_order`](Client::create_in_order) | Made once: if the answer is lost, the error says that it [may have been applied](crate::Error::maybe_applied). There it may be made twice |
//! | `raw(method, path, value, opts)` | [`raw`](Client::raw) with [`form("value", value)`](Call::form) and [`query`](Call::query) | The body is text, and not parsed; every status from 400 on is an error, there those from 500 on and etcd's own. The path must be encoded. Only reads are sent again. What is no form goes with [`body`](Call::body) |
//!
//! ## Directories
//!
//! | node-etcd 7 | here | what is different here |
//! | --- | --- | --- |
//! | `mkdir(dir, opts)` | [`mkdir`](Client::mkdir) with [`ttl(Duration::from_secs(n))`](Call::<Mkdir>::ttl) | Whatever is there already is refused with code 105. There a directory is code 102, and a key is replaced, its value lost: [`replace_key`](Call::replace_key) does that |
//! | `rmdir(dir, opts)` | [`rmdir`](Client::rmdir) with [`recursive`](Call::<Rmdir>::recursive) | In both, a key that is no directory is deleted |
//! | `set(dir, null, {dir: true, prevExist: true, ttl: n})` | [`mkdir`](Client::mkdir) with [`update`](Call::update) and [`ttl(Duration::from_secs(n))`](Call::<Mkdir>::ttl) | etcd 3.5 answers both with code 300 |
//!
//! ## Watches
//!
//! | node-etcd 7 | here | what is different here |
//! | --- | --- | --- |
//! | `watch`, `get(key, {wait: true})` | [`watch`](Client::watch) with [`recursive`](Watch::recursive) | Goes on if the watch is ended without a change, or the connection is lost; there it ends with no value, or misses what happened meanwhile |
//! | `watchIndex`, `{waitIndex: n}` | [`watch_index`](Client::watch_index) | 0 is from now on in both |
//! | `watcher(key, index, opts)` | [`watcher`](Client::watcher) with [`index`](WatcherBuilder::index), [`recursive`](WatcherBuilder::recursive) | [`Watcher::index`] is the last index that is accounted for; its `index` is the next |
//! | `.on("change")`, `.on("<action>")` | [`Event::Change`], [`Event::action`] | |
//! | `.on("reconnect")` | [`Event::Reconnect`] | `reconnectCount` is [`attempt`](Reconnect::attempt). What etcd refuses, such as a missing permission, is an [`Event::Error`]; it is tried again all the same |
//! | `.on("error")` | [`Event::Error`] | A key that cannot be one is reported, and ends the watcher with [`Event::Stop`] |
//! | `.on("resync")` | [`Event::Resync`] | With the state at its index; there what happened meanwhile is lost |
//! | `.on("stop")`, `.stop()` | [`Event::Stop`], [`Watcher::stop`]; [`abort()`](AbortHandle::abort) of a [`stop_handle`](Watcher::stop_handle) | The handle stops it from another task or thread |
//!
//! ## Servers
//!
//! | node-etcd 7 | here | what is different here |
//! | --- | --- | --- |
//! | `machines` | [`machines`](Client::machines), [`members`](Client::members) | There it is code 100 with etcd 3.4 and 3.5, which have no such key |
//! | `leader` | [`leader`](Client::leader) | There it is a page that says 404, as a success, with etcd 3.4 and 3.5 |
//! | `leaderStats` | [`leader_stats`](Client::leader_stats) | Other endpoints are asked until the leader answers; that it is not among them is an error, there a success |
//! | `selfStats`, `version` | [`self_stats`](Client::self_stats), [`version`](Client::version) | And [`store_stats`](Client::store_stats), [`health`](Client::health) |
//!
//! ## Calls and their results
//!
//! | node-etcd 7 | here | what is different here |
//! | --- | --- | --- |
//! | `setSync`, `getSync`, `delSync`, `mkdirSync`, `rmdirSync` | the same calls of [`blocking`](Client::blocking), ended by `send()` | And all the others |
//! | `token.abort()`, `token.cancel()`, `token.isAborted()` | dropping the future, or [`abort_handle`](Call::abort_handle) | With the handle the call fails with [`Kind::Aborted`](crate::Kind::Aborted); there nothing is called back |
//! | the headers of the callback | [`Response::headers`], [`Refusal::headers`]; the field [`headers`](Change::headers) of a [`Change`] | A [`Change`] has fields, and no methods: `change.node`, `change.action` |
//!
//! ## Errors
//!
//! | node-etcd 7 | here | what is different here |
//! | --- | --- | --- |
//! | `err.errorCode`, `err.message`, `err.error.cause`, `err.error.index` | [`Refusal::code`], [`Refusal::message`], [`Refusal::cause`], [`Refusal::index`] of [`Refusal::of`] the error | `Display` of the error has all but the index; of code 101 it names the key, and leaves out the values that were compared, which may be secret |
//! | `err.errors`, `err.retries` | [`Error::failures`](crate::Error::failures), [`Error::retries`](crate::Error::retries) | At most the last 100 |
//! | `server`, `timestamp`, `httperror`; `httpstatus`, `httpbody`, `response.headers` of one of them | [`endpoint`](crate::EndpointFailure::endpoint), [`at`](crate::EndpointFailure::at), [`error`](crate::EndpointFailure::error); [`status`](Refusal::status), [`body`](Refusal::body), [`headers`](Refusal::headers) of its [`Refusal`] | And how long it was given, [`elapsed`](crate::EndpointFailure::elapsed) |
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

mod builder;
mod calls;
mod client;
#[cfg(fuzzing)]
#[doc(hidden)]
#[allow(missing_docs)]
pub mod fuzzing;
mod net;
mod store;
mod watch;
mod wire;

pub use self::calls::abort::AbortHandle;
pub use self::calls::call::{Call, Operation};
pub use self::calls::cluster::{
    Ask, Counts, FollowerStats, Health, Latency, LeaderInfo, LeaderStats, Machines, Member, Members,
    SelfStats, StoreStats, Version,
};
pub use self::calls::delete::Delete;
pub use self::calls::directory::{Mkdir, Rmdir};
pub use self::calls::get::Get;
pub use self::calls::raw::Raw;
pub use self::calls::set::{CreateInOrder, Refresh, Set};
pub use self::net::refusal::Refusal;
pub use self::watch::event::{Change, Event, Reconnect, Resync};
pub use self::watch::watcher::{Watcher, WatcherBuilder};
pub use self::wire::error_code::ErrorCode;
pub use self::wire::headers::Headers;
pub use self::wire::response::{Action, Answer, Node, Response};
pub use builder::ClientBuilder;
pub use client::Client;
pub use watch::{OpenWatch, Watch};
