//! The first load of many keys into a map, beside reading the same range untyped.

use std::collections::HashMap;
use std::time::Instant;

use etcd_client_core::v3::Client;
use etcd_client_core::{Prefix, Store};
use etcd_config::EtcdConfig;
use etcd_config_tests::Server;
use tokio::runtime::Builder;

use crate::samples::{Samples, verdict};

#[derive(EtcdConfig)]
#[etcd(prefix = "/load")]
struct Many {
    #[etcd(map)]
    values: HashMap<String, String>,
}

/// The most operations that etcd takes in one transaction.
const OPERATIONS: usize = 128;

pub(crate) fn run(server: &Server, quick: bool) {
    let (keys, rounds) = if quick { (1_000, 2) } else { (100_000, 15) };
    let client = Client::new([server.endpoint()]).expect("the endpoint of a server");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(fill(&client, keys));

    let (mut range, mut list, mut typed) = (Samples::default(), Samples::default(), Samples::default());
    for round in 0..=rounds {
        let begin = Instant::now();
        let answer = runtime.block_on(async { client.get("/load/").prefix().await }).expect("the range");
        let in_range = begin.elapsed();
        assert_eq!(answer.kvs.len(), keys);
        drop(answer);

        let begin = Instant::now();
        let listing = runtime.block_on(client.list(&Prefix::new("/load"))).expect("the listing");
        let in_listing = begin.elapsed();
        assert_eq!(listing.entries.len(), keys);
        drop(listing);

        let begin = Instant::now();
        let many = Many::watch(&client).expect("all values are strings");
        let loaded = begin.elapsed();
        assert_eq!(many.load().values.len(), keys);
        drop(many);

        // The first round warms up.
        if round > 0 {
            range.push(in_range);
            list.push(in_listing);
            typed.push(loaded);
        }
    }
    println!("\nfirst load of {keys} keys of 100 bytes, {rounds} rounds");
    println!("  untyped, in one range  {range}");
    println!("  untyped, in pages      {list}");
    println!("  typed, into a HashMap  {typed}");
    println!("  typed to pages: {:.3}x", typed.ratio_to(&list));
    verdict("typed to one range", typed.ratio_to(&range), 1.30);
}

async fn fill(client: &Client, keys: usize) {
    let numbers: Vec<usize> = (0..keys).collect();
    for some in numbers.chunks(OPERATIONS) {
        let mut txn = client.txn();
        for number in some {
            txn = txn.then(client.put(format!("/load/values/{number:06}"), "x".repeat(100)));
        }
        txn.await.expect("a transaction");
    }
}
