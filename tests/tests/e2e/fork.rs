//! Histories that were rewound and have come as far as the old one, or further, before anybody
//! looked: no revision and no id gives them away.

use std::time::Duration;

use etcd_config::Live;
use etcd_config_tests::{Flat, History, PREFIX, Server, Watched, on_each_line};

/// Cuts the configuration off, lets `replace` give etcd another history, and lets it come back to a
/// server where something is written at once.
fn replaced(server: &Server, replace: impl FnOnce(&History<'_>)) -> Live<Flat> {
    let history = History::of(server, PREFIX);
    for n in 0..6 {
        history.put(&format!("key{n}"), "old");
    }
    let Watched { proxy, live, witness } = Watched::at(server);
    proxy.shut();
    witness.notices_a_loss(Duration::from_secs(2));

    replace(&history);
    proxy.accept();
    witness.watches(Duration::from_secs(10));
    history.put("later", "1");
    witness.converges(&history, Duration::from_secs(3));
    history.put("later", "2");
    witness.converges(&history, Duration::from_secs(3));
    live
}

#[test]
fn a_wiped_server_at_the_very_same_revision_is_told_from_the_old_one() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let live = replaced(&server, |history| {
            let (revision, _) = history.head();
            server.wipe();
            server.restart();
            history.begin_era();
            while history.put("key0", "new") < revision {}
        });
        assert_eq!(live.load().all["key0"], "new");
        assert_eq!((live.load().all.len(), live.status().counters.rewinds), (2, 1), "{}", live.status());
    });
}

#[test]
fn a_wiped_server_that_has_got_further_is_told_from_the_old_one() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let live = replaced(&server, |history| {
            let (revision, _) = history.head();
            server.wipe();
            server.restart();
            history.begin_era();
            while history.put("key0", "new") < revision + 10 {}
        });
        assert_eq!((live.load().all.len(), live.status().counters.rewinds), (2, 1), "{}", live.status());
    });
}

#[test]
fn a_restored_backup_that_was_overtaken_is_told_from_the_old_history() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let backup = folder.path().join("backup");
        let live = replaced(&server, |history| {
            server.save_snapshot(&backup);
            server.restore_snapshot(&backup);
            server.restart();
            history.begin_era();
            history.put("key0", "new");
        });
        // The backup was as new as what had been seen: nothing was taken back.
        assert_eq!((live.load().all["key0"].as_str(), live.status().counters.rewinds), ("new", 0));

        let server = Server::builder().etcd(etcd).start();
        server.save_snapshot(&backup);
        let live = replaced(&server, |history| {
            let (revision, _) = history.head();
            server.restore_snapshot(&backup);
            server.restart();
            history.begin_era();
            while history.put("key5", "new") <= revision + 3 {}
        });
        assert_eq!((live.load().all.len(), live.status().counters.rewinds), (2, 1), "{}", live.status());
    });
}
