//! One key of many is written: from the write to the new snapshot, over a store in memory, so that
//! no network and no disk is part of it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use etcd_config::{EtcdConfig, Live, MemoryStore};

use crate::samples::{Samples, verdict};

#[derive(EtcdConfig)]
#[etcd(prefix = "/many")]
struct Many {
    #[etcd(map)]
    values: HashMap<String, String>,
}

const LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn run(quick: bool) {
    let rounds = if quick { 3 } else { 1_000 };
    let sizes: [u32; 3] = if quick { [10, 100, 1_000] } else { [100, 10_000, 100_000] };
    let configurations: Vec<_> = sizes.iter().map(|size| watch(*size)).collect();
    let mut all: [Samples; 3] = Default::default();
    for round in 0..rounds {
        for ((store, live), samples) in configurations.iter().zip(&mut all) {
            samples.push(update(store, live, round));
        }
    }
    println!("\none key updated, {rounds} rounds, from the write to the new snapshot");
    for (size, samples) in sizes.iter().zip(&all) {
        println!("  of {size:>7} keys  {samples}");
    }
    verdict("the largest to the smallest", all[2].median() / all[0].median(), 3.0);
}

fn watch(size: u32) -> (MemoryStore, Live<Many>) {
    let store = MemoryStore::new();
    let mut transaction = store.transaction();
    for number in 0..size {
        transaction = transaction.put(format!("/many/values/{number:06}"), "x".repeat(100));
    }
    transaction.commit();
    let live = Many::watch(&store).expect("all values are strings");
    // The first update makes the second copy, which later ones use in turn.
    let first = update(&store, &live, u32::MAX);
    println!("{}the first update of {size} keys: {first:.1?}", if size == 100 { "\n" } else { "" });
    (store, live)
}

fn update(store: &MemoryStore, live: &Live<Many>, round: u32) -> Duration {
    let begin = Instant::now();
    let revision = store.put("/many/values/000007", format!("{round:0100}"));
    live.wait_until(|many| many.values["000007"].ends_with(&round.to_string()), LIMIT).expect("the update");
    let elapsed = begin.elapsed();
    live.wait_for_revision(revision, LIMIT).expect("the update");
    elapsed
}
