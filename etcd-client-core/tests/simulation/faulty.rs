//! A store over the one in memory, with the faults that a store in memory does not have: streams that end
//! as servers end them, calls that one server refuses, and what only some protocols can say.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use etcd_client_core::{
    BoxFuture, Delta, Error, HistoryMark, Kind, Known, Listing, MemoryStore, Opened, Prefix, Signal, Store,
    Watch,
};
use tokio::time::{Instant, sleep};

/// How long a call takes that nobody answers.
const LIMIT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub(crate) struct Faulty {
    inner: MemoryStore,
    faults: Arc<Mutex<Faults>>,
}

/// What happens next.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
pub(crate) struct Faults {
    /// On the stream.
    pub(crate) says: Option<Result<Signal, Error>>,
    /// When a watch is opened.
    pub(crate) unopened: Option<Error>,
    /// When the store is asked for its past, or for what has changed.
    pub(crate) unasked: Option<Error>,
    /// And that is refused only after a call's limit.
    pub(crate) unanswered: bool,
    /// When the prefix is listed.
    pub(crate) unlisted: Option<Error>,
    /// When the prefix is listed at this very moment: nothing, though there are keys.
    pub(crate) hollow: Option<Instant>,
    /// What the streams say of how far they are rests on their silence.
    pub(crate) unresumable: bool,
    /// The store never says what has changed.
    pub(crate) never_asked: bool,
    /// The last read that was answered was of what had been written, and not of the whole prefix.
    pub(crate) read_delta: bool,
    /// Past revisions that cannot be read, as was answered.
    pub(crate) unread: BTreeSet<u64>,
    /// A stream was opened at the head, and what lies before it is read beside it.
    pub(crate) has_gap: bool,
    wakers: Vec<Waker>,
}

impl Faulty {
    pub(crate) fn over(inner: MemoryStore) -> Self {
        Self { inner, faults: Arc::default() }
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap()
    }

    /// The stream says this next.
    pub(crate) fn say(&self, signal: Result<Signal, Error>) {
        let mut faults = self.faults();
        faults.says = Some(signal);
        let wakers = std::mem::take(&mut faults.wakers);
        drop(faults);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Nothing more happens.
    pub(crate) fn heal(&self) {
        let mut faults = self.faults();
        let Faults { unresumable, never_asked, has_gap, .. } = *faults;
        let unread = std::mem::take(&mut faults.unread);
        *faults = Faults { unresumable, never_asked, unread, has_gap, ..Faults::default() };
    }

    /// What a question comes to instead of an answer.
    fn refusal(&self) -> Option<(Error, Duration)> {
        let mut faults = self.faults();
        let limit = if faults.unanswered { LIMIT } else { Duration::ZERO };
        faults.unasked.take().map(|error| (error, limit))
    }
}

impl Store for Faulty {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        let mut faults = self.faults();
        let is_hollow = faults.hollow.take() == Some(Instant::now());
        if let Some(error) = faults.unlisted.take() {
            return Box::pin(async move { Err(error) });
        }
        faults.read_delta = false;
        let call = self.inner.list(prefix);
        if is_hollow {
            return Box::pin(async move { Ok(Listing { entries: Vec::new(), ..call.await? }) });
        }
        call
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        if let Some(error) = self.faults().unopened.take() {
            return Box::pin(async move { Err(error) });
        }
        self.faults().has_gap |= after.is_none();
        let (store, call) = (self.clone(), self.inner.watch(prefix, after));
        Box::pin(async move {
            let opened = call.await?;
            Ok(Opened { watch: Box::new(FaultyWatch { store, inner: opened.watch }), ..opened })
        })
    }

    fn has_history(&self, prefix: &Prefix, past: HistoryMark) -> BoxFuture<Result<bool, Error>> {
        match self.refusal() {
            Some((error, after)) => Box::pin(async move {
                sleep(after).await;
                Err(error)
            }),
            None => self.inner.has_history(prefix, past),
        }
    }

    fn unchanged(&self, prefix: &Prefix, known: Known) -> BoxFuture<Result<Option<u64>, Error>> {
        if self.faults().never_asked {
            let error = Error::new(Kind::InvalidRequest, "faulty: it cannot say");
            return Box::pin(async move { Err(error) });
        }
        match self.refusal() {
            Some((error, after)) => Box::pin(async move {
                sleep(after).await;
                Err(error)
            }),
            None => self.inner.unchanged(prefix, known),
        }
    }

    fn written_since(&self, prefix: &Prefix, since: u64) -> BoxFuture<Result<Delta, Error>> {
        if self.faults().never_asked {
            let error = Error::new(Kind::InvalidRequest, "faulty: it cannot say");
            return Box::pin(async move { Err(error) });
        }
        // Where the store is read because a stream was stale, it is to be listed for its keys to be forgotten.
        if self.faults().hollow == Some(Instant::now()) {
            let error = Error::new(Kind::TooLarge, "faulty: too much was written");
            return Box::pin(async move { Err(error) });
        }
        if let Some((error, after)) = self.refusal() {
            return Box::pin(async move {
                sleep(after).await;
                Err(error)
            });
        }
        let (faults, call) = (Arc::clone(&self.faults), self.inner.written_since(prefix, since));
        Box::pin(async move {
            let delta = call.await?;
            faults.lock().unwrap().read_delta = true;
            Ok(delta)
        })
    }

    fn list_at(&self, prefix: &Prefix, revision: u64) -> BoxFuture<Result<Listing, Error>> {
        let (faults, refusal) = (Arc::clone(&self.faults), self.refusal());
        let call = self.inner.list_at(prefix, revision);
        Box::pin(async move {
            let answer = match refusal {
                Some((error, after)) => {
                    sleep(after).await;
                    Err(error)
                }
                None => call.await,
            };
            // Others are tried again.
            if answer.as_ref().is_err_and(|error| !error.is_transient() && !error.is_access()) {
                faults.lock().unwrap().unread.insert(revision);
            }
            answer
        })
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        self.inner.identity()
    }
}

#[derive(Debug)]
struct FaultyWatch {
    store: Faulty,
    inner: Box<dyn Watch>,
}

impl Watch for FaultyWatch {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        let mut faults = self.store.faults();
        if let Some(signal) = faults.says.take() {
            return Poll::Ready(signal);
        }
        faults.wakers.push(cx.waker().clone());
        drop(faults);
        self.inner.poll_next(cx)
    }

    fn request_progress(&mut self) {
        self.inner.request_progress();
    }

    fn is_resumable(&self) -> bool {
        !self.store.faults().unresumable
    }

    fn endpoint(&self) -> &str {
        self.inner.endpoint()
    }

    fn abandon(self: Box<Self>) {
        self.inner.abandon();
    }
}
