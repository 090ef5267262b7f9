//! Starting without the store, from what was saved when it last answered.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use etcd_client_core::{Error, Kind};
use etcd_config::{EtcdConfig, Live, MemoryStore, Options, Source};
use tempfile::TempDir;

use crate::service::{SOON, Service, store};

#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/vault")]
struct Vault {
    #[etcd(default = 1)]
    size: u32,
    #[etcd(secret)]
    token: String,
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.cache");
    (folder, path)
}

fn options<T: EtcdConfig>(path: &Path) -> Options<T> {
    T::options().cache_file(path).startup_timeout(Duration::from_millis(200))
}

/// Waits until the file holds the text.
fn saved(path: &Path, text: &str) -> String {
    let deadline = Instant::now() + SOON;
    loop {
        let contents = fs::read_to_string(path).unwrap_or_default();
        if contents.contains(text) {
            return contents;
        }
        assert!(Instant::now() < deadline, "{text:?} was not saved: {contents}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a process leaves behind that has followed the store once.
fn leave(store: &MemoryStore, path: &Path, text: &str) {
    let settings = options::<Service>(path).watch(store).unwrap();
    saved(path, text);
    drop(settings);
    store.refuse(true);
}

fn until(settings: &Live<Service>, source: Source) {
    let deadline = Instant::now() + SOON;
    while settings.status().source != source {
        assert!(Instant::now() < deadline, "{}", settings.status());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_last_good_keys_are_saved_for_the_owner_alone() {
    let (folder, path) = folder();
    let store = store();
    let settings = options::<Service>(&path).watch(&store).unwrap();
    saved(&path, "pg://db");
    store.put("/service/level", "debug");
    saved(&path, "debug");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let wrong = store.transaction().put("/service/workers", "few").put("/service/level", "trace").commit();
    assert!(settings.wait_for_revision(wrong, SOON).is_err());
    std::thread::sleep(Duration::from_millis(1_300));
    let contents = fs::read_to_string(&path).unwrap();
    assert!(!contents.contains("few") && contents.contains("debug"), "{contents}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "temporary files are left");
}

#[test]
fn a_start_without_the_store_takes_them_and_says_so_and_how_old_they_are() {
    let (_folder, path) = folder();
    let store = store();
    store.put("/service/workers", "3");
    leave(&store, &path, "workers");
    let settings = options::<Service>(&path).watch(&store).unwrap();
    assert_eq!((settings.load().workers, settings.load().revision()), (3, 3));
    let status = settings.status();
    assert_eq!(status.source, Source::Cache);
    assert!(status.proven_current_at <= SystemTime::now() && status.age < Duration::from_secs(60));
    assert!(status.to_string().contains("from the cache file"), "{status}");
    let without = Service::options().startup_timeout(Duration::from_millis(50)).load_once(&store);
    assert_eq!(without.unwrap_err().store().map(Error::kind), Some(Kind::Unavailable));
    assert_eq!(options::<Service>(&path).load_once(&store).unwrap().workers, 3);

    // The store comes back with other values, which are told like any change.
    let mut changes = settings.changes();
    store.transaction().put("/service/level", "warn").delete("/service/workers").commit();
    store.refuse(false);
    settings.wait_until(|s| s.level == "warn" && s.workers == 8, SOON).unwrap();
    until(&settings, Source::Etcd);
    let change = crate::service::runtime().block_on(changes.next()).unwrap();
    assert_eq!(change.keys().len(), 2);
    saved(&path, "warn");
}

#[test]
fn a_store_that_comes_back_unchanged_makes_no_change() {
    let (_folder, path) = folder();
    let store = store();
    leave(&store, &path, "pg://db");
    let settings = options::<Service>(&path).watch(&store).unwrap();
    store.refuse(false);
    until(&settings, Source::Etcd);
    assert_eq!(settings.status().counters.snapshots, 1);
}

#[test]
fn a_store_that_comes_back_with_bad_values_leaves_the_saved_ones_in_force() {
    let (_folder, path) = folder();
    let store = store();
    leave(&store, &path, "pg://db");
    let settings = options::<Service>(&path).watch(&store).unwrap();
    store.put("/service/workers", "few");
    store.refuse(false);
    let deadline = Instant::now() + SOON;
    while settings.status().counters.rejections == 0 {
        assert!(Instant::now() < deadline);
    }
    assert_eq!((settings.load().workers, settings.status().source), (8, Source::Cache));
    settings.wait_for_revision(store.put("/service/workers", "4"), SOON).unwrap();
    assert_eq!((settings.load().workers, settings.status().source), (4, Source::Etcd));
}

#[test]
fn a_damaged_file_is_reported_and_not_used() {
    let (_folder, path) = folder();
    let store = store();
    leave(&store, &path, "pg://db");
    let whole = fs::read_to_string(&path).unwrap();
    for (contents, words) in [
        (whole[..whole.len() / 2].to_owned(), "is cut off"),
        (whole.replace("pg://db", "pg://dc"), "its checksum is wrong"),
        (String::new(), "no cache file of this version"),
    ] {
        fs::write(&path, contents).unwrap();
        let error = options::<Service>(&path).watch(&store).unwrap_err();
        assert!(error.is_timeout());
        let text = error.to_string();
        assert!(text.contains(words) && text.contains("service.cache") && text.contains("refused"), "{text}");
    }
    fs::remove_file(&path).unwrap();
    let text = options::<Service>(&path).watch(&store).unwrap_err().to_string();
    assert!(text.contains("does not exist yet"), "{text}");
}

#[test]
fn a_file_of_another_prefix_is_not_used() {
    let (_folder, path) = folder();
    let store = store();
    leave(&store, &path, "pg://db");
    let error = options::<Service>(&path).prefix("/canary").watch(&store).unwrap_err().to_string();
    assert!(error.contains("is of /service, not of /canary"), "{error}");
}

#[test]
fn a_store_that_answers_with_an_error_is_believed() {
    let (_folder, path) = folder();
    let store = store();
    leave(&store, &path, "pg://db");
    store.refuse_with(Some(Error::new(Kind::PermissionDenied, "no")));
    assert!(options::<Service>(&path).watch(&store).unwrap_err().is_access());
    store.refuse(false);
    store.delete("/service/database/url");
    assert!(options::<Service>(&path).watch(&store).unwrap_err().is_invalid());
}

#[test]
fn secrets_are_not_saved_unless_that_was_asked_for() {
    let (_folder, path) = folder();
    let store =
        MemoryStore::from([("/vault/token", "s3cret"), ("/vault/tokn", "s3cret"), ("/vault/size", "77")]);
    let vault = options::<Vault>(&path).watch(&store).unwrap();
    assert!(!saved(&path, "77").contains("s3cret"));
    store.refuse(true);
    let error = options::<Vault>(&path).watch(&store).unwrap_err().to_string();
    assert!(error.contains("it holds no secrets") && error.contains("/vault/token"), "{error}");
    drop(vault);
    store.refuse(false);
    let vault = options::<Vault>(&path).cache_secrets(true).watch(&store).unwrap();
    saved(&path, "s3cret");
    drop(vault);
    store.refuse(true);
    let vault = options::<Vault>(&path).cache_secrets(true).watch(&store).unwrap();
    assert_eq!((vault.load().token.as_str(), vault.load().size), ("s3cret", 77));
}

#[test]
fn a_file_that_cannot_be_written_is_in_nobodys_way() {
    let (folder, _) = folder();
    let store = store();
    let settings = options::<Service>(&folder.path().join("no/such/folder")).watch(&store).unwrap();
    settings.wait_for_revision(store.put("/service/workers", "2"), SOON).unwrap();
}

#[test]
fn whoever_asks_for_fresh_values_gets_no_old_ones() {
    let (_folder, path) = folder();
    let store = store();
    leave(&store, &path, "pg://db");
    let progress = Duration::from_millis(20);
    let settings = options::<Service>(&path).progress_interval(progress).watch(&store).unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    let error = settings.require_fresh(Duration::from_secs(1)).unwrap_err();
    assert!(error.is_stale() && error.to_string().contains("the cache file"), "{error}");
    store.refuse(false);
    until(&settings, Source::Etcd);
    // With no change at all, signs of life keep it fresh.
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(settings.require_fresh(Duration::from_secs(1)).unwrap().workers, 8);
}

#[test]
fn each_value_is_explained() {
    let (_folder, path) = folder();
    let store = MemoryStore::from([("/vault/token", "s3cret"), ("/vault/size", "77")]);
    let vault = options::<Vault>(&path).watch(&store).unwrap();
    let explanation = vault.explain().to_string();
    assert!(explanation.contains("/vault/size") && explanation.contains("77"), "{explanation}");
    assert!(explanation.contains("•••") && !explanation.contains("s3cret"), "{explanation}");
}
