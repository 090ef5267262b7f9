//! Links on which little gets through at a time. Limits are for silence, not for slowness.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::{v2, v3};
use etcd_config::Live;
use etcd_config_tests::{
    Api, Chunks, Flat, Proxy, Stage, Watched, Witness, on_each_line_and_layers, over_each_api_and_layers,
    over_v2,
};

/// For the beginning of an answer, and for each further piece of it.
const LIMIT: Duration = Duration::from_secs(2);
/// Twenty kilobytes a second.
const SLOW: Chunks = Chunks::Paced(2_000, Duration::from_millis(100));

/// A configuration that wants signs of life often, and has no audit to help it.
fn watch(stage: Stage, endpoint: &str) -> Live<Flat> {
    let options = stage.options().startup_timeout(Duration::from_secs(60)).audit_interval(None);
    let options = options.progress_interval(LIMIT);
    let (v2, v3) = (v2::Client::builder().endpoints([endpoint]), v3::Client::builder().endpoints([endpoint]));
    let live = match stage.api() {
        Api::V2 => options.watch(v2.timeout(LIMIT).build().expect("a client")),
        Api::V3 => options.watch(v3.timeout(LIMIT).build().expect("a client")),
    };
    live.expect("a first snapshot")
}

#[test]
fn a_listing_comes_to_its_end_as_long_as_bytes_flow() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        // More than a first page of v3; as many bytes over v2, where each is a request.
        let (count, length, at_once) =
            if stage.api() == Api::V2 { (180, 1_000, 1) } else { (1_800, 50, 100) };
        let value = "x".repeat(length);
        let names: Vec<_> = (0..count).map(|n| format!("key{n:04}")).collect();
        for names in names.chunks(at_once) {
            history.write(names.iter().map(|name| (name.as_str(), Some(value.as_str()))));
        }
        let proxy = Proxy::to(&server.address());
        proxy.pass_on(SLOW);
        let start = Instant::now();
        let live = watch(stage, &proxy.endpoint());
        assert!(start.elapsed() > LIMIT * 3, "{:?} is not slow", start.elapsed());
        let witness = Witness::of(&live);
        witness.watches(Duration::from_secs(20));
        history.put("key0000", "y");
        witness.converges(&history, Duration::from_secs(10));
        assert_eq!(live.status().counters.lists, 1, "{}", live.status());
    });
}

/// Over v2 each change is a request of its own: many at once are read with one instead.
#[test]
fn changes_that_have_piled_up_do_not_come_one_by_one_over_v2() {
    over_v2(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "0");
        let Watched { proxy, live, witness } = stage.watched(&server);
        proxy.delay_requests(Duration::from_millis(200));
        for n in 0..200 {
            history.put(&format!("key{}", n % 20), &n.to_string());
        }
        witness.converges(&history, Duration::from_secs(10));
        let status = live.status();
        assert_eq!((status.counters.rewinds, status.counters.repairs), (0, 0), "{status}");
        // A few, as from an idle stream, do come one by one.
        proxy.delay_requests(Duration::ZERO);
        witness.watches(Duration::from_secs(10));
        let lists = live.status().counters.lists;
        thread::sleep(Duration::from_secs(2));
        for n in 0..20 {
            history.put("a", &n.to_string());
        }
        witness.converges(&history, Duration::from_secs(5));
        assert_eq!(live.status().counters.lists, lists, "{}", live.status());
    });
}

/// What has arrived is not asked for again, as long as pages do arrive. Over v2 a listing is one answer.
#[test]
fn a_listing_comes_to_its_end_over_connections_that_do_not_live_as_long() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let value = "x".repeat(200);
        let names: Vec<_> = (0..6_000).map(|n| format!("key{n:04}")).collect();
        for names in names.chunks(100) {
            history.write(names.iter().map(|name| (name.as_str(), Some(value.as_str()))));
        }
        let proxy = Proxy::to(&server.address());
        // About a second for the first page of a thousand keys, and five times as long for the rest.
        proxy.pass_on(Chunks::Paced(20_000, Duration::from_millis(50)));
        let interval = Duration::from_millis(2_200);
        let (cutting, over) = channel::<()>();
        let live = thread::scope(|scope| {
            let (_cutting, proxy) = (cutting, &proxy); // goes on until here it is over
            scope.spawn(move || {
                while over.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    proxy.cut();
                }
            });
            let options = stage.options().startup_timeout(Duration::from_secs(60));
            options.watch(proxy.endpoint()).expect("a first snapshot")
        });
        Witness::of(&live).converges(&history, Duration::from_secs(5));
    });
}

#[test]
fn a_change_that_takes_long_to_arrive_does_and_is_not_taken_for_seen_before() {
    over_each_api_and_layers(|stage| {
        if !stage.is_exact() {
            // The server has to be asked what the change was, and the answer comes after it on the link.
            return;
        }
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        let proxy = Proxy::to(&server.address());
        let live = watch(stage, &proxy.endpoint());
        let witness = Witness::watching(&live);
        proxy.pass_on(SLOW);
        let start = Instant::now();
        let revision = history.put("a", &"y".repeat(150_000));
        loop {
            let status = live.status();
            if live.load().all["a"] != "1" {
                break;
            }
            assert!(status.revision < revision && start.elapsed() < LIMIT * 15, "{status}");
            thread::sleep(Duration::from_millis(20));
        }
        assert!(start.elapsed() > LIMIT * 3, "{:?} is not slow", start.elapsed());
        history.put("b", "1");
        witness.converges(&history, Duration::from_secs(10));
        let counters = live.status().counters;
        // Of two layers, where the small half of the change has come first: the large one is waited for for 5 s, then read.
        let lists = if stage.is_layered() { 1..=2 } else { 1..=1 };
        assert!(counters.losses == 0 && lists.contains(&counters.lists), "{}", live.status());
    });
}
