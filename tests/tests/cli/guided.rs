//! The program of `docs::command_line`, over a store in memory with two instances in the same process.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use etcd_config::{EtcdConfig, MemoryStore, Secret, cli};

#[derive(EtcdConfig)]
#[etcd(prefix = "/payments", layers("/payments@{instance}"))]
pub(crate) struct Settings {
    #[etcd(default = 10)]
    pub workers: u32,
    #[etcd(key = "log/level", default = "info")]
    pub log_level: String,
    #[etcd(nested)]
    pub database: Database,
    #[etcd(map)]
    pub features: HashMap<String, bool>,
    #[etcd(nested)]
    pub upstreams: BTreeMap<String, Upstream>,
    pub api_token: Option<Secret<String>>,
}

#[derive(EtcdConfig)]
pub(crate) struct Database {
    #[etcd(default = 10)]
    pub pool_size: u32,
}

#[derive(EtcdConfig)]
pub(crate) struct Upstream {
    pub addr: SocketAddr,
}

pub(crate) fn main() -> ExitCode {
    let store = MemoryStore::from([("/payments/workers", "12"), ("/payments/log/level", "warn")]);
    let _instances = ["web-1", "web-2"].map(|name| {
        let options = Settings::options().instance(name).instance_spread(Duration::ZERO);
        let settings = options.watch(&store).expect("it starts");
        while settings.status().instance.is_none() {
            std::thread::sleep(Duration::from_millis(10));
        }
        settings
    });
    cli::main_over::<Settings>(&store)
}
