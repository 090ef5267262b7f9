//! Starting while etcd does not answer, from what it held before.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use etcd_client_core::{Error, Kind};
use etcd_config::{EtcdConfig, MemoryStore, Source, State};

use crate::folder::{Folder, LIMIT, saved};
use crate::service::{SOON, Service, runtime, store, until};

#[test]
fn it_starts_from_the_file_and_goes_over_to_etcd_when_that_answers() {
    let (folder, store) = (Folder::new(), store());
    let before = folder.options::<Service>().watch(&store).unwrap();
    store.put("/service/level", "debug");
    saved(&before, store.put("/service/features/one", "true"));
    drop(before);

    store.refuse(true);
    store.transaction().put("/service/workers", "9").delete("/service/features/one").commit();
    let settings = folder.options::<Service>().watch(&store).unwrap();
    assert_eq!((settings.load().level.as_str(), settings.load().features["one"]), ("debug", true));
    let status = settings.status();
    assert_eq!((status.source, status.snapshot_revision), (Source::Cache, 4));
    assert!(matches!(status.state, State::Disconnected(_)), "{status}");
    assert!(status.age >= LIMIT && status.age < SOON, "{status}");
    assert!(status.to_string().contains("from the cache file; proven current"), "{status}");

    let (sender, changes) = mpsc::channel();
    settings.on_change(move |change| sender.send(change.clone()).unwrap());
    store.refuse(false);
    let change = changes.recv_timeout(SOON).unwrap();
    let keys: Vec<_> = change.keys().iter().map(|key| &**key).collect();
    assert_eq!(keys, ["/service/features/one", "/service/workers"]);
    assert_eq!((change.before().workers, change.after().workers, change.revision()), (8, 9, 5));
    until("from etcd", || settings.status().source == Source::Etcd);
    saved(&settings, 5);
    let next = store.put("/service/workers", "10");
    settings.wait_for_revision(next, SOON).unwrap();
}

#[test]
fn nothing_is_said_when_nothing_differs() {
    let (folder, store) = (Folder::new(), store());
    folder.fill::<Service>(&store);
    store.refuse(true);
    let settings = folder.options::<Service>().watch(&store).unwrap();
    let (sender, changes) = mpsc::channel();
    settings.on_change(move |_| sender.send(()).unwrap());
    store.refuse(false);
    until("from etcd", || settings.status().source == Source::Etcd);
    assert!(changes.recv_timeout(Duration::from_millis(50)).is_err());
    assert_eq!(settings.status().counters.snapshots, 1);
}

#[test]
fn a_history_that_is_older_than_the_file_is_announced() {
    let (folder, store) = (Folder::new(), store());
    store.put("/service/workers", "1");
    store.put("/service/workers", "2");
    folder.fill::<Service>(&store);
    store.wipe(true);
    store.put("/service/database/url", "pg://other");
    store.refuse(true);
    let settings = folder.options::<Service>().watch(&store).unwrap();
    assert_eq!(settings.load().workers, 2);
    store.refuse(false);
    settings.wait_until(|s| s.database.url == "pg://other", SOON).unwrap();
    assert_eq!(settings.load().workers, 8);
    assert_eq!((settings.status().counters.rewinds, settings.load().revision()), (1, 2));
}

#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/vault")]
struct Vault {
    #[etcd(default = "info")]
    level: String,
    #[etcd(secret)]
    token: String,
    #[etcd(secret, nested)]
    _login: Option<Login>,
    #[etcd(map, secret)]
    _keys: std::collections::HashMap<String, String>,
}

#[derive(EtcdConfig, Debug)]
struct Login {
    #[etcd(alias = "pass")]
    _password: String,
}

fn vault() -> MemoryStore {
    MemoryStore::from([
        ("/vault/level", "debug-1"),
        ("/vault/token", "hunter2-1"),
        ("/vault/_login/pass", "hunter2-2"),
        ("/vault/_keys/one", "hunter2-3"),
        ("/vault/tokn", "hunter2-4"),
        ("/vault/level/below", "hunter2-5"),
    ])
}

