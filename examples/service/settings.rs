//! What there is to set.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use etcd_config::{EtcdConfig, Secret};
use tracing_subscriber::filter::LevelFilter;

/// Settings of the payment service.
#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/payments", layers("/payments@{instance}"))]
pub(crate) struct Settings {
    /// Address to listen on. It is bound once, so a change waits for a restart.
    #[etcd(default = "127.0.0.1:8080", env = "LISTEN", restart)]
    pub listen: SocketAddr,
    /// What is logged: off, error, warn, info, debug or trace.
    #[etcd(key = "log/level", default = "info", decode_with = str::parse)]
    pub log_level: LevelFilter,
    #[etcd(nested)]
    pub database: Database,
    #[etcd(nested)]
    pub limits: Limits,
    /// What is switched on.
    #[etcd(map)]
    pub features: HashMap<String, bool>,
    /// Who is served, by name.
    #[etcd(nested)]
    pub tenants: BTreeMap<String, Tenant>,
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
pub(crate) struct Database {
    /// Such as `postgres://host/name`.
    pub url: String,
    pub password: Secret<String>,
    /// Connections that are kept open.
    #[etcd(default = 10, validate = at_least_one)]
    pub pool_size: u32,
}

/// How many requests are let through.
#[derive(EtcdConfig, Debug)]
pub(crate) struct Limits {
    #[etcd(default = 100)]
    pub per_second: u32,
    /// At once, after a pause.
    #[etcd(default = 20, validate = at_least_one)]
    pub burst: u32,
}

#[derive(EtcdConfig, Debug)]
pub(crate) struct Tenant {
    /// The most that a payment may be, in cents.
    pub max_amount: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what a check is called with")]
fn at_least_one(number: &u32) -> Result<(), &'static str> {
    if *number >= 1 { Ok(()) } else { Err("must be at least 1") }
}
