//! A single server that goes away and comes back.

use std::thread;
use std::time::{Duration, Instant};

use etcd_config_tests::{Api, Proxy, Watched, Witness, over_each_api_and_layers, over_v2, until_live};

#[test]
fn r11_a_server_that_was_killed_is_taken_up_again_where_it_was() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        let live = stage.watch([server.endpoint()]).expect("a first snapshot");
        let witness = Witness::watching(&live);

        server.kill();
        witness.notices_a_loss(Duration::from_secs(1));
        thread::sleep(Duration::from_secs(5));
        assert_eq!(live.load().all["a"], "1");
        assert!(witness.steps().is_empty());

        server.restart();
        history.put("a", "2");
        history.put("b", "1");
        witness.converges(&history, Duration::from_secs(3));
        assert_eq!(witness.named(), ["a", "b"]);
    });
}

#[test]
fn r13_a_watch_that_ends_in_good_order_is_a_lost_one() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let proxy = Proxy::to(&server.address());
        // Audits have connections of their own, and may bring what the watch has lost.
        let options = stage.options().audit_interval(None);
        let live = stage.watch_with(options, [proxy.endpoint()]).expect("a first snapshot");
        let witness = Witness::of(&live);
        // The stream alone, with the status "ok", and the whole connection.
        let ends: [fn(&Proxy); 3] = match stage.api() {
            Api::V2 => [Proxy::cut; 3],
            Api::V3 => [Proxy::end_watches, Proxy::cut, Proxy::end_watches],
        };
        for (round, end) in ends.into_iter().enumerate() {
            witness.watches(Duration::from_secs(5));
            let before = proxy.connections();
            end(&proxy);
            history.put("a", &round.to_string());
            witness.converges(&history, Duration::from_secs(2));
            // The change may have come before the end.
            until_live(&live, Duration::from_secs(5), "connected again", |_| proxy.connections() > before);
        }
        assert_eq!(live.status().counters.snapshots, 4, "each write is one change");
    });
}

/// As some proxies do with whatever lasts too long for them.
#[test]
fn r13_polls_that_are_ended_again_and_again_lose_nothing_and_are_not_repeated_in_haste() {
    over_v2(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let Watched { proxy, live, witness } = stage.watched(&server);
        let (before, start) = (proxy.requests(), Instant::now());
        let mut written = 0;
        while start.elapsed() < Duration::from_secs(4) {
            proxy.end_watches();
            thread::sleep(Duration::from_millis(100));
            if written < 3 && start.elapsed() > Duration::from_secs(written + 1) {
                written += 1;
                history.put("a", &written.to_string());
            }
        }
        // One a second, one behind each change, and those of a sign of life.
        let requests = proxy.requests() - before;
        assert!((5..20).contains(&requests), "{requests} requests in 4 s");
        witness.converges(&history, Duration::from_secs(2));
        assert_eq!((written, live.status().counters.snapshots), (3, 4), "each write is one change");
        assert_eq!(live.status().counters.lists, 1);
    });
}

/// Half a minute and more would be the same: it is lost after ten seconds of silence.
#[test]
fn r14_a_frozen_server_is_noticed_and_its_last_settings_stay() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        let live = stage.watch([server.endpoint()]).expect("a first snapshot");
        let witness = Witness::watching(&live);

        server.pause();
        witness.notices_a_loss(Duration::from_secs(15));
        assert_eq!(live.load().all["a"], "1");
        thread::sleep(Duration::from_secs(3));
        assert!(live.status().age > Duration::from_secs(3));

        server.resume();
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(15));
        witness.watches(Duration::from_secs(15));
    });
}
