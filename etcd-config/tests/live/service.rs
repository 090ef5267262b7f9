//! The configuration that these tests watch.

use std::collections::HashMap;

use etcd_config::{EtcdConfig, Live, MemoryStore};

pub(crate) use etcd_config_tests::{SOON, until};

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/service")]
pub(crate) struct Service {
    #[etcd(default = "info")]
    pub level: String,
    #[etcd(default = 8)]
    pub workers: u32,
    #[etcd(nested)]
    pub database: Database,
    #[etcd(map)]
    pub features: HashMap<String, bool>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
pub(crate) struct Database {
    pub url: String,
    #[etcd(default = 10, validate = at_least_one)]
    pub pool_size: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What a check is called with.
fn at_least_one(value: &u32) -> Result<(), String> {
    if *value >= 1 { Ok(()) } else { Err("must be at least 1".to_owned()) }
}

/// A store with what the service needs.
pub(crate) fn store() -> MemoryStore {
    MemoryStore::from([("/service/database/url", "pg://db")])
}

pub(crate) fn watch(store: &MemoryStore) -> Live<Service> {
    Service::watch(store).expect("the store holds what the service needs")
}

/// A tokio runtime of one thread.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
