//! Starting while etcd does not answer: the last good state is in a file. etcd is played in memory, the file is real:
//!
//! ```text
//! cargo run -p etcd-config-examples --example offline_cache
//! ```
//!
//! One sees a start from the file, how old that is, and what comes when etcd is back. The example `outage` has more of
//! what can happen to a service that runs.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore, Source};

/// A secret would not be in the file, unless `cache_secrets` is on: give it a default, or protect the file like one.
#[derive(EtcdConfig)]
#[etcd(prefix = "/shop")]
struct Settings {
    #[etcd(default = 10)]
    orders: u32,
}

const SOON: Duration = Duration::from_secs(10);

fn start(store: &MemoryStore, file: &Path) -> Result<Live<Settings>, etcd_config::Error> {
    Settings::options()
        .cache_file(file)
        // How long etcd may take before the file is used: seconds in production.
        .startup_timeout(Duration::from_millis(500))
        .watch(store)
}

fn main() -> Result<(), Box<dyn Error>> {
    // Its folder has to be there, and should outlive the process: in a container a volume.
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("settings.cache");
    let store = MemoryStore::from([("/shop/orders", "20")]);

    let settings = start(&store, &file)?;
    println!("from etcd: {} orders", settings.load().orders);
    // Waits for the file as well; dropping the last handle does so for a second.
    settings.close(SOON)?;

    store.refuse(true); // etcd is down
    let settings = start(&store, &file)?;
    let status = settings.status();
    println!(
        "etcd is down: {} orders, from the cache: {}",
        settings.load().orders,
        status.source == Source::Cache
    );
    println!("{status}\n");
    if let Err(error) = settings.require_fresh(Duration::from_millis(100)) {
        println!("for whom old values are worse than none: {error}\n");
    }

    settings.on(|s| &s.orders, |old, new| println!("etcd is back: {old} -> {new} orders"));
    let missed = store.put("/shop/orders", "25");
    store.refuse(false);
    settings.wait_for_callbacks(missed, SOON)?;
    println!("from etcd again: {}", settings.status().source == Source::Etcd);
    Ok(())
}
