//! Behind etcd's own gRPC proxy, which answers no request for progress.

use std::thread;
use std::time::{Duration, Instant};

use etcd_config::Live;
use etcd_config_tests::{
    Flat, GrpcProxy, History, PREFIX, Server, Stage, Witness, on_each_line, on_each_line_and_layers,
};

const INTERVAL: Duration = Duration::from_secs(2);

/// A configuration that has no audit to help it.
fn watch(stage: Stage, proxy: &GrpcProxy) -> Live<Flat> {
    let options = stage.options().progress_interval(INTERVAL).audit_interval(None);
    options.watch(proxy.endpoint()).expect("a first snapshot")
}

#[test]
fn a_watch_that_nobody_answers_for_is_proven_current_and_goes_on() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        let proxy = GrpcProxy::before(&server);
        let live = watch(stage, &proxy);
        let witness = Witness::watching(&live);
        let start = Instant::now();
        while start.elapsed() < INTERVAL * 5 {
            let status = live.status();
            assert!(status.age < INTERVAL * 3, "{status}\n{}", proxy.log());
            thread::sleep(Duration::from_millis(20));
        }
        // What is written elsewhere is seen to have changed nothing here.
        let elsewhere = history.head().0 + 1;
        server.put("/elsewhere", "1");
        live.wait_for_revision(elsewhere, INTERVAL * 3).expect("in force");
        for value in ["2", "3"] {
            history.put("a", value);
            history.put("b", value);
            history.delete("b");
            witness.converges(&history, Duration::from_secs(2));
        }
        let counters = live.status().counters;
        // Of two layers, what is deleted is found by a listing: the proxy does not say how far each stream is.
        let lists = if stage.is_layered() { 1..=4 } else { 1..=1 };
        assert!(counters.losses == 0 && lists.contains(&counters.lists), "{}", live.status());
    });
}

#[test]
fn a_proxy_without_its_server_is_no_proof_and_nothing_is_lost() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let proxy = GrpcProxy::before(&server);
        let live = watch(Stage::v3(etcd), &proxy);
        let witness = Witness::watching(&live);
        server.pause();
        witness.notices_a_loss(INTERVAL * 6);
        server.resume();
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(20));
        witness.watches(Duration::from_secs(5));
    });
}