#[test]
fn it_holds_no_secret_nor_what_may_be_one() {
    let (folder, store) = (Folder::new(), vault());
    folder.fill::<Vault>(&store);
    let text = folder.text();
    assert!(text.contains("debug-1") && text.contains("/vault/token"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_required_secret_that_is_not_in_it_is_called_by_its_name() {
    let (folder, store) = (Folder::new(), vault());
    folder.fill::<Vault>(&store);
    store.refuse(true);
    let error = folder.options::<Vault>().watch(&store).unwrap_err();
    assert!(error.is_timeout());
    let text = error.to_string();
    assert!(
        text.contains("no configuration within 150ms") && text.contains("connection refused"),
        "the first cause is there: {text}"
    );
    assert!(text.contains("/vault/token is required; call .cache_secrets(true)"), "{text}");
}

#[test]
fn that_it_lacks_a_required_secret_is_known_while_etcd_answers() {
    let (folder, store) = (Folder::new(), vault());
    let problem = |settings: etcd_config::Live<Vault>| {
        until("saved", || settings.status().cache_file.is_some_and(|file| file.saved_at.is_some()));
        let status = settings.status();
        let problem = status.cache_file.as_ref().unwrap().problem.clone();
        assert_eq!(status.to_string().contains("warning: the cache file"), problem.is_some(), "{status}");
        problem
    };
    let useless = "it is of no use while etcd does not answer: secrets are not kept in it, and /vault/token is \
                   required; call .cache_secrets(true) to have them kept";
    assert_eq!(problem(folder.options::<Vault>().watch(&store).unwrap()).as_deref(), Some(useless));
    assert_eq!(problem(folder.options::<Vault>().cache_secrets(true).watch(&store).unwrap()), None);
}

#[test]
fn secrets_are_kept_where_that_is_asked_for() {
    let (folder, store) = (Folder::new(), vault());
    let options = || folder.options::<Vault>().cache_secrets(true);
    options().load_once(&store).unwrap();
    store.refuse(true);
    let settings = options().watch(&store).unwrap();
    assert_eq!((settings.load().token.as_str(), settings.load().level.as_str()), ("hunter2-1", "debug-1"));
}

#[test]
fn it_is_not_used_where_etcd_answers_badly() {
    let (folder, store) = (Folder::new(), store());
    folder.fill::<Service>(&store);
    let before = fs::read(folder.file()).unwrap();
    for kind in [Kind::Unauthenticated, Kind::PermissionDenied] {
        store.refuse_with(Some(Error::new(kind, "no")));
        assert!(folder.options::<Service>().watch(&store).unwrap_err().is_access());
    }
    store.refuse_with(None);
    store.put("/service/workers", "many");
    assert!(folder.options::<Service>().watch(&store).unwrap_err().is_invalid());
    assert_eq!(fs::read(folder.file()).unwrap(), before, "nor is it written");
}

#[test]
fn a_struct_that_it_does_not_fit_is_not_made_of_it() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/service")]
    struct Newer {
        #[etcd(default = 1)]
        _level: u32,
        _level_of_detail: String,
    }
    let (folder, store) = (Folder::new(), store());
    folder.fill::<Service>(&store);
    store.refuse(true);
    let text = folder.options::<Newer>().watch(&store).unwrap_err().to_string();
    assert!(text.contains("of no use: 1 problem in Newer") && text.contains("_level_of_detail"), "{text}");
    assert!(!text.contains("cache_secrets"), "{text}");
}

#[test]
fn only_what_is_in_force_is_written() {
    let (folder, store) = (Folder::new(), store());
    let settings = folder.options::<Service>().watch(&store).unwrap();
    saved(&settings, store.put("/service/level", "debug"));
    store.put("/service/workers", "many");
    until("rejected", || settings.status().refused_since.is_some());
    drop(settings);
    std::thread::sleep(Duration::from_millis(100));
    store.refuse(true);
    let settings = folder.options::<Service>().watch(&store).unwrap();
    assert_eq!((settings.load().revision(), settings.load().workers), (3, 8));
    // What etcd holds still does not decode: the values from the file stay, and are said to be.
    store.refuse(false);
    until("rejected", || settings.status().refused_since.is_some());
    assert_eq!(settings.status().source, Source::Cache, "{}", settings.status());
    store.put("/service/workers", "3");
    settings.wait_until(|s| s.workers == 3, SOON).unwrap();
    assert_eq!(settings.status().source, Source::Etcd);
}

/// Each file that is found, by what tells it from the one before.
#[cfg(unix)]
fn identity(path: &Path) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata(path).unwrap();
    (file.ino(), file.mtime(), file.mtime_nsec())
}

#[test]
#[cfg(unix)]
fn a_storm_of_changes_is_written_about_once_a_second_and_to_its_end() {
    let (folder, store) = (Folder::new(), store());
    let settings = folder.options::<Service>().watch(&store).unwrap();
    saved(&settings, 2);
    let (begin, mut files, mut last) = (Instant::now(), 0, identity(&folder.file()));
    let mut n = 0;
    while begin.elapsed() < Duration::from_millis(2_500) {
        n += 1;
        store.put("/service/workers", n.to_string());
        std::thread::sleep(Duration::from_millis(1));
        let now = identity(&folder.file());
        files += u32::from(now != last);
        last = now;
    }
    assert!((2..=4).contains(&files), "{files} files of {n} changes");
    saved(&settings, store.revision());
    drop(settings);
    store.refuse(true);
    assert_eq!(folder.options::<Service>().load_once(&store).unwrap().workers, n);
}

#[test]
fn what_came_last_is_written_when_the_watch_ends() {
    let (folder, store) = (Folder::new(), store());
    let settings = folder.options::<Service>().watch(&store).unwrap();
    saved(&settings, 2);
    for n in 1..=3 {
        settings.wait_for_revision(store.put("/service/workers", n.to_string()), SOON).unwrap();
    }
    drop(settings);
    let read = || {
        let silent = store.clone();
        silent.refuse(true);
        folder.options::<Service>().load_once(&silent).is_ok_and(|service| service.workers == 3)
    };
    until("the last change is in the file", read);
}

#[test]
fn asynchronous_callers_have_it_too() {
    let (folder, store) = (Folder::new(), store());
    runtime().block_on(async {
        folder.options::<Service>().load_once_async(&store).await.unwrap();
        store.refuse(true);
        let settings = folder.options::<Service>().watch_async(&store).await.unwrap();
        assert_eq!(settings.status().source, Source::Cache);
        assert_eq!(folder.options::<Service>().load_once_async(&store).await.unwrap().workers, 8);
        store.refuse(false);
        settings.wait_until_async(|_| true, SOON).await.unwrap();
    });
}

#[test]
fn the_last_good_state_is_kept_though_a_bad_one_follows_at_once() {
    let (folder, store) = (Folder::new(), store());
    let settings = folder.options::<Service>().watch(&store).unwrap();
    saved(&settings, store.put("/service/level", "one"));
    // The next write waits for about a second.
    let good = store.transaction().put("/service/level", "two").put("/service/features/x", "true").commit();
    settings.wait_for_revision(good, SOON).unwrap();
    store.transaction().put("/service/workers", "many").delete("/service/features/x").commit();
    until("rejected", || settings.status().refused_since.is_some());
    saved(&settings, good);
    store.refuse(true);
    let cached = folder.options::<Service>().watch(&store).unwrap();
    let cached = cached.load();
    assert_eq!((cached.level.as_str(), cached.workers, cached.features["x"]), ("two", 8, true));
}

#[test]
fn a_file_that_etcd_confirms_is_as_young_as_that() {
    let (folder, store) = (Folder::new(), store());
    folder.fill::<Service>(&store);
    store.refuse(true);
    let settings = folder.options::<Service>().watch(&store).unwrap();
    let saved_at = || settings.status().cache_file.and_then(|file| file.saved_at).unwrap();
    let before = saved_at();
    store.refuse(false);
    until("written anew", || saved_at() > before);
}

#[test]
fn what_it_withholds_comes_into_force_with_the_first_word_of_etcd() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/vault", commit_key = "version")]
    struct Committed {
        #[etcd(secret)]
        token: Option<String>,
        #[etcd(default = 0, key = "version")]
        _version: u32,
    }
    let folder = Folder::new();
    let store = MemoryStore::from([("/vault/token", "secret"), ("/vault/version", "1")]);
    folder.fill::<Committed>(&store);
    store.refuse(true);
    let settings = folder.options::<Committed>().watch(&store).unwrap();
    assert_eq!(settings.load().token, None);
    store.refuse(false);
    settings.wait_until(|vault| vault.token.is_some(), SOON).unwrap();
    until("from etcd", || settings.status().source == Source::Etcd);
}

