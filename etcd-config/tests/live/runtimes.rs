//! Which runtime, and which threads, the user's code finds itself on.

use std::sync::mpsc;

use etcd_config::EtcdConfig;
use tokio::runtime::Handle;

use crate::service::{SOON, Service, runtime, store, watch};

/// The runtime that a callback is called in.
fn runtime_of_a_callback(
    settings: &etcd_config::Live<Service>,
    change: impl FnOnce(),
) -> Option<tokio::runtime::Id> {
    let (sender, receiver) = mpsc::channel();
    settings.on_change(move |_| {
        sender.send(Handle::try_current().ok().map(|handle| handle.id())).unwrap();
    });
    change();
    receiver.recv_timeout(SOON).unwrap()
}

#[test]
fn callbacks_have_none_where_there_was_none() {
    let store = store();
    let settings = watch(&store);
    assert_eq!(runtime_of_a_callback(&settings, || _ = store.put("/service/workers", "1")), None);
}

#[test]
fn callbacks_have_the_runtime_of_whoever_subscribed_or_watched() {
    let (mine, other) = (runtime(), runtime());
    let store = store();
    let plain = watch(&store);
    let watched = {
        let _guard = mine.enter();
        watch(&store)
    };
    let put = |value: &str| _ = store.put("/service/workers", value);
    assert_eq!(runtime_of_a_callback(&watched, || put("1")), Some(mine.handle().id()));
    let _guard = other.enter();
    assert_eq!(runtime_of_a_callback(&plain, || put("2")), Some(other.handle().id()));
    assert_eq!(runtime_of_a_callback(&watched, || put("3")), Some(other.handle().id()));
}

#[test]
fn a_callback_of_a_watch_in_a_runtime_may_spawn_there() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let store = store();
    let settings = runtime.block_on(Service::watch_async(&store)).unwrap();
    let (sender, receiver) = mpsc::channel();
    settings.on_change(move |_| {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(Handle::current().id()) });
    });
    store.put("/service/workers", "1");
    assert_eq!(receiver.recv_timeout(SOON), Ok(runtime.handle().id()));
}
