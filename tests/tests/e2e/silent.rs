//! Endpoints that hang, or let little through, beside one that is good.

use std::io::Read;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::{Error, v2, v3};
use etcd_config::EtcdConfig;
use etcd_config_tests::{
    Answer, Api, Chunks, Flat, PREFIX, Proxy, Reply, Scripted, Stage, Witness, block_on, over_each_api,
};

/// Whichever endpoint is asked first, on each of so many starts.
const STARTS: usize = 6;
/// Five hundred bytes a second.
const DRIPS: Chunks = Chunks::Paced(10, Duration::from_millis(20));

/// A port that accepts connections and says nothing on them.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    (listener, endpoint)
}

/// Starts beside these endpoints, again and again at the same time, and watches at the good one.
fn starts_beside(stage: Stage, limit: Duration, bad: &[String], good: &str) {
    thread::scope(|scope| {
        for _ in 0..STARTS {
            scope.spawn(|| {
                let endpoints = bad.iter().map(String::as_str).chain([good]);
                let start = Instant::now();
                let live = stage.watch_with(Flat::options().startup_timeout(limit), endpoints);
                let live = live.expect("a first snapshot");
                assert!(start.elapsed() < limit, "{:?}", start.elapsed());
                Witness::of(&live).watches(Duration::from_secs(30));
                assert_eq!(live.status().endpoint.as_deref(), Some(good));
            });
        }
    });
}

#[test]
fn a_service_starts_within_three_seconds_beside_endpoints_that_hang() {
    over_each_api(|stage| {
        let server = stage.server().start();
        stage.history(&server).put("a", "1");
        let (one, other) = (silent(), silent());
        let limit = Duration::from_secs(3);
        starts_beside(stage, limit, std::slice::from_ref(&one.1), &server.endpoint());
        starts_beside(stage, limit, &[one.1.clone(), other.1.clone()], &server.endpoint());
    });
}

#[test]
fn a_service_starts_beside_an_endpoint_that_drips() {
    over_each_api(|stage| {
        let server = stage.server().start();
        stage.history(&server).put("a", &"x".repeat(20_000));
        let drips = Proxy::to(&server.address());
        drips.pass_on(DRIPS);
        let limit = Duration::from_secs(10);
        starts_beside(stage, limit, &[drips.endpoint()], &server.endpoint());
    });
}

/// What an endpoint does that is left beside the limit, too: it is asked, and silent.
#[test]
fn a_start_that_fails_names_each_endpoint_and_what_it_did() {
    over_each_api(|stage| {
        let server = stage.server().start();
        stage.history(&server).put("a", &"x".repeat(20_000));
        let drips = Proxy::to(&server.address());
        drips.pass_on(DRIPS);
        let refusing = Proxy::to("127.0.0.1:1");
        refusing.refuse(true);
        let hangs = silent();
        let endpoints = [drips.endpoint(), refusing.endpoint(), hangs.1.clone()];
        for limit in [Duration::from_secs(2), Duration::from_secs(12)] {
            let started = stage.watch_with(Flat::options().startup_timeout(limit), endpoints.clone());
            let text = started.expect_err("nobody answers").to_string();
            for endpoint in &endpoints {
                assert!(text.contains(endpoint), "{limit:?}: {endpoint} is not in {text}");
            }
            let refused = text.to_lowercase().contains("connection refused");
            assert!(refused || limit < Duration::from_secs(5), "{limit:?}: {text}");
        }
        let alone = stage.watch_with(Flat::options().startup_timeout(Duration::from_secs(1)), [&*hangs.1]);
        let text = alone.expect_err("nobody answers").to_string();
        assert!(text.contains(&hangs.1) && text.contains("no answer"), "{text}");
    });
}

/// Headers at once, and then a byte each 20 ms, in frames of their own over HTTP/2: each would restart a
/// limit for silence.
#[test]
fn an_answer_that_drips_is_left_and_the_error_says_so() {
    over_each_api(|stage| {
        let server = stage.server().start();
        stage.history(&server).put("a", "1");
        let drips = Proxy::to(&server.address());
        let pause = Duration::from_millis(20);
        for (answer, says) in [
            (Answer::drips(pause), "bytes a second"),
            (Answer::text(503, &"no server ".repeat(1_000)).dripping(pause), ""),
        ] {
            drips.answer(answer);
            starts_beside(stage, Duration::from_secs(8), &[drips.endpoint()], &server.endpoint());
            let start = Instant::now();
            let error = block_on(read(stage.api(), &drips.endpoint(), Duration::from_secs(1)));
            let error = error.expect_err("fifty bytes a second");
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
            assert!(error.to_string().contains(says), "{error}");
        }
    });
}