#[test]
fn a_file_that_etcd_confirms_after_a_detour_is_as_young_as_that_too() {
    let (folder, store) = (Folder::new(), store());
    folder.fill::<Service>(&store);
    store.refuse(true);
    store.put("/service/workers", "many");
    let settings = folder.options::<Service>().watch(&store).unwrap();
    store.refuse(false);
    until("rejected", || settings.status().refused_since.is_some());
    let saved_at = || settings.status().cache_file.and_then(|file| file.saved_at).unwrap();
    let before = saved_at();
    store.delete("/service/workers");
    until("from etcd", || settings.status().source == Source::Etcd);
    assert_eq!(settings.status().counters.snapshots, 1);
    until("written anew", || saved_at() > before);
}

#[test]
fn what_is_known_of_it_stays_known_when_it_cannot_be_replaced() {
    let (folder, store) = (Folder::new(), store());
    let settings = folder.options::<Service>().watch(&store).unwrap();
    let good = store.put("/service/workers", "9");
    saved(&settings, good);
    let before = settings.status().cache_file.unwrap();
    fs::write(folder.file(), "my thesis").unwrap();
    store.put("/service/workers", "10");
    until("reported", || settings.status().cache_file.is_some_and(|file| file.problem.is_some()));
    let after = settings.status().cache_file.unwrap();
    assert_eq!((after.saved_at, after.revision), (before.saved_at, Some(good)));
}

#[test]
fn what_is_written_after_it_was_confirmed_waits_for_the_commit_key() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/service", commit_key = "version")]
    struct Committed {
        host: String,
    }
    let folder = Folder::new();
    let store = MemoryStore::from([("/service/host", "a"), ("/service/version", "1")]);
    folder.fill::<Committed>(&store);
    store.refuse(true);
    let settings = folder.options::<Committed>().watch(&store).unwrap();
    store.refuse(false);
    until("from etcd", || settings.status().source == Source::Etcd);
    let half = store.put("/service/host", "b");
    until("known", || settings.status().revision == half);
    assert_eq!(settings.load().host, "a", "it is not committed");
    settings.wait_for_revision(store.put("/service/version", "1"), SOON).unwrap();
    assert_eq!(settings.load().host, "b");
}
