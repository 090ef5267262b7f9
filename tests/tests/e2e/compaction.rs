//! Compactions of what was not seen yet.

use std::collections::BTreeSet;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v2;
use etcd_config::{EtcdConfig, Status};
use etcd_config_tests::{
    Flat, History, PREFIX, Proxy, Server, Watched, Witness, on_each_line_and_layers, over_v2, servers,
};

#[test]
fn r27_compaction_reports_only_what_differs() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let names: Vec<_> = (0..100).map(|n| format!("key{n:02}")).collect();
        history.write(names.iter().map(|name| (name.as_str(), Some("1"))));
        let Watched { proxy, live, witness } = stage.watched(&server);

        proxy.shut();
        witness.notices_a_loss(Duration::from_secs(2));
        for name in &names[..3] {
            history.put(name, "2");
        }
        history.delete(&names[3]);
        history.delete(&names[4]);
        history.put(&names[5], "2");
        history.put(&names[5], "1");
        history.compact();
        proxy.accept();

        witness.converges(&history, Duration::from_secs(3));
        assert_eq!(BTreeSet::from_iter(witness.named()), BTreeSet::from_iter(names[..5].to_vec()));
        assert_eq!(live.status().counters.lists, 2);
        history.put(&names[6], "2");
        witness.converges(&history, Duration::from_secs(3));
    });
}

/// Over v2 the server keeps the last thousand changes of the whole store.
#[test]
fn r27_a_forgotten_history_over_v2_reports_only_what_differs() {
    let etcd = servers::with_v2().pop().expect("a server");
    let server = Server::builder().etcd(etcd).v2().start();
    let history = History::over_v2(&server, PREFIX);
    let names: Vec<_> = (0..20).map(|n| format!("key{n:02}")).collect();
    for name in &names {
        history.put(name, "1");
    }
    let Watched { proxy, witness, .. } = Watched::through(&server, |proxy| {
        Flat::watch(v2::Client::new([proxy.endpoint()]).expect("a client"))
    });

    proxy.shut();
    let begin = Instant::now();
    witness.notices_a_loss(Duration::from_secs(3));
    history.put(&names[0], "2");
    history.delete(&names[1]);
    history.put(&names[2], "2");
    history.put(&names[2], "1");
    let elsewhere = History::over_v2(&server, "/elsewhere/");
    for n in 0..1_100 {
        elsewhere.put("a", &n.to_string());
    }
    proxy.accept();
    // The end of an outage is noticed after half its length.
    witness.converges(&history, begin.elapsed() / 2 + Duration::from_secs(5));
    assert_eq!(BTreeSet::from_iter(witness.named()), BTreeSet::from_iter(names[..2].to_vec()));
    history.put(&names[3], "2");
    witness.converges(&history, Duration::from_secs(3));
}

#[test]
fn r29_who_resumes_at_the_compact_revision_itself_misses_nothing() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        history.put("b", "1");
        let Watched { proxy, live, witness } = stage.watched(&server);

        proxy.shut();
        witness.notices_a_loss(Duration::from_secs(2));
        let next = history.put("a", "2");
        assert_eq!(next, live.snapshot().revision() + 1);
        history.delete("b");
        history.compact_at(next);
        proxy.accept();

        witness.converges(&history, Duration::from_secs(3));
        assert_eq!(witness.named(), ["a", "b"]);
        // What it held is forgotten, so that nobody can tell whether all changes behind it are there.
        assert_eq!(live.status().counters.lists, 2);
    });
}

/// The oldest of the thousand changes that the server keeps, with all those behind it elsewhere.
#[test]
fn r29_the_oldest_change_over_v2_is_still_there_to_resume_from() {
    over_v2(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        let Watched { proxy, live, witness } = stage.watched(&server);

        proxy.shut();
        let begin = Instant::now();
        witness.notices_a_loss(Duration::from_secs(3));
        let next = history.put("a", "2");
        let elsewhere = History::over_v2(&server, "/elsewhere/");
        let last = (1..1_000).map(|n| elsewhere.put("a", &n.to_string())).last();
        assert_eq!(last, Some(next + 999), "it is the oldest of a thousand");
        proxy.accept();

        witness.converges(&history, begin.elapsed() / 2 + Duration::from_secs(5));
        assert_eq!((witness.named(), live.status().counters.lists), (vec!["a".to_owned()], 1));
    });
}

