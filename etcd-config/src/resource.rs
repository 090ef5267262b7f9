//! What is made of the settings: pools, clients, filters, made again before an update that concerns them is in force.
//!
//! The number of the published snapshot decides which version of a resource is in force, so one store of a pointer
//! brings a snapshot and all that is made of it into force together. Builds run on threads, or in tasks, of their own;
//! the watching task only waits for them.

pub(crate) mod build;
pub(crate) mod builds;
pub(crate) mod maker;
pub(crate) mod registry;
mod running;
pub(crate) mod versions;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use self::registry::Registration;
use self::versions::{Held, Versions};
use crate::publish::snapshot::Snapshot;

/// What is made of a part of the settings, and made again when that part changes: from
/// [`Live::resource`](crate::Live::resource).
///
/// A handle: clones are the same resource, from any thread. With the last one it is no longer built. It keeps the watch
/// of its configuration alive, as a [`Reader`](crate::Reader) does, and goes on with what it has when that is
/// [closed](crate::Live::close).
///
/// Whoever has seen a snapshot sees what is made of that snapshot, or of a later one: they come into force at the same
/// moment, and all resources of a configuration together. What was in force before is dropped when nobody uses it any
/// more.
pub struct Resource<R>(Arc<Inner<R>>);

struct Inner<R> {
    versions: Arc<Versions<R>>,
    registration: Registration,
    /// Keeps the configuration followed.
    _life: Arc<dyn Send + Sync>,
}

/// A resource as it is now, from [`Resource::load`]. Made for short use: what is to outlive a function or an `await`
/// is [`load_full`](Resource::load_full)'s.
pub struct ResourceGuard<R> {
    held: arc_swap::Guard<Arc<Held<R>>>,
    /// It belongs to a snapshot before the newest.
    is_former: bool,
}

impl<R> Resource<R> {
    pub(crate) fn new(
        versions: Arc<Versions<R>>,
        registration: Registration,
        life: Arc<dyn Send + Sync>,
    ) -> Self {
        Self(Arc::new(Inner { versions, registration, _life: life }))
    }

    /// The one in force, without a lock. It is that of the present snapshot.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = "info")] log_level: String }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// let upper = settings.resource(|s| &s.log_level, |level| Ok::<_, String>(level.to_uppercase()))?;
    /// assert_eq!(*upper.load(), "INFO");
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn load(&self) -> ResourceGuard<R> {
        let (held, is_former) = self.0.versions.load();
        ResourceGuard { held, is_former }
    }

    /// The one in force, to keep: it stays as it is, whatever is made later.
    pub fn load_full(&self) -> Arc<R> {
        Arc::clone(self.load().shared())
    }

    /// The one that belongs to this snapshot: for code that uses both. `None` if it is no longer kept, because a later one is
    /// in force: take a new snapshot then.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = "db")] host: String, #[etcd(default = 10)] workers: usize }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// let names = settings.resource(|s| &s.host, |host| Ok::<_, String>(format!("{host}.internal")))?;
    /// let (now, name) = loop {
    ///     let now = settings.snapshot();
    ///     if let Some(name) = names.of(&now) {
    ///         break (now, name);
    ///     }
    /// };
    /// assert_eq!(*name, format!("{}.internal", now.host));
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn of<T>(&self, snapshot: &Snapshot<T>) -> Option<Arc<R>> {
        self.0.versions.of(snapshot.number)
    }

    /// Its [name](crate::Building::name), which problems and the status have.
    pub fn name(&self) -> &str {
        self.0.registration.name()
    }
}

impl<R> ResourceGuard<R> {
    fn shared(&self) -> &Arc<R> {
        self.held.value(self.is_former)
    }
}

impl<R> Deref for ResourceGuard<R> {
    type Target = R;

    fn deref(&self) -> &R {
        self.shared()
    }
}

/// It is no longer built.
impl<R> Drop for Inner<R> {
    fn drop(&mut self) {
        self.registration.end();
    }
}

impl<R> Clone for Resource<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Says its name, not what it is: that may hold secrets.
impl<R> fmt::Debug for Resource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl<R: fmt::Debug> fmt::Debug for ResourceGuard<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
