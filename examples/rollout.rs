//! A change that one instance has first: taken back when the probe fails, promoted to all when it does not, and left where
//! it is when the process goes away that drives it. In memory:
//!
//! ```text
//! cargo run -p etcd-config-examples --example rollout
//! ```
//!
//! One sees who would have it first, each step, and what the three instances have after it.

use std::error::Error;
use std::sync::mpsc;
use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore, Options, Rollout, RolloutEnd, RolloutStep, field};

#[derive(EtcdConfig)]
#[etcd(prefix = "/payments", layers("/payments@{instance}"))]
struct Settings {
    #[etcd(default = 10)]
    workers: u32,
}

const SOON: Duration = Duration::from_secs(10);
const OBSERVE: Duration = Duration::from_millis(300); // minutes, in earnest

/// Whoever rolls out is no instance, so it has a name that none has.
fn options() -> Options<Settings> {
    Settings::options().placeholder("instance", "-")
}

fn to_web_1(store: &MemoryStore, workers: u32) -> Result<Rollout<Settings>, etcd_config::Error> {
    let plan = options().edit(store)?.set(field!(Settings.workers), &workers)?.plan()?;
    Ok(Rollout::of(plan).to(["web-1"]).observe(OBSERVE).on_step(|step| println!("{step}")))
}

fn main() -> Result<(), Box<dyn Error>> {
    let store = MemoryStore::new();
    let instances = ["web-1", "web-2", "web-3"]
        .map(|name| Settings::options().instance(name).watch(&store))
        .into_iter()
        .collect::<Result<Vec<Live<Settings>>, _>>()?;
    for instance in &instances {
        // An instance is listed a moment after its start.
        instance.wait_until(|_| instance.status().instance.is_some(), SOON)?;
    }
    let fleet = options().fleet(&store)?;
    let workers = || instances.iter().map(|instance| instance.load().workers).collect::<Vec<_>>();

    let bad = to_web_1(&store, 500)?.probe(|| Err("5 % errors"));
    let first = bad.preview()?;
    let keys: Vec<&str> = first.keys.iter().map(|key| key.path.as_str()).collect();
    println!("{keys:?} would change for {:?} first, in {:?}", first.instances, first.layers);
    if let Err(error) = bad.promote() {
        println!("{error}");
        if let Some(RolloutEnd::TakenBack { revision, .. }) = error.rollout() {
            fleet.wait_for_revision(*revision, SOON)?;
            println!("all have the old value: {:?}\n", workers());
        }
    }

    let promoted = to_web_1(&store, 20)?.probe(|| Ok::<(), String>(())).promote()?;
    fleet.wait_for_revision(promoted.revision(), SOON)?;
    println!("all have the new value: {:?}\n", workers());

    // A driver that goes away as soon as the change is staged: its future is dropped with the runtime.
    let (staged, is_staged) = mpsc::channel();
    let left = to_web_1(&store, 40)?.observe(SOON).on_step(move |step| {
        if matches!(step, RolloutStep::Staged { .. }) {
            let _ = staged.send(());
        }
    });
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.spawn(left.promote_async());
    is_staged.recv()?;
    drop(runtime);
    instances[0].wait_until(|now| now.workers == 40, SOON)?;
    println!("its driver has gone away: {:?}", workers());
    for rollout in options().rollouts(&store)?.into_rollouts() {
        println!("{rollout}");
        // `abort` works at once. `resume`, which watches anew and then promotes, is refused until the lease of the former
        // driver has ended: for up to 15 s nobody can know whether that one still goes on.
        fleet.wait_for_revision(rollout.abort()?, SOON)?;
    }
    println!("aborted: {:?}; {}", workers(), options().rollouts(&store)?);
    Ok(())
}
