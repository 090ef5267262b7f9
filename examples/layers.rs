//! One prefix over another: what all have, what a zone has, what one machine has; and a canary, which is a value in one
//! machine's layer. In memory:
//!
//! ```text
//! cargo run -p etcd-config-examples --example layers
//! ```
//!
//! One sees from which layer each value of a machine comes, and a value that one machine has before the others.

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore, Options, field};

#[derive(EtcdConfig)]
#[etcd(prefix = "/payments", layers("/payments@{zone}", "/payments@{instance}"))]
struct Settings {
    #[etcd(default = 10)]
    workers: u32,
    #[etcd(key = "log/level", default = "info")]
    log_level: String,
    #[etcd(map)]
    features: BTreeMap<String, bool>,
}

const SOON: Duration = Duration::from_secs(5);

/// A machine in a zone. Placeholders that are not filled here come from the environment.
fn machine(name: &str) -> Options<Settings> {
    Settings::options().placeholder("zone", "eu-1").placeholder("instance", name)
}

fn main() -> Result<(), etcd_config::Error> {
    let store = MemoryStore::from([
        ("/payments/workers", "20"),
        ("/payments/features/refunds", "true"),
        ("/payments@eu-1/workers", "40"),
        ("/payments@eu-1/features/vouchers", "true"), // maps have the entries of all layers
        ("/payments@web-1/log/level", "debug"),
    ]);
    let web_1 = machine("web-1").watch(&store)?;
    let web_2 = machine("web-2").watch(&store)?;
    println!("What web-1 has, and from where:\n{}\n", web_1.explain());

    // The canary: checked and written as any other edit, but into the layer of one machine.
    let edit = machine("web-1").in_layer("/payments@{instance}").edit(&store)?;
    let plan = edit.set(field!(Settings.workers), &80)?.plan()?;
    println!("{plan}\n");
    let tried = plan.commit()?.revision();
    show("web-1 tries it", [&web_1, &web_2], tried)?;

    // Promoted: in the layer of the zone, and no more in that of the machine, in one transaction.
    let promoted = store.transaction().put("/payments@eu-1/workers", "80").delete("/payments@web-1/workers");
    show("all have it", [&web_1, &web_2], promoted.commit())
}

fn show(what: &str, machines: [&Live<Settings>; 2], revision: u64) -> Result<(), etcd_config::Error> {
    for machine in machines {
        machine.wait_for_revision(revision, SOON)?;
    }
    let [web_1, web_2] = machines.map(|machine| machine.load().workers);
    println!("{what}: web-1 has {web_1} workers, web-2 has {web_2}");
    Ok(())
}
