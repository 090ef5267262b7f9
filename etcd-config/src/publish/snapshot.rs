//! A configuration at one revision.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A configuration, and the revision of the store that it is the state of. Both are in one allocation, so that the
/// values of one revision are never seen with the number of another.
///
/// Dereferences to the configuration. From [`Live::snapshot`](crate::Live::snapshot); keeping it is
/// fine, and costs the memory of one configuration.
///
/// ```
/// # use etcd_config::{EtcdConfig, MemoryStore};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { host: String, port: u16 }
/// let store = MemoryStore::from([("/payments/host", "db"), ("/payments/port", "5432")]);
/// let settings = Settings::watch(&store)?;
/// // Both of one revision, whatever is written meanwhile.
/// let snapshot = settings.snapshot();
/// println!("{}:{} at revision {}", snapshot.host, snapshot.port, snapshot.revision());
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Debug)]
pub struct Snapshot<T> {
    pub(crate) value: T,
    pub(crate) revision: u64,
    /// Counts the snapshots: a rewound history has lower revisions than the one before.
    pub(crate) number: u64,
}

/// A snapshot without its type, for code that is compiled once for all of them.
pub(crate) trait AnySnapshot: Any + Send + Sync {
    /// The revision of the store that it is the state of.
    fn revision(&self) -> u64;

    /// Which snapshot of its configuration it is, from 0.
    fn number(&self) -> u64;

    /// Says which revision it is the state of, and which number it has, before anybody reads it.
    fn stamp(&mut self, revision: u64, number: u64);
}

impl<T: Send + Sync + 'static> AnySnapshot for Snapshot<T> {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn stamp(&mut self, revision: u64, number: u64) {
        (self.revision, self.number) = (revision, number);
    }
}

/// The snapshot with its type, which is that of its configuration. So it is never `None`.
pub(crate) fn typed<T: Send + Sync + 'static>(snapshot: Arc<dyn AnySnapshot>) -> Option<Arc<Snapshot<T>>> {
    let snapshot: Arc<dyn Any + Send + Sync> = snapshot;
    snapshot.downcast().ok()
}

/// The value.
pub(crate) fn value_of<T: Send + Sync + 'static>(snapshot: &dyn AnySnapshot) -> Option<&T> {
    let snapshot: &dyn Any = snapshot;
    snapshot.downcast_ref().map(|snapshot: &Snapshot<T>| &snapshot.value)
}

/// The same, where it is not shared.
pub(super) fn as_typed<T: Send + Sync + 'static>(snapshot: &mut dyn AnySnapshot) -> Option<&mut Snapshot<T>> {
    let snapshot: &mut dyn Any = snapshot;
    snapshot.downcast_mut()
}

/// A configuration as it is now, from [`Live::load`](crate::Live::load).
///
/// Dereferences to the configuration. Made for short use: take a [`Snapshot`](crate::Live::snapshot) if it is to
/// outlive a function, or an `await`. It holds no lock, and never delays an update: one that is kept long keeps its
/// snapshot in memory.
///
/// ```
/// # use etcd_config::{EtcdConfig, MemoryStore};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: u32 }
/// # let settings = Settings::watch(MemoryStore::new())?;
/// let now = settings.load();
/// println!("{} workers since revision {}", now.workers, now.revision());
/// # Ok::<(), etcd_config::Error>(())
/// ```
pub struct Guard<T>(pub(crate) arc_swap::Guard<Arc<Snapshot<T>>>);

impl<T> Snapshot<T> {
    /// The revision of the store that this is the state of.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

impl<T> Deref for Snapshot<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Guard<T> {
    /// The revision of the store that this is the state of.
    #[inline]
    pub fn revision(&self) -> u64 {
        self.0.revision
    }
}

impl<T> Deref for Guard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Guard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self.0, f)
    }
}
