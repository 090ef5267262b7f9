//! Changes as a stream.

use std::time::Duration;

use etcd_config::{Cause, EtcdConfig};

use crate::service::{SOON, Service, runtime, store, watch};

struct PanickingWaker;

impl std::task::Wake for PanickingWaker {
    fn wake(self: std::sync::Arc<Self>) {
        panic!("of a waker");
    }
}

#[test]
fn a_waker_that_panics_harms_no_other_reader_and_no_callback() {
    let store = store();
    let settings = watch(&store);
    let (mut first, mut second) = (settings.changes(), settings.changes());
    let (sender, receiver) = std::sync::mpsc::channel();
    settings.on_change(move |change| sender.send(change.new().workers).unwrap());
    let waker = std::sync::Arc::new(PanickingWaker).into();
    let mut next = std::pin::pin!(first.next());
    assert!(next.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    store.put("/service/workers", "1");
    assert_eq!(runtime().block_on(second.next()).unwrap().new().workers, 1);
    assert_eq!(receiver.recv_timeout(crate::service::SOON), Ok(1));
    assert_eq!(settings.status().counters.lists, 1, "nothing had to begin again");
}

#[test]
fn come_one_by_one_to_who_keeps_up() {
    runtime().block_on(async {
        let store = store();
        let settings = Service::watch_async(&store).await.unwrap();
        let mut changes = settings.changes();
        for n in 1..=10 {
            let revision = store.put("/service/workers", n.to_string());
            let change = changes.next().await.unwrap();
            assert_eq!((change.new().workers, change.missed(), change.revision()), (n, 0, revision));
            assert_eq!(change.keys().iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["/service/workers"]);
            assert_eq!(change.cause(), Cause::Watch);
        }
    });
}

#[test]
fn come_as_one_to_who_is_slow_with_how_many_were_missed() {
    let store = store();
    let settings = watch(&store);
    let mut changes = settings.changes();
    store.put("/service/level", "debug");
    let last = (1..=99).map(|n| store.put("/service/workers", n.to_string())).fold(0, |_, revision| revision);
    settings.wait_for_revision(last, SOON).unwrap();
    let change = runtime().block_on(changes.next()).unwrap();
    assert_eq!((change.old().workers, change.new().workers, change.missed()), (8, 99, 99));
    assert_eq!(change.keys().len(), 2);
}

#[test]
fn end_with_the_last_handle_after_the_last_change() {
    let store = store();
    let settings = watch(&store);
    let mut changes = settings.changes();
    settings.wait_for_revision(store.put("/service/workers", "1"), SOON).unwrap();
    drop(settings);
    runtime().block_on(async {
        assert_eq!(changes.next().await.map(|change| change.new().workers), Some(1));
        assert!(changes.next().await.is_none());
    });
}

#[test]
fn wake_a_reader_that_waits() {
    let store = store();
    let settings = watch(&store);
    let mut changes = settings.changes();
    let reader = std::thread::spawn(move || runtime().block_on(changes.next()).unwrap().new().workers);
    std::thread::sleep(Duration::from_millis(20));
    store.put("/service/workers", "7");
    assert_eq!(reader.join().unwrap(), 7);
}

#[test]
fn end_at_once_for_who_comes_when_nothing_is_followed_any_more() {
    let runtime = runtime();
    let settings = runtime.block_on(Service::watch_async(&store())).unwrap();
    drop(runtime);
    let next = async { tokio::time::timeout(SOON, settings.changes().next()).await };
    assert!(crate::service::runtime().block_on(next).expect("an end").is_none());
}
