//! A configuration with a field of nearly every kind.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use etcd_config::{EtcdConfig, MemoryStore};
use rust_decimal::Decimal;
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

/// The service for payments.
#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/payments", rename_all = "kebab-case", commit_key = "commit")]
pub(crate) struct Settings {
    /// Requests at once.
    #[etcd(default = 10)]
    pub(crate) pool_size: u32,
    #[etcd(default = -1)]
    pub(crate) offset: i64,
    #[etcd(default = 0)]
    pub(crate) huge: u128,
    #[etcd(default)]
    pub(crate) ratio: f64,
    pub(crate) weight: Option<f32>,
    #[etcd(default = false)]
    pub(crate) enabled: bool,
    #[etcd(default = 'x')]
    pub(crate) letter: char,
    #[etcd(default = "")]
    pub(crate) name: String,
    pub(crate) path: Option<PathBuf>,
    /// How long is waited.
    ///
    /// For an answer.
    #[etcd(with = humantime_serde, default = "2s")]
    pub(crate) timeout: Duration,
    #[etcd(default = "127.0.0.1:80")]
    pub(crate) listen: SocketAddr,
    pub(crate) home: Option<Url>,
    pub(crate) id: Option<Uuid>,
    pub(crate) size: Option<ByteSize>,
    #[etcd(with = time::serde::rfc3339::option)]
    pub(crate) since: Option<time::OffsetDateTime>,
    pub(crate) price: Option<Decimal>,
    pub(crate) at_least: Option<NonZeroU32>,
    #[etcd(default = "fast")]
    pub(crate) mode: Mode,
    #[etcd(default)]
    pub(crate) numbers: Vec<u32>,
    #[etcd(default)]
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) pair: Option<(u8, String)>,
    pub(crate) limits: Option<Limits>,
    pub(crate) anything: Option<serde_json::Value>,
    pub(crate) port: Option<Port>,
    #[etcd(decode_with = halves)]
    pub(crate) halves: Option<(u32, u32)>,
    #[etcd(secret)]
    pub(crate) token: Option<String>,
    /// Where it logs.
    #[etcd(nested)]
    pub(crate) log: Log,
    #[etcd(key = "log/levels/default", default = "info")]
    pub(crate) log_level: String,
    /// Switches.
    #[etcd(map)]
    pub(crate) features: HashMap<String, bool>,
    #[etcd(map)]
    pub(crate) notes: BTreeMap<String, String>,
    /// Other services.
    #[etcd(nested)]
    pub(crate) upstreams: BTreeMap<String, Upstream>,
    #[etcd(nested)]
    pub(crate) backup: Option<Upstream>,
    #[etcd(flatten)]
    pub(crate) flat: Flat,
    #[etcd(key = "/payments/elsewhere/limit", default = 0)]
    pub(crate) absolute: u8,
    #[etcd(nested)]
    pub(crate) tree: Option<Box<Tree>>,
    #[etcd(nested)]
    pub(crate) wrapped: Option<Wrapped>,
    #[etcd(default = 1, alias = "old/retries")]
    pub(crate) retries: u8,
    #[etcd(nested, alias = "storage")]
    pub(crate) database: Option<Upstream>,
    /// A key, and a directory.
    #[etcd(default = "")]
    pub(crate) both: String,
    #[etcd(key = "both/below", default = 0)]
    pub(crate) both_below: u8,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    Fast,
    Custom { level: u8 },
    Only(u8),
}

#[derive(Deserialize, Debug, PartialEq)]
pub(crate) struct Limits {
    pub(crate) burst: u32,
    #[serde(default)]
    pub(crate) nested: Vec<Mode>,
    #[serde(default)]
    pub(crate) price: Option<Decimal>,
    #[serde(default)]
    pub(crate) names: Option<Vec<String>>,
}

#[derive(Deserialize, Debug, PartialEq)]
pub(crate) struct Port(pub(crate) u16);

#[derive(EtcdConfig, Debug)]
pub(crate) struct Log {
    #[etcd(default = "stderr")]
    pub(crate) target: String,
    /// How much.
    #[etcd(default = 0)]
    pub(crate) verbosity: u8,
}

#[derive(EtcdConfig, Debug, PartialEq)]
pub(crate) struct Upstream {
    /// Its address.
    pub(crate) url: String,
    #[etcd(default = 1)]
    pub(crate) weight: u8,
    #[etcd(map)]
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(EtcdConfig, Debug)]
pub(crate) struct Flat {
    #[etcd(default = 3)]
    pub(crate) flattened: u8,
}

#[derive(EtcdConfig, Debug)]
pub(crate) struct Tree {
    #[etcd(default = 0)]
    pub(crate) value: i16,
    #[etcd(nested)]
    pub(crate) left: Option<Box<Tree>>,
    #[etcd(nested)]
    pub(crate) children: BTreeMap<String, Tree>,
}

#[derive(EtcdConfig, Debug)]
pub(crate) struct Wrapped(pub(crate) u8);

fn halves(text: &str) -> Result<(u32, u32), String> {
    let (left, right) = text.split_once('/').ok_or("there is no slash in it")?;
    let number = |text: &str| text.parse().map_err(|error| format!("{text}: {error}"));
    Ok((number(left)?, number(right)?))
}

/// A store with these keys below the prefix.
pub(crate) fn store(keys: &[(&str, &str)]) -> MemoryStore {
    let store = MemoryStore::new();
    for (key, text) in keys {
        store.put(format!("/payments/{key}"), *text);
    }
    store
}

/// The text of a key below the prefix.
pub(crate) fn text(store: &MemoryStore, key: &str) -> Option<String> {
    let text = store.get(format!("/payments/{key}"))?;
    Some(String::from_utf8(text.to_vec()).unwrap())
}
