//! The configuration that these instances have.

use std::time::Duration;

use etcd_config::client::{Prefix, Store};
use etcd_config::{EtcdConfig, Fleet, InstanceReport, Live, MemoryStore};
use serde_json::Value;
use tokio::time::{Instant, sleep};

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/app")]
pub(crate) struct Settings {
    #[etcd(default = 10)]
    pub workers: u32,
    #[etcd(default = "/var", restart)]
    pub disk: String,
    #[etcd(secret)]
    pub pin: Option<u32>,
}

pub(crate) const LEASE: Duration = Duration::from_secs(15);
pub(crate) const SPREAD: Duration = Duration::from_secs(1);
/// Longer than the writes of all instances take.
pub(crate) const A_WHILE: Duration = Duration::from_secs(3);

/// A store with a key of the configuration, so that nothing is to be said of it.
pub(crate) fn store() -> MemoryStore {
    MemoryStore::from([("/app/workers", "12")])
}

/// Seeds what is random in this thread, and says so.
pub(crate) fn seeded() -> u64 {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    println!("SEED={seed}");
    fastrand::seed(seed);
    seed
}

pub(crate) async fn instance(store: &MemoryStore, name: &str) -> Live<Settings> {
    let live = Settings::options().instance(name).instance_version("1.4.2").watch_async(store).await.unwrap();
    until("listed", async || live.status().instance.is_some()).await;
    live
}

pub(crate) async fn fleet(store: &MemoryStore) -> Fleet {
    Fleet::of_async::<Settings>(store).await.unwrap()
}

/// The names of all who are there.
pub(crate) async fn names(store: &MemoryStore) -> Vec<String> {
    fleet(store).await.instances().iter().map(|instance| instance.name.clone()).collect()
}

pub(crate) async fn report(store: &MemoryStore, name: &str) -> InstanceReport {
    fleet(store).await.instance(name).unwrap().report.clone().unwrap()
}

/// The texts of the entries below a directory.
pub(crate) async fn texts(store: &MemoryStore) -> Vec<String> {
    let listing = Store::list(store, &Prefix::new("/app.fleet")).await.unwrap();
    listing.entries.iter().map(|entry| String::from_utf8(entry.value.to_vec()).unwrap()).collect()
}

/// An entry, with other members.
pub(crate) fn entry(members: &Value) -> String {
    let mut entry = serde_json::json!({
        "format": 1, "revision": 1, "state": "watching", "since": 0, "started": 0, "lease_seconds": 15,
    });
    for (name, value) in members.as_object().unwrap() {
        entry[name] = value.clone();
    }
    entry.to_string()
}

/// Waits until something is so, by the paused clock; returns how long that took.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) -> Duration {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < Duration::from_secs(3_600), "never {what}");
        sleep(Duration::from_millis(10)).await;
    }
    begin.elapsed()
}
