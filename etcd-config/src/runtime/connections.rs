//! A store's connections on each runtime, shared by all configurations that are read over them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use etcd_client_core::Store;
use tokio::runtime;

use crate::runtime::process::PerProcess;

/// By the runtime, and the identity of the store.
type AllConnections = HashMap<(runtime::Id, usize), Weak<OwnConnections>>;

static CONNECTIONS: PerProcess<Mutex<AllConnections>> = PerProcess::new();

/// A store whose connections live on one runtime.
#[derive(Debug)]
pub(crate) struct OwnConnections {
    store: Arc<dyn Store>,
    /// Kept alive, so that no other store can get its identity meanwhile.
    _original: Arc<dyn Store>,
}

impl OwnConnections {
    /// The connections of `store` on `runtime`: those that are there, or new ones.
    pub(crate) fn of(store: &Arc<dyn Store>, runtime: runtime::Id) -> Arc<Self> {
        CONNECTIONS.with(|all| {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            let place = (runtime, store.identity());
            if let Some(connections) = all.get(&place).and_then(Weak::upgrade) {
                return connections;
            }
            let connections =
                Arc::new(Self { store: store.with_own_connections(), _original: Arc::clone(store) });
            all.retain(|_, connections| connections.strong_count() > 0);
            all.insert(place, Arc::downgrade(&connections));
            connections
        })
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etcd_client_core::MemoryStore;

    fn runtime() -> runtime::Runtime {
        runtime::Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn is_shared_on_one_runtime_by_all_handles_of_one_store() {
        let (here, there) = (runtime(), runtime());
        let memory = MemoryStore::new();
        let store: Arc<dyn Store> = Arc::new(memory.clone());
        let same: Arc<dyn Store> = Arc::new(memory);
        let other: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let connections = OwnConnections::of(&store, here.handle().id());
        assert!(Arc::ptr_eq(&connections, &OwnConnections::of(&same, here.handle().id())));
        assert!(!Arc::ptr_eq(&connections, &OwnConnections::of(&store, there.handle().id())));
        assert!(!Arc::ptr_eq(&connections, &OwnConnections::of(&other, here.handle().id())));
    }
}
