//! Typed, live configuration from etcd: derive a struct, every field is a key.
//!
//! A struct derives [`EtcdConfig`], and the keys below its prefix become its fields: loaded in one
//! blocking call, kept current for the life of the process, read without a lock in tens of nanoseconds.
//!
//! ```
//! use etcd_config::{EtcdConfig, MemoryStore};
//!
//! #[derive(EtcdConfig)]
//! #[etcd(prefix = "/payments")]
//! struct Settings {
//!     #[etcd(key = "log/level", default = "info")]
//!     log_level: String,
//!     #[etcd(nested)]
//!     database: Database,
//! }
//!
//! #[derive(EtcdConfig)]
//! struct Database {
//!     url: String,
//!     #[etcd(default = 10)]
//!     pool_size: u32,
//! }
//!
//! // In production an endpoint, such as "http://127.0.0.1:2379", or a client.
//! let store = MemoryStore::from([("/payments/database/url", "postgres://db")]);
//!
//! let settings = Settings::watch(&store)?;
//! assert_eq!(settings.load().log_level, "info");
//! // The present level, and every later one.
//! settings.follow(|s| &s.log_level, |level| println!("logging at {level}"));
//! // Later changes only.
//! settings.on(|s| &s.database.pool_size, |old, new| println!("pool {old} -> {new}"));
//! // A bad value that was not taken over, and a misspelt key.
//! settings.on_rejected(|rejection| eprintln!("{rejection}"));
//! settings.on_warning(|warning| eprintln!("{warning}"));
//! # Ok::<(), etcd_config::Error>(())
//! ```
//!
//! # How to add it
//! Nothing is published on crates.io yet, so it comes from a clone of its repository:
//!
//! ```toml
//! [dependencies]
//! etcd-config = { path = "<checkout>/etcd-config" }    # the folder in a clone of this repository
//! humantime-serde = "1"                               # for durations such as `30s`: `with = humantime_serde`
//! serde = { version = "1", features = ["derive"] }    # for enums, and for structs that are one key of JSON
//! ```
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `tls`, on by default | `https` endpoints, and the options for them |
//! | `encrypted-keys` | keys of clients that are encrypted with a passphrase |
//! | `p521` | certificates and keys on the curve P-521, as etcd's `--auto-tls` makes them |
//! | `v2` | the client for etcd's older API (up to 3.5), as node-etcd speaks it: [`client::v2`] |
//! | `serde` | `serde::Serialize` for what this crate says: [`Status`], [`Explanation`], [`Schema`], [`Problem`], [`Check`], [`Plan`], [`History`], [`Fleet`], [`Rollouts`] |
//! | `cli` | a command line over a struct: [`cli`], with check, show, set, watch, fleet, rollout |
//! | `http` | a page, probes and metrics over HTTP, for the people who run the service: [`http`] |
//! | `schemars` | full types in [`Schema::to_json_schema`] of what is JSON in one key: `#[etcd(schemars)]` |
//! | `testing` | a real etcd for a test: [`testing::Etcd`] |
//! | `yaml`, `toml` | reading whole configurations as YAML and TOML, which are written without it, too: [`Document`] |
//! | `metrics` | counters and gauges of every configuration, through the crate `metrics` |
//!
//! An error names the feature that is missing. The clients are those of [`client`], and need no other dependency.
//!
//! # The log
//! What this crate logs is events of the crate [`tracing`](https://docs.rs/tracing): without a subscriber nothing is
//! printed. `tracing_subscriber::fmt::init()` of the crate tracing-subscriber is enough; the targets begin with
//! `etcd_config` and `etcd_client_core`.
//!
//! # The guide
//!
//! | the question | the page |
//! | --- | --- |
//! | How do I see it work, from an empty project? | [`docs::first_five_minutes`] |
//! | What shall the keys be called? | [`docs::naming_keys`] |
//! | How do I rebuild a pool when its settings change? | [`docs::resources`] |
//! | How do I secure etcd, and what rights does a service need? | [`docs::tls_and_users`] |
//! | What shall a health check ask? | [`docs::probes`] |
//! | What shall be counted, and when is somebody woken? | [`docs::metrics_and_alerts`] |
//! | How do I change the struct while old and new processes run? | [`docs::rolling_upgrades`] |
//! | How does a change reach one instance first, and then all? | [`docs::rollouts`] |
//! | How do people look at settings and change them, at the command line? | [`docs::command_line`] |
//! | How do I test code that is configured so? | [`docs::testing`] |
//! | How much does it take, and what can be tuned? | [`docs::limits_and_tuning`] |
//! | What happens when etcd is down, or a bad value is written? | [`docs::what_happens_when`] |
//! | How do I come here from node-etcd, etcd-client, dynamic-config, viper or koanf? | [`docs::moving`] |
//!
//! # Where to look
//!
//! | for | see |
//! | --- | --- |
//! | attributes of structs and fields: keys, defaults, checks, maps, secrets | [`EtcdConfig`] |
//! | another prefix, a cache file, limits | [`Options`] |
//! | users, TLS, etcdctl's environment variables, several endpoints | [`IntoStore`], [`client::v3::Client`] |
//! | keys that were written over etcd's v2 API, as by node-etcd | [`client::v2`] |
//! | reading, callbacks, waiting, ending | [`Live`] |
//! | a pool, a client or a filter that follows the settings | [`Live::resource`], [`Live::prepare`], [`Resource`] |
//! | changing what is stored, as every reader will check it | [`EtcdConfig::edit`], [`Edit`], [`field!`] |
//! | a whole configuration as JSON, YAML or TOML: export, apply, seed | [`EtcdConfig::export`], [`Document`], [`Edit::apply`], [`Edit::fill`] |
//! | whether what is stored fits this program | [`EtcdConfig::check_stored`], [`Check`] |
//! | other values for a zone, a machine or a canary | [`Options::layer`], [`docs::naming_keys`](docs::naming_keys#layers) |
//! | which instances there are, and which revision each has in force | [`Options::instance`], [`Fleet`] |
//! | a change for some instances first, watched there, then promoted or taken back | [`Rollout`], [`Rollouts`], [`docs::rollouts`] |
//! | what was changed before, and going back | [`EtcdConfig::history`], [`History`], [`Edit::restore`] |
//! | starting while what is stored is refused | [`Options::start_from_last_good`], [`Options::cache_file`] |
//! | what went wrong: at the start, later, in one key | [`Error`], [`Rejection`], [`Problem`] |
//! | pages, alarms, probes | [`http`], [`Status`], [`Explanation`], [`docs::probes`] |
//! | tables and commands for people who write keys | [`Schema`] |
//! | tests without a server, and with one | [`MemoryStore`], [`Live::wait_for_callbacks`]; [`testing::Etcd`] |
//!
//! # What always holds
//! - A snapshot is the state of the prefix at exactly one revision: a transaction over several keys
//!   is seen whole, or not yet.
//! - An update that does not decode, or that a check refuses, is refused whole. The last good
//!   snapshot stays, [`Live::on_rejected`] hears why, and the next revision is tried again.
//! - What is [made](Live::resource) of the settings comes into force together with them, or the update is refused:
//!   whoever sees a snapshot sees the pool that belongs to it.
//! - Reading never blocks and never fails, whatever happens to etcd or the network;
//!   [`Live::status`] says how old what is read is, and why.
//! - Callbacks are called after the snapshot is published, in order, one at a time, and hold up
//!   neither the watch nor another configuration. Decoding, checks and drops that take long hold
//!   up their own configuration only: they are moved to a thread of its own, and when they are slower
//!   than the changes, what has come meanwhile is one update.
//! - A panic ends no watch: one in decoding or in a check is a reason to refuse the update, one in a
//!   callback is counted, and after any other (in a subscriber, in this library) the watch begins
//!   again with a listing, and [`Status::last_panic`] says so.
//! - Values of `secret` fields appear in no error, no log, no status, no [`Live::explain`] and, unless asked
//!   for, in no cache file; a key that one field calls secret is secret for all that read it. What your own
//!   code prints is your own: a `derive(Debug)` shows a `String`, and hides a [`Secret<String>`](Secret).
//! - Keys and values are text of others: whatever is shown of them is [escaped and cut](Printable).
//!
//! # Reading a value and hearing of its changes
//! A change may come between two calls. So the order counts:
//! - [`Live::follow`] calls back with the present value, and then with every change. Nothing is missed,
//!   nothing comes twice. This is what applies a setting: a log level, the size of a pool.
//! - [`Live::on`], [`Live::on_change`] or [`Live::changes`], and then [`Live::load`]: nothing is missed.
//!   What is loaded is at least as new as the subscription, so a change may be in it and be heard of, too.
//! - [`Live::load`], and then a subscription: what changes between the two calls is heard of only with the
//!   next change. Right where nothing is kept of what was loaded.
//!
//! # What flows where
//! ```text
//! Store ─► Watcher ─► KeyTree ─► decode ─► Snapshot ─► load, reader
//!                                   │          └─────► follow, on, on_change, changes
//!                                   └─ problems ─────► on_rejected, on_warning, on_status, status
//! ```
//! The store and the watcher are `etcd_client_core`'s: the watcher lists the prefix, watches it, and
//! is never lost again. An update costs what changed, not what there is: only fields whose keys
//! changed are decoded again.
//!
//! # Changing settings
//! A value that does not fit is refused by every running process, and keeps every new one from starting. So it is
//! checked before it is written, by the same code that will read it:
//!
//! ```
//! # use std::collections::HashMap;
//! # use std::time::Duration;
//! use etcd_config::{EtcdConfig, MemoryStore, field};
//!
//! #[derive(EtcdConfig)]
//! #[etcd(prefix = "/payments")]
//! struct Settings {
//!     #[etcd(key = "log/level", default = "info")]
//!     log_level: String,
//!     max_connections: Option<u32>,
//!     #[etcd(nested)]
//!     database: Database,
//!     #[etcd(map)]
//!     features: HashMap<String, bool>,
//! }
//!
//! #[derive(EtcdConfig)]
//! struct Database {
//!     #[etcd(default = 10)]
//!     pool_size: u32,
//! }
//!
//! let store = MemoryStore::new();
//! # let settings = Settings::watch(&store)?;
//! let edit = Settings::edit(&store)?                         // reads the prefix at one revision
//!     .set(field!(Settings.database.pool_size), &20)?         // checked by the compiler
//!     .set(field!(Settings.features["dark"]), &true)?
//!     .set_text("log/level", "debug")                         // any key below the prefix
//!     .unset(field!(Settings.max_connections));
//! let plan = edit.plan()?;                                    // all problems at once, and nothing is written
//! println!("{plan}");                                         // field, key, old -> new, at once or after a restart
//! let written = plan.commit()?;                               // one transaction, if nothing has changed meanwhile
//! settings.wait_for_revision(written.revision(), Duration::from_secs(5))?;
//!
//! // The same as a loop that reads again where somebody else was first.
//! Settings::update(&store, |edit| edit.set(field!(Settings.database.pool_size), &30))?;
//! # Ok::<(), etcd_config::Error>(())
//! ```
//!
//! # Threads and runtimes
//! [`EtcdConfig::watch`] works in a plain `main` and inside any runtime. All that it starts is one
//! thread for the whole process, with connections of its own, so that a runtime that is blocked
//! delays no update; the thread ends with the last [`Live`]. [`EtcdConfig::watch_async`] runs on the
//! caller's runtime instead. Besides, each configuration has threads of its own while it needs them: for
//! callbacks, for what is slow to decode, for its cache file, for each build of a [resource](Live::resource). The end of
//! a process or of a runtime waits for none of them.
//!
//! Callbacks, decoding and checks see the tokio runtime of the code that subscribed or watched, if there
//! was one, and never one of ours. Decoding and checks may not wait for configurations, and are
//! refused at once when they try.
//!
//! In the child of a `fork` a [`Live`] from before says that it is stopped, and keeps its last values;
//! whatever is watched or loaded there begins anew. Forking is safe in a process without other threads
//! that hold locks of theirs, and otherwise as it always is.
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Links lead to what is there with all features.
#![cfg_attr(
    not(all(feature = "cli", feature = "http", feature = "testing", feature = "tls", feature = "v2")),
    allow(rustdoc::broken_intra_doc_links)
)]

