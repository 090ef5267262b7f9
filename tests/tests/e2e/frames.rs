//! What the network does to the bytes of a watch: cut anywhere, one at a time, all at once.

use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_config_tests::{Api, Chunks, Proxy, Witness, on_each_line_and_layers, over_each_api_and_layers};

const MEBIBYTE: usize = 1024 * 1024;

#[test]
fn r07_the_pieces_in_which_bytes_arrive_make_no_difference() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        for chunks in [Chunks::SingleBytes, Chunks::Glued(Duration::from_millis(20))] {
            let proxy = Proxy::to(&server.address());
            proxy.pass_on(chunks);
            let live = stage.watch([proxy.endpoint()]).expect("a first snapshot");
            let witness = Witness::watching(&live);
            let before = live.snapshot().revision();
            for n in 0..10 {
                let value = format!("{n} {chunks:?}");
                history.put("a", &value.repeat(100));
                history.put("b", &value);
                history.delete("b");
            }
            history.put("end", &format!("{chunks:?}"));
            // Each byte is a packet, and the machine may be busy.
            witness.converges(&history, Duration::from_secs(30));
            let revisions: Vec<_> = witness.steps().iter().map(|step| step.new.revision).collect();
            let written: Vec<_> = (before + 1..=before + 31).collect();
            assert!(revisions == written || !stage.is_exact(), "{chunks:?}: {revisions:?}");
            assert_eq!(live.status().counters.losses, 0, "{chunks:?}");
        }
    });
}

#[test]
fn r09_half_a_frame_is_no_frame() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let proxy = Proxy::to(&server.address());
        // Audits have connections of their own, and may bring what the watch has lost.
        let options = stage.options().audit_interval(None);
        let live = stage.watch_with(options, [proxy.endpoint()]).expect("a first snapshot");
        let witness = Witness::of(&live);
        let names: Vec<_> = (0..100).map(|n| format!("key{n}")).collect();
        // In the head of the frame, in that of the message, in the first event, in the middle, near the end.
        for (round, bytes) in [5, 12, 40, 30_000, 101_000].into_iter().enumerate() {
            witness.watches(Duration::from_secs(5));
            proxy.cut_after_reply_bytes(bytes);
            let value = round.to_string().repeat(1_000);
            match stage.api() {
                Api::V2 => history.put("a", &value.repeat(100)),
                Api::V3 => history.write(names.iter().map(|name| (name.as_str(), Some(&*value)))),
            };
            witness.converges(&history, Duration::from_secs(5));
        }
        let counters = live.status().counters;
        assert_eq!(counters.snapshots, 6, "one change for each write");
        // What is not exact may have been read before the rest of the frame came.
        assert!(counters.losses == 5 || !stage.is_exact(), "{}", live.status());
        assert!(counters.lists == 1 || !stage.is_exact(), "each time it went on where it was");
    });
}

/// The server sends what was missed in one message of 12 MB and more.
#[test]
fn r10_a_huge_replay_is_received_or_listed() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        for (limit, lists) in [(64 * MEBIBYTE, 1), (4 * MEBIBYTE, 2)] {
            let history = stage.history(&server);
            history.put("a", &limit.to_string());
            let proxy = Proxy::to(&server.address());
            let client = Client::builder().endpoints([proxy.endpoint()]).receive_limit(limit).build();
            let live = stage.options().watch(client.expect("a client")).expect("a first snapshot");
            let witness = Witness::watching(&live);

            proxy.shut();
            witness.notices_a_loss(Duration::from_secs(2));
            for n in 0..12 {
                history.put(&format!("large{n}"), &limit.to_string().repeat(MEBIBYTE / 8));
            }
            proxy.accept();
            witness.converges(&history, Duration::from_secs(15));
            witness.watches(Duration::from_secs(15));
            let is_listed = live.status().counters.lists == lists;
            assert!(is_listed || !stage.is_exact(), "with {limit} bytes at most: {}", live.status());
            drop((witness, live));
            history.clear();
        }
    });
}
