//! Watches and watchers on servers that are well.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use etcd_client_core::v2::{Action, Client, Event};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::line::{is_quiet, next, on_each_line, on_own_servers, registered};

#[test]
fn w01_watch_once() {
    on_own_servers("w01", &async |line| {
        let index = line.client.set(line.key("other"), "v").await.unwrap().into_body().index().unwrap();
        let watch = line.client.watch(line.key("k")).open().await.unwrap();
        assert_eq!(watch.headers().etcd_index(), Some(index), "headers come before the event");
        let set = line.client.set(line.key("k"), "v").await.unwrap();
        let change = timeout(Duration::from_secs(5), watch).await.unwrap().unwrap();
        assert_eq!(change.body(), set.body());
        assert_eq!(change.headers().etcd_index(), Some(index), "that of the registration");
    });
}

#[test]
fn w02_watch_from_an_index_in_the_past() {
    on_each_line("w02", &async |line| {
        let key = line.key("k");
        let first = line.client.set(&key, "1").await.unwrap();
        line.client.set(&key, "2").await.unwrap();
        line.client.set(&key, "3").await.unwrap();
        let from = first.body().index().unwrap();
        let change =
            timeout(Duration::from_secs(5), line.client.watch_index(&key, from)).await.unwrap().unwrap();
        assert_eq!((change.value(), change.body().index()), (Some("1"), Some(from)));
        let change = line.client.watch(line.directory()).recursive(true).index(from + 1).await.unwrap();
        assert_eq!(change.value(), Some("2"));
    });
}

#[test]
fn w03_watcher_sees_every_action() {
    on_each_line("w03", &async |line| {
        let start = line.client.set(line.key("start"), "v").await.unwrap().into_body().index().unwrap();
        let mut watcher = line.client.watcher(line.directory()).recursive(true).index(start + 1).start();
        let (client, key) = (&line.client, line.key("k"));
        client.set(&key, "1").await.unwrap();
        client.set(&key, "2").prev_exist(true).await.unwrap();
        client.compare_and_swap(&key, "3", "2").await.unwrap();
        client.compare_and_delete(&key, "3").await.unwrap();
        client.create_in_order(line.key("q"), "v").await.unwrap();
        client.delete(line.key("q")).recursive(true).await.unwrap();
        client.set(&key, "4").ttl(Duration::from_secs(1)).await.unwrap();
        let mut last = start;
        for action in [
            Action::Set,
            Action::Update,
            Action::CompareAndSwap,
            Action::CompareAndDelete,
            Action::Create,
            Action::Delete,
            Action::Set,
            Action::Expire,
        ] {
            let event = next(&mut watcher).await;
            assert_eq!(event.action(), Some(action), "{event:?}");
            let index = event.change().unwrap().index().unwrap();
            assert!(index > last, "{index} after {last}");
            last = index;
        }
        assert!(is_quiet(&mut watcher).await);
        assert_eq!(watcher.index(), Some(last));
    });
}

#[test]
fn w04_recursive_and_plain_on_a_directory() {
    on_each_line("w04", &async |line| {
        let start = line.client.mkdir(line.key("d")).await.unwrap().into_body().index().unwrap();
        let mut plain = line.client.watcher(line.key("d")).index(start + 1).start();
        let mut recursive = line.client.watcher(line.key("d")).recursive(true).index(start + 1).start();
        line.client.set(line.key("d/x"), "v").await.unwrap();
        assert_eq!(next(&mut recursive).await.change().unwrap().node.as_ref().unwrap().key, "/w04/d/x");
        assert!(is_quiet(&mut plain).await);
    });
}

#[test]
fn w06_a_thousand_rapid_sets() {
    on_own_servers("w06", &async |line| {
        let start = line.client.mkdir(line.key("d")).await.unwrap().into_body().index().unwrap();
        let mut watcher = line.client.watcher(line.key("d")).recursive(true).index(start + 1).start();
        let mut sets = JoinSet::new();
        for i in 0..1_000 {
            let (client, key) = (line.client.clone(), line.key(&format!("d/{i}")));
            sets.spawn(async move { client.set(key, "v").await.unwrap() });
        }
        let (mut keys, mut last) = (HashSet::new(), start);
        while keys.len() < 1_000 {
            let Event::Change(change) = next(&mut watcher).await else {
                panic!("something else than changes")
            };
            let index = change.index().unwrap();
            assert!(index > last, "{index} after {last}");
            last = index;
            assert!(keys.insert(change.node.unwrap().key), "twice at {index}");
        }
        while let Some(set) = sets.join_next().await {
            set.unwrap();
        }
        assert!(is_quiet(&mut watcher).await);
    });
}

