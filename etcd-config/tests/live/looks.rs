//! The look at servers that nobody asks, which a store has from time to time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client_core::{BoxFuture, Error, Listing, MemoryStore, Opened, Prefix, Store};
use etcd_config::EtcdConfig;

use crate::service::{SOON, Service, until};

/// A store whose look panics when it is under way, as a subscriber of `tracing` may do.
#[derive(Clone, Debug)]
struct Panicking {
    memory: MemoryStore,
    looks: Arc<AtomicUsize>,
}

impl Store for Panicking {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        self.memory.list(prefix)
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        self.memory.watch(prefix, after)
    }

    fn check_idle_endpoints(&self, _: u64) -> BoxFuture<()> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { panic!("of a look") })
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        self.memory.identity()
    }
}

#[test]
fn that_panics_is_not_gone_on_with() {
    let memory = MemoryStore::from([("/service/database/url", "pg://db")]);
    let looks = Arc::default();
    let store: Arc<dyn Store> = Arc::new(Panicking { memory: memory.clone(), looks: Arc::clone(&looks) });
    let live = Service::watch(store).unwrap();
    until("a look", || live.status().counters.watch_panics > 0);
    // The watch begins again at once; after further panics, which there are not to be, within 0.5 s.
    std::thread::sleep(Duration::from_secs(1));
    live.wait_for_revision(memory.put("/service/database/url", "pg://other"), SOON).unwrap();
    assert_eq!((live.status().counters.watch_panics, looks.load(Ordering::SeqCst)), (1, 1));
}
