//! What can be watched.

use std::sync::Arc;

use etcd_client_core::{Error, MemoryStore, Store};

/// What a configuration can be read from: endpoints, a client, a store.
pub trait IntoStore {
    /// The store. Nothing is sent yet.
    ///
    /// # Errors
    /// An endpoint that cannot be one.
    fn into_store(self) -> Result<Arc<dyn Store>, Error>;
}

impl IntoStore for Arc<dyn Store> {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(self)
    }
}

impl IntoStore for &Arc<dyn Store> {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::clone(self))
    }
}

impl IntoStore for MemoryStore {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::new(self))
    }
}

impl IntoStore for &MemoryStore {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::new(self.clone()))
    }
}
