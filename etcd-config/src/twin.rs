//! One twin of a store for each runtime, shared by all configurations that are read over it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use etcd_client_core::Store;
use tokio::runtime;

use crate::process::PerProcess;

/// By the runtime, and the identity of the store.
type Twins = HashMap<(runtime::Id, usize), Weak<Twin>>;

static TWINS: PerProcess<Mutex<Twins>> = PerProcess::new();

/// A store whose connections live on one runtime.
#[derive(Debug)]
pub(crate) struct Twin {
    store: Arc<dyn Store>,
    /// Kept alive, so that no other store can have its identity meanwhile.
    _original: Arc<dyn Store>,
}

impl Twin {
    /// The twin of `store` on `runtime`: the one that is there, or a new one.
    pub(crate) fn of(store: &Arc<dyn Store>, runtime: runtime::Id) -> Arc<Self> {
        TWINS.with(|twins| {
            let mut twins = twins.lock().unwrap_or_else(PoisonError::into_inner);
            let place = (runtime, store.identity());
            if let Some(twin) = twins.get(&place).and_then(Weak::upgrade) {
                return twin;
            }
            let twin = Arc::new(Self { store: store.twin(), _original: Arc::clone(store) });
            twins.retain(|_, twin| twin.strong_count() > 0);
            twins.insert(place, Arc::downgrade(&twin));
            twin
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
        let twin = Twin::of(&store, here.handle().id());
        assert!(Arc::ptr_eq(&twin, &Twin::of(&same, here.handle().id())));
        assert!(!Arc::ptr_eq(&twin, &Twin::of(&store, there.handle().id())));
        assert!(!Arc::ptr_eq(&twin, &Twin::of(&other, here.handle().id())));
    }
}
