//! A program that is a command line over two structs, for the tests: on a store in memory, whose keys are the lines of
//! the file that `SEED` names; `AFTER` names the file for what is in it at the end.

mod layered;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use etcd_config::{EtcdConfig, MemoryStore, Secret, cli};

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

#[allow(clippy::trivially_copy_pass_by_ref)] // What a check is called with.
fn at_least_one(number: &u32) -> Result<(), String> {
    if *number >= 1 { Ok(()) } else { Err("must be at least 1".to_owned()) }
}

fn main() -> ExitCode {
    if std::env::var_os("LAYERED").is_some() {
        return layered::main();
    }
    let Some(seed) = std::env::var_os("SEED") else { return cli::main::<Settings>() };
    let store = MemoryStore::new();
    let seed = std::fs::read_to_string(seed).expect("the file can be read");
    for (key, value) in seed.lines().filter_map(|line| line.split_once('=')) {
        store.put(key, value.replace("\\e", "\u{1b}").replace("\\n", "\n"));
    }
    play(&store);
    let code = if std::env::var_os("SEVERAL").is_some() {
        cli::main_over::<(Settings, Limits)>(&store)
    } else {
        cli::main_over::<Settings>(&store)
    };
    if let Some(after) = std::env::var_os("AFTER") {
        std::fs::write(after, keys(&store)).expect("the file can be written");
    }
    code
}

/// Faults and changes that come while the command is at work.
fn play(store: &MemoryStore) {
    match std::env::var("PLAY").as_deref() {
        Ok("conflict") => store.conflict_next(),
        Ok("refuse") => store.refuse(true),
        Ok("changes") => {
            let store = store.clone();
            std::thread::spawn(move || {
                for (key, value) in
                    [("log/level", "debug"), ("database/pool_size", "0"), ("log/level", "warn")]
                {
                    std::thread::sleep(Duration::from_millis(700));
                    store.put(format!("/payments/{key}"), value);
                }
            });
        }
        _ => {}
    }
}

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
    let line = |key: &&str| {
        let key = format!("/payments/{key}");
        Some(format!("{key}={}\n", String::from_utf8_lossy(&store.get(&key)?)))
    };
    KEYS.iter().filter_map(line).collect()
}
