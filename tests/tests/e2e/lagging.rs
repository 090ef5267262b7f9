//! A member that was away for so long that its leader sends it a snapshot instead of the log.

use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_config::EtcdConfig;
use etcd_config_tests::{Flat, History, PREFIX, Server, Witness, on_oldest_and_newest, over_v2};

/// What the leader keeps of its log for members that lag behind.
const KEPT: usize = 5_000;

#[test]
fn r23_a_member_that_skips_history_makes_it_listed_again() {
    on_oldest_and_newest(|etcd| {
        let cluster = Server::builder().etcd(etcd).flag("--snapshot-count", "40").peer_proxies();
        let cluster = cluster.start_cluster();
        let leader = cluster.leader();
        let place = (leader + 1) % 3;
        let (lagging, other) = (cluster.member(place), cluster.member((leader + 2) % 3));
        let history = History::of(cluster.member(leader), PREFIX);
        history.write([("a", Some("1")), ("b", Some("1")), ("c", Some("1"))]);
        let live = Flat::watch(lagging.endpoint()).expect("a first snapshot");
        let witness = Witness::of(&live);
        witness.watches(Duration::from_secs(5));

        // Without the messages that are on their way to it: it would read them when it wakes up.
        cluster.isolate(place);
        lagging.pause();
        write_elsewhere(other, KEPT + 500);
        history.delete("a");
        history.put("b", "2");
        history.compact();
        cluster.reunite();
        lagging.resume();
        witness.converges(&history, Duration::from_secs(10));
        assert!(lagging.metric("etcd_network_snapshot_receive_success") > 0.0, "the log was long enough");
        assert_eq!(live.status().counters.lists, 2);
        assert_eq!(witness.named(), ["a", "b"]);
    });
}

/// Over v2 the leader's snapshot brings its last thousand changes along.
#[test]
fn r23_a_member_that_skips_history_over_v2_loses_nothing() {
    over_v2(|stage| {
        let cluster = stage.server().flag("--snapshot-count", "40").peer_proxies().start_cluster();
        let leader = cluster.leader();
        let place = (leader + 1) % 3;
        let (lagging, other) = (cluster.member(place), cluster.member((leader + 2) % 3));
        let history = stage.history(cluster.member(leader));
        for name in ["a", "b", "c"] {
            history.put(name, "1");
        }
        let live = stage.watch([lagging.endpoint()]).expect("a first snapshot");
        let witness = Witness::of(&live);
        witness.watches(Duration::from_secs(5));

        cluster.isolate(place);
        lagging.pause();
        write_elsewhere(other, KEPT + 500);
        history.delete("a");
        history.put("b", "2");
        cluster.reunite();
        lagging.resume();
        witness.converges(&history, Duration::from_secs(15));
        assert!(lagging.metric("etcd_network_snapshot_receive_success") > 0.0, "the log was long enough");
        assert_eq!(witness.named(), ["a", "b"]);
    });
}

/// Entries of the log that have nothing to do with the configuration.
fn write_elsewhere(server: &Server, count: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = Client::new([server.endpoint()]).expect("a client");
        client.put("/elsewhere", "0").await.expect("written");
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let client = client.clone();
            writers.spawn(async move {
                for n in 0..count.div_ceil(100) {
                    client.put("/elsewhere", n.to_string()).await.expect("written");
                }
            });
        }
        while let Some(written) = writers.join_next().await {
            written.expect("no panic");
        }
    });
}
