//! One thread's cached view.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};

use crate::live::Live;
use crate::publish::snapshot::Snapshot;

/// One thread's view of a [`Live`], for hot loops: as long as nothing changes, a
/// [`load`](Self::load) is one relaxed read and a comparison. Everywhere else [`Live::load`] does, which needs no
/// `&mut`.
///
/// ```
/// use etcd_config::{EtcdConfig, MemoryStore};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(default = 10)]
///     batch: usize,
/// }
///
/// let settings = Settings::watch(MemoryStore::new())?;
/// let mut reader = settings.reader();
/// for _ in 0..1_000 {
///     assert_eq!(reader.load().batch, 10);
/// }
/// # Ok::<(), etcd_config::Error>(())
/// ```
///
/// It is a handle like the `Live` it comes from, and keeps the watch alive. It also keeps the
/// snapshot that it loaded last, until it loads the next one.
pub struct Reader<T> {
    cache: Cache<Published<T>, Arc<Snapshot<T>>>,
}

/// Where snapshots are published, with the handle that keeps it current.
struct Published<T>(Live<T>);

impl<T> Live<T> {
    /// One thread's cached view, for hot loops. Make one for each thread and keep it; it is a handle of this
    /// configuration.
    pub fn reader(&self) -> Reader<T> {
        Reader::new(self.clone())
    }
}

impl<T> Reader<T> {
    fn new(live: Live<T>) -> Self {
        Self { cache: Cache::new(Published(live)) }
    }

    /// The configuration as it is now. Never blocks.
    #[inline]
    pub fn load(&mut self) -> &T {
        &self.snapshot().value
    }

    /// The configuration as it is now, with its revision; an `Arc` that may be kept.
    #[inline]
    pub fn snapshot(&mut self) -> &Arc<Snapshot<T>> {
        self.cache.load()
    }
}

impl<T> Deref for Published<T> {
    type Target = ArcSwap<Snapshot<T>>;

    #[inline]
    fn deref(&self) -> &ArcSwap<Snapshot<T>> {
        self.0.current()
    }
}

impl<T> Clone for Published<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone() }
    }
}

impl<T> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
