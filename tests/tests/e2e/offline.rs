//! Starting from the cache file while etcd is away.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use etcd_config::{EtcdConfig, Live, Source, State};
use etcd_config_tests::{Flat, Server, on_oldest_and_newest};

const SOON: Duration = Duration::from_secs(10);

fn until(what: &str, live: &Live<Flat>, wanted: impl Fn(&Live<Flat>) -> bool) {
    let begin = Instant::now();
    while !wanted(live) {
        assert!(begin.elapsed() < SOON, "{what}: not within {SOON:?}\n{}", live.status());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_saved(live: &Live<Flat>) -> bool {
    let file = live.status().cache_file.and_then(|file| file.revision);
    file == Some(live.snapshot().revision())
}

#[test]
fn a_service_starts_without_etcd_and_follows_it_when_it_is_back() {
    on_oldest_and_newest(|etcd| {
        let folder = tempfile::tempdir().unwrap();
        let options = || {
            let cache = folder.path().join("app.cache");
            Flat::options().cache_file(cache).startup_timeout(Duration::from_millis(700))
        };
        let server = Server::builder().etcd(etcd).start();
        server.put("/app/all/a", "1");
        server.put("/app/all/b", "1");
        let before = options().watch(server.endpoint()).unwrap();
        server.put("/app/all/a", "2");
        until("reloaded", &before, |live| live.load().all["a"] == "2");
        until("saved", &before, is_saved);
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
        until("from etcd", &live, |live| live.status().source == Source::Etcd);
        live.require_fresh(SOON).unwrap();
        server.put("/app/all/b", "2");
        assert_eq!(changes.recv_timeout(SOON).unwrap(), ["/app/all/b".into()], "nothing else has changed");
        until("saved", &live, is_saved);
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
    options().load_once(server.endpoint()).unwrap();
    server.wipe();
    let live = options().watch(server.endpoint()).unwrap();
    assert_eq!(live.load().all["a"], "4");
    server.restart();
    server.put("/app/all/b", "new");
    until("the new history", &live, |live| {
        live.load().all.keys().eq(["b"]) && live.status().source == Source::Etcd
    });
    assert_eq!(live.status().counters.rewinds, 1);
}
