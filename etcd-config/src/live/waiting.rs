//! Waiting for a value, a revision or the callbacks.

use std::time::Duration;

use etcd_client_core::Printable;

use crate::error::Error;
use crate::live::Live;
use crate::live::shared::Shared;
use crate::runtime::caller::{refuse_to_block, refuse_to_wait, runtime};
use crate::runtime::deadline::{deadline, runtime_deadline};
use crate::status::Status;
use crate::status::cell::Epoch;

impl<T: Send + Sync + 'static> Live<T> {
    /// Waits until the configuration is as wanted. Blocks the thread, and is refused in decoding and
    /// checks, as updates wait for them; see
    /// [`wait_until_async`](Self::wait_until_async).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(key = "log/level", default = "info")] log_level: String }
    /// let store = MemoryStore::new();
    /// let settings = Settings::watch(&store)?;
    /// store.put("/payments/log/level", "trace");
    /// settings.wait_until(|s| s.log_level == "trace", Duration::from_secs(1))?;
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// `wanted` is asked at once, and again whenever something may have changed.
    ///
    /// # Errors
    /// Not within the limit ([`Error::is_timeout`]), or never, because the watch was stopped
    /// ([`Error::is_stopped`]); or this is decoding or a check ([`Error::is_invalid_option`]).
    pub fn wait_until(&self, mut wanted: impl FnMut(&T) -> bool, limit: Duration) -> Result<(), Error> {
        self.shared.wait(limit, "the awaited state", &mut || Ok(wanted(&self.load())))
    }

    /// The same for a task, on a tokio runtime. Cancel safe: it only looks. The limit is by the runtime's clock.
    ///
    /// # Errors
    /// As [`wait_until`](Self::wait_until), and that there is no runtime.
    pub async fn wait_until_async(
        &self,
        mut wanted: impl FnMut(&T) -> bool,
        limit: Duration,
    ) -> Result<(), Error> {
        self.shared.wait_async(limit, "the awaited state", || Ok(wanted(&self.load()))).await
    }

    /// Waits until what was written at this revision, or before, is in force. Blocks the thread;
    /// see [`wait_for_revision_async`](Self::wait_for_revision_async).
    ///
    /// For a program that writes keys and then relies on them. The revision is the `header.revision` of the write's
    /// answer, or what [`MemoryStore::put`](crate::MemoryStore::put) returns. It may be of a key outside of the
    /// prefix: the store is asked how far it is. Changes that a debounce interval or a commit key holds back are
    /// not in force.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let store = MemoryStore::new();
    /// let settings = Settings::watch(&store)?;
    /// let written = store.put("/payments/workers", "12");
    /// settings.wait_for_revision(written, Duration::from_secs(5))?;
    /// assert_eq!(settings.load().workers, 12);
    ///
    /// let written = store.put("/payments/workers", "many");
    /// let refused = settings.wait_for_revision(written, Duration::from_secs(5)).unwrap_err();
    /// assert!(refused.is_invalid());
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// The revision was refused, with all its problems ([`Error::is_invalid`]); or it did not come within the limit
    /// ([`Error::is_timeout`]), or never will, because the watch was stopped ([`Error::is_stopped`]).
    pub fn wait_for_revision(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        self.shared.wait_for_revision(revision, limit)
    }

    /// The same for a task, on a tokio runtime. Cancel safe. The limit is by the runtime's clock.
    ///
    /// # Errors
    /// As [`wait_for_revision`](Self::wait_for_revision), and that there is no runtime.
    pub async fn wait_for_revision_async(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        self.shared.wait_for_revision_async(revision, limit).await
    }

    /// Waits until this revision is in force or was refused, and the callbacks of changes, rejections and warnings
    /// have run for it and those before it. Those that are subscribed later are not waited for, nor are those of
    /// [`on_status`](Self::on_status), which belong to no revision. The revision is what
    /// [`MemoryStore::put`](crate::MemoryStore::put) answers, or the `header.revision` of a client's. Made for
    /// tests; blocks the thread, see [`wait_for_callbacks_async`](Self::wait_for_callbacks_async).
    ///
    /// ```
    /// # use std::sync::{Arc, Mutex};
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let store = MemoryStore::new();
    /// let settings = Settings::watch(&store)?;
    /// let heard = Arc::new(Mutex::new(Vec::new()));
    /// let hears = Arc::clone(&heard);
    /// settings.on(|s| &s.workers, move |_, new| hears.lock().unwrap().push(*new));
    /// let revision = store.put("/payments/workers", "12");
    /// settings.wait_for_callbacks(revision, Duration::from_secs(5))?;
    /// assert_eq!(*heard.lock().unwrap(), [12]);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// Not within the limit ([`Error::is_timeout`]), or never, because the watch was stopped
    /// ([`Error::is_stopped`]); or this is such a callback ([`Error::is_invalid_option`]).
    pub fn wait_for_callbacks(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        self.shared.wait_for_callbacks(revision, limit)
    }

    /// The same for a task, on a tokio runtime. Callbacks run elsewhere, which a clock that is paused
    /// does not know of: it would be at the limit at once. Cancel safe.
    ///
    /// # Errors
    /// As [`wait_for_callbacks`](Self::wait_for_callbacks), and that there is no runtime.
    pub async fn wait_for_callbacks_async(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        self.shared.wait_for_callbacks_async(revision, limit).await
    }
}

