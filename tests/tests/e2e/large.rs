//! Changes that are large in bytes or in keys, while they are watched.

use std::sync::mpsc;
use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_config::EtcdConfig;
use etcd_config_tests::{Flat, PREFIX, Server, Witness, block_on, on_each_line, over_each_api};

const KEYS: usize = 10_000;
const MEBIBYTE: usize = 1024 * 1024;

#[test]
fn the_deletion_of_many_thousand_keys_in_one_revision_is_one_change() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let client = Client::new([server.endpoint()]).expect("a client");
        block_on(async {
            client.put(format!("{PREFIX}stays"), "1").await.expect("written");
            let names: Vec<_> = (0..KEYS).map(|n| format!("{PREFIX}many{n:05}")).collect();
            for names in names.chunks(128) {
                let put =
                    |txn: etcd_client_core::v3::Txn, name: &String| txn.then(client.put(name.as_str(), "1"));
                assert!(names.iter().fold(client.txn(), put).await.expect("written").succeeded);
            }
        });
        let live = Flat::watch(server.endpoint()).expect("a first snapshot");
        Witness::watching(&live);
        assert_eq!(live.load().all.len(), KEYS + 1);
        let (tell, told) = mpsc::channel();
        live.on_change(move |change| {
            let sizes = (change.keys().len(), change.before().all.len(), change.after().all.len());
            let _ = tell.send((change.revision(), sizes));
        });
        let deleted = block_on(async { client.delete(format!("{PREFIX}many")).prefix().await });
        let deleted = deleted.expect("deleted").header.revision;
        let heard = told.recv_timeout(Duration::from_secs(20)).expect("a change");
        assert_eq!(heard, (deleted, (KEYS, KEYS + 1, 1)));
        assert!(told.try_recv().is_err(), "a second change");
        let counters = live.status().counters;
        assert_eq!((counters.lists, counters.losses), (1, 0), "{}", live.status());
    });
}

#[test]
fn values_of_a_megabyte_arrive_one_by_one_and_together() {
    over_each_api(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        let live = stage.watch([server.endpoint()]).expect("a first snapshot");
        let witness = Witness::watching(&live);
        for letter in ["x", "y", "z"] {
            history.put("a", &letter.repeat(MEBIBYTE));
        }
        witness.converges(&history, Duration::from_secs(10));
        // A gap of a few megabytes is caught up with.
        server.pause();
        witness.notices_a_loss(Duration::from_secs(15));
        server.resume();
        for n in 0..6 {
            history.put(&format!("large{n}"), &"x".repeat(MEBIBYTE));
        }
        witness.converges(&history, Duration::from_secs(30));
        assert_eq!(live.load().all.len(), 7);
    });
}
