//! Several servers, some of which fail.

use std::time::{Duration, Instant};

use etcd_client_core::v2::{Client, Event, Refusal};
use etcd_client_core::{Kind, Proxy};
use etcd_config_tests::{Cluster, Reply, Scripted, Server, block_on, servers};
use tokio::time::{sleep, timeout};

use super::line::{next, refusal};

const NODE: &str = r#"{"action":"get","node":{"key":"/k","value":"v","modifiedIndex":7,"createdIndex":7}}"#;

fn broken() -> Scripted {
    Scripted::always(Reply::new(500, "broken"))
}

/// An address where nobody listens.
fn closed() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn on_each_cluster(case: &impl AsyncFn(&Cluster)) {
    for etcd in servers::with_v2() {
        let cluster = Server::builder().etcd(etcd).v2().start_cluster();
        block_on(case(&cluster));
    }
}

#[test]
fn f01_next_server_on_5xx() {
    let (bad, good) = (broken(), Scripted::always(Reply::new(200, NODE).etcd("a", 7)));
    block_on(async {
        for _ in 0..20 {
            let client = Client::new([bad.endpoint(), good.endpoint()]).unwrap();
            assert_eq!(client.get("k").await.unwrap().value(), Some("v"));
        }
        assert_eq!(good.count(), 20);
        assert!((1..20).contains(&bad.count()), "{} of 20 began at the bad one", bad.count());
    });
}

#[test]
fn f02_all_fail() {
    let servers = [broken(), broken()];
    block_on(async {
        let client = Client::new(servers.each_ref().map(Scripted::endpoint)).unwrap();
        let started = Instant::now();
        let error = client.get("k").await.unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        assert_eq!((error.retries(), error.failures().len()), (0, 2));
        assert!(error.to_string().contains("none of the 2 etcd endpoints"), "{error}");
        for (failure, server) in error.failures().iter().zip(1..) {
            let refusal = Refusal::of(&failure.error).unwrap();
            assert_eq!((refusal.status(), refusal.body()), (500, "broken"), "server {server}");
            assert!(servers.iter().any(|server| server.endpoint() == failure.endpoint));
            assert!(failure.elapsed < Duration::from_secs(1));
        }
        assert!(servers.iter().all(|server| server.count() == 1));
        // What may have been done is not done again elsewhere where that could do harm.
        for call in [client.set("k", "v").prev_exist(false), client.compare_and_swap("k", "v", "w")] {
            let before = servers.iter().map(Scripted::count).sum::<usize>();
            let error = call.await.unwrap_err();
            assert!(error.maybe_applied(), "{error}");
            let says = "; the write may have been applied, or may still be";
            assert!(error.to_string().ends_with(says), "{error}");
            assert_eq!(servers.iter().map(Scripted::count).sum::<usize>(), before + 1);
        }
        assert!(client.create_in_order("q", "v").await.unwrap_err().maybe_applied());
    });
}

#[test]
fn f03_retries_when_a_leader_may_be_being_elected() {
    block_on(async {
        let client = Client::new([closed(), closed(), closed()]).unwrap();
        for (retries, errors) in [(None, 18), (Some(1), 6), (Some(0), 3)] {
            let call = client.set("k", "v");
            let call = retries.map_or(client.set("k", "v"), |retries| call.max_retries(retries));
            let started = Instant::now();
            let error = call.await.unwrap_err();
            assert_eq!((error.failures().len(), error.retries()), (errors, retries.unwrap_or(5)));
            assert_eq!((error.kind(), error.maybe_applied()), (Kind::Unavailable, false));
            assert!(started.elapsed() < Duration::from_secs(14), "{:?}", started.elapsed());
        }
        // A refused connection has done nothing, so that these may be sent again.
        let error = client.compare_and_swap("k", "v", "w").max_retries(1).await.unwrap_err();
        assert_eq!((error.failures().len(), error.maybe_applied()), (6, false));
        // Only the last round counts: one that looks like no election ends the retries.
        let broken = broken();
        let mixed = Client::new([closed(), broken.endpoint()]).unwrap();
        assert_eq!(mixed.get("k").await.unwrap_err().retries(), 0);
    });
}

