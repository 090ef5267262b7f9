//! A watch of a prefix with the hidden keys that it names.
//!
//! What happens to them comes over polls of their own, in no order with the rest. So before a change of
//! another key is handed on, they are read: as long as they are what they were, nothing has happened to
//! them. Where something has, the prefix is to be listed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::store::{Batch, Entry, Listing, Signal, Watch};
use crate::v2::store::hidden::Hidden;
use crate::v2::watch::feed;
use crate::v2::watch::feed::Feed;
use crate::{BoxFuture, Error, OneLine};

/// A hidden key that is written all the time does not have the prefix listed more often than this.
const PACE: Duration = Duration::from_millis(250);

pub(in crate::v2) struct HiddenWatch {
    others: Box<dyn Watch>,
    hidden: Hidden,
    feeds: Vec<Feed>,
    /// The hidden keys as they have been since the watch began.
    known: Vec<Entry>,
    /// They were read at this index.
    read: u64,
    /// The others have come to this index.
    come: u64,
    /// A change of another key, and the hidden keys at that time.
    pending: Option<(Batch, BoxFuture<Result<Listing, Error>>)>,
    since: Instant,
    /// A hidden key has changed; when that is said.
    stale: Option<Pin<Box<Sleep>>>,
}

impl HiddenWatch {
    /// Adds what happens to the hidden keys to a watch of the others that begins after an index.
    pub(in crate::v2) async fn open(
        hidden: Hidden,
        others: Box<dyn Watch>,
        after: u64,
    ) -> Result<Self, Error> {
        let mut feeds = Vec::with_capacity(hidden.targets().len());
        for target in hidden.targets() {
            feeds.push(Feed::open(hidden.pool(), target, Some(after)).await?);
        }
        // Of a key that was deleted meanwhile a feed has the change by the time of this answer.
        let known = hidden.read().await?.entries;
        let since = Instant::now();
        let has_changed = known.iter().any(|entry| entry.revision > after);
        let stale = has_changed.then(|| Box::pin(sleep_until(since + PACE)));
        Ok(Self { others, hidden, feeds, known, read: after, come: after, pending: None, since, stale })
    }

    /// Everything up to here has been delivered: of the hidden keys there was nothing.
    fn progress(&self) -> Signal {
        let told = self.feeds.iter().map(Feed::told).min().unwrap_or(u64::MAX);
        Signal::Progress(self.come.min(told.max(self.read)))
    }

    /// What was said of the hidden keys rests on the silence of their polls, and is not believed any longer.
    fn lost(&self, error: Error) -> Error {
        let endpoint = self.others.endpoint();
        tracing::info!(endpoint, error = %OneLine(&error), "the hidden keys are out of sight: listing");
        Error::compacted(self.come).with_source(error)
    }

    /// Whether a poll of the hidden keys has given a sign of life.
    fn poll_feeds(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        let mut is_alive = false;
        for feed in &mut self.feeds {
            while let Poll::Ready(signal) = feed.poll_next(cx) {
                match signal {
                    Ok(feed::Signal::Alive(_) | feed::Signal::Ended { .. } | feed::Signal::Arriving) => {
                        is_alive = true;
                    }
                    Ok(feed::Signal::Change { index, .. }) => {
                        tracing::debug!(
                            endpoint = feed.endpoint(),
                            index,
                            "a hidden key has changed: listing"
                        );
                        self.stale = Some(Box::pin(sleep_until(self.since + PACE)));
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
            if let Some(stale) = &mut self.stale {
                return stale.as_mut().poll(cx).map(|()| Ok(Signal::Stale));
            }
            if let Some((batch, read)) = &mut self.pending {
                let now = match ready!(read.as_mut().poll(cx)) {
                    Ok(now) => now,
                    Err(error) => return Poll::Ready(Err(self.lost(error))),
                };
                if now.entries != self.known {
                    self.stale = Some(Box::pin(sleep_until(self.since + PACE)));
                    continue;
                }
                let batch = std::mem::take(batch);
                self.pending = None;
                (self.read, self.come) = (self.read.max(now.revision), self.come.max(batch.revision));
                return Poll::Ready(Ok(Signal::Batch(batch)));
            }
            let is_alive = self.poll_feeds(cx)?;
            if self.stale.is_some() {
                continue;
            }
            match self.others.poll_next(cx)? {
                Poll::Ready(Signal::Batch(batch)) => self.pending = Some((batch, self.hidden.read())),
                Poll::Ready(Signal::Progress(index)) => {
                    self.come = self.come.max(index);
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
        self.feeds.iter_mut().for_each(Feed::ask);
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