mod cache;
mod check;
#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
pub mod cli;
mod config;
mod decode;
pub mod docs;
mod document;
mod edit;
mod error;
mod explain;
mod fleet;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod history;
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub mod http;
mod instance;
mod leaf;
mod lint;
mod live;
mod notify;
mod options;
mod past;
mod problem;
mod publish;
mod reading;
mod rejection;
mod resource;
mod rollout;
mod runtime;
mod schema;
mod secret;
#[cfg(feature = "serde")]
mod serialize;
mod shape;
mod status;
mod text_table;
mod tree;
mod versioned_json;

/// The clients, the stores and the watcher underneath: `etcd_config::client::v3::Client` needs no other dependency.
pub use etcd_client_core as client;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub use etcd_client_core::testing;
pub use etcd_client_core::{MemoryStore, Printable, watcher::Cause};
pub use etcd_config_derive::EtcdConfig;

pub use crate::check::Check;
pub use crate::config::EtcdConfig;
pub use crate::document::{Document, Format};
pub use crate::edit::Edit;
pub use crate::edit::commit::Written;
pub use crate::edit::field_path::FieldPath;
pub use crate::edit::plan::Plan;
pub use crate::edit::planned::PlannedChange;
pub use crate::edit::to_text::ToText;
pub use crate::error::{ConflictingKey, Error, InstanceLag, LaggingInstance, RolloutEnd, TakeBackReason};
pub use crate::explain::{Explanation, Origin, Row};
pub use crate::fleet::Fleet;
pub use crate::fleet::instance::Instance;
pub use crate::history::step::{HistoryChange, HistoryStep};
pub use crate::history::{History, HistoryCut};
pub use crate::instance::report::{InstanceReport, RefusedRevision, ReportedProblem};
pub use crate::leaf::{FieldDefault, NoText, TextSerializer};
pub use crate::live::Live;
pub use crate::live::building::Building;
pub use crate::live::reader::Reader;
pub use crate::notify::callbacks::Subscription;