#[test]
fn w19_the_clients_time_limit_does_not_break_watchers() {
    on_own_servers("w19", &async |line| {
        let limit = Duration::from_millis(500);
        let client = Client::builder().endpoints([line.server.endpoint()]).timeout(limit).build().unwrap();
        client.set(line.key("k"), "0").await.unwrap();
        let mut watcher = registered(&client, client.watcher(line.key("k")).start()).await;
        let watch = client.watch(line.key("k")).open().await.unwrap();
        let idle = timeout(Duration::from_secs(3), watcher.next()).await;
        assert!(idle.is_err(), "{idle:?}");
        line.client.set(line.key("k"), "1").await.unwrap();
        assert_eq!(next(&mut watcher).await.change().unwrap().value(), Some("1"));
        assert_eq!(watch.await.unwrap().value(), Some("1"));
    });
}

#[test]
fn w20_hidden_keys_are_not_watched() {
    on_each_line("w20", &async |line| {
        let start = line.client.mkdir(line.key("d")).await.unwrap().into_body().index().unwrap();
        line.client.set(line.key("d/_before"), "v").await.unwrap();
        // The server would show this one: it lies in the history.
        let mut watcher = line.client.watcher(line.key("d")).recursive(true).index(start + 1).start();
        assert!(is_quiet(&mut watcher).await);
        line.client.set(line.key("d/_h"), "v").await.unwrap();
        line.client.set(line.key("d/_hid/x"), "v").await.unwrap();
        assert!(is_quiet(&mut watcher).await);
        line.client.set(line.key("d/seen"), "v").await.unwrap();
        assert_eq!(next(&mut watcher).await.change().unwrap().node.as_ref().unwrap().name(), "seen");
    });
}

#[test]
fn w21_a_refresh_notifies_nobody() {
    on_each_line("w21", &async |line| {
        let key = line.key("k");
        let minute = Duration::from_secs(60);
        let start = line.client.set(&key, "v").ttl(minute).await.unwrap().into_body().index().unwrap();
        let mut watcher = line.client.watcher(&key).index(start + 1).start();
        let refreshed = line.client.refresh(&key, minute).await.unwrap().into_body().index().unwrap();
        assert!(refreshed > start);
        assert!(is_quiet(&mut watcher).await);
        let watch = line.client.watch_index(&key, refreshed).into_future();
        assert!(timeout(Duration::from_millis(500), watch).await.is_err());
    });
}

#[test]
fn w22_history_and_live_events_without_the_servers_stream() {
    on_each_line("w22", &async |line| {
        let key = line.key("k");
        let start = line.client.set(&key, "0").await.unwrap().into_body().index().unwrap();
        for i in 1..10 {
            line.client.set(&key, i.to_string()).await.unwrap();
        }
        let mut watcher = line.client.watcher(&key).index(start).start();
        for i in 0..20 {
            if i >= 10 {
                line.client.set(&key, i.to_string()).await.unwrap();
            }
            assert_eq!(next(&mut watcher).await.change().unwrap().value(), Some(&*i.to_string()));
        }
    });
}

#[test]
fn w25_five_hundred_watchers_on_one_client() {
    on_own_servers("w25", &async |line| {
        let start = line.client.mkdir(line.key("d")).await.unwrap().into_body().index().unwrap();
        let mut tasks = JoinSet::new();
        for i in 0..500 {
            let mut watcher = line.client.watcher(line.key(&format!("d/{i}"))).index(start + 1).start();
            tasks.spawn(async move {
                next(&mut watcher).await.change().unwrap().value() == Some(&*i.to_string())
            });
        }
        super::line::until_watchers(&line.client, 500, Duration::from_secs(30)).await;
        let started = Instant::now();
        line.client.get(line.key("d")).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(2), "a get took {:?}", started.elapsed());
        for i in 0..500 {
            line.client.set(line.key(&format!("d/{i}")), i.to_string()).await.unwrap();
        }
        let mut fired = 0;
        while let Some(right) = timeout(Duration::from_secs(20), tasks.join_next()).await.expect("all fire") {
            assert!(right.unwrap());
            fired += 1;
        }
        assert_eq!(fired, 500);
        sleep(Duration::from_millis(10)).await;
    });
}