async fn read(api: Api, endpoint: &str, limit: Duration) -> Result<(), Error> {
    match api {
        Api::V3 => {
            let client = v3::Client::builder().endpoints([endpoint]).timeout(limit).max_retries(0);
            client.build().expect("a client").get(PREFIX).prefix().await.map(drop)
        }
        Api::V2 => {
            let client = v2::Client::builder().endpoints([endpoint]).timeout(limit).max_retries(0);
            client.build().expect("a client").get(PREFIX).recursive(true).await.map(drop)
        }
    }
}

/// What may be sent only once is not sent to an endpoint that was never heard of beside one that lives.
#[test]
fn a_first_write_goes_to_an_endpoint_that_lives_and_only_once() {
    over_each_api(|stage| {
        let server = stage.server().start();
        block_on(async {
            for n in 0..STARTS {
                let hangs = silent();
                let key = format!("/written/{n}");
                let endpoints = [hangs.1.clone(), server.endpoint()];
                let start = Instant::now();
                let version = match stage.api() {
                    Api::V3 => {
                        let client = v3::Client::new(endpoints).expect("a client");
                        client.put(&*key, "v").await.expect("a write");
                        client.get(&*key).await.expect("a read").kv().expect("the key").version
                    }
                    Api::V2 => {
                        let client = v2::Client::new(endpoints).expect("a client");
                        client.create_in_order(&*key, "v").await.expect("a write");
                        let read = client.get(&*key).recursive(true).await.expect("a read");
                        read.body().node.as_ref().map_or(0, |node| node.nodes.len()) as u64
                    }
                };
                assert_eq!(version, 1);
                assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
                // Nothing of the write was sent to the other one.
                hangs.0.set_nonblocking(true).expect("a listener");
                while let Ok((mut stream, _)) = hangs.0.accept() {
                    let mut sent = vec![0; 1 << 16];
                    stream.set_nonblocking(true).expect("a connection");
                    let length = stream.read(&mut sent).unwrap_or(0);
                    assert!(!String::from_utf8_lossy(&sent[..length]).contains("written"));
                }
            }
        });
    });
}

/// One that answers slowly, but lives, has its time: the same read is not done at another one meanwhile.
#[test]
fn a_slow_answer_is_waited_for_and_not_asked_for_twice() {
    over_each_api(|stage| {
        let server = stage.server().start();
        stage.history(&server).put("a", "1");
        let proxies = [Proxy::to(&server.address()), Proxy::to(&server.address())];
        proxies.iter().for_each(|proxy| proxy.delay_replies(Duration::from_millis(300)));
        let live = stage.watch(proxies.each_ref().map(Proxy::endpoint)).expect("a first snapshot");
        Witness::watching(&live);
        let mut asked = proxies.each_ref().map(Proxy::connections);
        asked.sort_unstable();
        assert_eq!(asked[0], 0, "the second endpoint was not needed");
    });
}

#[test]
fn a_read_that_takes_long_at_a_server_that_lives_is_not_done_twice() {
    const NODE: &str =
        r#"{"action":"get","node":{"key":"/k","value":"v","modifiedIndex":7,"createdIndex":7}}"#;
    let slow = || {
        Scripted::new(|asked| {
            if asked.target.starts_with("/v2") {
                thread::sleep(Duration::from_millis(1_500));
            }
            Reply::new(200, NODE).etcd("a", 7)
        })
    };
    let servers = [slow(), slow()];
    block_on(async {
        let client = v2::Client::new(servers.each_ref().map(Scripted::endpoint)).expect("a client");
        assert_eq!(client.get("k").await.expect("a read").value(), Some("v"));
    });
    let read = |server: &Scripted| server.asked().iter().filter(|asked| asked.target.contains("/k")).count();
    assert_eq!(servers.iter().map(read).sum::<usize>(), 1);
}
