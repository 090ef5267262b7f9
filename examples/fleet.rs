//! Who has which change: three instances of a service (here in one process), and somebody who waits until all of them
//! have what was written. In memory:
//!
//! ```text
//! cargo run -p etcd-config-examples --example fleet
//! ```
//!
//! One sees the table of the instances, and who refuses a value that does not fit, and why.

use std::time::Duration;

use etcd_config::{EtcdConfig, Fleet, Live, MemoryStore, field};

#[derive(EtcdConfig)]
#[etcd(prefix = "/payments")]
struct Settings {
    #[etcd(default = 10)]
    workers: u32,
}

const SOON: Duration = Duration::from_secs(10);

fn main() -> Result<(), etcd_config::Error> {
    let store = MemoryStore::new();
    let instances = ["web-1", "web-2", "web-3"]
        .map(|name| Settings::options().instance(name).instance_version("1.4").watch(&store))
        .into_iter()
        .collect::<Result<Vec<Live<Settings>>, _>>()?;
    for instance in &instances {
        // An instance is listed a moment after its start.
        instance.wait_until(|_| instance.status().instance.is_some(), SOON)?;
    }

    let written = Settings::update(&store, |edit| edit.set(field!(Settings.workers), &20))?;
    let fleet = Fleet::of::<Settings>(&store)?;
    fleet.wait_for_revision(written.revision(), SOON)?;
    println!("All have revision {}:\n{}\n", written.revision(), Fleet::of::<Settings>(&store)?);

    // Past the library, which would not have written it.
    let bad = store.put("/payments/workers", "many");
    if let Err(error) = fleet.wait_for_revision(bad, SOON) {
        println!("{error}\n");
        let refused = error.lagging().iter().map(|lagging| lagging.name.as_str());
        println!("in a program: {:?}\n", refused.collect::<Vec<_>>());
    }

    // At its end an instance goes by itself; one that dies is gone when its lease is over, after 15 s.
    instances[2].close(SOON)?;
    println!("Without web-3:\n{}", Fleet::of::<Settings>(&store)?);
    Ok(())
}
