//! Clusters of three without a quorum, and members that have lost their cluster, over v2: there a
//! member goes on answering watches, and only says that it has no leader where it is asked.

use std::time::Duration;

use etcd_client_core::Kind;
use etcd_client_core::v2::Client;
use etcd_config::{EtcdConfig, State, Status};
use etcd_config_tests::{Flat, Proxy, Server, Witness, over_v2};

fn is_without_quorum(status: &Status) -> bool {
    matches!(status.state, State::NoQuorum(_))
}

#[test]
fn r18_r20_a_lost_quorum_is_said_over_v2_and_healed() {
    over_v2(|stage| {
        let cluster = stage.server().start_cluster();
        let history = stage.history(cluster.member(0));
        history.put("a", "1");
        let live = stage.watch(cluster.endpoints()).expect("a first snapshot");
        let witness = Witness::watching(&live);
        let endpoint = live.status().endpoint.expect("the endpoint in use");
        let others = cluster.members().iter().filter(|member| member.endpoint() != endpoint);
        let client = Client::builder().endpoints([endpoint.clone()]).timeout(Duration::from_secs(12));
        let client = client.max_retries(3).build().expect("a client");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async { client.mkdir("/queue").await }).expect("connected");

        others.clone().for_each(Server::pause);
        // Sent before the member has noticed: the write hangs, and its outcome is not known.
        let unknown = runtime.spawn(client.create_in_order("/queue", "1").into_future());
        witness.waits_for("without quorum", Duration::from_secs(6), is_without_quorum);
        assert!(live.status().to_string().contains("election"), "{}", live.status());
        assert_eq!(live.load().all["a"], "1");
        assert!(witness.steps().is_empty());
        let unknown = runtime.block_on(unknown).expect("no panic").expect_err("no quorum");
        assert!(unknown.maybe_applied(), "{unknown}");
        assert_eq!(unknown.retries(), 0, "{unknown}");

        others.for_each(Server::resume);
        cluster.wait_until_healthy();
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(5));
        let read = runtime.block_on(async { client.get("/queue").quorum(true).await }).expect("read");
        let queue = &read.node().expect("a directory").nodes;
        assert!(queue.len() <= 1, "a write of unknown outcome was sent again: {queue:?}");
    });
}

#[test]
fn r08_r21_a_member_cut_off_from_its_cluster_is_left_over_v2_and_nothing_stale_is_read() {
    over_v2(|stage| {
        let cluster = stage.server().peer_proxies().start_cluster();
        let lonely = cluster.follower();
        let (cut_off, other) = (cluster.member(lonely), cluster.member((lonely + 1) % 3));
        let history = stage.history(other);
        history.put("a", "1");
        let elsewhere = Proxy::to(&other.address());
        elsewhere.refuse(true);
        let live = stage.watch([cut_off.endpoint(), elsewhere.endpoint()]).expect("a first snapshot");
        let witness = Witness::watching(&live);
        assert_eq!(live.status().endpoint, Some(cut_off.endpoint()));
        elsewhere.accept();

        cluster.isolate(lonely);
        other.wait_until_healthy();
        history.put("a", "2");
        history.delete("a");
        history.put("b", "1");
        witness.converges(&history, Duration::from_secs(8));
        witness.watches(Duration::from_secs(1));
        assert_eq!(live.status().endpoint, Some(elsewhere.endpoint()));
        assert_eq!(live.status().counters.repairs, 0, "no audit was needed");

        // A configuration that knows no other member says why it has nothing newer; etcd takes 7 s.
        let options = Flat::options().startup_timeout(Duration::from_secs(10));
        let error = stage.watch_with(options, [cut_off.endpoint()]).expect_err("no stale read");
        assert_eq!(error.store().expect("an error of the store").kind(), Kind::NoLeader, "{error}");
        cluster.reunite();
        cut_off.wait_until_healthy();
        stage.watch([cut_off.endpoint()]).expect("it is back");
    });
}
