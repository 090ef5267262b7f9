//! The handle of a configuration that is kept current.

pub(crate) mod backlog;
pub(crate) mod building;
mod closing;
pub(crate) mod endpoint_probe;
mod first_build;
pub(crate) mod first_load;
pub(crate) mod last_good;
pub(crate) mod life;
mod neighbours;
mod publication;
pub(crate) mod reader;
pub(crate) mod shared;
mod subscribing;
pub(crate) mod updater;
#[cfg(feature = "http")]
pub(crate) mod view;
mod waiting;
pub(crate) mod watch_task;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use etcd_client_core::BoxFuture;
use tokio::runtime::Handle;

use self::first_load::FirstLoad;
use self::life::Life;
use self::shared::Shared;
use self::watch_task::WatchTask;
use crate::decode::Derived;
use crate::error::Error;
use crate::explain::Explanation;
use crate::instance::keeper::Keeper;
use crate::instance::subject::Subject;
use crate::publish::current::Current;
use crate::publish::snapshot::{Guard, Snapshot};
use crate::runtime::background::Background;
use crate::runtime::caller::Caller;
use crate::status::Status;

/// A configuration that is kept current.
///
/// From [`EtcdConfig::watch`](crate::EtcdConfig::watch) and its like. A handle: clones are the same configuration,
/// and may be used from any thread. The watch ends when the last handle is dropped, a [`Reader`](crate::Reader)
/// being one too. A callback that owns a handle of its own configuration keeps it alive for ever; let it use what
/// it is called with instead.
///
/// Reading never blocks, and never fails: whatever happens to the store, the last good snapshot
/// stays. [`status`](Self::status) says how old it is.
///
/// | for | use |
/// | --- | --- |
/// | one value, now | [`load`](Self::load) |
/// | several that belong together, or to keep them | [`snapshot`](Self::snapshot) |
/// | a hot loop of one thread | [`reader`](Self::reader) |
/// | a value and all its changes | [`follow`](Self::follow) |
/// | changes only | [`on`](Self::on), [`on_change`](Self::on_change), [`changes`](Self::changes) |
/// | what is made of the values: a pool, a client, a filter | [`resource`](Self::resource), [`prepare`](Self::prepare), [`building`](Self::building) |
/// | mistakes in what was written | [`on_rejected`](Self::on_rejected), [`on_warning`](Self::on_warning) |
/// | how it stands | [`status`](Self::status), [`on_status`](Self::on_status), [`explain`](Self::explain) |
///
/// ```
/// use etcd_config::{EtcdConfig, MemoryStore};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(default = 10)]
///     workers: u32,
/// }
///
/// let settings = Settings::watch(MemoryStore::new())?;
/// let for_a_thread = settings.clone();
/// std::thread::spawn(move || println!("{} workers", for_a_thread.load().workers));
/// # Ok::<(), etcd_config::Error>(())
/// ```
pub struct Live<T> {
    current: Arc<ArcSwap<Snapshot<T>>>,
    shared: Arc<Shared>,
    life: Arc<Life>,
}

impl<T> Live<T> {
    /// The configuration as it is now, in tens of nanoseconds, without a lock.
    ///
    /// Two calls may see two revisions: what belongs together is read from one [`Guard`], or from a
    /// [`snapshot`](Self::snapshot).
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = "db")] host: String, #[etcd(default = 5432)] port: u16 }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// let now = settings.load();
    /// println!("{}:{}", now.host, now.port); // of one revision
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    #[inline]
    pub fn load(&self) -> Guard<T> {
        Guard(self.current.load())
    }

    /// The configuration as it is now, for those who would rather fail than act without knowing what
    /// the store holds: an error where that was last [confirmed](Status::confirmed_at) more than
    /// `max_age` ago.
    ///
    /// This is about the connection, and about nothing else: while the newest values are
    /// [refused](Status::refused_since), the store is known well enough, and the older values in force
    /// are what a refusal is for. One bad value must not fail the health checks of all instances at
    /// once; see [`docs::probes`](crate::docs::probes).
    ///
    /// Signs of life come at least every one and a half
    /// [`progress_interval`](crate::Options::progress_interval)s, 7.5 s unless set otherwise; a shorter `max_age` fails now
    /// and then on a store that is perfectly well.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 100)] daily_limit: u64 }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// let limit = settings.require_fresh(Duration::from_secs(300))?.daily_limit;
    /// assert_eq!(limit, 100);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_stale`], with how long it has been, and why. In the child of a `fork` it may be
    /// [`Error::is_stopped`].
    pub fn require_fresh(&self, max_age: Duration) -> Result<Guard<T>, Error> {
        // In this order: what is published later is younger.
        self.shared.check_fresh(max_age)?;
        Ok(self.load())
    }

    /// The configuration as it is now, to keep: an `Arc`, and with it the revision that it was read at. For a whole
    /// request or a task; it does not change, and is not in the way of later ones.
    pub fn snapshot(&self) -> Arc<Snapshot<T>> {
        self.current.load_full()
    }

    /// How fresh the configuration is, where it came from, and what is wrong, if anything. A copy, as of now; to be
    /// called back with later ones use [`on_status`](Self::on_status). It takes a short lock and copies texts, so it
    /// is for health checks and pages, not for each request.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// For each field its key, its value, where that comes from and since when: a table that a
    /// person can read. Secrets are not in it.
    ///
    /// The table has what is in force. Where the store has something else, because the update was refused or is
    /// held back, or waits for a restart, that is noted beside it, also that a key is gone.
    ///
    /// All keys are walked: for a page, a signal or a command, not for each request. [`Explanation`] has an example.
    pub fn explain(&self) -> Explanation {
        self.shared.explain()
    }

    #[inline]
    pub(crate) fn current(&self) -> &ArcSwap<Snapshot<T>> {
        &self.current
    }
}

impl<T: Derived> Live<T> {
    /// Follows what was loaded, on the runtime where that was done.
    pub(crate) fn start(
        mut loaded: FirstLoad,
        caller: Caller,
        runtime: &Handle,
        background: Option<Arc<Background>>,
    ) -> Result<Self, Error> {
        let current = Arc::new(ArcSwap::new(loaded.first()?));
        let instance = loaded.instance.take().map(|plan| (*plan, Arc::clone(&loaded.connections)));
        // Apart from its future, which would have it twice.
        let task = Box::new(WatchTask::new(loaded, Arc::clone(&current) as Arc<dyn Current>, caller));
        let shared = Arc::clone(task.shared());
        let task: BoxFuture<()> = Box::pin(task.run());
        let task = runtime.spawn(task).abort_handle();
        if let Some((plan, connections)) = instance {
            let subject = Arc::clone(&shared) as Arc<dyn Subject>;
            runtime.spawn(Keeper::new(subject, plan, connections).run());
        }
        let life = Life::new(Arc::clone(&shared), task, background);
        Ok(Self { current, shared, life: Arc::new(life) })
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self {
            current: Arc::clone(&self.current),
            shared: Arc::clone(&self.shared),
            life: Arc::clone(&self.life),
        }
    }
}

impl<T> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status { name, prefix, state, refused_since, snapshot_revision, .. } = self.status();
        f.debug_struct("Live")
            .field("name", &name)
            .field("prefix", &prefix)
            .field("state", &state.to_string())
            .field("is_rejecting", &refused_since.is_some())
            .field("revision", &snapshot_revision)
            .finish_non_exhaustive()
    }
}
