//! What somebody who comes from node-etcd expects, and the table in the documentation promises.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use etcd_client_core::v2::{Client, Event, Refusal};
use etcd_client_core::{Kind, v3};
use etcd_config_tests::{Reply, Scripted, Server, block_on, servers, soon};
use tokio::time::timeout;

use super::line::{next, on_each_line, on_own_servers, registered};

const NODE: &str = r#"{"action":"get","node":{"key":"/k","value":"v","modifiedIndex":7,"createdIndex":7}}"#;
const CHANGE: &str = r#"{"action":"set","node":{"key":"/k","value":"v","modifiedIndex":7,"createdIndex":7}}"#;

#[test]
fn index_0_is_from_now_on() {
    on_own_servers("index0", &async |line| {
        let key = line.key("k");
        line.client.set(&key, "before").await.unwrap();
        let watch = timeout(Duration::from_secs(5), line.client.watch_index(&key, 0).open());
        let watch = watch.await.unwrap().unwrap();
        let watcher = line.client.watcher(&key).index(0).start();
        let mut watcher = registered(&line.client, watcher).await;
        line.client.set(&key, "after").await.unwrap();
        assert_eq!(timeout(Duration::from_secs(5), watch).await.unwrap().unwrap().value(), Some("after"));
        assert_eq!(next(&mut watcher).await.change().unwrap().value(), Some("after"));
    });
}

#[test]
fn a_member_that_does_not_lead_is_asked_again() {
    for (status, body) in [
        (500, "Not current leader".to_owned()),
        (503, "Not current leader\n".to_owned()),
        (500, r#"{"message":"Not current leader"}"#.to_owned()),
        (500, r#"{"errorCode":300,"message":"Raft Internal Error","cause":"raft.Server: Not current leader","index":7}"#.to_owned()),
    ] {
        let left = AtomicU32::new(2);
        let server = Scripted::new(move |_| {
            let asked = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
            if asked.is_ok() { Reply::new(status, body.clone()) } else { Reply::new(200, NODE).etcd("a", 7) }
        });
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            assert_eq!(client.get("k").await.unwrap().value(), Some("v"), "{:?}", server.asked());
            assert_eq!(server.count(), 3);
        });
    }
    let server = Scripted::always(Reply::new(503, "Not current leader"));
    block_on(async {
        let client = Client::builder().endpoints([server.endpoint()]).max_retries(1).build().unwrap();
        let error = client.set("k", "v").await.unwrap_err();
        assert_eq!((error.kind(), error.retries(), server.count()), (Kind::NoLeader, 1, 2), "{error}");
    });
}

#[test]
fn a_poll_that_ends_without_a_change_is_reported() {
    let turn = AtomicU32::new(0);
    let server = Scripted::new(move |_| match turn.fetch_add(1, SeqCst) {
        0 => Reply::new(200, "\n").etcd("a", 6),
        1 => Reply::new(200, CHANGE).etcd("a", 6),
        _ => Reply::silence().etcd("a", 7),
    });
    block_on(async {
        let client = Client::new([server.endpoint()]).unwrap();
        let mut watcher = client.watcher("k").start();
        let Event::Reconnect(ended) = next(&mut watcher).await else { panic!("no reconnect") };
        let text = ended.error.to_string();
        assert!(text.contains("without a change") && text.contains(&server.endpoint()), "{text}");
        assert_eq!((ended.attempt, ended.wait_index), (0, Some(7)));
        assert!(ended.delay <= Duration::from_secs(1), "{:?}", ended.delay);
        assert_eq!(next(&mut watcher).await.change().unwrap().value(), Some("v"));
        let asked = server.asked();
        assert!(asked[1].at - asked[0].at >= Duration::from_millis(900), "a hot loop");
    });
}

#[test]
fn a_watcher_of_what_is_no_key_ends() {
    block_on(async {
        let mut watcher = Client::new(["127.0.0.1:1"]).unwrap().watcher("a/../b").start();
        let Some(Event::Error(error)) = soon(watcher.next()).await else { panic!("no error") };
        assert_eq!(error.kind(), Kind::InvalidInput, "{error}");
        assert!(matches!(soon(watcher.next()).await, Some(Event::Stop)));
        assert!(soon(watcher.next()).await.is_none());
    });
}

/// With the retries that a client has if nobody says otherwise.
#[test]
fn a_server_that_is_away_for_five_seconds_is_waited_for() {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        let client = Client::new([server.endpoint()]).unwrap();
        server.kill();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_secs(4)); // it starts within a second or two
                server.launch();
            });
            block_on(async {
                let started = Instant::now();
                let (got, created, watch) = tokio::join!(
                    client.get("/").into_future(),
                    client.create_in_order("k", "v").into_future(),
                    client.watch("k").open(),
                );
                let took = started.elapsed();
                assert!(got.is_ok() && watch.is_ok(), "{got:?} {watch:?}");
                assert_eq!(created.unwrap().value(), Some("v"));
                assert!(took > Duration::from_secs(3) && took < Duration::from_secs(14), "{took:?}");
            });
        });
    }
}

