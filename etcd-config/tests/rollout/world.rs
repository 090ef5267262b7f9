//! A small fleet whose instances note each value that they have had in force.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_config::client::{Prefix, Store};
use etcd_config::{
    Edit, EtcdConfig, Live, MemoryStore, Options, Plan, Rollout, StagedRollout, Subscription, field,
};
use tokio::time::{Instant, sleep};

#[derive(EtcdConfig, Debug, Clone, PartialEq)]
#[etcd(prefix = "/app", layers("/app@canary", "/app@{instance}"))]
pub(crate) struct Settings {
    #[etcd(default = 10)]
    pub workers: u32,
    #[etcd(default = "info")]
    pub level: String,
    #[etcd(default = "/var", restart)]
    pub disk: String,
    #[etcd(secret, default = 0)]
    pub pin: u32,
    /// It was renamed, as were the two at the end.
    #[etcd(map, alias = "limits")]
    pub quotas: BTreeMap<String, u32>,
    #[etcd(map, restart)]
    pub shards: BTreeMap<String, u32>,
    #[etcd(default = 1, alias = "length")]
    pub size: u32,
    #[etcd(nested, alias = "db")]
    pub database: Database,
}

#[derive(EtcdConfig, Debug, Clone, PartialEq)]
pub(crate) struct Database {
    #[etcd(default = 1)]
    pub pool: u32,
    #[etcd(default = 1)]
    pub retries: u32,
}

/// An instance, and what it has had in force.
pub(crate) struct Member {
    pub live: Live<Settings>,
    pub seen: Arc<Mutex<Vec<u32>>>,
    _noting: Subscription,
}

/// A store with two workers more than the default, and these instances.
pub(crate) struct World {
    pub store: MemoryStore,
    pub members: Vec<Member>,
    ticking: tokio::task::JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.ticking.abort();
    }
}

pub(crate) fn options(instance: &str) -> Options<Settings> {
    Settings::options().placeholder("instance", instance)
}

pub(crate) async fn member(store: &MemoryStore, name: &str) -> Member {
    let live = options(name).instance(name).watch_async(store).await.unwrap();
    let seen = Arc::new(Mutex::new(vec![live.load().workers]));
    let notes = Arc::clone(&seen);
    let noting = live.on_change(move |change| notes.lock().unwrap().push(change.after().workers));
    until("listed", async || live.status().instance.is_some()).await;
    Member { live, seen, _noting: noting }
}

impl World {
    pub(crate) async fn new(names: &[&str]) -> Self {
        fastrand::seed(7);
        // Slow decoding has a thread of its own, which needs time that passes.
        let ticking = tokio::spawn(async {
            loop {
                sleep(Duration::from_millis(50)).await;
                std::thread::sleep(Duration::from_micros(20));
            }
        });
        let store = MemoryStore::from([("/app/workers", "12")]);
        let mut members = Vec::new();
        for name in names {
            members.push(member(&store, name).await);
        }
        sleep(Duration::from_secs(3)).await;
        Self { store, members, ticking }
    }

    pub(crate) async fn edit(&self) -> Edit<Settings> {
        options("-").edit_async(&self.store).await.unwrap()
    }

    pub(crate) async fn plan(&self) -> Plan<Settings> {
        self.edit().await.set(field!(Settings.workers), &20).unwrap().plan().unwrap()
    }

    pub(crate) async fn rollout(&self) -> Rollout<Settings> {
        of(self.plan().await).to(["web-1"])
    }

    pub(crate) async fn found(&self) -> Vec<StagedRollout<Settings>> {
        options("-").rollouts_async(&self.store).await.unwrap().into_rollouts()
    }

    /// All keys of the configuration, its layers and its rollouts.
    pub(crate) async fn keys(&self) -> Vec<(String, String)> {
        let mut keys = Vec::new();
        for directory in ["/app", "/app.rollout", "/app@canary", "/app@web-1", "/app@web-2", "/app@web-3"] {
            let listing = Store::list(&self.store, &Prefix::new(directory)).await.unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            keys.extend(listing.entries.iter().map(|entry| (text(&entry.key), text(&entry.value))));
        }
        keys
    }

    /// Nothing is left but these workers below the prefix.
    pub(crate) async fn assert_only(&self, workers: &str) {
        assert_eq!(self.keys().await, [("/app/workers".to_owned(), workers.to_owned())]);
        for Member { live, .. } in &self.members {
            until("in force", async || live.load().workers.to_string() == workers).await;
        }
    }

    pub(crate) fn seen(&self, number: usize) -> Vec<u32> {
        let Member { live, seen, .. } = &self.members[number];
        // Callbacks have a thread of their own, and another clock.
        etcd_config_tests::until("noted", || seen.lock().unwrap().last() == Some(&live.load().workers));
        let mut seen = seen.lock().unwrap().clone();
        // One that hears of several changes at once hears of them as one.
        seen.dedup();
        seen
    }

    /// What each instance may have seen: the first one has it first, and it may be taken back; it comes to nobody twice.
    pub(crate) fn assert_no_flapping(&self, promoted: bool) {
        let (first, other) = (self.seen(0), self.seen(1));
        if promoted {
            assert!(first == [12, 20] && other == [12, 20], "{first:?} {other:?}");
        } else {
            assert!((first == [12] || first == [12, 20, 12]) && other == [12], "{first:?} {other:?}");
        }
    }
}

/// A rollout whose instances may take their time: what is slow here is the machine.
pub(crate) fn of(plan: Plan<Settings>) -> Rollout<Settings> {
    Rollout::of(plan).within(Duration::from_secs(3_600))
}

/// Waits until something is so, by the paused clock.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < Duration::from_secs(3_600), "never {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
