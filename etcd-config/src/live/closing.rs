//! Ending the watch of all handles, with the last state in the cache file.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use crate::error::Error;
use crate::live::Live;
use crate::runtime::caller::runtime;
use crate::runtime::deadline::{deadline, runtime_deadline};
use crate::status::CacheFile;

const LAST_WRITE: &str = "the last write of the cache file";
const NO_THREAD: &str = "there is no thread to write it";

impl<T: Send + Sync + 'static> Live<T> {
    /// Ends the watch, of all handles: what is in force stays, no callback begins any more, and what
    /// is in force is in the [cache file](crate::Options::cache_file) when this returns, where there is
    /// to be one. An [instance](crate::Options::instance) is no longer listed in the fleet; where the store cannot be
    /// asked for that within the limit, its entry goes by itself. Dropping the last handle does the same, but waits a
    /// second at most, and says nothing when it fails. Blocks the thread; see [`close_async`](Self::close_async).
    ///
    /// For the end of a process: when it is asked to end, and before it waits for the requests that are under way, as a page
    /// that somebody has open is one of these (feature `http`). Reading goes on; the [state](crate::Status::state) is
    /// [`Stopped`](crate::State::Stopped), whoever waits gets an error, and [`changes`](Self::changes) end.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore, State};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let settings = Settings::watch(MemoryStore::new())?;
    /// settings.close(Duration::from_secs(5))?;
    /// assert!(matches!(settings.status().state, State::Stopped));
    /// assert_eq!(settings.load().workers, 10);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// The cache file could not be written, or not within the limit ([`Error::is_timeout`]). The watch has ended all
    /// the same. In the child of a `fork` nothing is done ([`Error::is_stopped`]).
    pub fn close(&self, limit: Duration) -> Result<(), Error> {
        let until = deadline(limit);
        self.shared.check_process()?;
        self.life.end();
        let (sender, receiver) = mpsc::channel();
        self.shared.save(move |written| drop(sender.send(written)));
        self.shared.wait_until_out_of_fleet(until);
        let left = until.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left) {
            Ok(written) => self.closed(written),
            Err(mpsc::RecvTimeoutError::Disconnected) => self.closed(Err(NO_THREAD.to_owned())),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(Error::wait_timeout(LAST_WRITE, limit)),
        }
    }

    /// The same for a task, on a tokio runtime. The watch ends when the future is first polled; if it is dropped after
    /// that, the file is written, but not waited for.
    ///
    /// # Errors
    /// As [`close`](Self::close), and that there is no runtime.
    pub async fn close_async(&self, limit: Duration) -> Result<(), Error> {
        runtime()?;
        let until = runtime_deadline(limit);
        self.shared.check_process()?;
        self.life.end();
        let (sender, receiver) = oneshot::channel();
        self.shared.save(move |written| drop(sender.send(written)));
        self.shared.wait_until_out_of_fleet_async(until).await;
        match timeout_at(until, receiver).await {
            Ok(Ok(written)) => self.closed(written),
            Ok(Err(_)) => self.closed(Err(NO_THREAD.to_owned())),
            Err(_) => Err(Error::wait_timeout(LAST_WRITE, limit)),
        }
    }

    fn closed(&self, written: Result<Option<CacheFile>, String>) -> Result<(), Error> {
        let Err(why) = written else { return Ok(()) };
        let path = self.shared.archive.as_ref().map(|archive| archive.cache().path().display().to_string());
        let path = path.unwrap_or_default();
        Err(Error::failed(format!("the last state is not in the cache file {path}: {why}")))
    }
}
