//! The configuration that these tests watch.

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore, Secret};

pub(crate) const SOON: Duration = Duration::from_secs(30);

/// What is planted in every secret.
pub(crate) const PLANTED: &str = "hunter2";

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/service")]
pub(crate) struct Service {
    /// Threads that work. <b>Not bold</b> & "quoted".
    #[etcd(default = 8, validate = at_least_one)]
    pub workers: u32,
    #[etcd(default = "info")]
    pub level: String,
    #[etcd(default = "hunter2default")]
    pub token: Secret<String>,
    #[etcd(default = "here", restart)]
    pub region: String,
    /// Switches.
    #[etcd(map)]
    pub features: BTreeMap<String, bool>,
    #[etcd(map, secret)]
    pub passwords: BTreeMap<String, String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What a check is called with.
fn at_least_one(value: &u32) -> Result<(), String> {
    if *value >= 1 { Ok(()) } else { Err("must be at least 1, and <i>no less</i>".to_owned()) }
}

/// A store with something in it, and the configuration over it.
pub(crate) fn watched() -> (MemoryStore, Live<Service>) {
    let store = MemoryStore::from([("/service/token", PLANTED), ("/service/passwords/root", PLANTED)]);
    let settings = Service::watch(&store).expect("the store holds what the service needs");
    (store, settings)
}

/// Writes a key, and waits until the page has heard of it.
pub(crate) fn put(store: &MemoryStore, settings: &Live<Service>, key: &str, value: &str) -> u64 {
    let revision = store.put(format!("/service/{key}"), value);
    settings.wait_for_callbacks(revision, SOON).expect("the callbacks run");
    revision
}
