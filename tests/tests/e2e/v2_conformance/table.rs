//! The migration table of the documentation, row by row, on a real server. What node-etcd 7 does was
//! seen on the same servers.

use std::time::Duration;

use etcd_client_core::v2::{Action, Client, Event, Refusal, Response};
use etcd_client_core::{EndpointFailure, Error, Kind};
use etcd_config_tests::block_on;
use tokio::time::timeout;

use super::line::{next, on_each_line, refused};

const MINUTE: Duration = Duration::from_secs(60);

fn input<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    assert_eq!(outcome.unwrap_err().kind(), Kind::InvalidInput);
}

#[test]
fn keys_and_values() {
    on_each_line("table-keys", &async |line| {
        let client = &line.client;
        for key in ["a?b", "a#b", "%41", "a b", "a+b"] {
            let set = client.set(line.key(key), "v").await.unwrap();
            assert_eq!(set.node().unwrap().key, line.key(key));
            assert_eq!(client.get(line.key(key)).await.unwrap().value(), Some("v"));
        }
        client.set(line.key("/in//between"), "v").await.unwrap();
        assert_eq!(client.get(line.key("in/between")).await.unwrap().value(), Some("v"));
        client.set(line.key("end/"), "v").await.unwrap();
        assert_eq!(client.get(line.key("end")).await.unwrap().value(), Some("v"));
        input(client.get("a/../b").await);
        assert_eq!(client.set(line.key("num"), 5.to_string()).await.unwrap().value(), Some("5"));
    });
}

#[test]
fn set() {
    on_each_line("table-set", &async |line| {
        let (client, key) = (&line.client, line.key("k"));
        let ttl = |set: Result<Response, Error>| set.unwrap().node().unwrap().ttl;
        assert_eq!(ttl(client.set(&key, "v").ttl(MINUTE).await), Some(60));
        assert_eq!(ttl(client.set(&key, "v").without_ttl().await), None);
        input(client.set(&key, "v").ttl(Duration::ZERO).await);
        input(client.set(&key, "v").prev_index(0).await);
        assert_eq!(ttl(client.refresh(&key, MINUTE).await), Some(60));
        assert!(client.set(&key, "v").no_value_on_success().await.unwrap().node().is_none());
        assert_eq!(client.set(&key, "w").prev_value("v").await.unwrap().action(), Action::CompareAndSwap);
        assert_eq!(refused(client.set(&key, "w").prev_value("v").await), (412, 101));
        assert_eq!(refused(client.set(&key, "w").prev_exist(false).await), (412, 105));
        assert_eq!(client.set(&key, "w").prev_exist(true).await.unwrap().action(), Action::Update);
        assert_eq!(refused(client.set(&key, "w").prev_index(1).await), (412, 101));

        // `set("dir/")` of node-etcd.
        let empty = client.set(line.key("dir/"), "").await.unwrap();
        assert_eq!((empty.value(), empty.node().unwrap().dir), (Some(""), false));
        assert_eq!(refused(client.set(line.key("dir/k"), "v").await), (400, 104));

        let index = client.compare_and_swap(&key, "x", "w").await.unwrap().body().index().unwrap();
        client.compare_index_and_swap(&key, "y", index).await.unwrap();
        input(client.compare_and_swap(&key, "z", "").await);
        assert_eq!(refused(client.compare_and_delete(&key, "x").await), (412, 101));
        input(client.compare_and_delete(&key, "").await);
        assert_eq!(client.compare_and_delete(&key, "y").await.unwrap().action(), Action::CompareAndDelete);
    });
}

#[test]
fn directories() {
    on_each_line("table-dirs", &async |line| {
        let client = &line.client;
        assert_eq!(client.mkdir(line.key("d")).ttl(MINUTE).await.unwrap().node().unwrap().ttl, Some(60));
        client.set(line.key("k"), "precious").await.unwrap();
        for key in ["d", "k"] {
            assert_eq!(refused(client.mkdir(line.key(key)).await), (412, 105));
        }
        assert_eq!(refused(client.mkdir(line.key("d")).replace_key().await), (403, 102));
        let replaced = client.mkdir(line.key("k")).replace_key().await.unwrap();
        assert!(replaced.node().unwrap().dir);
        let update = client.mkdir(line.key("k")).update().ttl(MINUTE).await;
        if line.is(3, 4) {
            assert_eq!(update.unwrap().node().unwrap().ttl, Some(60));
        } else {
            assert_eq!(refused(update), (500, 300));
        }
        client.set(line.key("file"), "v").await.unwrap();
        assert_eq!(client.rmdir(line.key("file")).await.unwrap().action(), Action::Delete);
        assert_eq!(refused(client.get(line.key("file")).await), (404, 100));
        assert_eq!(refused(client.delete(line.key("d")).await), (403, 102));
        client.set(line.key("d/x"), "v").await.unwrap();
        assert_eq!(refused(client.rmdir(line.key("d")).await), (403, 108));
        client.rmdir(line.key("d")).recursive(true).await.unwrap();
        assert_eq!(refused(client.rmdir(line.key("d")).await), (404, 100));
        let created = client.create_in_order(line.key("q"), "v").ttl(MINUTE).await.unwrap();
        assert_eq!((created.action(), created.node().unwrap().ttl), (Action::Create, Some(60)));
    });
}

