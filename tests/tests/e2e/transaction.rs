//! What one revision changes is seen whole or not at all.

use std::thread;
use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_config_tests::{PREFIX, Witness, block_on, on_each_line_and_layers, soon};

const MEBIBYTE: usize = 1024 * 1024;

#[test]
fn r04_a_hundred_keys_of_one_transaction_are_always_of_one_generation() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let names: Vec<_> = (0..100).map(|n| format!("key{n}")).collect();
        let write = |generation: u32| {
            let value = generation.to_string();
            history.write(names.iter().map(|name| (name.as_str(), Some(&*value))))
        };
        write(0);
        let live = stage.options().watch(server.endpoint()).expect("a first snapshot");
        let witness = Witness::of(&live);
        live.on_change(|change| {
            let mut generations = change.after().all.values();
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
    });
}

/// 12 MB of previous values in one revision: etcd would split that, were it asked to.
#[test]
fn r05_a_large_deletion_is_one_change() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        for n in 0..12 {
            history.put(&format!("large{n}"), &"x".repeat(MEBIBYTE));
        }
        let small: Vec<_> = (0..127).map(|n| format!("small{n}")).collect();
        history.write(small.iter().map(|name| (name.as_str(), Some("1"))));
        let live = stage.options().watch(server.endpoint()).expect("a first snapshot");
        let witness = Witness::watching(&live);

        block_on(async {
            let client = Client::new([server.endpoint()]).expect("a client");
            let mut bare = client.watch(PREFIX).prefix().prev_kv().await.expect("a watch");
            history.clear();
            let response = soon(bare.next()).await.expect("no end").expect("no error");
            let previous =
                |event: &etcd_client_core::v3::Event| event.prev_kv.as_ref().map(|kv| kv.value.len());
            let bytes: usize = response.events.iter().filter_map(previous).sum();
            // Of two layers, the upper one has some of them.
            let is_all = (response.events.len(), bytes) == (139, 12 * MEBIBYTE + 127);
            assert!(is_all || stage.is_layered(), "{bytes} bytes in {} events", response.events.len());
        });
        witness.converges(&history, Duration::from_secs(5));
        let changes: Vec<_> = witness.steps().iter().map(|step| step.names().len()).collect();
        assert_eq!(changes, [139]);
    });
}
