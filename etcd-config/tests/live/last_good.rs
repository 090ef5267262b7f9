//! Starting while what is stored is refused: from the state that the running processes have in force.

use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore, Source};

use crate::folder::Folder;
use crate::service::{SOON, until};

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/app")]
struct App {
    name: String,
    #[etcd(default = 1)]
    workers: u32,
    note: Option<String>,
}

fn store() -> MemoryStore {
    MemoryStore::from([("/app/name", "a")])
}

fn start(store: &MemoryStore) -> Result<Live<App>, etcd_config::Error> {
    App::options().start_from_last_good(true).watch(store)
}

/// What a process that was there from the beginning has in force, and one that starts now.
fn same(store: &MemoryStore, running: &Live<App>) -> Live<App> {
    until("it is refused", || running.status().revision == store.revision());
    let started = start(store).unwrap();
    let (old, new) = (running.snapshot(), started.snapshot());
    assert_eq!((&**new, new.revision()), (&**old, old.revision()));
    started
}

#[test]
fn a_new_process_has_what_the_running_ones_have_and_says_that_newer_is_refused() {
    let store = store();
    let running = App::watch(&store).unwrap();
    let good = store.put("/app/workers", "8");
    let bad = store.put("/app/workers", "many");
    store.put("/elsewhere", "x");
    assert!(App::watch(&store).unwrap_err().is_invalid());
    until("it is refused", || running.status().refused_since.is_some());
    let started = start(&store).unwrap();
    assert_eq!((started.load().workers, started.snapshot().revision()), (8, good));
    assert_eq!(running.snapshot().revision(), good);
    let status = started.status();
    let rejection = status.last_rejection.unwrap();
    assert!(status.refused_since.is_some() && status.source == Source::Etcd);
    assert_eq!(rejection.kept_revision(), good);
    assert_eq!(rejection.problems()[0].revision(), Some(bad));
    let corrected = store.put("/app/workers", "9");
    for live in [&running, &started] {
        live.wait_for_revision(corrected, SOON).unwrap();
        assert_eq!(live.load().workers, 9);
    }
    assert!(started.status().refused_since.is_none());
}

#[test]
fn a_deletion_is_as_any_other_change() {
    let store = store();
    let running = App::watch(&store).unwrap();
    store.put("/app/note", "x");
    store.put("/app/workers", "8");
    store.delete("/app/name");
    same(&store, &running);
    // The last good change was a deletion itself.
    store.put("/app/name", "b");
    store.delete("/app/note");
    store.put("/app/workers", "many");
    assert_eq!(same(&store, &running).load().note, None);
    store.put("/app/workers", "more");
    store.transaction().delete("/app/name").put("/app/note", "y").commit();
    same(&store, &running);
    // A good state between two that are not, which nothing that is left shows.
    store.put("/app/workers", "2");
    store.put("/app/name", "c");
    store.delete("/app/name");
    assert_eq!(same(&store, &running).load().name, "c");
}

#[test]
fn many_refused_changes_are_gone_back_over() {
    let store = store();
    let running = App::watch(&store).unwrap();
    store.put("/app/workers", "8");
    store.put("/app/workers", "many");
    for number in 0..300 {
        store.put(format!("/app/odd/{}", number % 50), number.to_string());
    }
    assert_eq!(same(&store, &running).load().workers, 8);
}

#[test]
fn it_works_for_a_single_load_and_in_a_runtime() {
    let store = store();
    store.put("/app/workers", "many");
    let options = || App::options().start_from_last_good(true);
    assert_eq!(options().load_once(&store).unwrap().workers, 1);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let workers = runtime.block_on(async {
        let live = options().watch_async(&store).await.unwrap();
        assert!(live.status().refused_since.is_some());
        live.load().workers
    });
    assert_eq!(workers, 1);
}

#[test]
fn without_a_past_the_error_says_how_far_it_was_looked_for() {
    let store = store();
    store.put("/app/workers", "8");
    let bad = store.put("/app/workers", "many");
    store.put("/app/odd", "x");
    store.compact(bad);
    let error = start(&store).unwrap_err();
    assert_eq!(error.problems()[0].key(), "/app/workers");
    let remark =
        format!("looked back to revision {bad}, before which etcd has compacted its past; correct the keys");
    assert!(error.to_string().contains(&remark), "{error}");
    // There never was a good state.
    let error = start(&MemoryStore::from([("/app/workers", "1")])).unwrap_err();
    assert!(error.to_string().contains("no earlier state that could be started from"), "{error}");
}

#[test]
fn without_a_past_the_cache_file_is_of_use() {
    let (folder, store) = (Folder::new(), store());
    let before = folder.options::<App>().watch(&store).unwrap();
    let good = store.put("/app/workers", "8");
    until("saved", || before.status().cache_file.and_then(|file| file.revision) == Some(good));
    drop(before);
    store.put("/app/workers", "many");
    store.compact(store.revision());
    assert!(folder.options::<App>().watch(&store).unwrap_err().is_invalid());
    let started = folder.options::<App>().start_from_last_good(true).watch(&store).unwrap();
    assert_eq!((started.load().workers, started.snapshot().revision()), (8, good));
    let status = started.status();
    assert!(status.source == Source::Cache && status.refused_since.is_some(), "{status}");
    let corrected = store.put("/app/workers", "9");
    started.wait_for_revision(corrected, SOON).unwrap();
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/app", commit_key = "committed")]
struct Committed {
    #[etcd(default = 1)]
    workers: u32,
}

#[test]
fn with_a_commit_key_it_is_the_last_committed_state() {
    let store = MemoryStore::from([("/app/committed", "1")]);
    let running = Committed::watch(&store).unwrap();
    store.put("/app/workers", "8");
    let good = store.put("/app/committed", "2");
    store.put("/app/workers", "9");
    store.put("/app/workers", "many");
    running.wait_for_revision(good, SOON).unwrap();
    let options = || Committed::options().start_from_last_good(true);
    let started = options().watch(&store).unwrap();
    assert_eq!((started.load().workers, started.snapshot().revision()), (8, good));
    assert_eq!(*running.load(), *started.load());
    std::thread::sleep(Duration::from_millis(50));
    let corrected = store.transaction().put("/app/workers", "10").put("/app/committed", "3").commit();
    for live in [&running, &started] {
        live.wait_for_revision(corrected, SOON).unwrap();
        assert_eq!(live.load().workers, 10);
    }
}