#[test]
fn a_client_knows_its_hosts() {
    assert_eq!(Client::default().endpoints(), ["http://127.0.0.1:2379"]);
    assert_eq!(Client::new("localhost").unwrap().endpoints(), ["http://localhost:2379"]);
    assert!(
        v3::Client::new("localhost").is_ok() && v3::Client::builder().endpoints("localhost").build().is_ok()
    );
    let hosts = (1..9).map(|host| format!("http://10.0.0.{host}:2379/etcd"));
    let client = Client::new(hosts.clone()).unwrap();
    assert_eq!(client.endpoints(), hosts.collect::<Vec<_>>(), "in their order");
    assert_eq!(client.blocking().endpoints(), client.endpoints());
    on_each_line("hosts", &async |line| {
        let client = Client::builder().endpoints(line.server.address()).build().unwrap();
        client.set(line.key("k"), "v").await.unwrap();
        assert_eq!(client.endpoints(), [line.server.endpoint()]);
    });
}

#[test]
fn headers_come_with_changes_and_with_errors() {
    on_own_servers("headers", &async |line| {
        let client = &line.client;
        let cluster = client.set(line.key("other"), "v").await.unwrap().headers().cluster_id();
        let mut watcher = registered(client, client.watcher(line.key("k")).start()).await;
        let index = client.set(line.key("k"), "v").await.unwrap().body().index().unwrap();
        let Event::Change(change) = next(&mut watcher).await else { panic!("no change") };
        assert_eq!((change.value(), change.index()), (Some("v"), Some(index)));
        assert_eq!(change.headers.etcd_index(), Some(index - 1), "when the watch was registered");
        assert_eq!((change.headers.cluster_id(), change.headers.status()), (cluster, 200));

        let error = client.get(line.key("nothing")).await.unwrap_err();
        let headers = Refusal::of(&error).unwrap().headers();
        assert_eq!((headers.status(), headers.etcd_index()), (404, Some(index)));
        assert_eq!((headers.cluster_id(), headers.get("content-type")), (cluster, Some("application/json")));
        assert!(cluster.is_some());
    });
}

#[test]
fn each_failure_says_when_it_was() {
    let broken = [500, 503].map(|status| Scripted::always(Reply::new(status, "broken").etcd("a", 7)));
    block_on(async {
        let client = Client::new(broken.each_ref().map(Scripted::endpoint)).unwrap();
        let began = SystemTime::now();
        let error = client.get("k").await.unwrap_err();
        let ended = SystemTime::now();
        assert_eq!(error.failures().len(), 2);
        for failure in error.failures() {
            assert!((began..=ended).contains(&failure.at), "{failure:?}");
            let refusal = Refusal::of(&failure.error).unwrap();
            assert_eq!((refusal.headers().etcd_index(), refusal.body()), (Some(7), "broken"));
        }
    });
}

#[test]
fn credentials_that_cannot_work_are_refused_and_the_old_ones_stay() {
    let server = Scripted::always(Reply::new(200, NODE).etcd("a", 7));
    let client = Client::builder().endpoints(server.endpoint()).user("root", "hunter2").build().unwrap();
    let secured = Client::new(["https://10.0.0.1", "http://10.0.0.2"]).unwrap();
    let v3 = v3::Client::new(["https://10.0.0.1", "http://10.0.0.2"]).unwrap();
    for (outcome, says) in [
        (client.set_credentials(("", "hunter3")), "name is empty"),
        (client.set_credentials(("a:b", "hunter3")), "colon"),
        (secured.set_credentials(("root", "hunter3")), "http://10.0.0.2:2379 is not secured"),
        (v3.set_credentials("", "hunter3"), "name is empty"),
        (v3.set_credentials("root", "hunter3"), "http://10.0.0.2:2379 is not secured"),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        assert!(error.to_string().contains(says) && !error.to_string().contains("hunter3"), "{error}");
    }
    block_on(async {
        client.get("k").await.unwrap();
        client.set_credentials(("root", "hunter3")).unwrap();
        client.get("k").await.unwrap();
        client.set_credentials(None).unwrap();
        client.get("k").await.unwrap();
    });
    let sent: Vec<_> =
        server.asked().iter().map(|asked| asked.header("authorization").map(str::to_owned)).collect();
    let basic = |both: &str| Some(format!("Basic {}", STANDARD.encode(both)));
    assert_eq!(sent, [basic("root:hunter2"), basic("root:hunter3"), None]);
    assert!(secured.set_credentials(None).is_ok());
}
