//! The v3 client on a cluster that loses members.

use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_client_core::{Kind, Prefix, Store};
use etcd_config_tests::{Cluster, block_on, soon};

#[test]
fn calls_go_on_when_the_leader_dies() {
    let cluster = Cluster::start();
    block_on(async {
        let client = Client::new(cluster.endpoints()).unwrap();
        let follower = Client::new([cluster.member(cluster.follower()).endpoint()]).unwrap();
        let mut watch = follower.watch("/k").await.unwrap();
        client.put("/k", "1").await.unwrap();
        cluster.member(cluster.leader()).kill();
        let start = Instant::now();
        client.get("/k").await.unwrap();
        // A write may fail, and be applied or not: it says so, and is not sent again by itself.
        while let Err(error) = client.put("/k", "2").await {
            assert!(error.maybe_applied() || error.is_transient(), "{error}");
            assert!(start.elapsed() < Duration::from_secs(12), "{error}");
        }
        assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
        let last = client.get("/k").await.unwrap().kv().unwrap().mod_revision;
        let mut seen = 0;
        while seen < last {
            for event in soon(watch.next()).await.unwrap().unwrap().events {
                seen = event.kv.mod_revision;
            }
        }
    });
}

#[test]
fn a_member_without_a_quorum_says_so_and_is_left() {
    let cluster = Cluster::start();
    block_on(async {
        let lonely = cluster.follower();
        let others: Vec<_> = (0..3).filter(|index| *index != lonely).collect();
        let builder = Client::builder().endpoints([cluster.member(lonely).endpoint()]).max_retries(0);
        let client = builder.timeout(Duration::from_secs(2)).build().unwrap();
        client.put("/k", "1").await.unwrap();
        let mut watch = client.watch("/k").await.unwrap();
        for index in &others {
            cluster.member(*index).pause();
        }
        let start = Instant::now();
        let ended = soon(watch.next()).await.unwrap().unwrap_err();
        assert_eq!(ended.kind(), Kind::NoLeader, "{ended}");
        assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());

        let refused = [
            client.get("/k").await.unwrap_err(),
            client.watch("/k").await.unwrap_err(),
            client.put("/k", "2").await.unwrap_err(),
            client.list(&Prefix::new("/")).await.unwrap_err(),
        ];
        for error in refused {
            assert!(error.kind() == Kind::NoLeader && !error.maybe_applied(), "{error:?}");
        }
        let stale = client.get("/k").serializable().await.unwrap();
        assert_eq!(stale.kv().unwrap().value_str().unwrap(), "1");
        let all =
            Client::builder().endpoints(cluster.endpoints()).timeout(Duration::from_secs(1)).max_retries(0);
        let error = all.build().unwrap().get("/k").await.unwrap_err();
        assert_eq!((error.kind(), error.failures().len()), (Kind::NoLeader, 3), "{error}");

        for index in &others {
            cluster.member(*index).resume();
        }
        cluster.wait_until_healthy();
        client.put("/k", "3").await.unwrap();
        assert!(client.watch("/k").await.is_ok());
    });
}
