//! Links on which little gets through at a time.

use std::time::{Duration, Instant};

use etcd_client_core::{v2, v3};
use etcd_config::{EtcdConfig, Live};
use etcd_config_tests::{Api, Chunks, Flat, Proxy, Witness, over_each_api};

/// For the beginning of an answer, and for each further piece of it.
const LIMIT: Duration = Duration::from_secs(2);

fn watch(api: Api, endpoint: String) -> Live<Flat> {
    let options = Flat::options().startup_timeout(Duration::from_secs(60));
    let live = match api {
        Api::V2 => options
            .watch(v2::Client::builder().endpoints([endpoint]).timeout(LIMIT).build().expect("a client")),
        Api::V3 => options
            .watch(v3::Client::builder().endpoints([endpoint]).timeout(LIMIT).build().expect("a client")),
    };
    live.expect("a first snapshot")
}

/// Limits are for silence, not for slowness: of one page over v3, of the second, of a large value.
#[test]
fn a_listing_that_takes_longer_than_any_limit_comes_to_its_end_as_long_as_bytes_flow() {
    over_each_api(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        // More than a page of v3 has at first; as many bytes over v2, where each is a request.
        let (count, length) = if stage.api() == Api::V2 { (150, 1_000) } else { (1_500, 50) };
        let value = "x".repeat(length);
        let names: Vec<_> = (0..count).map(|n| format!("key{n:04}")).collect();
        for names in names.chunks(if stage.api() == Api::V2 { 1 } else { 100 }) {
            history.write(names.iter().map(|name| (name.as_str(), Some(value.as_str()))));
        }
        let proxy = Proxy::to(&server.address());
        proxy.pass_on(Chunks::Paced(2_000, Duration::from_millis(100)));
        let start = Instant::now();
        let live = watch(stage.api(), proxy.endpoint());
        assert!(start.elapsed() > LIMIT * 3, "{:?} is not slow", start.elapsed());
        let witness = Witness::of(&live);
        witness.watches(Duration::from_secs(20));
        history.put("key0000", &"y".repeat(100_000));
        witness.converges(&history, Duration::from_secs(30));
        let counters = live.status().counters;
        assert_eq!((counters.lists, counters.reconnects), (1, 0), "{}", live.status());
    });
}