/// What needs no type, and is compiled once.
impl Shared {
    fn wait_for_revision(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        self.wait(limit, &format!("revision {revision}"), &mut || self.is_in_force(revision))
    }

    async fn wait_for_revision_async(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        self.wait_async(limit, &format!("revision {revision}"), || self.is_in_force(revision)).await
    }

    fn wait_for_callbacks(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        let until = deadline(limit);
        self.check_callback()?;
        known_or_refused(self.wait_for_revision(revision, limit))?;
        if self.hooks.wait(self.hooks.announced(), until) {
            return Ok(());
        }
        self.check_running()?;
        Err(self.did_not_come(&format!("the end of the callbacks for revision {revision}"), limit))
    }

    async fn wait_for_callbacks_async(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        runtime()?;
        let until = runtime_deadline(limit);
        self.check_callback()?;
        known_or_refused(self.wait_for_revision_async(revision, limit).await)?;
        if self.hooks.wait_async(self.hooks.announced(), until).await {
            return Ok(());
        }
        self.check_running()?;
        Err(self.did_not_come(&format!("the end of the callbacks for revision {revision}"), limit))
    }

    /// Waits until something is reached, which is asked again after each write of the status.
    fn wait(
        &self,
        limit: Duration,
        what: &str,
        is_reached: &mut dyn FnMut() -> Result<bool, Error>,
    ) -> Result<(), Error> {
        refuse_to_block()?;
        self.check_process()?;
        let until = deadline(limit);
        while let Some(epoch) = self.unless_reached(is_reached)? {
            if !self.status_cell.sleep(epoch, until) {
                return Err(self.did_not_come(what, limit));
            }
        }
        Ok(())
    }

    /// The same for a task, on a tokio runtime.
    async fn wait_async(
        &self,
        limit: Duration,
        what: &str,
        mut is_reached: impl FnMut() -> Result<bool, Error>,
    ) -> Result<(), Error> {
        refuse_to_wait()?;
        self.check_process()?;
        runtime()?;
        let until = runtime_deadline(limit);
        while let Some(epoch) = self.unless_reached(&mut is_reached)? {
            if !self.status_cell.sleep_async(epoch, until).await {
                return Err(self.did_not_come(what, limit));
            }
        }
        Ok(())
    }

    /// Nothing if it is reached; otherwise the epoch in which it was not, and an error if it never will be.
    fn unless_reached(
        &self,
        is_reached: &mut dyn FnMut() -> Result<bool, Error>,
    ) -> Result<Option<Epoch>, Error> {
        // In this order: what is written after the look moves the epoch.
        let epoch = self.status_cell.epoch();
        if is_reached()? {
            return Ok(None);
        }
        self.check_running()?;
        Ok(Some(epoch))
    }

    /// Whether everything up to a revision is in force; an error if it was refused.
    fn is_in_force(&self, revision: u64) -> Result<bool, Error> {
        let (in_force, known, refusal) = self.status_cell.read(|record| {
            (record.in_force >= revision, record.revision >= revision, record.refusal().cloned())
        });
        if in_force {
            return Ok(true);
        }
        if let Some(refusal) = refusal.filter(|_| known) {
            return Err(refusal.to_error());
        }
        if !known {
            // Changes outside the prefix move the store's revision, and no event says so: ask for it.
            self.progress_wanted.notify_one();
        }
        Ok(false)
    }

    /// A callback cannot wait for itself.
    fn check_callback(&self) -> Result<(), Error> {
        if self.hooks.are_called_here() {
            return Err(Error::option(
                "a callback cannot wait until the callbacks have run: it is one of them",
            ));
        }
        Ok(())
    }

    fn did_not_come(&self, what: &str, limit: Duration) -> Error {
        let status = self.status();
        let rejected = status.and_rejected();
        let Status { name, prefix, state, snapshot_revision, revision, .. } = status;
        let what = format!(
            "{what} of {name} from {} (now {state}{rejected}, snapshot at revision {snapshot_revision}, \
             known up to {revision})",
            Printable::line(&prefix)
        );
        Error::wait_timeout(what, limit)
    }
}

/// What is refused is known as well, and callbacks hear of it.
fn known_or_refused(waited: Result<(), Error>) -> Result<(), Error> {
    match waited {
        Err(error) if error.is_invalid() => Ok(()),
        waited => waited,
    }
}
