//! What is written between the listing and the watch, or between two pages of the listing.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use etcd_config_tests::{Api, Proxy, Witness, on_each_line_and_layers, over_each_api_and_layers, over_v2};

#[test]
fn r01_what_is_written_between_listing_and_watch_arrives_exactly_once() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let old: Vec<_> = (0..5).map(|n| format!("old{n}")).collect();
        for name in &old {
            history.put(name, "1");
        }
        let proxy = Proxy::to(&server.address());
        proxy.delay_requests(Duration::from_millis(500));

        let live = stage.watch([proxy.endpoint()]).expect("a first snapshot");
        proxy.hold_requests(true); // for as long as the writes take
        let witness = Witness::of(&live);
        for n in 0..20 {
            history.put(&format!("new{n}"), "1");
        }
        for name in &old {
            history.delete(name);
        }
        let watchers = ["etcd_debugging_mvcc_watcher_total", "etcd_debugging_store_watchers"];
        let watchers: f64 = watchers.iter().map(|name| server.metric(name)).sum();
        assert!(watchers < 1.0, "the watch was there before the writes");

        proxy.delay_requests(Duration::ZERO); // of later ones
        proxy.hold_requests(false);
        // Over v2 there is a request for each of the 25 changes, one after the other.
        let limit = match stage.api() {
            Api::V2 => Duration::from_secs(6),
            Api::V3 => Duration::from_secs(2),
        };
        witness.converges(&history, limit);
        let named = witness.named();
        assert_eq!((named.len(), named.iter().collect::<BTreeSet<_>>().len()), (25, 25), "{named:?}");
    });
}

#[test]
fn r02_a_listing_of_many_pages_is_the_state_at_one_revision() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let names: Vec<_> = (0..3_000).map(|n| format!("key{n:04}")).collect();
        for names in names.chunks(100) {
            history.write(names.iter().map(|name| (name.as_str(), Some("before"))));
        }
        let proxy = Proxy::to(&server.address());
        proxy.delay_replies(Duration::from_millis(100));
        let (live, loaded) = thread::scope(|scope| {
            let loading = scope.spawn(|| {
                let live = stage.options().watch(proxy.endpoint()).expect("a first snapshot");
                let loaded = live.snapshot().revision();
                (live, loaded)
            });
            let mut round = 0;
            while !loading.is_finished() {
                // The first and the last page in one revision: never one without the other.
                let value = format!("round {round}");
                history.write([("key0000", Some(&*value)), ("key2999", Some(&*value)), ("key1500", None)]);
                history.put("key1500", &value);
                round += 1;
                thread::sleep(Duration::from_millis(10));
            }
            loading.join().expect("no panic")
        });
        assert!(loaded < history.head().0, "nothing was written while it loaded");
        Witness::of(&live).converges(&history, Duration::from_secs(10));
    });
}

/// In one piece, over v2, and at the index that it says.
#[test]
fn r02_a_listing_over_v2_under_writes_is_the_state_at_one_index() {
    over_v2(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        for n in 0..100 {
            history.put(&format!("key{n:02}"), "before");
        }
        let proxy = Proxy::to(&server.address());
        for _ in 0..5 {
            proxy.delay_replies(Duration::from_millis(100));
            let (live, loaded) = thread::scope(|scope| {
                let loading = scope.spawn(|| {
                    let live = stage.watch([proxy.endpoint()]).expect("a first snapshot");
                    let loaded = live.snapshot().revision();
                    (live, loaded)
                });
                let mut round = 0;
                while !loading.is_finished() {
                    history.put("key00", &format!("round {round}"));
                    history.delete("key99");
                    history.put("key99", &format!("round {round}"));
                    round += 1;
                    thread::sleep(Duration::from_millis(10));
                }
                loading.join().expect("no panic")
            });
            assert!(loaded < history.head().0, "nothing was written while it loaded");
            proxy.delay_replies(Duration::ZERO); // of later ones: there is one for each change
            Witness::of(&live).converges(&history, Duration::from_secs(10));
        }
    });
}
