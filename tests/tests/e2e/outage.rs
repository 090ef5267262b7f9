//! A single server that goes away and comes back.

use std::thread;
use std::time::Duration;

use etcd_config::EtcdConfig;
use etcd_config_tests::{Proxy, Server, servers};

use crate::history::History;
use crate::witness::{Flat, PREFIX, Witness};

/// R11
#[test]
fn a_server_that_was_killed_is_taken_up_again_where_it_was() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let live = Flat::watch(server.endpoint()).expect("a first snapshot");
        let witness = Witness::of(&live);
        witness.watches(Duration::from_secs(5));

        server.kill();
        witness.notices_a_loss(Duration::from_secs(1));
        thread::sleep(Duration::from_secs(5));
        assert_eq!(live.load().all["a"], "1");
        assert!(witness.changes().is_empty());

        server.restart();
        history.put("a", "2");
        history.put("b", "1");
        witness.converges(&history, Duration::from_secs(3));
        assert_eq!(witness.changes().iter().map(|change| change.keys().len()).sum::<usize>(), 2);
    }
}

/// R13
#[test]
fn a_connection_that_ends_in_good_order_is_a_lost_one() {
    let server = Server::start();
    let history = History::of(&server, PREFIX);
    let proxy = Proxy::to(&server.address());
    let live = Flat::watch(proxy.endpoint()).expect("a first snapshot");
    let witness = Witness::of(&live);
    for round in 0..5 {
        witness.watches(Duration::from_secs(5));
        let before = proxy.connections();
        proxy.cut();
        history.put("a", &round.to_string());
        witness.converges(&history, Duration::from_secs(2));
        assert!(proxy.connections() > before);
    }
    assert_eq!(live.status().counters.snapshots, 6, "each write is one change");
}

/// R14
#[test]
fn a_frozen_server_is_noticed_and_its_last_settings_stay() {
    let server = Server::start();
    let history = History::of(&server, PREFIX);
    history.put("a", "1");
    let live = Flat::watch(server.endpoint()).expect("a first snapshot");
    let witness = Witness::of(&live);
    witness.watches(Duration::from_secs(5));

    server.pause();
    witness.notices_a_loss(Duration::from_secs(15));
    assert_eq!(live.load().all["a"], "1");
    thread::sleep(Duration::from_secs(3));
    assert!(live.status().age > Duration::from_secs(3));

    server.resume();
    history.put("a", "2");
    witness.converges(&history, Duration::from_secs(15));
    witness.watches(Duration::from_secs(15));
}
