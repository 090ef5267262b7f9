//! What changed from one snapshot to the next.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use etcd_client_core::Prefix;
use etcd_client_core::watcher::Cause;

use crate::publish::snapshot::{AnySnapshot, Snapshot, typed, value_of};
use crate::tree::Replaced;

/// The step from one snapshot to the next.
///
/// From [`Live::on_change`](crate::Live::on_change) and [`Live::changes`](crate::Live::changes). A receiver that is
/// slower than the changes gets several in one step: from the oldest to the newest, with the keys of all, and
/// [`missed`](Self::missed) says how many snapshots lay between.
///
/// ```
/// # use etcd_config::{EtcdConfig, MemoryStore};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: u32 }
/// # let settings = Settings::watch(MemoryStore::new())?;
/// settings.on_change(|change| {
///     let (before, after) = (change.before(), change.after());
///     println!("{} -> {} workers at revision {}", before.workers, after.workers, change.revision());
///     println!("written: {:?}", change.keys());
/// });
/// # Ok::<(), etcd_config::Error>(())
/// ```
pub struct Change<T> {
    old: Arc<Snapshot<T>>,
    new: Arc<Snapshot<T>>,
    keys: Arc<Vec<Arc<str>>>,
    cause: Cause,
    missed: u64,
}

/// A [`Change`] without its type, as it waits for whoever hears of it.
#[derive(Clone)]
pub(crate) struct AnyChange {
    old: Arc<dyn AnySnapshot>,
    new: Arc<dyn AnySnapshot>,
    keys: Arc<Vec<Arc<str>>>,
    cause: Cause,
    missed: u64,
}

/// The step from one snapshot to the next, before anybody asks for it: the change, with the names of its keys, is made
/// when it is first asked for.
pub(crate) struct Step {
    old: Arc<dyn AnySnapshot>,
    new: Arc<dyn AnySnapshot>,
    replaced: Arc<Replaced>,
    cause: Cause,
    change: OnceCell<AnyChange>,
}

impl Step {
    pub(crate) fn new(
        old: Arc<dyn AnySnapshot>,
        new: Arc<dyn AnySnapshot>,
        replaced: Arc<Replaced>,
        cause: Cause,
    ) -> Self {
        Self { old, new, replaced, cause, change: OnceCell::new() }
    }

    /// The revision of the new snapshot.
    pub(crate) fn revision(&self) -> u64 {
        self.new.revision()
    }

    /// How it became known.
    pub(crate) fn cause(&self) -> Cause {
        self.cause
    }

    /// The change, whose keys are below this prefix.
    pub(crate) fn change(&self, prefix: &Prefix) -> &AnyChange {
        self.change.get_or_init(|| AnyChange {
            old: Arc::clone(&self.old),
            new: Arc::clone(&self.new),
            keys: Arc::new(self.replaced.keys(prefix)),
            cause: self.cause,
            missed: 0,
        })
    }
}

impl AnyChange {
    /// The whole keys whose texts changed, sorted.
    pub(crate) fn keys(&self) -> &[Arc<str>] {
        &self.keys
    }

    /// The values before and after.
    pub(crate) fn values<T: Send + Sync + 'static>(&self) -> Option<(&T, &T)> {
        Some((value_of(&*self.old)?, value_of(&*self.new)?))
    }

    /// Adds the change that follows this one.
    pub(crate) fn extend(&mut self, next: &Self) {
        let keys = Arc::make_mut(&mut self.keys);
        for key in next.keys() {
            if let Err(place) = keys.binary_search(key) {
                keys.insert(place, Arc::clone(key));
            }
        }
        self.new = Arc::clone(&next.new);
        self.cause = next.cause;
        self.missed += 1 + next.missed;
    }
}

impl<T: Send + Sync + 'static> Change<T> {
    /// The change with its type.
    pub(crate) fn of(change: AnyChange) -> Option<Self> {
        let AnyChange { old, new, keys, cause, missed } = change;
        Some(Self { old: typed(old)?, new: typed(new)?, keys, cause, missed })
    }
}

impl<T> Change<T> {
    /// The configuration before.
    pub fn before(&self) -> &Arc<Snapshot<T>> {
        &self.old
    }

    /// The configuration after.
    pub fn after(&self) -> &Arc<Snapshot<T>> {
        &self.new
    }

    /// The whole keys whose texts changed since the last snapshot, sorted, never their values: those of
    /// the fields that changed, and whatever else was written in between, read by a field or not.
    pub fn keys(&self) -> &[Arc<str>] {
        &self.keys
    }

    /// The revision of the store that the new configuration is the state of. It may be lower than that of
    /// [`before`](Self::before): a backup was restored ([`Status::last_rewind`](crate::Status::last_rewind)).
    pub fn revision(&self) -> u64 {
        self.new.revision
    }

    /// How the last of the changes became known: from the watch, or by comparing with what the store holds. An
    /// [`Audit`](Cause::Audit) means that the watch had missed it.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// How many snapshots between [`before`](Self::before) and [`after`](Self::after) were passed over, because the
    /// receiver was slower than the changes.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

impl<T> Clone for Change<T> {
    fn clone(&self) -> Self {
        Self {
            old: Arc::clone(&self.old),
            new: Arc::clone(&self.new),
            keys: Arc::clone(&self.keys),
            cause: self.cause,
            missed: self.missed,
        }
    }
}

/// Says which keys, not what they hold: values may be secret.
impl<T> fmt::Debug for Change<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("revision", &self.revision())
            .field("keys", &self.keys)
            .field("cause", &self.cause)
            .field("missed", &self.missed)
            .finish_non_exhaustive()
    }
}
