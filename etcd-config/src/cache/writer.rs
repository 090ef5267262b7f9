//! When the cache file is written: soon after a change, at most about once a second, and always
//! with the last state.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::cache::archive::Archive;
use crate::runtime::panics;
use crate::status::CacheFile;

/// From one write to the next.
const PACE: Duration = Duration::from_secs(1);
/// How old the file may get while its content is proven current all the time.
const REFRESH: Duration = Duration::from_secs(600);
/// When a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// Keeps a cache file up to date, off the watching task.
pub(crate) struct CacheWriter {
    archive: Arc<Archive>,
    /// When there is something to write, and it may be.
    due: Option<Instant>,
    /// When the next write may be.
    not_before: Instant,
    writing: Option<oneshot::Receiver<Written>>,
    /// How many writes there were.
    turns: u64,
    /// Whether the last write failed: only the first failure of several is logged as a warning.
    failed: bool,
}

/// The outcome of a write; no file if that held everything already.
pub(crate) type Written = Result<Option<CacheFile>, String>;

/// What the watching task has to see to.
pub(crate) enum WriterStep {
    /// It is time to have the file written.
    Due(oneshot::Sender<Written>),
    /// The file was written: how it stands now.
    Written(CacheFile),
    /// It could not be written, and why. The old file is still there.
    Failed(String),
}

impl CacheWriter {
    pub(crate) fn new(archive: Arc<Archive>) -> Self {
        Self { archive, due: None, not_before: Instant::now(), writing: None, turns: 0, failed: false }
    }

    /// There is a new state of this cluster, and it is good.
    pub(crate) fn note_change(&mut self, cluster: u64) {
        self.archive.note_change(cluster);
        self.plan();
    }

    /// The archive knows of a new state.
    pub(crate) fn plan(&mut self) {
        if self.due.is_none() {
            self.due = Some(self.not_before.max(Instant::now()));
        }
    }

    /// The state is still current.
    pub(crate) fn note_proof(&mut self, cluster: u64) {
        if self.turns > 0 && self.not_before + REFRESH <= Instant::now() {
            self.note_change(cluster);
        }
    }

    /// The next step; never comes where there is nothing to do. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> WriterStep {
        loop {
            if let Some(writing) = &mut self.writing {
                let done = writing.await;
                self.writing = None;
                let done = done.unwrap_or_else(|_| Err("there is no thread to write it".to_owned()));
                if let Some(step) = self.settle(done) {
                    return step;
                }
                continue;
            }
            match self.due {
                Some(instant) => sleep_until(instant).await,
                None => pending().await,
            }
            return WriterStep::Due(self.take_turn());
        }
    }

    fn take_turn(&mut self) -> oneshot::Sender<Written> {
        self.due = None;
        // The state at the start is no storm: the first change after it need not wait.
        self.not_before = Instant::now() + if self.turns == 0 { Duration::ZERO } else { PACE };
        self.turns += 1;
        let (sender, receiver) = oneshot::channel();
        self.writing = Some(receiver);
        sender
    }

    fn settle(&mut self, done: Written) -> Option<WriterStep> {
        let path = self.archive.cache().path().display();
        match done {
            Ok(None) => None,
            Ok(Some(file)) => {
                let was_said = std::mem::take(&mut self.failed);
                self.archive.forget_failure();
                let revision = file.revision;
                if was_said {
                    panics::log(|| tracing::info!(%path, revision, "the cache file is kept again"));
                } else {
                    panics::log(|| tracing::debug!(%path, revision, "cached"));
                }
                Some(WriterStep::Written(file))
            }
            Err(why) => {
                let is_news = self.archive.is_news(&why);
                if !std::mem::replace(&mut self.failed, true) && is_news {
                    self.archive.cache().warn_not_kept(&why);
                }
                self.not_before = Instant::now() + RETRY;
                self.due = Some(self.not_before);
                Some(WriterStep::Failed(why))
            }
        }
    }
}