#[test]
fn watches() {
    on_each_line("table-watch", &async |line| {
        let (client, key) = (&line.client, line.key("k"));
        let start = client.set(&key, "1").await.unwrap().body().index().unwrap();
        assert_eq!(client.watch_index(&key, start).await.unwrap().value(), Some("1"));
        let mut watcher = client.watcher(&key).index(start).start();
        let event = next(&mut watcher).await;
        assert_eq!((event.action(), watcher.index()), (Some(Action::Set), Some(start)));
        assert!(event.change().unwrap().headers.etcd_index().is_some());
        let abort = client.get(&key);
        abort.abort_handle().cancel();
        assert_eq!(abort.await.unwrap_err().kind(), Kind::Aborted);
        watcher.stop_handle().cancel();
        assert!(matches!(next(&mut watcher).await, Event::Stop));
        let limited = Client::builder().endpoints(line.server.endpoint());
        let limited = limited.timeout(Duration::from_millis(300)).build().unwrap();
        assert!(timeout(Duration::from_secs(1), limited.watch(&key).into_future()).await.is_err());
    });
}

#[test]
fn servers_and_raw() {
    on_each_line("table-raw", &async |line| {
        let (client, path) = (&line.client, format!("v2/keys{}", line.key("k")));
        let put = client.raw("PUT", &path).form("value", "v").query("ttl", "60").await.unwrap();
        assert!(put.body().starts_with(r#"{"action":"set""#) && put.body().contains(r#""ttl":60"#));
        assert!(client.raw("get", format!("/{path}")).await.unwrap().body().contains(r#""value":"v""#));
        let status =
            |outcome: Result<Response<String>, Error>| Refusal::of(&outcome.unwrap_err()).unwrap().status();
        assert_eq!(status(client.raw("PATCH", &path).await), 405);
        assert_eq!(status(client.raw("GET", "v2/nothing").await), 404);
        input(client.raw("GET", "v2/keys/a b").await);
        assert!(client.raw("GET", "metrics").await.unwrap().body().starts_with("# HELP"));

        assert_eq!(client.machines().await.unwrap().body().0, [line.server.endpoint()]);
        assert_eq!(client.leader().await.unwrap().body().name, line.server.name());
        assert!(client.leader_stats().await.is_ok() && client.self_stats().await.is_ok());
        assert!(client.version().await.is_ok() && client.health().await.is_ok());
        let sync = client.blocking();
        let key = line.key("sync");
        sync.set(&key, "v").send().unwrap();
        assert_eq!(sync.get(&key).send().unwrap().value(), Some("v"));
        assert!(sync.delete(&key).send().unwrap().headers().etcd_index().is_some());
        sync.mkdir(&key).send().unwrap();
        sync.rmdir(&key).send().unwrap();
    });
}

#[test]
fn errors() {
    on_each_line("table-errors", &async |line| {
        line.client.set(line.key("there"), "v").await.unwrap();
        let error = line.client.get(line.key("missing")).await.unwrap_err();
        let refusal = Refusal::of(&error).unwrap();
        assert_eq!((error.code(), refusal.message()), (Some(100), "Key not found"));
        assert_eq!((refusal.cause(), refusal.status()), (&*line.key("missing"), 404));
        assert_eq!(refusal.index(), refusal.headers().etcd_index());
    });
    block_on(async {
        let error = Client::new("127.0.0.1:1").unwrap().get("k").max_retries(1).await.unwrap_err();
        assert_eq!((error.retries(), error.failures().len()), (1, 2));
        let EndpointFailure { endpoint, error, at, .. } = &error.failures()[0];
        assert_eq!((endpoint.as_str(), error.kind()), ("http://127.0.0.1:1", Kind::Unavailable));
        assert!(at.elapsed().unwrap() < MINUTE && Refusal::of(error).is_none());
    });
}
