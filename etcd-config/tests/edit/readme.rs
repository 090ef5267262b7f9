//! The program that people are shown.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use etcd_config::{EtcdConfig, MemoryStore, field};

/// Settings of the payment service.
#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/payments")]
pub(crate) struct Settings {
    #[etcd(default = "127.0.0.1:8080", restart)]
    pub(crate) listen: SocketAddr,
    #[etcd(key = "log/level", default = "info")]
    pub(crate) log_level: String,
    #[etcd(with = humantime_serde, default = "2s")]
    pub(crate) timeout: Duration,
    pub(crate) max_connections: Option<u32>,
    #[etcd(nested)]
    pub(crate) database: Database,
    #[etcd(map)]
    pub(crate) features: HashMap<String, bool>,
    #[etcd(nested)]
    pub(crate) upstreams: BTreeMap<String, Upstream>,
    #[etcd(default)]
    pub(crate) limits: Limits,
    #[etcd(secret)]
    pub(crate) api_token: String,
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(validate = Database::check)]
pub(crate) struct Database {
    pub(crate) url: String,
    #[etcd(default = 10, validate = at_least_one)]
    pub(crate) pool_size: u32,
}

impl Database {
    fn check(&self) -> Result<(), &'static str> {
        if self.url.starts_with("sqlite:") && self.pool_size > 1 {
            return Err("sqlite has one connection: pool_size must be 1");
        }
        Ok(())
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "a check gets a reference")]
fn at_least_one(size: &u32) -> Result<(), String> {
    if *size == 0 { Err("at least one is needed".to_owned()) } else { Ok(()) }
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    #[etcd(default = 1)]
    pub(crate) weight: u8,
}

#[derive(serde::Deserialize, serde::Serialize, Clone, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    pub(crate) per_second: u32,
    pub(crate) burst: u32,
}

pub(crate) fn store() -> MemoryStore {
    MemoryStore::from([("/payments/api_token", "hunter2"), ("/payments/database/url", "pg://db")])
}

pub(crate) fn get(store: &MemoryStore, key: &str) -> Option<String> {
    store.get(key).map(|value| String::from_utf8(value.to_vec()).unwrap())
}

#[test]
fn what_is_set_is_in_force_in_a_running_process() {
    let store = store();
    store.put("/payments/max_connections", "7");
    let settings = Settings::watch(&store).unwrap();
    let edit = Settings::edit(&store)
        .unwrap()
        .set(field!(Settings.database.pool_size), &20)
        .unwrap()
        .set(field!(Settings.features["dark"]), &true)
        .unwrap()
        .set_text("log/level", "debug")
        .unset(field!(Settings.max_connections));
    let plan = edit.plan().unwrap();
    let shown = "4 changes in Settings below /payments, based on revision 4\n\
  \x20 database.pool_size  /payments/database/pool_size  10 (default) -> 20       at once\n\
  \x20 features.dark       /payments/features/dark       absent -> true           at once\n\
  \x20 log_level           /payments/log/level           info (default) -> debug  at once\n\
  \x20 max_connections     /payments/max_connections     7 -> absent              at once";
    assert_eq!(plan.to_string(), shown);
    let written = plan.commit().unwrap();
    settings.wait_for_revision(written.revision(), Duration::from_secs(5)).unwrap();
    let settings = settings.load();
    assert_eq!((settings.database.pool_size, settings.max_connections), (20, None));
    assert_eq!((settings.features["dark"], settings.log_level.as_str()), (true, "debug"));
}

#[test]
fn an_update_decides_again_when_somebody_was_first() {
    let store = store();
    store.conflict_next();
    store.conflict_next();
    let mut times = 0;
    let written = Settings::update(&store, |edit| {
        times += 1;
        edit.set(field!(Settings.database.pool_size), &20)
    });
    assert_eq!(written.unwrap().revision(), store.revision());
    assert_eq!((times, get(&store, "/payments/database/pool_size").as_deref()), (3, Some("20")));
}

#[tokio::test]
async fn all_of_it_works_in_a_runtime() {
    let store = store();
    let edit = Settings::edit_async(&store).await.unwrap();
    let plan = edit.set(field!(Settings.database.pool_size), &20).unwrap().plan().unwrap();
    assert_eq!(plan.commit_async().await.unwrap().revision(), store.revision());
    store.conflict_next();
    let unset = |edit: etcd_config::Edit<Settings>| Ok(edit.unset(field!(Settings.database.pool_size)));
    Settings::update_async(&store, unset).await.unwrap();
    assert_eq!(get(&store, "/payments/database/pool_size"), None);
    assert!(Settings::check_stored_async(&store).await.unwrap().is_ok());
}
