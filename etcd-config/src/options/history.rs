//! The calls that read what was changed before.

use std::ops::RangeBounds;
use std::sync::Arc;

use etcd_client_core::Kind;

use super::Options;
use super::going_back::{back, back_blocking};
use super::into_store::IntoStore;
use crate::decode::Derived;
use crate::error::Error;
use crate::history::History;
use crate::history::collector::{Collector, bounds};
use crate::history::range::Revisions;
use crate::past::Past;
use crate::reading::{ReadPlan, Reading, in_background, past_refused};
use crate::runtime::caller::{Caller, runtime};

/// Reading what was changed before. Of the options the prefix, its placeholders, the start-up limit and the
/// [`history_limit`](Self::history_limit) count.
impl<T: Derived> Options<T> {
    /// What was changed below the prefix in these revisions: `48_000..`, `..`, `48_000..=48_120`. Blocks.
    ///
    /// It is read from the newest change back, in stretches, by listings of the past and watches from there. Each state is
    /// decoded, and the checks are run, on this thread. It ends after 30 s, and says so. In a store where very much is
    /// written and nothing compacted, name a first revision: the server goes through all that was written from there on.
    ///
    /// # Errors
    /// - As [`edit`](Self::edit).
    /// - The store cannot read its past, as over etcd's v2 API: found out before anything is read.
    /// - All of the revisions are compacted. Where some of them are, [`History::cut`] says so.
    /// - [`Error::is_invalid_option`]: a range without a revision, or of which none has come yet.
    pub fn history(
        self,
        store: impl IntoStore,
        revisions: impl RangeBounds<u64>,
    ) -> Result<History<T>, Error> {
        let (revisions, limit) = (Revisions::of(&revisions)?, self.history_limit);
        let plan = self.read_plan(store)?;
        let (end, _background) = in_background(end_of::<T>(plan, revisions))?;
        let end = end?;
        let past = Past::before(Arc::clone(&end.listing), end.watched(), bounds(revisions, limit));
        let collector = Collector::<T>::new(&end, revisions, limit);
        let (connections, caller) = (end.connections(), Caller::here());
        let (past, collector, read) = back_blocking(past, collector, connections, &caller, Collector::take)?;
        finished(&end, &past, collector, read)
    }

    /// The same for callers in a tokio runtime; the states are decoded on a thread of its own.
    ///
    /// # Errors
    /// As [`history`](Self::history), and that there is no runtime.
    pub fn history_async(
        self,
        store: impl IntoStore,
        revisions: impl RangeBounds<u64>,
    ) -> impl Future<Output = Result<History<T>, Error>> + Send + 'static {
        let (revisions, limit) = (Revisions::of(&revisions), self.history_limit);
        let plan = self.read_plan(store);
        async move {
            let (revisions, plan) = (revisions?, plan?);
            runtime()?;
            let end = end_of::<T>(plan, revisions).await?;
            let past = Past::before(Arc::clone(&end.listing), end.watched(), bounds(revisions, limit));
            let collector = Collector::<T>::new(&end, revisions, limit);
            let (connections, caller) = (end.connections(), Caller::here());
            let (past, collector, read) =
                back(past, collector, connections, &caller, Collector::take).await?;
            finished(&end, &past, collector, read)
        }
    }
}

/// The state after the last of the revisions.
async fn end_of<T: Derived>(plan: ReadPlan, revisions: Revisions) -> Result<Reading, Error> {
    refuse_without_past::<T>(&plan).await?;
    let newest = Reading::new::<T>(plan.clone(), None).await?;
    revisions.refuse_future(T::LAYOUT.name, newest.listing.revision)?;
    match revisions.last {
        Some(last) if last < newest.listing.revision => Reading::new::<T>(plan, Some(last)).await,
        _ => Ok(newest),
    }
}

/// Asks for revision 1, at which every store is empty: that it is compacted is an answer as well.
async fn refuse_without_past<T: Derived>(plan: &ReadPlan) -> Result<(), Error> {
    let connections = plan.connections_here();
    match connections.store().list_at(&plan.prefix, 1).await {
        Err(error) if error.kind() == Kind::InvalidRequest => {
            Err(past_refused::<T>(&plan.prefix, 1, error, None))
        }
        // What else is wrong shows when the newest state is read, with the patience that is due.
        _ => Ok(()),
    }
}

fn finished<T: Derived>(
    end: &Reading,
    past: &Past,
    collector: Collector<T>,
    read: Result<(), etcd_client_core::Error>,
) -> Result<History<T>, Error> {
    match read {
        Ok(()) => Ok(collector.history(past)),
        Err(error) => Err(past_refused::<T>(end.prefix(), past.reached(), error, None)),
    }
}
