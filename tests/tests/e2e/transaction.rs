//! A transaction is seen whole or not at all.

use std::thread;
use std::time::Duration;

use etcd_config::EtcdConfig;
use etcd_config_tests::{Server, servers};

use crate::history::History;
use crate::witness::{Flat, PREFIX, Witness};

/// R04
#[test]
fn a_hundred_keys_of_one_transaction_are_always_of_one_generation() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        let names: Vec<_> = (0..100).map(|n| format!("key{n}")).collect();
        let write = |generation: u32| {
            let value = generation.to_string();
            history.write(names.iter().map(|name| (name.as_str(), Some(&*value))))
        };
        write(0);
        let live = Flat::watch(server.endpoint()).expect("a first snapshot");
        let witness = Witness::of(&live);
        live.on_change(|change| {
            let mut generations = change.new().all.values();
            let first = generations.next();
            assert!(generations.all(|generation| Some(generation) == first), "a torn callback");
        });
        thread::scope(|scope| {
            let writing = scope.spawn(|| (1..=150).map(write).for_each(drop));
            let mut reader = live.reader();
            while !writing.is_finished() {
                let mut generations = reader.load().all.values();
                let first = generations.next();
                assert!(generations.all(|generation| Some(generation) == first), "a torn read");
            }
        });
        witness.converges(&history, Duration::from_secs(2));
        assert_eq!(live.status().counters.callback_panics, 0);
    }
}
