//! The end of a watch: the last state is in the cache file.

use std::time::Duration;

use etcd_config::{EtcdConfig, State};

use crate::folder::Folder;
use crate::service::{SOON, Service, runtime, store, until};

/// What a start without etcd finds.
fn cached(folder: &Folder) -> u32 {
    let store = store();
    store.refuse(true);
    folder.options::<Service>().watch(&store).expect("the cache file").load().workers
}

/// Many changes in a second, of which the file gets the first ones at once.
fn many_changes(settings: &etcd_config::Live<Service>, store: &etcd_config::MemoryStore) {
    for n in 1..=27 {
        let revision = store.put("/service/workers", n.to_string());
        settings.wait_for_revision(revision, SOON).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn dropping_the_last_handle_saves_what_is_in_force() {
    for _ in 0..5 {
        let (folder, store) = (Folder::new(), store());
        let settings = folder.options::<Service>().watch(&store).unwrap();
        many_changes(&settings, &store);
        drop(settings);
        assert_eq!(cached(&folder), 27);
    }
}

#[test]
fn closing_saves_what_is_in_force_and_stops_all_handles() {
    let (folder, store) = (Folder::new(), store());
    let settings = folder.options::<Service>().watch(&store).unwrap();
    let other = settings.clone();
    many_changes(&settings, &store);
    store.put("/service/workers", "many");
    until("refused", || settings.status().last_rejection.is_some());
    settings.close(SOON).unwrap();
    assert_eq!(cached(&folder), 27);
    assert!(matches!(other.status().state, State::Stopped));
    store.put("/service/workers", "28");
    let ended = other.wait_until(|s| s.workers == 28, SOON).unwrap_err();
    assert!(ended.is_stopped() && ended.to_string().contains("Service from /service has ended"), "{ended}");
    assert_eq!(other.load().workers, 27, "the last values stay");
    other.close(SOON).unwrap();
}

#[test]
fn closing_works_in_a_runtime_and_after_it() {
    let (folder, store) = (Folder::new(), store());
    let runtime = runtime();
    let settings = runtime.block_on(async {
        let settings = folder.options::<Service>().watch_async(&store).await.unwrap();
        for n in 1..=27 {
            let revision = store.put("/service/workers", n.to_string());
            settings.wait_for_revision_async(revision, SOON).await.unwrap();
        }
        settings.close_async(SOON).await.unwrap();
        settings
    });
    assert_eq!(cached(&folder), 27);
    drop(runtime);
    settings.close(SOON).unwrap();
}

#[test]
fn a_file_that_cannot_be_written_is_said() {
    let (folder, store) = (Folder::new(), store());
    let path = folder.path().join("none/service.cache");
    let settings = Service::options().cache_file(&path).watch(&store).unwrap();
    let error = settings.close(SOON).unwrap_err().to_string();
    assert!(error.contains("none"), "{error}");
    assert!(Service::watch(&store).unwrap().close(SOON).is_ok(), "there is no file to be written");
}
