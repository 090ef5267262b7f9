//! Settings with a layer of each instance, for the tests of rollouts: an instance of them, the command line over a store
//! in memory with instances in the same process, or the command line alone.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use etcd_config::client::{Prefix, Store as _};
use etcd_config::{EtcdConfig, IntoStore, Live, MemoryStore, Secret, cli};
use etcd_config_tests::block_on;

/// Settings of a service.
#[derive(EtcdConfig)]
#[etcd(prefix = "/service", layers("/service@{instance}"))]
pub(crate) struct Service {
    #[etcd(default = 10, validate = not_too_many)]
    pub workers: u32,
    #[etcd(default = "info")]
    pub level: String,
    pub token: Option<Secret<String>>,
}

/// What only some processes refuse.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "what a check is called with")]
fn not_too_many(workers: &u32) -> Result<(), String> {
    let is_strict = std::env::var_os("STRICT").is_some();
    if is_strict && *workers > 99 { Err("more than 99".to_owned()) } else { Ok(()) }
}

pub(crate) fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    if let Some(name) = variable("MEMBER") {
        let endpoint = variable("ETCDCTL_ENDPOINTS").expect("the address of etcd");
        let settings = member(endpoint.as_str(), &name);
        println!("listed");
        // Until nobody holds the other end.
        let _ = io::stdin().lines().last();
        settings.close(Duration::from_secs(5)).expect("it ends");
        return ExitCode::SUCCESS;
    }
    let Some(seed) = variable("SEED").filter(|_| variable("ETCDCTL_ENDPOINTS").is_none()) else {
        return cli::main::<Service>();
    };
    let store = MemoryStore::new();
    let seed = std::fs::read_to_string(seed).expect("the file can be read");
    for (key, value) in seed.lines().filter_map(|line| line.split_once('=')) {
        store.put(key, value);
    }
    let names = variable("MEMBERS").unwrap_or_default();
    let members: Vec<Live<Service>> = names.split_terminator(',').map(|name| member(&store, name)).collect();
    let code = cli::main_over::<Service>(&store);
    drop(members);
    if let Some(after) = variable("AFTER") {
        std::fs::write(after, keys(&store)).expect("the file can be written");
    }
    code
}

/// An instance, once it is listed.
fn member(store: impl IntoStore, name: &str) -> Live<Service> {
    let options = Service::options().placeholder("instance", name).instance(name);
    let options = options.instance_spread(Duration::ZERO).instance_lease(Duration::from_secs(2));
    let settings = options.watch(store).expect("it starts");
    while settings.status().instance.is_none() {
        std::thread::sleep(Duration::from_millis(10));
    }
    settings
}

fn keys(store: &MemoryStore) -> String {
    let directories = ["/service", "/service.rollout", "/service@web-1", "/service@web-2"];
    let entries = directories.iter().flat_map(|directory| {
        let prefix = Prefix::new(directory);
        block_on(store.list(&prefix)).expect("it can be read").entries
    });
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pairs: Vec<String> =
        entries.map(|entry| format!("{}={}\n", text(&entry.key), text(&entry.value))).collect();
    pairs.concat()
}
