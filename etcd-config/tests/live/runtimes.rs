//! Which runtime, and which threads, the user's code finds itself on.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};

use etcd_client_core::Store;
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

/// Polls once, where there is no runtime.
fn polled<F: Future>(future: F) -> Option<F::Output> {
    let mut cx = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[test]
fn waiting_as_a_task_where_there_is_no_runtime_is_an_error() {
    let settings = watch(&store());
    let waits = [
        polled(settings.wait_until_async(|_| false, SOON)),
        polled(settings.wait_for_revision_async(1_000, SOON)),
        polled(settings.wait_for_callbacks_async(1_000, SOON)),
        polled(settings.close_async(SOON)),
    ];
    for outcome in waits {
        let error = outcome.expect("an answer").expect_err("no runtime").to_string();
        assert!(error.contains("there is no tokio runtime here"), "{error}");
    }
    settings.close(SOON).expect("closed");
}

/// In tokio's words, which name what the runtime's builder lacks.
#[test]
fn a_runtime_without_a_clock_or_sockets_is_an_error() {
    let mut bare = tokio::runtime::Builder::new_current_thread();
    let start = |runtime: &tokio::runtime::Runtime, store: &dyn Fn() -> Arc<dyn Store>| {
        let loaded = runtime.block_on(Service::options().load_once_async(store()));
        let watched = runtime.block_on(Service::watch_async(store()));
        [loaded.map(drop).unwrap_err().to_string(), watched.map(drop).unwrap_err().to_string()]
    };
    let memory = || -> Arc<dyn Store> { Arc::new(store()) };
    let network =
        || -> Arc<dyn Store> { Arc::new(etcd_client_core::v3::Client::new(["127.0.0.1:1"]).unwrap()) };
    for error in start(&bare.build().unwrap(), &memory) {
        assert!(error.contains("`enable_time`"), "{error}");
    }
    for error in start(&bare.enable_time().build().unwrap(), &network) {
        assert!(error.contains("`enable_io`"), "{error}");
    }
}
