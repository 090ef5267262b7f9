//! Networks that swallow, forget, and lose.

use std::thread;
use std::time::Duration;

use etcd_config::EtcdConfig;
use etcd_config_tests::{
    Api, Flat, Proxy, Watched, Witness, on_each_line_and_layers, over_each_api_and_layers, over_v2,
    until_live,
};

#[test]
fn r42_a_black_hole_is_left_for_another_endpoint() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let proxies = [(); 2].map(|()| Proxy::to(&server.address()));
        let live = stage.watch(proxies.each_ref().map(Proxy::endpoint)).expect("a first snapshot");
        let witness = Witness::watching(&live);
        let used = live.status().endpoint.expect("the endpoint in use");

        proxies.iter().filter(|proxy| proxy.endpoint() == used).for_each(|proxy| proxy.hold(true));
        for n in 0..10 {
            history.put(&format!("key{n}"), "1");
        }
        witness.converges(&history, Duration::from_secs(15));
        assert_eq!(witness.named().len(), 10);
        assert_ne!(live.status().endpoint, Some(used));
    });
}

/// A heartbeat each 5 s keeps a mapping that lasts longer, and finds out that a shorter one is gone.
#[test]
fn r44_idle_connections_are_kept_or_replaced() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let Watched { proxy, live, witness } = stage.watched(&server);

        proxy.forget_idle(Some(Duration::from_secs(7)));
        thread::sleep(Duration::from_secs(12));
        history.put("a", "1");
        witness.converges(&history, Duration::from_secs(1));
        assert_eq!(live.status().counters.losses, 0, "heartbeats keep it");

        proxy.forget_idle(Some(Duration::from_secs(2)));
        thread::sleep(Duration::from_secs(3));
        history.put("a", "2");
        history.put("b", "1");
        witness.converges(&history, Duration::from_secs(15));
        // At the latest behind the next heartbeat, before which it is idle for longer. Over v2 a poll on
        // another connection may take the place of the forgotten one before that counts as lost.
        if stage.api() == Api::V3 {
            until_live(&live, Duration::from_secs(15), "lost", |live| live.status().counters.losses > 0);
        }
        thread::sleep(Duration::from_secs(3));
        history.put("b", "2");
        witness.converges(&history, Duration::from_secs(15));
    });
}

#[test]
fn r55_a_change_that_was_never_sent_is_found_by_the_audit() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        // A server whose progress proves nothing is asked what it holds, which finds it, too: later.
        let (audit, interval) = (Duration::from_secs(1), Duration::from_secs(2));
        let options = stage.options().audit_interval(audit).progress_interval(interval);
        let Watched { proxy, live, witness } = stage.watched_with(&server, options);

        proxy.lose_watch_frame();
        history.put("b", "2"); // in one layer, if there are two
        thread::sleep(Duration::from_millis(300));
        assert!(witness.steps().is_empty(), "it was not lost");
        witness.converges(&history, audit * 2 + interval);
        let counters = live.status().counters;
        assert_eq!((counters.repairs, counters.losses), (1, 0));
        witness.waits_for("audited again", audit * 2 + interval, |status| {
            status.counters.audits > counters.audits
        });
        assert_eq!(live.status().counters.repairs, 1, "there is nothing left to repair");
    });
}

/// The next poll asks for it again: no audit is needed.
#[test]
fn r55_a_change_that_was_never_sent_over_v2_comes_with_the_next_poll() {
    over_v2(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        let options = Flat::options().progress_interval(Duration::from_secs(2));
        let Watched { proxy, live, witness } =
            Watched::through(&server, |proxy| stage.watch_with(options, [proxy.endpoint()]));

        proxy.lose_watch_frame();
        history.put("a", "2");
        thread::sleep(Duration::from_millis(300));
        assert!(witness.steps().is_empty(), "it was not lost");
        history.put("b", "1");
        witness.converges(&history, Duration::from_secs(5));
        assert_eq!(witness.named(), ["a", "b"]);
        let counters = live.status().counters;
        assert_eq!((counters.repairs, counters.lists), (0, 1));
    });
}
