//! Updates of many keys without a network: the store is in memory.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use etcd_config::client::Transaction;
use etcd_config::{EtcdConfig, Live, MemoryStore};
use subject::{Scene, cpu, json, micros};

use crate::{LIMIT, Many, failed};

/// Operations in a transaction, as a server allows.
const OPERATIONS: usize = 128;

/// CPU time of the first update of `keys` keys, of later ones, and of those while the last `held` snapshots are held.
pub(crate) fn run(scene: &Scene) {
    let store = MemoryStore::new();
    let keys: Vec<usize> = (0..scene.number("keys")).collect();
    for some in keys.chunks(OPERATIONS) {
        let put = |txn: Transaction, key: &usize| txn.put(format!("/many/values/{key:06}"), "x".repeat(100));
        some.iter().fold(store.transaction(), put).commit();
    }
    let live = Many::options().prefix("/many").watch(&store).unwrap_or_else(|error| failed(&error));
    thread::sleep(Duration::from_millis(500));
    let first = update(&store, &live, 0);
    let rounds = scene.number("rounds").max(5);
    let mut later: Vec<f64> = (1..=rounds).map(|round| update(&store, &live, round)).collect();
    let mut held = VecDeque::new();
    let mut holding = Vec::new();
    for round in rounds + 1..=2 * rounds {
        held.push_back(live.snapshot());
        if held.len() > scene.number("held") {
            held.pop_front();
            holding.push(update(&store, &live, round));
        } else {
            update(&store, &live, round);
        }
    }
    let first =
        json!({ "first_us": first, "later_us": median(&mut later), "holding_us": median(&mut holding) });
    subject::serve(first, |_, _| json!({}));
}

/// The write, the update and waiting for it, in microseconds of CPU.
fn update(store: &MemoryStore, live: &Live<Many>, round: usize) -> f64 {
    let before = cpu();
    let revision = store.put("/many/values/000007", format!("{round:0100}"));
    live.wait_for_revision(revision, LIMIT).unwrap_or_else(|error| failed(&error));
    // What is done after the snapshot is there belongs to it.
    thread::sleep(Duration::from_millis(2));
    micros(cpu() - before)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
