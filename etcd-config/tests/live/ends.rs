//! The end of a watch: the last state is in the cache file.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use etcd_config::{EtcdConfig, Live, MemoryStore, State};
use etcd_config_tests::soon;

use crate::folder::Folder;
use crate::hanging::Hanging;
use crate::service::{SOON, Service, runtime, store, until};

/// What a start without etcd finds.
fn cached(folder: &Folder) -> u32 {
    from_cache(folder).expect("the cache file").load().workers
}

fn from_cache(folder: &Folder) -> Result<Live<Service>, etcd_config::Error> {
    let store = store();
    store.refuse(true);
    folder.options::<Service>().watch(&store)
}

/// Many changes in a second, of which the file gets the first ones at once.
fn many_changes(settings: &Live<Service>, store: &etcd_config::MemoryStore) {
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
        let begun = Instant::now();
        drop(settings);
        if begun.elapsed() >= Duration::from_secs(1) {
            // It waits no longer for a busy disk, and the writing goes on.
            until("written", || from_cache(&folder).is_ok_and(|live| live.load().workers == 27));
        }
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

/// Takes its time to wake its task.
struct SlowToWake;

impl Wake for SlowToWake {
    fn wake(self: Arc<Self>) {
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn closing_saves_what_has_just_come_into_force() {
    let (folder, store) = (Folder::new(), store());
    let settings = folder.options::<Service>().watch(&store).unwrap();
    settings.wait_for_revision(store.put("/service/workers", "1"), SOON).unwrap();
    until("saved", || settings.status().cache_file.is_some_and(|file| file.revision == Some(3)));
    let mut stream = settings.changes();
    let mut next = std::pin::pin!(stream.next());
    assert!(next.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::new(SlowToWake)))).is_pending());
    store.put("/service/workers", "27");
    until("in force", || settings.load().workers == 27);
    settings.close(SOON).unwrap();
    let copy = Folder::new();
    std::fs::copy(folder.file(), copy.file()).unwrap();
    assert_eq!(cached(&copy), 27);
}

static HANGING: Hanging = Hanging::new();

#[derive(EtcdConfig)]
#[etcd(prefix = "/hanging")]
struct Checked {
    #[etcd(default = 1, validate = hang)]
    number: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What a check is called with.
fn hang(_: &u32) -> Result<(), String> {
    HANGING.check()
}

#[test]
fn nothing_comes_into_force_after_closing() {
    let (folder, store) = (Folder::new(), MemoryStore::new());
    let settings = folder.options::<Checked>().watch(&store).unwrap();
    let mut changes = settings.changes();
    HANGING.slow_down(&settings, &store, "/hanging/number", 2);
    assert_eq!(runtime().block_on(soon(changes.next())).unwrap().after().number, 2);
    HANGING.hold(|| store.put("/hanging/number", "3"));
    settings.close(SOON).unwrap();
    assert!(runtime().block_on(soon(changes.next())).is_none());
    HANGING.let_go();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(settings.load().number, 2, "what is in force stays, and is in the file");
    assert!(runtime().block_on(soon(changes.next())).is_none(), "the stream had ended");
    assert!(settings.wait_for_revision(store.revision(), SOON).unwrap_err().is_stopped());
    store.refuse(true);
    assert_eq!(folder.options::<Checked>().watch(&store).unwrap().load().number, 2);
}

#[test]
fn what_is_subscribed_after_closing_is_let_go() {
    let store = store();
    let settings = Service::watch(&store).unwrap();
    settings.close(SOON).unwrap();
    let owned = Arc::new(settings.clone());
    let held = Arc::downgrade(&owned);
    let subscription = settings.on_change(move |_| drop(owned.load()));
    assert!(!subscription.is_active());
    drop(settings);
    assert!(held.upgrade().is_none(), "a callback that is never called keeps its configuration");
}