/// Some servers lose the deletion at a compact revision; here the network does.
#[test]
fn r29_a_deletion_that_was_never_sent_is_found_by_the_audit() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        history.put("b", "1");
        let (audit, interval) = (Duration::from_secs(1), Duration::from_secs(2));
        let options = stage.options().audit_interval(audit).progress_interval(interval);
        let Watched { proxy, live, witness } = stage.watched_with(&server, options);
        proxy.lose_watch_frame();
        history.delete("b");
        witness.converges(&history, audit * 2 + interval);
        assert_eq!((witness.named(), live.status().counters.repairs), (vec!["b".to_owned()], 1));
    });
}

/// Servers of before autumn 2024 do not send the deletion at a compact revision to who resumes
/// there (etcd-io/etcd#18089).
#[test]
fn r29_a_deletion_at_the_compact_revision_is_not_missed_by_who_resumes_there() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.write([("a", Some("1")), ("b", Some("1")), ("c", Some("1"))]);
        let options = stage.options().progress_interval(Duration::from_secs(1));
        let Watched { proxy, live, witness } = stage.watched_with(&server, options);

        for (name, compacted_behind) in [("a", 0), ("b", 1)] {
            let held = history.head().0;
            proxy.shut();
            witness.notices_a_loss(Duration::from_secs(2));
            assert_eq!(history.delete(name), held + 1);
            history.compact_at(held + compacted_behind);
            proxy.accept();
            witness.converges(&history, Duration::from_secs(10));
            witness.watches(Duration::from_secs(5));
        }
        assert_eq!(witness.named(), ["a", "b"]);
        let counters = live.status().counters;
        assert_eq!((counters.lists, counters.rewinds), (2, 0), "the first time, it went on where it was");
    });
}

/// What follows the lost deletion must not be shown without it.
#[test]
fn r29_a_deletion_at_the_compact_revision_is_not_overtaken_by_what_follows_it() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.write([("a", Some("1")), ("b", Some("1"))]);
        let Watched { proxy, live, witness } = stage.watched(&server);

        proxy.shut();
        witness.notices_a_loss(Duration::from_secs(2));
        let deletion = history.delete("b");
        history.put("a", "2");
        history.compact_at(deletion);
        proxy.accept();
        witness.converges(&history, Duration::from_secs(10));
        assert_eq!(live.status().counters.rewinds, 0);
    });
}

#[test]
fn r31_a_compaction_storm_does_not_keep_it_from_coming_back() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "0");
        let Watched { proxy, live, witness } = stage.watched(&server);

        let (storm, over) = channel::<()>();
        thread::scope(|scope| {
            let _storm = storm; // goes on until here it is over
            let history = &history;
            scope.spawn(move || {
                let mut n = 0;
                while over.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                    n += 1;
                    history.put("a", &n.to_string());
                    history.put(&format!("key{}", n % 7), &n.to_string());
                    history.compact();
                }
            });
            proxy.delay_replies(Duration::from_millis(500));
            for _ in 0..2 {
                proxy.cut();
                witness.notices_a_loss(Duration::from_secs(2));
                let calls = server.metric("grpc_server_started_total");
                if stage.is_exact() {
                    witness.watches(Duration::from_secs(20));
                } else {
                    // Each change is read: it goes on, and is never done.
                    let before = live.status().revision;
                    let goes_on = |status: &Status| status.revision > before + 5;
                    witness.waits_for("later revisions", Duration::from_secs(20), goes_on);
                }
                let calls = server.metric("grpc_server_started_total") - calls;
                assert!(calls < 300.0, "{calls} calls, the storm's own included");
                thread::sleep(Duration::from_secs(1));
            }
        });
        witness.converges(&history, Duration::from_secs(5));
    });
}

/// Each page would be asked for when the revision of the first is forgotten.
#[test]
fn r31_a_compaction_storm_does_not_keep_a_listing_of_several_pages_from_its_end() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let names: Vec<_> = (0..3_000).map(|n| format!("key{n:04}")).collect();
        for names in names.chunks(100) {
            history.write(names.iter().map(|name| (name.as_str(), Some("1"))));
        }
        let proxy = Proxy::to(&server.address());
        proxy.delay_replies(Duration::from_millis(200));
        let (storm, over) = channel::<()>();
        let live = thread::scope(|scope| {
            let _storm = storm; // goes on until here it is over
            let history = &history;
            scope.spawn(move || {
                let mut n = 0;
                while over.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
                    n += 1;
                    history.put("key0000", &n.to_string());
                    history.compact();
                }
            });
            stage.options().watch(proxy.endpoint()).expect("a first snapshot")
        });
        Witness::of(&live).converges(&history, Duration::from_secs(5));
    });
}
