//! Watching for one change.

pub(in crate::v2) mod event;
pub(in crate::v2) mod feed;
pub(in crate::v2) mod leader_probe;
pub(in crate::v2) mod long_poll;
pub(in crate::v2) mod previous_poll;
pub(in crate::v2) mod renewal_rate;
pub(in crate::v2) mod watcher;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::feed::{Feed, FeedSignal};
use self::long_poll::Target;
use crate::v2::calls::abort::AbortHandle;
use crate::v2::calls::call::unless_aborted;
use crate::v2::net::pool::{PAUSES, Pool};
use crate::v2::wire::headers::Headers;
use crate::v2::wire::response::{Answer, Response};
use crate::{BoxFuture, Error};

/// After a watch that has lasted so long, the count of losses in a row begins again.
pub(super) const HEALTHY: Duration = Duration::from_secs(10);

/// Waits for one change of a key or a directory, for as long as it takes: the client's time limit applies to
/// connecting and to the headers only. Made by [`Client::watch`](crate::v2::Client::watch). For one change after
/// another use a [`Watcher`](crate::v2::Watcher), which misses none between them.
///
/// It is sent when it is awaited; dropping the future ends it on the server, too. To be sure that it is
/// registered before something is done, [`open`](Self::open) it.
///
/// # Errors
/// A lost connection is made again, and the watch continued; after [`max_retries`](Self::max_retries) further
/// rounds the last failure is the error. [`Kind::Compacted`](crate::Kind::Compacted) if the server no longer has the
/// changes that were missed, more than 1,000 changes of its whole store ago: read the key.
/// [`Kind::FutureRevision`](crate::Kind::FutureRevision) if the store's history was replaced.
#[must_use = "nothing is sent before it is awaited"]
pub struct Watch {
    pool: Arc<Pool>,
    key: String,
    recursive: bool,
    index: Option<u64>,
    max_retries: Option<u32>,
    abort: AbortHandle,
}

/// A [`Watch`] that the server has registered: no change after this is missed. Awaited, it resolves with the
/// change.
#[must_use = "the change is there when it is awaited"]
pub struct OpenWatch {
    pool: Arc<Pool>,
    target: Target,
    feed: Feed,
    headers: Headers,
    max_retries: u32,
    abort: AbortHandle,
}

impl Watch {
    pub(super) fn new(pool: &Arc<Pool>, key: String, index: Option<u64>) -> Self {
        Self {
            pool: pool.clone(),
            key,
            recursive: false,
            index,
            max_retries: None,
            abort: AbortHandle::default(),
        }
    }

    /// Also watches everything below the directory.
    pub fn recursive(mut self, recursive: bool) -> Self {
        self.recursive = recursive;
        self
    }

    /// Waits for the first change at or after this index, which may be in the past. 0 is from now on.
    pub fn index(mut self, index: u64) -> Self {
        self.index = Some(index);
        self
    }

    /// In how many further rounds all endpoints are tried if none answers, or if the watch is lost again and
    /// again within 10 s.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// A handle that ends the watch from another task or thread. It then fails with
    /// [`Kind::Aborted`](crate::Kind::Aborted).
    pub fn abort_handle(&self) -> AbortHandle {
        self.abort.clone()
    }

    /// Resolves when the server has registered the watch, before there is a change.
    ///
    /// ```no_run
    /// # async fn example(client: etcd_client_core::v2::Client) -> Result<(), etcd_client_core::Error> {
    /// let watch = client.watch("jobs/7").open().await?;
    /// client.set("jobs/7", "done").await?; // cannot be missed
    /// let change = watch.await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// No endpoint answers, or the server no longer keeps the history from the index on
    /// ([`Kind::Compacted`](crate::Kind::Compacted)).
    pub async fn open(self) -> Result<OpenWatch, Error> {
        let Self { pool, key, recursive, index, max_retries, abort } = self;
        let target = Target::new(&key, recursive)?;
        let max_retries = max_retries.unwrap_or(pool.options().max_retries);
        let after = index.and_then(|index| index.checked_sub(1));
        let feed =
            unless_aborted(abort.clone(), Feed::open_ahead(&pool, &target, after, max_retries)).await?;
        let headers = feed.headers().clone();
        Ok(OpenWatch { pool, target, feed, headers, max_retries, abort })
    }
}

impl OpenWatch {
    /// The headers that came when the watch was registered, with the index at that time.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    async fn change(mut self) -> Result<Response<Answer>, Error> {
        let mut losses = 0;
        loop {
            let since = Instant::now();
            match self.next().await {
                Ok(answer) => return Ok(Response::new(answer, self.headers)),
                Err(error) if error.is_transient() => {
                    losses = if since.elapsed() < HEALTHY { losses + 1 } else { 0 };
                    if losses > self.max_retries.saturating_add(1) {
                        return Err(error);
                    }
                    if losses > 1 {
                        sleep(PAUSES.pause(losses - 2)).await;
                    }
                    self.feed = self.reopen_feed().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A feed that continues the lost one, in the same store.
    async fn reopen_feed(&mut self) -> Result<Feed, Error> {
        let (pool, target, after) = (&self.pool, &self.target, self.feed.resume_after());
        let feed = if self.feed.head() >= after {
            Feed::reopen(pool, target, after, self.max_retries).await?
        } else {
            Feed::open_ahead(pool, target, Some(after), self.max_retries).await?
        };
        if feed.headers().cluster_id() != self.feed.headers().cluster_id() {
            return Err(feed.of_another_cluster());
        }
        Ok(feed)
    }

    async fn next(&mut self) -> Result<Answer, Error> {
        loop {
            if let FeedSignal::Change { answer, .. } =
                std::future::poll_fn(|cx| self.feed.poll_next(cx)).await?
            {
                return Ok(*answer);
            }
        }
    }
}

impl IntoFuture for Watch {
    type Output = Result<Response<Answer>, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.open().await?.await })
    }
}

impl IntoFuture for OpenWatch {
    type Output = Result<Response<Answer>, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(unless_aborted(self.abort.clone(), self.change()))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({:?}, recursive: {}, index: {:?})", self.key, self.recursive, self.index)
    }
}

impl fmt::Debug for OpenWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenWatch({:?}, {:?})", self.target, self.feed)
    }
}
