//! A member that was away for so long that its leader sends it a snapshot instead of the log.

use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config_tests::{History, Server, Witness, block_on, on_each_line_and_layers, over_v2};

/// What the leader keeps of its log for members that lag behind.
const KEPT: usize = 5_000;

#[test]
fn r23_a_member_that_skips_history_makes_it_listed_again() {
    on_each_line_and_layers(|stage| {
        let cluster = stage.server().flag("--snapshot-count", "40").peer_proxies();
        let cluster = cluster.start_cluster();
        let leader = cluster.leader();
        let place = (leader + 1) % 3;
        let (lagging, other) = (cluster.member(place), cluster.member((leader + 2) % 3));
        let history = stage.history(cluster.member(leader));
        history.write([("a", Some("1")), ("b", Some("1")), ("c", Some("1"))]);
        let live = stage.options().watch(lagging.endpoint()).expect("a first snapshot");
        let witness = Witness::watching(&live);

        // Without the messages that are on their way to it: it would read them when it wakes up.
        cluster.isolate(place);
        lagging.pause();
        write_elsewhere(other, KEPT + 500);
        history.delete("a");
        history.put("b", "2");
        history.compact();
        cluster.reunite();
        lagging.resume();
        wait_for_snapshot(lagging);
        witness.converges(&history, Duration::from_secs(10));
        assert_eq!(live.status().counters.lists, 2);
        assert_eq!(witness.named(), ["a", "b"]);
    });
}

/// Over v2 the leader's snapshot brings its last thousand changes along, and tells no poll of them.
#[test]
fn r23_a_member_that_skips_history_over_v2_loses_nothing() {
    for_v2_behind_a_snapshot(|_| vec!["a", "b"]);
}

/// A poll that waits is ended by the first change behind the snapshot.
#[test]
fn r23_what_follows_the_skipped_history_over_v2_does_not_hide_it() {
    for_v2_behind_a_snapshot(|history| {
        for n in 2..20 {
            history.put("c", &n.to_string());
            thread::sleep(Duration::from_millis(50));
        }
        vec!["a", "b", "c"]
    });
}

/// Watches a member that gets its leader's snapshot, in which `a` is deleted and `b` changed, and
/// then does what follows; its answer is the names that must be told.
fn for_v2_behind_a_snapshot(then: fn(&History<'_>) -> Vec<&'static str>) {
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
        let witness = Witness::watching(&live);

        cluster.isolate(place);
        lagging.pause();
        write_elsewhere(other, KEPT + 500);
        history.delete("a");
        history.put("b", "2");
        cluster.reunite();
        lagging.resume();
        wait_for_snapshot(lagging);
        let named = then(&history);
        witness.converges(&history, Duration::from_secs(15));
        let mut heard = witness.named();
        heard.dedup();
        assert_eq!(heard, named);
    });
}

/// When the leader sends it is not up to the client.
fn wait_for_snapshot(lagging: &Server) {
    let begin = Instant::now();
    while lagging.metric("etcd_network_snapshot_receive_success") == 0.0 {
        assert!(begin.elapsed() < Duration::from_secs(60), "the log was long enough");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Entries of the log that have nothing to do with the configuration.
fn write_elsewhere(server: &Server, count: usize) {
    block_on(async {
        // Thousands of writes to a disk that others use, too.
        let (start, limit) = (Instant::now(), Duration::from_secs(60));
        let client = Client::builder().endpoints([server.endpoint()]).timeout(limit).build();
        let client = client.expect("a client");
        client.put("/elsewhere", "0").await.expect("written");
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let client = client.clone();
            writers.spawn(async move {
                for n in 0..count.div_ceil(100) {
                    // Half of a busy cluster may elect a leader meanwhile.
                    while let Err(error) = client.put("/elsewhere", n.to_string()).await {
                        assert!(start.elapsed() < 2 * limit, "{error}");
                    }
                }
            });
        }
        while let Some(written) = writers.join_next().await {
            written.expect("no panic");
        }
    });
}
