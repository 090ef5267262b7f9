//! Clusters of three that lose one member, or their leader.

use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_client_core::{Kind, v2};
use etcd_config::{EtcdConfig, Live};
use etcd_config_tests::{
    Api, Cluster, Flat, History, PREFIX, Server, Witness, block_on, on_each_line, over_each_api,
    over_each_api_and_layers, over_v2,
};

/// The place of the member that a watch is at.
fn used_by(live: &Live<Flat>, cluster: &Cluster) -> usize {
    let endpoint = live.status().endpoint.expect("the endpoint in use");
    let used = cluster.endpoints().iter().position(|known| *known == endpoint);
    used.unwrap_or_else(|| panic!("{endpoint} is no endpoint of the cluster"))
}

#[test]
fn r15_a_frozen_member_is_left_for_another() {
    over_each_api_and_layers(|stage| {
        let cluster = stage.server().start_cluster();
        let history = stage.history(cluster.member(0));
        history.put("a", "1");
        let live = stage.watch(cluster.endpoints()).expect("a first snapshot");
        let witness = Witness::watching(&live);
        let used = used_by(&live, &cluster);

        cluster.member(used).pause();
        let other = cluster.member((used + 1) % 3);
        other.wait_until_healthy(); // with a new leader, where it was the leader
        history.go_on_at(other);
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(15));
        witness.watches(Duration::from_secs(1));
        assert_ne!(used_by(&live, &cluster), used);
    });
}

#[test]
fn r16_a_watch_on_a_follower_outlives_the_leader() {
    on_each_line(|etcd| {
        let cluster = Server::builder().etcd(etcd).start_cluster();
        let leader = cluster.leader();
        let [follower, other] = [1, 2].map(|step| cluster.member((leader + step) % 3));
        let history = History::of(follower, PREFIX);
        let live = Flat::watch(follower.endpoint()).expect("a first snapshot");
        let witness = Witness::watching(&live);

        cluster.member(leader).kill();
        let start = Instant::now();
        block_on(async {
            let client = Client::builder().endpoints([follower.endpoint()]).max_retries(0);
            let client = client.timeout(Duration::from_secs(10)).build().expect("a client");
            while let Err(error) = client.put("/elsewhere", "1").await {
                let kinds = [Kind::Timeout, Kind::NoLeader, Kind::Unavailable];
                assert!(kinds.contains(&error.kind()), "{error:?}");
                assert!(start.elapsed() < Duration::from_secs(12), "{error:?}");
            }
        });
        other.wait_until_healthy();
        history.go_on_at(other);
        history.put("a", "1");
        let left = Duration::from_secs(12).saturating_sub(start.elapsed());
        witness.converges(&history, left);
        let counters = live.status().counters;
        assert_eq!((counters.losses, counters.lists), (0, 1), "nothing was to be seen of it");
    });
}

#[test]
fn r16_a_watch_over_v2_on_a_follower_outlives_the_leader() {
    over_v2(|stage| {
        let cluster = stage.server().start_cluster();
        let leader = cluster.leader();
        let [follower, other] = [1, 2].map(|step| cluster.member((leader + step) % 3));
        let history = stage.history(follower);
        let live = stage.watch([follower.endpoint()]).expect("a first snapshot");
        let witness = Witness::watching(&live);

        cluster.member(leader).kill();
        let start = Instant::now();
        block_on(async {
            let client = v2::Client::builder().endpoints([follower.endpoint()]).max_retries(0);
            let client = client.timeout(Duration::from_secs(10)).build().expect("a client");
            while let Err(error) = client.set("/elsewhere", "1").await {
                assert_eq!(error.kind(), Kind::NoLeader, "{error:?}");
                assert!(start.elapsed() < Duration::from_secs(12), "{error:?}");
            }
        });
        other.wait_until_healthy();
        history.go_on_at(other);
        history.put("a", "1");
        let left = Duration::from_secs(12).saturating_sub(start.elapsed());
        witness.converges(&history, left);
        let counters = live.status().counters;
        assert_eq!((counters.losses, counters.lists), (0, 1), "nothing was to be seen of it");
    });
}

#[test]
fn r24_a_member_that_is_removed_is_left_for_another() {
    over_each_api(|stage| {
        let cluster = stage.server().start_cluster();
        let history = stage.history(cluster.member(0));
        history.put("a", "1");
        let live = stage.watch(cluster.endpoints()).expect("a first snapshot");
        let witness = Witness::watching(&live);
        let used = used_by(&live, &cluster);
        let other = cluster.member((used + 1) % 3);
        history.go_on_at(other);

        let id = cluster.member(used).member_id();
        let start = Instant::now();
        // etcd refuses to while its members have known each other for less than five seconds.
        while let Err(error) = other.try_etcdctl(["member", "remove", &id], "") {
            assert!(start.elapsed() < Duration::from_secs(30), "{error}");
            thread::sleep(Duration::from_millis(200));
        }
        other.wait_until_healthy();
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(5));
        // The member says farewell for some seconds.
        assert!(cluster.member(used).wait_until_ended(Duration::from_secs(20)));
        history.put("a", "3");
        witness.converges(&history, Duration::from_secs(5));
        witness.watches(Duration::from_secs(1));
        assert_ne!(used_by(&live, &cluster), used);
    });
}

#[test]
fn r25_a_transfer_of_the_lead_is_not_noticed() {
    over_each_api(|stage| {
        let cluster = stage.server().start_cluster();
        let history = stage.history(cluster.member(0));
        let first = history.put("a", "0");
        let live = stage.watch(cluster.endpoints()).expect("a first snapshot");
        let witness = Witness::watching(&live);

        thread::scope(|scope| {
            let transfers = scope.spawn(|| {
                for _ in 0..3 {
                    thread::sleep(Duration::from_millis(500));
                    let start = Instant::now();
                    let transfer = || {
                        let leader = cluster.leader();
                        let next = cluster.member((leader + 1) % 3).member_id();
                        cluster.member(leader).try_etcdctl(["move-leader", &next], "")
                    };
                    // On a busy machine another may have been elected meanwhile.
                    while let Err(complaint) = transfer() {
                        assert!(start.elapsed() < Duration::from_secs(60), "{complaint}");
                    }
                }
            });
            // Writes that fail meanwhile may have been carried out: etcd itself is asked later.
            for n in 1.. {
                let _ = history.try_write([("a", Some(&*n.to_string()))]);
                if transfers.is_finished() {
                    break;
                }
                thread::sleep(pause_of(stage.api()));
            }
        });
        cluster.wait_until_healthy();
        history.put("b", "the last");
        history.catch_up(first);
        witness.converges(&history, Duration::from_secs(3));
        let counters = live.status().counters;
        assert_eq!((counters.losses, counters.lists), (0, 1), "nothing was to be seen of it");
        let last = witness.steps().last().map(|step| step.new.revision);
        assert_eq!(last, Some(history.head().0));
    });
}

/// Between two writes: of v2 no more than a thousand can be read later, and each is a request.
fn pause_of(api: Api) -> Duration {
    if api == Api::V2 { Duration::from_millis(100) } else { Duration::ZERO }
}