#[test]
fn f05_kill_the_leader_under_load() {
    on_each_cluster(&async |cluster| {
        let leader = cluster.leader();
        let followers: Vec<_> = (0..3).filter(|index| *index != leader).collect();
        let at = |indexes: &[usize]| {
            Client::new(indexes.iter().map(|index| cluster.member(*index).endpoint())).unwrap()
        };
        let writer = at(&followers);
        let start = writer.set("f05/0", "v").await.unwrap().into_body().index().unwrap();
        let mut on_follower = at(&followers[..1]).watcher("f05").recursive(true).index(start + 1).start();
        let all_failed = at(&[leader, followers[0], followers[1]]);
        let mut anywhere = all_failed.watcher("f05").recursive(true).index(start + 1).start();

        let reading = tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 60 {
                match next(&mut anywhere).await {
                    Event::Change(change) => seen.push(change.node.unwrap().key),
                    Event::Reconnect(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            seen
        });
        let (mut written, mut longest) = (Vec::new(), Duration::ZERO);
        for i in 1..=60 {
            if i == 20 {
                cluster.member(leader).kill();
            }
            let key = format!("/f05/{i}");
            let started = Instant::now();
            while let Err(error) = writer.set(&key, "v").await {
                assert!(error.is_transient(), "{error}");
                assert!(started.elapsed() < Duration::from_secs(30), "{error}");
            }
            longest = longest.max(started.elapsed());
            written.push(key);
        }
        assert!(longest < Duration::from_secs(15), "{longest:?} without a write");
        let mut seen = Vec::new();
        while !seen.ends_with(&[written[59].clone()]) {
            let event = next(&mut on_follower).await;
            let Event::Change(change) = event else { panic!("{event:?} on a follower") };
            seen.push(change.node.unwrap().key);
        }
        // A write that timed out may have been done twice.
        seen.dedup();
        assert_eq!(seen, written);
        let mut anywhere = timeout(Duration::from_secs(30), reading).await.unwrap().unwrap();
        anywhere.dedup();
        assert_eq!(anywhere[..], written[..anywhere.len()]);
    });
}

#[test]
fn f07_no_quorum() {
    on_each_cluster(&async |cluster| {
        let alone = cluster.member(0);
        let client = Client::builder().endpoints([alone.endpoint()]).max_retries(0).build().unwrap();
        client.set("k", "v").await.unwrap();
        cluster.member(1).kill();
        cluster.member(2).kill();
        sleep(Duration::from_secs(3)).await;
        let error = client.set("k", "w").await.unwrap_err();
        assert_eq!(error.kind(), Kind::NoLeader, "{error}");
        assert!(error.maybe_applied());
        assert_eq!((refusal(&error).0, refusal(&error).1), (500, 300));
        assert_eq!(client.get("k").await.unwrap().value(), Some("v"), "stale, but there");
        let error = client.get("k").quorum(true).await.unwrap_err();
        assert_eq!((refusal(&error).1, error.kind(), error.maybe_applied()), (300, Kind::NoLeader, false));
        let health = client.health().await.unwrap();
        assert_eq!((health.headers().status(), health.body().healthy), (503, false));
    });
}

#[test]
fn f11_leader_stats_on_a_follower() {
    on_each_cluster(&async |cluster| {
        let leader = cluster.leader();
        let followers = (0..3).filter(|index| *index != leader).map(|index| cluster.member(index).endpoint());
        let error = Client::new(followers).unwrap().leader_stats().await.unwrap_err();
        assert_eq!(
            Refusal::of(&error).map(|refusal| (refusal.status(), refusal.message())),
            Some((403, "not current leader"))
        );
        // Where the leader is among the endpoints, it is found.
        let stats = Client::new(cluster.endpoints()).unwrap().leader_stats().await.unwrap().into_body();
        assert_eq!(stats.followers.len(), 2);
    });
}

#[test]
fn redirections_keep_method_and_body_and_drop_credentials() {
    let target = Scripted::always(Reply::new(200, NODE).etcd("a", 7));
    let elsewhere = target.endpoint() + "/final";
    let first = Scripted::new(move |asked| {
        let to = if asked.target.starts_with("/v2") { "/moved?x=1" } else { &elsewhere };
        Reply::new(307, "").header("Location", to)
    });
    block_on(async {
        let client = Client::builder().endpoints([first.endpoint()]).user("root", "hunter2").build().unwrap();
        client.set("k", "a value").await.unwrap();
        let (asked, last) = (first.asked(), &target.asked()[0]);
        assert_eq!(asked.len(), 2);
        assert!(
            asked.iter().all(|asked| asked.header("authorization").is_some()),
            "sent without being asked for"
        );
        assert_eq!(
            (last.method.as_str(), last.target.as_str(), last.body.as_str()),
            ("PUT", "/final", "value=a%20value")
        );
        assert_eq!(last.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(last.header("authorization"), None);

        // It is not the endpoint that cannot be reached.
        let to_nobody = Scripted::always(
            Reply::new(307, "").header("Location", format!("http://{}/v2/keys/k", closed())),
        );
        let error = Client::new([to_nobody.endpoint()]).unwrap().get("k").await.unwrap_err().to_string();
        assert!(error.contains(": redirected to http://127.0.0.1:") && error.contains("refused"), "{error}");
    });
}

#[test]
fn base_paths_and_all_forms_of_addresses() {
    let server = Scripted::always(Reply::new(200, NODE).etcd("a", 7));
    block_on(async {
        for endpoint in [server.address(), server.endpoint() + "/", server.endpoint().replace("http", "HTTP")]
        {
            Client::new([endpoint]).unwrap().get("k").await.unwrap();
        }
        Client::new([server.endpoint() + "/base/path/"]).unwrap().get("k").await.unwrap();
        let targets: Vec<_> = server.asked().into_iter().map(|asked| asked.target).collect();
        assert_eq!(targets, ["/v2/keys/k", "/v2/keys/k", "/v2/keys/k", "/base/path/v2/keys/k"]);
    });
}

#[test]
fn x08_the_environments_proxy() {
    let child = std::env::var("X08_SERVER").ok();
    let proxy = Scripted::always(Reply::new(200, NODE).etcd("a", 7));
    let Some(server) = child else {
        // The environment of this process is everybody's: the case runs in another.
        let server = Scripted::always(Reply::new(200, NODE.replace('v', "w")).etcd("a", 7));
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "v2_conformance::failover::x08_the_environments_proxy", "--nocapture"])
            .env("X08_SERVER", server.endpoint())
            .env("HTTP_PROXY", proxy.endpoint())
            .env("http_proxy", proxy.endpoint())
            .env("NO_PROXY", "direct.invalid")
            .env_remove("no_proxy")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(server.count(), 2, "loopback is reached directly");
        let asked: Vec<_> = proxy.asked().into_iter().map(|asked| asked.target).collect();
        assert_eq!(asked, ["http://etcd.invalid:2379/v2/keys/k"]);
        return;
    };
    block_on(async {
        let get = async |endpoint: &str, proxy: bool| {
            let builder = Client::builder().endpoints([endpoint]).max_retries(0);
            let builder = if proxy { builder.proxy(Proxy::from_env().unwrap()) } else { builder };
            builder.build().unwrap().get("k").await
        };
        assert!(get(&server, false).await.is_ok());
        assert!(get(&server, true).await.is_ok());
        assert!(get("http://etcd.invalid:2379", false).await.is_err());
        assert_eq!(get("http://etcd.invalid:2379", true).await.unwrap().value(), Some("v"));
        assert!(get("http://direct.invalid:2379", true).await.is_err());
    });
}

