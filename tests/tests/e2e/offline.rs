//! Starting from the cache file while etcd is away.

use std::sync::mpsc;
use std::time::Duration;

use etcd_config::{EtcdConfig, Live, Source, State};
use etcd_config_tests::{
    Flat, Proxy, Server, Stage, Witness, on_each_line, on_each_line_and_layers, over_each_api_and_layers,
    until_live,
};

const SOON: Duration = Duration::from_secs(10);

fn is_saved(live: &Live<Flat>) -> bool {
    let file = live.status().cache_file.and_then(|file| file.revision);
    file == Some(live.snapshot().revision())
}

#[test]
fn a_service_starts_without_etcd_and_follows_it_when_it_is_back() {
    on_each_line(|etcd| {
        let folder = tempfile::tempdir().unwrap();
        let options = || {
            let cache = folder.path().join("app.cache");
            Flat::options().cache_file(cache).startup_timeout(Duration::from_millis(700))
        };
        let server = Server::builder().etcd(etcd).start();
        server.put("/app/all/a", "1");
        server.put("/app/all/b", "1");
        let before = options().startup_timeout(SOON).watch(server.endpoint()).unwrap();
        server.put("/app/all/a", "2");
        until_live(&before, SOON, "reloaded", |live| live.load().all["a"] == "2");
        until_live(&before, SOON, "saved", is_saved);
        let revision = before.snapshot().revision();
        drop(before);
        server.kill();

        let live = options().watch(server.endpoint()).unwrap();
        assert_eq!((live.load().all["a"].as_str(), live.snapshot().revision()), ("2", revision));
        let status = live.status();
        assert!(status.source == Source::Cache && matches!(status.state, State::Disconnected(_)), "{status}");
        assert!(live.require_fresh(Duration::from_millis(500)).unwrap_err().is_stale());
        let (sender, changes) = mpsc::channel();
        live.on_change(move |change| sender.send(change.keys().to_vec()).unwrap());

        server.restart();
        until_live(&live, SOON, "from etcd", |live| live.status().source == Source::Etcd);
        live.require_fresh(SOON).unwrap();
        server.put("/app/all/b", "2");
        assert_eq!(changes.recv_timeout(SOON).unwrap(), ["/app/all/b".into()], "nothing else has changed");
        until_live(&live, SOON, "saved", is_saved);
    });
}

#[test]
fn a_wiped_etcd_replaces_what_the_file_held_and_that_is_announced() {
    let folder = tempfile::tempdir().unwrap();
    let options = || {
        let cache = folder.path().join("app.cache");
        Flat::options().cache_file(cache).startup_timeout(Duration::from_millis(700))
    };
    let server = Server::start();
    (0..5).for_each(|n| server.put("/app/all/a", &n.to_string()));
    options().startup_timeout(SOON).load_once(server.endpoint()).unwrap();
    server.wipe();
    let live = options().watch(server.endpoint()).unwrap();
    assert_eq!(live.load().all["a"], "4");
    server.restart();
    server.put("/app/all/b", "new");
    until_live(&live, SOON, "the new history", |live| {
        live.load().all.keys().eq(["b"]) && live.status().source == Source::Etcd
    });
    assert_eq!(live.status().counters.rewinds, 1);
}

/// A configuration that has started from the file, and the way to the server, still closed.
fn from_file(stage: Stage, server: &Server) -> (tempfile::TempDir, Proxy, Live<Flat>) {
    let folder = tempfile::tempdir().unwrap();
    let options = || stage.options().audit_interval(None).cache_file(folder.path().join("app.cache"));
    stage.load_once(options(), [server.endpoint()]).unwrap();
    let proxy = Proxy::to(&server.address());
    proxy.refuse(true);
    let options = options().startup_timeout(Duration::from_millis(500));
    let live = stage.watch_with(options, [proxy.endpoint()]).unwrap();
    assert_eq!(live.status().source, Source::Cache);
    (folder, proxy, live)
}

#[test]
fn the_file_of_another_cluster_leaves_nothing_behind_and_that_is_announced() {
    over_each_api_and_layers(|stage| {
        let server = stage.server().start();
        let other = stage.server().flag("--initial-cluster-token", "other").start();
        let history = stage.history(&server);
        for name in ["a", "b", "same"] {
            history.put(name, "1");
        }
        let elsewhere = stage.history(&other);
        for name in ["c", "a", "a", "a", "a", "a", "a", "same"] {
            // Further on than the first: its revisions alone do not give it away.
            elsewhere.put(name, if name == "same" { "1" } else { "other" });
        }
        let (folder, proxy, live) = from_file(stage, &server);
        let witness = Witness::of(&live);
        assert!(live.load().all.keys().eq(["a", "b", "same"]));

        proxy.swap_backend(&other.address());
        proxy.accept();
        history.go_on_at(&other);
        history.begin_era();
        witness.converges(&history, SOON);
        assert_eq!(witness.named(), ["a", "b", "c"]);
        let rewind = live.status().last_rewind.unwrap();
        assert!(rewind.cluster_changed && live.status().counters.rewinds == 1, "{rewind}");
        history.put("c", "2");
        witness.converges(&history, SOON);
        until_live(&live, SOON, "saved", is_saved);

        drop((witness, live));
        proxy.refuse(true);
        let options = stage.options().cache_file(folder.path().join("app.cache"));
        let options = options.startup_timeout(Duration::from_millis(500));
        let again = stage.watch_with(options, [proxy.endpoint()]).unwrap();
        assert_eq!(again.load().all, history.head().1);
    });
}

#[test]
fn a_backup_that_is_restored_is_told_from_the_file_only_where_it_took_something_back() {
    on_each_line_and_layers(|stage| {
        for (later, rewinds) in [(0, 0), (3, 1)] {
            let server = stage.server().start();
            let history = stage.history(&server);
            history.put("a", "1");
            let folder = tempfile::tempdir().unwrap();
            let backup = folder.path().join("backup");
            server.save_snapshot(&backup);
            for n in 0..later {
                history.put(&format!("later{n}"), "1");
            }
            let (_folder, proxy, live) = from_file(stage, &server);
            let witness = Witness::of(&live);
            server.restore_snapshot(&backup);
            server.restart();
            history.begin_era();
            proxy.accept();
            until_live(&live, SOON, "from etcd", |live| live.status().source == Source::Etcd);
            witness.converges(&history, SOON);
            assert_eq!((witness.named().len(), live.status().counters.rewinds), (later, rewinds));
            history.put("a", "2");
            witness.converges(&history, SOON);
        }
    });
}