pub use crate::notify::projected::ChangesOf;
pub use crate::notify::stream::Changes;
pub use crate::options::Options;
pub use crate::options::into_store::IntoStore;
pub use crate::problem::{Kind as ProblemKind, Problem};
pub use crate::publish::change::Change;
pub use crate::publish::snapshot::{Guard, Snapshot};
pub use crate::rejection::Rejection;
pub use crate::resource::{Resource, ResourceGuard};
pub use crate::rollout::handle::RolloutHandle;
pub use crate::rollout::record::{RolloutKey, RolloutRecord};
pub use crate::rollout::staged::{Rollouts, StagedRollout};
pub use crate::rollout::step::RolloutStep;
pub use crate::rollout::{Promoted, Rollout};
pub use crate::schema::{Field, Schema};
pub use crate::secret::Secret;
pub use crate::status::resource_status::ResourceStatus;
pub use crate::status::{CacheFile, Counters, Rewind, Source, State, Status};

/// A field of a configuration, for [`Edit`]: the compiler checks that it is there, and what type it has.
///
/// The way to it goes through structs, their `Option`s, and the entries of maps, whose names are whatever can be printed:
///
/// ```
/// use std::collections::{BTreeMap, HashMap};
/// use etcd_config::{EtcdConfig, field};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(nested)]
///     database: Option<Database>,
///     #[etcd(map)]
///     features: HashMap<String, bool>,
///     #[etcd(nested)]
///     upstreams: BTreeMap<String, Upstream>,
/// }
///
/// #[derive(EtcdConfig)]
/// struct Database {
///     url: String,
/// }
///
/// #[derive(EtcdConfig)]
/// struct Upstream {
///     #[etcd(default = 1)]
///     weight: u8,
/// }
///
/// let name = String::from("eu-1");
/// assert_eq!(field!(Settings.database.url).to_string(), "database.url");
/// assert_eq!(field!(Settings.features["dark"]).to_string(), "features.dark");
/// assert_eq!(field!(Settings.upstreams[name].weight).to_string(), "upstreams.eu-1.weight");
/// ```
///
/// Where the compiler cannot know that a field is no key, as of `skip` and of what is inside of a value in JSON, the
/// call that is given it says so.
#[macro_export]
macro_rules! field {
    ($($field:tt)*) => {
        $crate::__private::field!($crate; $($field)*)
    };
}

/// What derived code calls. Not for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use etcd_config_derive::field;
    pub use serde::de::DeserializeOwned;

    pub use crate::decode::{
        Context, Decoder, Derived, checked, compared, decode, decode_since, described, flattened, leaf,
        leaf_of, leaf_with, map, map_with, nested, refusal, refusal_of, skipped, update, update_since,
    };
    pub use crate::edit::field_path::{Plain, Step, Through, entry, entry_name, field_path};
    pub use crate::explain::explain;
    pub use crate::leaf::{FieldDefault, JsonType};
    pub use crate::lint::warnings::warnings;
    pub use crate::problem::Report;
    pub use crate::shape::layout::{Field, Layout};
    pub use crate::tree::{KeyTree, Replaced, Touched};
}
