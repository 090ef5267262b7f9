//! The settings of a payment service: what a user of the library writes.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use etcd_config::{EtcdConfig, Secret};

/// Settings of the payment service.
#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/payments")]
pub struct Settings {
    /// Address to listen on.
    #[etcd(default = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Lowest level that is logged.
    #[etcd(key = "log/level", default = "info")]
    pub log_level: String,
    /// Per-request budget, such as `1500ms`.
    #[etcd(with = humantime_serde, default = "2s")]
    pub timeout: Duration,
    /// Absent means unlimited.
    pub max_connections: Option<u32>,
    /// Where payments are kept.
    #[etcd(nested)]
    pub database: Database,
    /// What is switched on.
    #[etcd(map)]
    pub features: HashMap<String, bool>,
    /// Who takes the payments, by name.
    #[etcd(nested)]
    pub upstreams: BTreeMap<String, Upstream>,
    /// One key that holds JSON.
    #[etcd(default)]
    pub limits: Limits,
    /// Never printed.
    pub api_token: Secret<String>,
}

/// A database.
#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(validate = Database::check)]
pub struct Database {
    /// Such as `postgres://host/name`.
    pub url: String,
    /// Connections that are kept open.
    #[etcd(default = 10, validate = at_least_one)]
    pub pool_size: u32,
}

/// A service that takes payments.
#[derive(EtcdConfig, Clone, Debug, PartialEq)]
pub struct Upstream {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its share of the payments.
    #[etcd(default = 1)]
    pub weight: u8,
}

/// How much is let through.
#[derive(serde::Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// Requests per second; 0 for no limit.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
}

impl Database {
    fn check(&self) -> Result<(), String> {
        if self.url.contains("://") { Ok(()) } else { Err(format!("{:?} has no scheme", self.url)) }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What a check is called with.
fn at_least_one(number: &u32) -> Result<(), String> {
    if *number >= 1 { Ok(()) } else { Err("must be at least 1".to_owned()) }
}
