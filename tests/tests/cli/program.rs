//! A program that is a command line over two structs, for the tests: on a store in memory, whose keys are the lines of
//! the file that `SEED` names; `AFTER` names the file for what is in it at the end.

mod guided;
mod service;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use etcd_config::{EtcdConfig, Fleet, InstanceReport, Live, MemoryStore, Secret, cli};

/// Settings of the payment service.
#[derive(EtcdConfig)]
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
    #[etcd(nested)]
    pub database: Database,
    #[etcd(map)]
    pub features: HashMap<String, bool>,
    #[etcd(nested)]
    pub upstreams: BTreeMap<String, Upstream>,
    /// Never printed.
    pub api_token: Secret<String>,
    #[etcd(alias = "greeting_text", default = "hello")]
    pub greeting: String,
    #[etcd(restart, default = 4)]
    pub threads: u16,
}

#[derive(EtcdConfig)]
pub struct Database {
    pub url: String,
    #[etcd(default = 10, validate = at_least_one)]
    pub pool_size: u32,
}

#[derive(EtcdConfig)]
pub struct Upstream {
    pub addr: SocketAddr,
    #[etcd(default = 1)]
    pub weight: u8,
}

/// What is let through.
#[derive(EtcdConfig)]
#[etcd(prefix = "/limits")]
pub struct Limits {
    #[etcd(default = 100)]
    pub per_second: u32,
    #[etcd(default = "burst")]
    pub mode: String,
}

/// What differs from place to place.
#[derive(EtcdConfig)]
#[etcd(prefix = "/app", layers("/app@{zone}", "/app@{instance}"))]
pub struct Layered {
    #[etcd(default = 1, alias = "threads", validate = at_least_one)]
    pub workers: u32,
    #[etcd(key = "log/level", default = "info", env = "APP_LEVEL")]
    pub level: String,
    #[etcd(map)]
    pub limits: BTreeMap<String, u32>,
    pub token: Option<Secret<String>>,
    #[etcd(key = "/app/region", default = "here")]
    pub region: String,
    #[etcd(nested)]
    pub database: Option<Database>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What a check is called with.
fn at_least_one(number: &u32) -> Result<(), String> {
    if *number >= 1 { Ok(()) } else { Err("must be at least 1".to_owned()) }
}

fn main() -> ExitCode {
    if std::env::var_os("SERVICE").is_some() {
        return service::main();
    }
    let Some(seed) = std::env::var_os("SEED") else { return cli::main::<Settings>() };
    if std::env::var_os("GUIDED").is_some() {
        return guided::main();
    }
    let store = MemoryStore::new();
    let seed = std::fs::read_to_string(seed).expect("the file can be read");
    for (key, value) in seed.lines().filter_map(|line| line.split_once('=')) {
        store.put(key, value.replace("\\e", "\u{1b}").replace("\\n", "\n"));
    }
    let _instances = play(&store);
    let code = if std::env::var_os("SEVERAL").is_some() {
        cli::main_over::<(Settings, Limits)>(&store)
    } else if std::env::var_os("LAYERED").is_some() {
        cli::main_over::<Layered>(&store)
    } else {
        cli::main_over::<Settings>(&store)
    };
    if let Some(after) = std::env::var_os("AFTER") {
        std::fs::write(after, keys(&store)).expect("the file can be written");
    }
    code
}

/// Faults and changes that come while the command is at work; and instances that are there meanwhile.
fn play(store: &MemoryStore) -> Vec<Live<Settings>> {
    let pause = || std::thread::sleep(Duration::from_millis(700));
    match std::env::var("PLAY").as_deref() {
        Ok("conflict") => store.conflict_next(),
        Ok("refuse") => store.refuse(true),
        Ok("several at once") => {
            let edit = Settings::edit(store).expect("it can be read").set_text("database/pool_size", "20");
            let edit = edit.set_text("database/url", "postgres://other").set_text("log/level", "debug");
            edit.plan().and_then(etcd_config::Plan::commit).expect("it is written");
        }
        Ok("changes") => {
            let store = store.clone();
            std::thread::spawn(move || {
                for (key, value) in
                    [("log/level", "debug"), ("database/pool_size", "0"), ("log/level", "warn")]
                {
                    pause();
                    store.put(format!("/payments/{key}"), value);
                }
            });
        }
        Ok("layers") => {
            let store = store.clone();
            std::thread::spawn(move || {
                pause();
                store.put("/app@eu/workers", "20");
            });
        }
        Ok("fleet") => return vec![instance(store, "web-1"), instance(store, "web-2")],
        Ok("troubled fleet") => return troubled(store),
        Ok("changing fleet") => {
            let (store, mut all) = (store.clone(), vec![instance(store, "web-1"), instance(store, "web-2")]);
            std::thread::spawn(move || {
                pause();
                store.put("/payments/log/level", "debug");
                pause();
                all.push(instance(&store, "web-3"));
                pause();
                drop(all.remove(0));
                pause();
                store.put("/payments/database/pool_size", "0");
                std::thread::sleep(Duration::from_secs(60));
            });
        }
        _ => {}
    }
    Vec::new()
}

/// An instance that is listed.
fn instance(store: &MemoryStore, name: &str) -> Live<Settings> {
    let options =
        Settings::options().instance(name).instance_version("1.4.2").instance_spread(Duration::ZERO);
    let live = options.watch(store).expect("the keys are valid");
    until(|| live.status().instance.is_some());
    live
}

/// Two that refuse what is stored, after something that waits for a restart of one; and what is no instance.
fn troubled(store: &MemoryStore) -> Vec<Live<Settings>> {
    let reports = || -> Vec<InstanceReport> {
        let fleet = Fleet::of::<Settings>(store).expect("it can be read");
        fleet.instances().iter().filter_map(|instance| instance.report.clone().ok()).collect()
    };
    let old = instance(store, "web-1");
    store.put("/payments/threads", "8");
    until(|| reports().iter().any(|report| !report.restart.is_empty()));
    let all = vec![old, instance(store, "web-2")];
    store.put("/payments.fleet/odd", "by hand");
    store.put("/payments/database/pool_size", "0");
    until(|| reports().iter().filter(|report| report.refused.is_some()).count() == 2);
    all
}

fn until(is_so: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(20), "it never is so");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The keys that are looked for, in each place.
fn keys(store: &MemoryStore) -> String {
    const KEYS: [&str; 12] = [
        "listen",
        "log/level",
        "timeout",
        "max_connections",
        "database/url",
        "database/pool_size",
        "features/dark",
        "features/refunds",
        "api_token",
        "greeting",
        "greeting_text",
        "threads",
    ];
    const LAYERED: [&str; 7] =
        ["workers", "threads", "log/level", "limits/a", "limits/b", "database/url", "region"];
    let settings = KEYS.iter().map(|key| format!("/payments/{key}"));
    let layered = ["/app", "/app@eu", "/app@web-1"];
    let layered = layered.iter().flat_map(|layer| LAYERED.iter().map(move |key| format!("{layer}/{key}")));
    let line = |key: String| Some(format!("{key}={}\n", String::from_utf8_lossy(&store.get(&key)?)));
    settings.chain(layered).filter_map(line).collect()
}
