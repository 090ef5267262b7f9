//! Watches of keys in a store in which much is written elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client_core::Kind;
use etcd_client_core::v2::{Client, Event, Watcher};
use etcd_config::EtcdConfig;
use etcd_config_tests::{Flat, Proxy, Reply, Scripted, Server, Witness, block_on, over_v2};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::line::{Line, is_quiet, next, on_own_servers, registered};

/// Writes other keys, so many times, to a disk that others use, too.
async fn write_elsewhere(server: &Server, times: usize) {
    let limit = Duration::from_secs(60);
    let client = Client::builder().endpoints([server.endpoint()]).timeout(limit).build().unwrap();
    let mut writers = JoinSet::new();
    for first in 0..12 {
        let client = client.clone();
        writers.spawn(async move {
            for n in (first..times).step_by(12) {
                client.set(format!("/elsewhere/{}", n % 10), "v").await.unwrap();
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
}

async fn busy(line: &Line, times: usize) {
    write_elsewhere(&line.server, times).await;
}

/// The value of the next event, which is a change.
async fn changed(watcher: &mut Watcher) -> String {
    match next(watcher).await {
        Event::Change(change) => change.value().unwrap().to_owned(),
        other => panic!("{other:?} instead of a change"),
    }
}

#[test]
fn a_change_after_more_writes_than_the_server_remembers_ends_a_watch() {
    on_own_servers("busy1", &async |line| {
        let watch = line.client.watch(line.key("k")).open().await.unwrap();
        busy(line, 1_200).await;
        line.client.set(line.key("k"), "v").await.unwrap();
        let change = timeout(Duration::from_secs(5), watch).await.unwrap().unwrap();
        assert_eq!(change.value(), Some("v"));
    });
}

#[test]
fn a_watch_waits_through_more_writes_than_the_server_remembers() {
    on_own_servers("busy2", &async |line| {
        let watch = line.client.watch(line.key("k")).open().await.unwrap();
        let watching = tokio::spawn(watch.into_future());
        for _ in 0..3 {
            // Younger polls are opened meanwhile.
            busy(line, 1_200).await;
            sleep(Duration::from_secs(3)).await;
        }
        line.client.set(line.key("k"), "v").await.unwrap();
        let change = timeout(Duration::from_secs(5), watching).await.unwrap().unwrap().unwrap();
        assert_eq!(change.value(), Some("v"));
    });
}

#[test]
fn a_watcher_gets_each_change_of_a_store_that_forgets_fast() {
    on_own_servers("busy3", &async |line| {
        let key = line.key("k");
        let mut watcher = registered(&line.client, line.client.watcher(&key).start()).await;
        let mut expected = 0;
        for pause in [0, 300, 3_000, 3_000] {
            // The next poll is opened when the watcher is read, and younger ones later.
            let event = timeout(Duration::from_millis(pause), watcher.next()).await;
            assert!(event.is_err(), "{event:?} before anything happened");
            busy(line, 1_200).await;
            let event = timeout(Duration::from_millis(pause), watcher.next()).await;
            assert!(event.is_err(), "{event:?} before anything happened");
            for _ in 0..2 {
                expected += 1;
                line.client.set(&key, expected.to_string()).await.unwrap();
            }
            for value in [expected - 1, expected] {
                assert_eq!(changed(&mut watcher).await, value.to_string());
            }
        }
    });
}

/// The place that it goes on from moves with the store, not only with its own changes.
#[test]
fn a_watcher_goes_on_after_a_cut_although_its_last_change_is_forgotten() {
    on_own_servers("busy4", &async |line| {
        let proxy = Proxy::to(&line.server.address());
        let client = Client::new([proxy.endpoint()]).unwrap();
        let key = line.key("k");
        let mut watcher = registered(&line.client, client.watcher(&key).start()).await;
        // 100 writes a second at most, while the watcher is read.
        for _ in 0..150 {
            busy(line, 12).await;
            let event = timeout(Duration::from_millis(100), watcher.next()).await;
            assert!(event.is_err(), "{event:?} before anything happened");
        }
        assert!(watcher.index().unwrap() > 500, "the index moves: {:?}", watcher.index());
        proxy.cut();
        line.client.set(&key, "1").await.unwrap();
        let mut cuts = 0;
        let value = loop {
            match next(&mut watcher).await {
                Event::Reconnect(_) => cuts += 1,
                Event::Change(change) => break change.value().unwrap().to_owned(),
                other => panic!("{other:?} instead of a change"),
            }
        };
        assert_eq!((cuts, value.as_str()), (1, "1"));
    });
}

/// A connection that carries nothing any more is not taken for one on which nothing happens, however much
/// the server has forgotten.
#[test]
fn a_change_that_only_a_younger_connection_brings_is_a_resync() {
    let fresh = AtomicUsize::new(0);
    let node = r#""node":{"key":"/k","value":"seen","modifiedIndex":2001,"createdIndex":2001}"#;
    let server = Scripted::new(move |asked| {
        let target = &asked.target;
        if target.contains("waitIndex=2002") {
            return Reply::silence().etcd("a", 2_001);
        }
        if target.contains("waitIndex=") {
            let cause = "the requested history has been cleared [1001/6]";
            let message = "The event in requested index is outdated and cleared";
            let body = format!(r#"{{"errorCode":401,"message":"{message}","cause":"{cause}","index":2000}}"#);
            return Reply::new(400, body).etcd("a", 2_000);
        }
        if !target.contains("wait=true") {
            return Reply::new(200, format!(r#"{{"action":"get",{node}}}"#)).etcd("a", 2_001);
        }
        match fresh.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::silence().etcd("a", 5),
            _ => Reply::new(200, format!(r#"{{"action":"set",{node}}}"#)).etcd("a", 2_000),
        }
    });
    block_on(async {
        let mut watcher = Client::new([server.endpoint()]).unwrap().watcher("k").start();
        match next(&mut watcher).await {
            Event::Resync(resync) => {
                assert_eq!((resync.index, resync.error.kind()), (2_001, Kind::Compacted));
            }
            other => panic!("{other:?} instead of a resync"),
        }
        assert!(is_quiet(&mut watcher).await);
        assert!(server.count() < 10, "{} requests", server.count());
    });
}

#[test]
fn a_configuration_follows_a_store_that_forgets_fast() {
    over_v2(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "0");
        let live = stage.watch([server.endpoint()]).expect("a first snapshot");
        let witness = Witness::watching(&live);
        for n in 1..4 {
            block_on(write_elsewhere(&server, 1_200));
            history.put("a", &n.to_string());
            witness.converges(&history, Duration::from_secs(5));
        }
        let counters = live.status().counters;
        assert_eq!((counters.rewinds, counters.repairs), (0, 0), "{}", live.status());
    });
}

/// Polls are replaced before what they wait for is forgotten, however seldom a sign of life is wanted.
#[test]
fn a_configuration_is_not_listed_again_because_others_write() {
    over_v2(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "0");
        let options = Flat::options().progress_interval(Duration::from_secs(20)).audit_interval(None);
        let client = Client::new([server.endpoint()]).expect("a client");
        let live = options.watch(client).expect("a first snapshot");
        let witness = Witness::watching(&live);
        for round in 1_u32..=160 {
            block_on(write_elsewhere(&server, 12));
            std::thread::sleep(Duration::from_millis(80));
            if round % 80 == 0 {
                history.put("a", &round.to_string());
                witness.converges(&history, Duration::from_secs(5));
            }
        }
        let counters = live.status().counters;
        assert_eq!((counters.lists, counters.losses), (1, 0), "{}", live.status());
    });
}
