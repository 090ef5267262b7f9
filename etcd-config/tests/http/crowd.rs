//! More requests than can be answered.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use etcd_config::client::{BoxFuture, Error, FailingEndpoint, Listing, Opened, Prefix, Store};
use etcd_config::http::service;
use etcd_config::{EtcdConfig, MemoryStore};
use http::Request;
use tower_service::Service as _;

use crate::asking::{block_on, get};
use crate::service::{SOON, Service};

/// A store that says which endpoints fail only while the gate is open, which each status asks.
#[derive(Clone, Debug)]
struct Gated {
    memory: MemoryStore,
    gate: Arc<Mutex<()>>,
    asked: Arc<AtomicUsize>,
}

impl Store for Gated {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        self.memory.list(prefix)
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        self.memory.watch(prefix, after)
    }

    fn failing_endpoints(&self) -> Vec<FailingEndpoint> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
        Vec::new()
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.asked).addr()
    }
}

/// A dashboard asks, gives up and asks again, faster than an answer can be made.
#[test]
fn what_nobody_waits_for_any_more_is_not_made_and_no_queue_grows() {
    let features = (0..3_000).map(|n| (format!("/service/features/{n:04}"), "true"));
    let memory: MemoryStore = features.collect();
    let store = Gated { memory, gate: Arc::default(), asked: Arc::default() };
    let (gate, asked) = (Arc::clone(&store.gate), Arc::clone(&store.asked));
    let settings = Service::watch(Arc::new(store) as Arc<dyn Store>).unwrap();
    let mut page = service(&settings);
    let mut ask = || page.call(Request::get("/status.json").body(()).unwrap());
    let before = asked.load(Ordering::SeqCst);

    let closed = gate.lock().unwrap();
    let first = ask();
    (0..1_000).for_each(|_| drop(ask()));
    let refused = ask();
    let refused = block_on(async { tokio::time::timeout(SOON, refused).await });
    let refused = refused.expect("it is answered at once").unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].as_bytes()), (503, &b"5"[..]));
    drop(closed);

    assert_eq!(block_on(first).unwrap().status(), 200);
    // Those that were given up are passed over, and there is room again.
    while block_on(ask()).unwrap().status() != 200 {}
    let made = asked.load(Ordering::SeqCst) - before;
    assert!(made < 10, "{made} answers were made");
    assert_eq!(get(&page, "/explain.json").status, 200);
}