/// Endpoints that accept connections and say nothing are no election: nobody asks them again and again.
#[test]
fn a_watch_fails_as_fast_as_a_get_where_no_endpoint_answers() {
    let silent = [0; 3].map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let endpoints = silent.each_ref().map(|silent| silent.local_addr().unwrap().to_string());
    let client = Client::builder().endpoints(endpoints).timeout(Duration::from_secs(2)).build().unwrap();
    block_on(async {
        let started = Instant::now();
        let got = client.get("k").await.unwrap_err();
        let get_took = started.elapsed();
        let started = Instant::now();
        let watched = client.watch("k").await.unwrap_err();
        let watch_took = started.elapsed();
        assert!(watch_took < get_took + Duration::from_secs(2), "{watch_took:?}, and a get {get_took:?}");
        assert_eq!((watched.kind(), watched.retries()), (got.kind(), got.retries()));
        assert_eq!((got.failures().len(), watched.failures().len()), (3, 3));
    });
}

/// As any other call, it waits for an election, and says so in the end.
#[test]
fn a_watch_is_tried_again_while_the_members_seem_to_elect_a_leader() {
    let endpoints = [closed(), closed()];
    let client = Client::builder().endpoints(endpoints).max_retries(2).build().unwrap();
    block_on(async {
        for error in [client.get("k").await.unwrap_err(), client.watch("k").await.unwrap_err()] {
            assert_eq!((error.retries(), error.failures().len()), (2, 6), "{error}");
        }
    });
}
