//! Histories that go backwards: restored from a backup, wiped, or another cluster's.

use std::sync::mpsc::channel;
use std::time::Duration;

use etcd_config_tests::{Watched, Witness, on_each_line_and_layers, over_each_api_and_layers, over_v2};

#[test]
fn r32_a_restored_backup_is_listed_and_the_rewind_is_told() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        history.put("b", "1");
        let live = stage.options().watch(server.endpoint()).expect("a first snapshot");
        let witness = Witness::watching(&live);

        let folder = tempfile::tempdir().expect("a temporary folder");
        let backup = folder.path().join("backup");
        server.save_snapshot(&backup);
        for n in 0..20 {
            history.put(&format!("later{n}"), "1");
        }
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(3));
        assert_eq!(live.status().counters.rewinds, 0);

        server.restore_snapshot(&backup);
        server.restart();
        history.begin_era();
        assert_eq!(history.head().1.len(), 2);
        witness.converges(&history, Duration::from_secs(5));
        let names = witness.steps().last().expect("a change").names();
        assert_eq!(names.len(), 21, "what was later, and what changed");
        assert_eq!(live.status().counters.rewinds, 1);
        witness.watches(Duration::from_secs(5));
        history.put("a", "3");
        witness.converges(&history, Duration::from_secs(3));
    });
}

/// With a copy of the data: a snapshot of v3 holds nothing of v2.
#[test]
fn r32_a_restored_backup_of_v2_is_listed_and_the_rewind_is_told() {
    over_v2(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        history.put("b", "1");
        let folder = tempfile::tempdir().expect("a temporary folder");
        server.kill();
        server.save_data(folder.path());
        server.restart();
        let live = stage.watch([server.endpoint()]).expect("a first snapshot");
        let witness = Witness::watching(&live);
        for n in 0..20 {
            history.put(&format!("later{n}"), "1");
        }
        let before = history.put("a", "2");
        witness.converges(&history, Duration::from_secs(3));
        assert_eq!(live.status().counters.rewinds, 0);

        server.restore_data(folder.path());
        server.restart();
        history.begin_era();
        let (index, keys) = history.head();
        assert!(index < before && keys.len() == 2, "{index}, once {before}: {keys:?}");
        witness.converges(&history, Duration::from_secs(5));
        let keys = witness.steps().last().expect("a change").keys.len();
        assert_eq!(keys, 21, "what was later, and what changed");
        assert_eq!(live.status().counters.rewinds, 1);
        witness.watches(Duration::from_secs(5));
        history.put("a", "3");
        history.delete("b");
        witness.converges(&history, Duration::from_secs(3));
        assert_eq!(live.status().counters.rewinds, 1);
    });
}

#[test]
fn r34_a_wiped_cluster_is_asked_twice_before_its_emptiness_counts() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        history.put("b", "1");
        let live = stage.watch([server.endpoint()]).expect("a first snapshot");
        let witness = Witness::watching(&live);

        server.wipe();
        server.restart();
        history.begin_era();
        witness.converges(&history, Duration::from_secs(10));
        let counters = live.status().counters;
        assert_eq!((counters.rewinds, counters.lists), (1, 3), "read twice");
        witness.watches(Duration::from_secs(5));
        history.put("c", "1");
        witness.converges(&history, Duration::from_secs(3));
    });
}

#[test]
fn r34_an_emptiness_that_passes_is_never_seen() {
    on_each_line_and_layers(|stage| {
        let [server, empty] = [(); 2].map(|()| stage.server().start());
        let history = stage.history(&server);
        for _ in 0..5 {
            history.put("a", "1");
        }
        let Watched { proxy, live, witness } = stage.watched(&server);

        proxy.swap_backend(&empty.address());
        proxy.cut();
        // The first read of the empty one, and back before the second.
        let lists = live.status().counters.lists;
        let method = if stage.is_layered() { "Txn" } else { "Range" };
        let read = format!("grpc_server_handled_total{{grpc_code=\"OK\",grpc_method=\"{method}\"");
        let reads = || empty.metric(&read);
        while reads() < 1.0 {
            assert!(live.status().counters.lists <= lists + 1, "{}", live.status());
        }
        proxy.swap_backend(&server.address());
        proxy.cut();
        history.put("b", "1");
        witness.converges(&history, Duration::from_secs(5));
        assert!(witness.steps().iter().all(|step| !step.new.all.is_empty()));
    });
}

#[test]
fn r35_another_cluster_behind_the_same_name_is_told_and_listed() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let other = stage.server().flag("--initial-cluster-token", "other").start();
        let elsewhere = stage.history(&other);
        for n in 0..10 {
            // Further on than the first: its revisions alone do not give it away.
            elsewhere.put("a", &n.to_string());
        }
        let history = stage.history(&server);
        history.put("a", "1");
        history.put("b", "1");
        let Watched { proxy, live, witness } = stage.watched(&server);

        let (told, hears) = channel();
        live.on_status(move |status| {
            if let Some(rewind) = status.last_rewind {
                let _ = told.send(rewind);
            }
        });
        proxy.swap_backend(&other.address());
        proxy.cut();
        history.go_on_at(&other);
        history.begin_era();
        witness.converges(&history, Duration::from_secs(5));
        assert_eq!(live.status().counters.rewinds, 1);
        let rewind = hears.recv_timeout(Duration::from_secs(5)).expect("the user is told");
        assert!(rewind.cluster_changed, "{rewind}");
        history.put("c", "1");
        witness.converges(&history, Duration::from_secs(3));
    });
}
