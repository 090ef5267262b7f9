//! Endpoints that cannot be reached, or that are no etcd.

use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config::EtcdConfig;
use etcd_config_tests::{Answer, Flat, Proxy, Server, Witness, over_each_api};

#[test]
fn each_endpoint_that_cannot_be_reached_is_named_with_its_cause() {
    let refusing = Proxy::to("127.0.0.1:1");
    refusing.refuse(true);
    let frozen = Server::start();
    frozen.pause();
    let endpoints = [refusing.endpoint(), frozen.endpoint()];
    let client = Client::builder().endpoints(endpoints.clone()).timeout(Duration::from_secs(1)).build();
    let limit = Duration::from_secs(3);
    let start = Instant::now();
    let error = Flat::options().startup_timeout(limit).watch(client.expect("a client"));
    let error = error.expect_err("nobody answers");
    assert!(start.elapsed() < limit + Duration::from_secs(3), "after {:?}", start.elapsed());
    let text = error.to_string();
    assert!(endpoints.iter().all(|endpoint| text.contains(endpoint)), "{text}");
    assert!(text.to_lowercase().contains("connection refused"), "{text}");
}

#[test]
fn an_endpoint_that_cannot_be_right_is_refused_at_once() {
    for (endpoint, says) in
        [("ftp://127.0.0.1:2379", "ftp"), ("http://127.0.0.1:99999", "99999"), ("", "endpoint")]
    {
        let start = Instant::now();
        let text = Flat::watch(endpoint).expect_err(endpoint).to_string();
        assert!(text.contains(says), "{endpoint:?}: {text}");
        assert!(start.elapsed() < Duration::from_secs(1), "after {:?}", start.elapsed());
    }
}

#[test]
fn a_server_that_comes_up_within_the_limit_is_in_time() {
    let server = Server::start();
    server.put("/app/all/a", "1");
    server.kill();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(500));
            server.restart();
        });
        let live = Flat::options().startup_timeout(Duration::from_secs(20)).watch(server.endpoint());
        assert_eq!(live.expect("a first snapshot").load().all["a"], "1");
    });
}

#[test]
fn r47_the_error_page_of_a_load_balancer_is_said_and_outlived() {
    over_each_api(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "0");
        let proxy = Proxy::to(&server.address());
        let answers = [
            (Answer::text(502, "no server"), "502"),
            (Answer::html(503, "<h1>no server</h1>"), "503"),
            (Answer::text(429, "slow down"), "429"),
        ];
        for (answer, status) in answers.clone() {
            proxy.answer(answer);
            let error =
                stage.watch_with(Flat::options().startup_timeout(Duration::from_secs(3)), [proxy.endpoint()]);
            let text = error.expect_err("no etcd").to_string();
            assert!(text.contains(&proxy.endpoint()) && text.contains(status), "{text}");
        }

        proxy.accept();
        let live = stage.watch([proxy.endpoint()]).expect("a first snapshot");
        let witness = Witness::of(&live);
        for (answer, status) in answers {
            witness.watches(Duration::from_secs(5));
            proxy.answer(answer);
            proxy.cut();
            witness.waits_for("told", Duration::from_secs(3), |now| now.to_string().contains(status));
            history.put("a", status);
            let before = proxy.connections();
            thread::sleep(Duration::from_secs(1));
            assert!(proxy.connections() - before < 20, "{} attempts in 1 s", proxy.connections() - before);
            proxy.accept();
            witness.converges(&history, Duration::from_secs(5));
        }
    });
}
