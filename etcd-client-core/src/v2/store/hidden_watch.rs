//! A watch of a prefix with the hidden keys that it names.
//!
//! Their changes come over long polls of their own, in no order with those of the other keys. So before a
//! change of another key is delivered, the hidden keys are read: while they are what they were, nothing is
//! missing before it. If they have changed, the watcher is made to list the prefix ([`Signal::Stale`]).

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::store::{Batch, Entry, Listing, Signal, Watch};
use crate::v2::store::hidden::Hidden;
use crate::v2::watch::feed::{Feed, FeedSignal};
use crate::{BoxFuture, Error, OneLine};

/// The shortest time between two listings because of hidden keys, however often they are written.
const MIN_LISTING_INTERVAL: Duration = Duration::from_millis(250);

pub(in crate::v2) struct HiddenWatch {
    others: Box<dyn Watch>,
    hidden: Hidden,
    feeds: Vec<Feed>,
    /// The hidden keys as they have been since the watch began.
    known: Vec<Entry>,
    /// The index at which they were read last.
    read_index: u64,
    /// The index that the watch of the others has come to.
    others_index: u64,
    /// A change of another key that waits for the hidden keys to be read.
    pending: Option<(Batch, BoxFuture<Result<Listing, Error>>)>,
    since: Instant,
    /// When the watcher is made to list, because a hidden key has changed.
    list_at: Option<Pin<Box<Sleep>>>,
}

impl HiddenWatch {
    /// Adds the hidden keys to a watch of the others that begins after an index.
    pub(in crate::v2) async fn open(
        hidden: Hidden,
        others: Box<dyn Watch>,
        after: u64,
    ) -> Result<Self, Error> {
        let mut feeds = Vec::with_capacity(hidden.targets().len());
        for target in hidden.targets() {
            feeds.push(Feed::open(hidden.pool(), target, Some(after)).await?);
        }
        // If a hidden key was deleted after `after`, its feed delivers that: it was opened before this read.
        let known = hidden.read().await?.entries;
        let since = Instant::now();
        let has_changed = known.iter().any(|entry| entry.revision > after);
        let list_at = has_changed.then(|| Box::pin(sleep_until(since + MIN_LISTING_INTERVAL)));
        Ok(Self {
            others,
            hidden,
            feeds,
            known,
            read_index: after,
            others_index: after,
            pending: None,
            since,
            list_at,
        })
    }

    /// The index up to which neither the others nor the hidden keys have more changes.
    fn progress(&self) -> Signal {
        let progress = self.feeds.iter().map(Feed::progress).min().unwrap_or(u64::MAX);
        Signal::Progress(self.others_index.min(progress.max(self.read_index)))
    }

    /// A feed of the hidden keys has failed: their silence so far may have meant a dead connection.
    fn lost(&self, error: Error) -> Error {
        let endpoint = self.others.endpoint();
        tracing::info!(endpoint, error = %OneLine(&error), "the watch of hidden keys was lost: listing");
        Error::compacted(self.others_index).with_source(error)
    }

    /// Whether a feed of the hidden keys has shown that it is alive.
    fn poll_feeds(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        let mut is_alive = false;
        for feed in &mut self.feeds {
            while let Poll::Ready(signal) = feed.poll_next(cx) {
                match signal {
                    Ok(FeedSignal::Progress(_) | FeedSignal::Ended { .. } | FeedSignal::Arriving) => {
                        is_alive = true;
                    }
                    Ok(FeedSignal::Change { index, .. }) => {
                        tracing::debug!(
                            endpoint = feed.endpoint(),
                            index,
                            "a hidden key has changed: listing"
                        );
                        self.list_at = Some(Box::pin(sleep_until(self.since + MIN_LISTING_INTERVAL)));
                        return Ok(true);
                    }
                    Err(error) => return Err(self.lost(error)),
                }
            }
        }
        Ok(is_alive)
    }
}

impl Watch for HiddenWatch {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        loop {
            if let Some(list_at) = &mut self.list_at {
                return list_at.as_mut().poll(cx).map(|()| Ok(Signal::Stale));
            }
            if let Some((batch, read)) = &mut self.pending {
                let now = match ready!(read.as_mut().poll(cx)) {
                    Ok(now) => now,
                    Err(error) => return Poll::Ready(Err(self.lost(error))),
                };
                if now.entries != self.known {
                    self.list_at = Some(Box::pin(sleep_until(self.since + MIN_LISTING_INTERVAL)));
                    continue;
                }
                let batch = std::mem::take(batch);
                self.pending = None;
                (self.read_index, self.others_index) =
                    (self.read_index.max(now.revision), self.others_index.max(batch.revision));
                return Poll::Ready(Ok(Signal::Batch(batch)));
            }
            let is_alive = self.poll_feeds(cx)?;
            if self.list_at.is_some() {
                continue;
            }
            match self.others.poll_next(cx)? {
                Poll::Ready(Signal::Batch(batch)) => self.pending = Some((batch, self.hidden.read())),
                Poll::Ready(Signal::Progress(index)) => {
                    self.others_index = self.others_index.max(index);
                    return Poll::Ready(Ok(self.progress()));
                }
                Poll::Ready(other) => return Poll::Ready(Ok(other)),
                Poll::Pending if is_alive => return Poll::Ready(Ok(self.progress())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn request_progress(&mut self) {
        self.others.request_progress();
        self.feeds.iter_mut().for_each(Feed::request_progress);
    }

    fn proves_progress(&self) -> bool {
        self.others.proves_progress()
    }

    fn is_resumable(&self) -> bool {
        false
    }

    fn endpoint(&self) -> &str {
        self.others.endpoint()
    }

    fn abandon(self: Box<Self>) {
        self.others.abandon();
    }
}

impl std::fmt::Debug for HiddenWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HiddenWatch")
            .field("others", &self.others)
            .field("feeds", &self.feeds)
            .finish_non_exhaustive()
    }
}
