//! The client as a [`Store`].

mod commit;
mod delta;
mod directory;
pub(in crate::v3) mod events;
mod lease;
pub(in crate::v3) mod listing;
mod several;
mod version;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use self::events::Events;
use self::several::Several;
use self::watch::StoreWatch;
use super::client::Client;
use crate::store::{
    BoxFuture, Committed, Delta, GuardedWrites, HistoryMark, Known, Lease, LeaseId, Leased, LeasedPut,
    Listing, Opened, Prefix, Store, merged_watch,
};
use crate::transport::keys_in_other_api;
use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::messages::ResponseHeader;
use crate::{Error, FailingEndpoint};

impl Store for Client {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        if let Some(several) = Several::of(self.pool(), prefix) {
            return Box::pin(several.list(None));
        }
        let (pool, range) = (self.pool().clone(), range(prefix));
        Box::pin(async move { listing::list(&pool, range, None).await })
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        if prefix.has_several() {
            return merged_watch::open(self, prefix, after);
        }
        let (pool, streams, range) = (self.pool().clone(), self.streams().clone(), range(prefix));
        Box::pin(async move {
            let watch = streams.watch(&pool, &range, after).await?;
            let ResponseHeader { cluster_id, member_id, .. } = *watch.created();
            let exact = match watch.slot() {
                Some(slot) => version::has_exact_progress(&pool, watch.endpoint(), slot, member_id).await,
                None => false,
            };
            let head = watch.head();
            let events = Events::new(range, after.unwrap_or(head), exact).begun_at(head);
            let watch = Box::new(StoreWatch::new(watch, events));
            Ok(Opened { watch, head, cluster: cluster_id })
        })
    }

    fn has_history(&self, prefix: &Prefix, past: HistoryMark) -> BoxFuture<Result<bool, Error>> {
        if let Some(several) = Several::of(self.pool(), prefix) {
            return Box::pin(several.has_history(past));
        }
        let (pool, range) = (self.pool().clone(), range(prefix));
        Box::pin(async move { listing::has_history(&pool, range, &past).await })
    }

    fn unchanged(&self, prefix: &Prefix, known: Known) -> BoxFuture<Result<Option<u64>, Error>> {
        if let Some(several) = Several::of(self.pool(), prefix) {
            return Box::pin(several.unchanged(known));
        }
        let (pool, range) = (self.pool().clone(), range(prefix));
        Box::pin(async move { listing::unchanged(&pool, range, known).await })
    }

    fn written_since(&self, prefix: &Prefix, since: u64) -> BoxFuture<Result<Delta, Error>> {
        if let Some(several) = Several::of(self.pool(), prefix) {
            return Box::pin(several.written_since(since));
        }
        let (pool, range) = (self.pool().clone(), range(prefix));
        Box::pin(async move { delta::written_since(&pool, range, since).await })
    }

    fn list_at(&self, prefix: &Prefix, revision: u64) -> BoxFuture<Result<Listing, Error>> {
        if let Some(several) = Several::of(self.pool(), prefix) {
            return Box::pin(several.list(Some(revision)));
        }
        let (pool, range) = (self.pool().clone(), range(prefix));
        Box::pin(async move { listing::list(&pool, range, Some(revision)).await })
    }

    fn commit(&self, writes: GuardedWrites) -> BoxFuture<Result<Committed, Error>> {
        let pool = self.pool().clone();
        Box::pin(async move { commit::commit(&pool, writes).await })
    }

    fn writes_at_once(&self) -> usize {
        commit::WRITES_AT_ONCE
    }

    fn may_write(&self, keys: Vec<Bytes>) -> BoxFuture<Result<(), Error>> {
        let pool = self.pool().clone();
        Box::pin(async move { commit::may_write(&pool, &keys).await })
    }

    fn grant_lease(&self, ttl: Duration) -> BoxFuture<Result<Lease, Error>> {
        Box::pin(lease::grant(Arc::clone(self.pool()), ttl))
    }

    fn keep_lease_alive(&self, lease: LeaseId) -> BoxFuture<Result<Duration, Error>> {
        Box::pin(lease::keep_alive(Arc::clone(self.pool()), lease))
    }

    fn revoke_lease(&self, lease: LeaseId) -> BoxFuture<Result<(), Error>> {
        Box::pin(lease::revoke(Arc::clone(self.pool()), lease))
    }

    fn put_with_lease(&self, put: LeasedPut) -> BoxFuture<Result<Leased, Error>> {
        Box::pin(lease::put(Arc::clone(self.pool()), put))
    }

    fn names(&self, directory: &Prefix, limit: usize) -> BoxFuture<Result<Vec<String>, Error>> {
        let (pool, directory) = (self.pool().clone(), directory.clone());
        Box::pin(async move { directory::names(&pool, &directory, limit).await })
    }

    fn other_api(&self, prefix: &Prefix) -> BoxFuture<Option<&'static str>> {
        let (options, prefix) = (self.pool().options().clone(), prefix.clone());
        Box::pin(async move { keys_in_other_api::holds_v2_keys(&options, &prefix).await.then_some("v2") })
    }

    fn outage(&self) -> Option<Error> {
        Some(self.pool().outage())
    }

    fn check_idle_endpoints(&self, cluster: u64) -> BoxFuture<()> {
        let pool = self.pool().clone();
        Box::pin(async move { pool.check_idle_endpoints(cluster).await })
    }

    fn failing_endpoints(&self) -> Vec<FailingEndpoint> {
        self.pool().failing()
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(Self::over(self.pool().for_watching()))
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(self.pool()).addr()
    }
}

fn range(prefix: &Prefix) -> KeyRange {
    KeyRange::prefix(Bytes::copy_from_slice(prefix.directory().as_bytes()))
}
