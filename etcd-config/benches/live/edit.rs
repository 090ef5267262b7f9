//! A check, and an edit of one key, of many keys, beside a mere load of them: over a store in memory, so that no network
//! and no disk is part of it.

use std::collections::HashMap;
use std::time::Instant;

use etcd_config::{EtcdConfig, MemoryStore};

use crate::samples::{Samples, verdict};

#[derive(EtcdConfig)]
#[etcd(prefix = "/edited")]
struct Many {
    #[etcd(map)]
    values: HashMap<String, String>,
}

pub(crate) fn run(quick: bool) {
    let (keys, rounds) = if quick { (100, 2) } else { (10_000, 200) };
    let store = MemoryStore::new();
    let mut transaction = store.transaction();
    for number in 0..keys {
        transaction = transaction.put(format!("/edited/values/{number:06}"), "x".repeat(100));
    }
    transaction.commit();

    let (mut load, mut check) = (Samples::default(), Samples::default());
    let (mut read, mut plan, mut commit) = (Samples::default(), Samples::default(), Samples::default());
    for round in 0..=rounds {
        let begin = Instant::now();
        // A check lets go of what it has decoded, so the load does, too.
        drop(Many::load_once(&store).expect("all values are strings"));
        let loaded = begin.elapsed();

        let begin = Instant::now();
        let report = Many::check_stored(&store).expect("a report");
        let checked = begin.elapsed();
        assert!(report.is_ok());

        let begin = Instant::now();
        let edit = Many::edit(&store).expect("a listing");
        let listed = begin.elapsed();
        let edit = edit.set_text("values/000007", format!("{round:0100}"));
        let begin = Instant::now();
        let planned = edit.plan().expect("nothing is refused");
        let decoded = begin.elapsed();
        let begin = Instant::now();
        let written = planned.commit().expect("nobody else writes");
        let committed = begin.elapsed();
        assert!(written.has_changed());

        // The first round warms up.
        if round > 0 {
            load.push(loaded);
            check.push(checked);
            read.push(listed);
            plan.push(decoded);
            commit.push(committed);
        }
    }
    println!("\none key of {keys} edited, {rounds} rounds");
    println!("  load_once          {load}");
    println!("  check_stored       {check}");
    println!("  edit: listing      {read}");
    println!("  edit: plan         {plan}");
    println!("  edit: transaction  {commit}");
    verdict("check_stored to load_once", check.ratio_to(&load), 1.20);
}
