//! Watchers that were away for longer than the server remembers, or whose server was replaced.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client_core::Kind;
use etcd_client_core::v2::{Event, Refusal, Resync, Watcher};
use etcd_config_tests::{Reply, Scripted, block_on};
use tokio::task::JoinSet;

use super::line::{Line, is_quiet, next, on_own_servers};

/// More changes than a server remembers.
async fn flood(line: &Line) {
    let mut sets = JoinSet::new();
    for i in 0..1_010 {
        let (client, key) = (line.client.clone(), line.key(&format!("elsewhere/{}", i % 10)));
        sets.spawn(async move { client.set(key, "v").await.unwrap() });
    }
    while let Some(set) = sets.join_next().await {
        set.unwrap();
    }
}

async fn resync(watcher: &mut Watcher) -> Resync {
    match next(watcher).await {
        Event::Resync(resync) => resync,
        other => panic!("{other:?} instead of a resync"),
    }
}

#[test]
fn w07_a_backlog_of_more_than_the_history() {
    on_own_servers("w07", &async |line| {
        let key = line.key("k");
        let start = line.client.set(&key, "0").await.unwrap().into_body().index().unwrap();
        flood(line).await;
        line.client.set(&key, "1").await.unwrap();
        let last = line.client.set(&key, "2").await.unwrap().into_body().index().unwrap();

        let mut watcher = line.client.watcher(&key).index(start + 1).start();
        let resync = resync(&mut watcher).await;
        let refusal = Refusal::of(&resync.error).unwrap();
        assert_eq!((refusal.status(), refusal.code().unwrap().number()), (400, 401));
        let asked = format!("/{}]", start + 1);
        assert!(refusal.cause().contains('[') && refusal.cause().ends_with(&asked), "{}", refusal.cause());
        assert_eq!((resync.error.kind(), resync.error.compact_revision().is_some()), (Kind::Compacted, true));
        assert_eq!(resync.state.unwrap().value.as_deref(), Some("2"));
        assert_eq!(resync.index, last);
        // What the state holds already is not told again; what follows is told once.
        assert!(is_quiet(&mut watcher).await);
        line.client.set(&key, "3").await.unwrap();
        assert_eq!(next(&mut watcher).await.change().unwrap().value(), Some("3"));
        assert!(is_quiet(&mut watcher).await);
    });
}

#[test]
fn w08_resync_of_what_was_deleted() {
    on_own_servers("w08", &async |line| {
        let (key, directory) = (line.key("k"), line.key("d"));
        line.client.set(&key, "0").await.unwrap();
        line.client.set(line.key("d/gone"), "v").await.unwrap();
        let start = line.client.set(line.key("d/stays"), "v").await.unwrap().into_body().index().unwrap();
        line.client.delete(&key).await.unwrap();
        line.client.delete(line.key("d/gone")).await.unwrap();
        line.client.set(line.key("d/new/deep"), "v").await.unwrap();
        flood(line).await;

        let mut watcher = line.client.watcher(&key).index(start + 1).start();
        assert_eq!(resync(&mut watcher).await.state, None);
        line.client.set(&key, "1").await.unwrap();
        assert_eq!(next(&mut watcher).await.change().unwrap().value(), Some("1"));

        let mut watcher = line.client.watcher(&directory).recursive(true).index(start + 1).start();
        let tree = resync(&mut watcher).await.state.unwrap();
        let mut keys: Vec<_> = tree.walk().filter(|node| !node.dir).map(|node| node.key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["/w08/d/new/deep", "/w08/d/stays"]);
    });
}

#[test]
fn w24_another_cluster_or_an_index_that_went_back() {
    let node = r#""node":{"key":"/k","value":"restored","modifiedIndex":9,"createdIndex":9}"#;
    for (cluster, replaced) in [("a", "b"), ("a", "a")] {
        let server = Scripted::new(move |asked| {
            if asked.target.contains("wait=true") {
                let started = asked.target.contains("waitIndex=");
                return if started {
                    Reply::silence().etcd(replaced, 10)
                } else {
                    Reply::cut().etcd(cluster, 5_000)
                };
            }
            Reply::new(200, format!(r#"{{"action":"get",{node}}}"#)).etcd(replaced, 10)
        });
        block_on(async {
            let client = etcd_client_core::v2::Client::new([server.endpoint()]).unwrap();
            let mut watcher = client.watcher("k").start();
            assert!(matches!(next(&mut watcher).await, Event::Reconnect(_)));
            let resync = resync(&mut watcher).await;
            assert_eq!(resync.error.kind(), Kind::FutureRevision, "{}", resync.error);
            assert_eq!((resync.index, resync.state.unwrap().value.as_deref()), (10, Some("restored")));
            assert!(is_quiet(&mut watcher).await);
            assert!(server.asked().last().unwrap().target.contains("waitIndex=11"));
            tokio::time::sleep(Duration::from_millis(1)).await;
        });
    }
}

/// It would wait for the index of another store, which may be years away.
#[test]
fn a_watch_for_one_change_ends_when_the_store_is_another() {
    for (cluster, index) in [("a", 10), ("b", 10), ("b", 6_000)] {
        let polls = AtomicUsize::new(0);
        let server = Scripted::new(move |asked| match asked.target.contains("wait=true") {
            true if polls.fetch_add(1, Ordering::SeqCst) == 0 => Reply::cut().etcd("a", 5_000),
            true => Reply::silence().etcd(cluster, index),
            false => {
                Reply::new(404, r#"{"errorCode":100,"message":"Key not found","cause":"/k","index":10}"#)
                    .etcd(cluster, index)
            }
        });
        block_on(async {
            let client = etcd_client_core::v2::Client::new([server.endpoint()]).unwrap();
            let watch = client.watch("k").open().await.unwrap();
            let ended = tokio::time::timeout(Duration::from_secs(5), watch.into_future()).await;
            let error = ended.expect("an end").expect_err("no change");
            assert_eq!(error.kind(), Kind::FutureRevision, "{error}");
            assert!(error.to_string().contains(&server.endpoint()), "{error}");
        });
    }
}

/// What was asked for is still to come.
#[test]
fn a_watch_from_an_index_to_come_survives_a_cut() {
    let polls = AtomicUsize::new(0);
    let node = r#"{"key":"/k","value":"v","modifiedIndex":9000,"createdIndex":9000}"#;
    let server = Scripted::new(move |asked| {
        assert!(asked.target.contains("waitIndex=9000"), "{}", asked.target);
        match polls.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::cut().etcd("a", 5_000),
            polls => {
                let index = if polls == 1 { 5_001 } else { 9_000 };
                Reply::new(200, format!(r#"{{"action":"set","node":{node}}}"#)).etcd("a", index)
            }
        }
    });
    block_on(async {
        let client = etcd_client_core::v2::Client::new([server.endpoint()]).unwrap();
        let change =
            tokio::time::timeout(Duration::from_secs(5), client.watch_index("k", 9_000).into_future());
        assert_eq!(change.await.expect("in time").expect("a change").value(), Some("v"));
    });
}
