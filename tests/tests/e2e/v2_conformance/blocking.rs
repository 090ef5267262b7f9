//! The client for programs without a runtime.

use std::time::{Duration, Instant};

use etcd_client_core::v2::{Client, Event};
use etcd_client_core::{Kind, v3};
use etcd_config_tests::{Reply, Scripted};

use super::line::{Line, on_each_line, refused};

/// The calls of the case, which block the thread that makes them.
fn all_calls(line: &Line) {
    let client = line.client.blocking();
    let set = client.set(line.key("k"), "v").ttl(Duration::from_secs(60)).send().unwrap();
    assert_eq!((set.headers().status(), set.value()), (201, Some("v")));
    assert!(set.headers().etcd_index().is_some());
    assert_eq!(client.get(line.key("k")).quorum(true).send().unwrap().value(), Some("v"));
    client.mkdir(line.key("d")).send().unwrap();
    client.rmdir(line.key("d")).send().unwrap();
    assert_eq!(refused(client.rmdir(line.key("d")).send()), (404, 100));
    client.delete(line.key("k")).send().unwrap();
    let error = client.get(line.key("k")).send().unwrap_err();
    assert_eq!((error.code(), error.kind()), (Some(100), Kind::NotFound));
    let start = error_index(&error);
    let mut events = client.watcher(line.key("k")).index(start + 1).start();
    client.set(line.key("k"), "w").send().unwrap();
    assert_eq!(events.next().unwrap().change().unwrap().value(), Some("w"));
    events.stop();
    assert!(matches!(events.next(), Some(Event::Stop)) && events.next().is_none());
    client.delete(line.key("k")).send().unwrap();
}

fn error_index(error: &etcd_client_core::Error) -> u64 {
    etcd_client_core::v2::Refusal::of(error).unwrap().index().unwrap()
}

#[test]
fn x04_blocking_calls() {
    // Inside of a runtime with a single thread, where a blocked thread would block its own answer.
    on_each_line("x04", &async |line| all_calls(line));
    // In a plain thread.
    on_each_line("x04", &async |line| {
        std::thread::scope(|scope| scope.spawn(|| all_calls(line)).join().unwrap());
    });
    // At a server that is not there.
    let dead = { Scripted::always(Reply::hang_up()).endpoint() };
    let started = Instant::now();
    let error = Client::new([dead]).unwrap().blocking().get("k").max_retries(1).send().unwrap_err();
    assert_eq!((error.kind(), error.failures().len(), error.retries()), (Kind::Unavailable, 2, 1));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_v3_client_has_the_same_facade() {
    on_each_line("v3-blocking", &async |line| {
        let client = v3::Client::new([line.server.endpoint()]).unwrap().blocking();
        let put = client.put("/b/k", "v").send().unwrap();
        let mut changes = client.watch("/b/").prefix().start_revision(put.header.revision).start().unwrap();
        let change = changes.next().unwrap().unwrap();
        assert_eq!(change.events.len(), 1);
        let txn = client.txn().then(client.get("/b/").prefix()).send().unwrap();
        assert!(txn.succeeded);
        assert_eq!(client.get("/b/k").send().unwrap().kvs[0].value, "v");
        client.delete("/b/k").send().unwrap();
    });
}
