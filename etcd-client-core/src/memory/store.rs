//! The store in memory as a [`Store`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::MemoryStore;
use super::faults::CommitFault;
use super::keyspace::Keyspace;
use super::stream::{self, MemoryWatch};
use crate::store::{
    BoxFuture, Committed, Delta, GuardedWrites, HistoryMark, Known, Lease, LeaseId, Leased, LeasedPut,
    Listing, Opened, Prefix, Store, merged_watch,
};
use crate::{Error, Kind};

/// How long a call waits for a silent store: what the clients allow a server.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// What etcd takes in a transaction by default (`--max-txn-ops`), where one operation is the count of the keys.
const OPERATIONS_AT_ONCE: usize = 128;

impl Store for MemoryStore {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        self.answer(prefix, |keyspace, prefix| Ok(keyspace.list(prefix)))
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        if prefix.has_several() {
            return merged_watch::open(self, prefix, after);
        }
        let (store, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            store.answers().await?;
            let mut state = store.lock();
            let (newest, cluster) = (state.keyspace.revision(), state.keyspace.cluster());
            let head = state.faults.lagging.unwrap_or(newest).min(newest);
            let after = after.unwrap_or(head);
            state.keyspace.check_history(after)?;
            let stream = state.streams.open(after);
            drop(state);
            Ok(Opened { watch: Box::new(MemoryWatch::new(store, prefix, stream)), head, cluster })
        })
    }

    fn has_history(&self, prefix: &Prefix, mark: HistoryMark) -> BoxFuture<Result<bool, Error>> {
        let (store, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            store.answers().await?;
            store.lock().keyspace.has_history(&prefix, &mark)
        })
    }

    fn unchanged(&self, prefix: &Prefix, known: Known) -> BoxFuture<Result<Option<u64>, Error>> {
        self.answer(prefix, move |keyspace, prefix| keyspace.unchanged(prefix, known))
    }

    fn written_since(&self, prefix: &Prefix, since: u64) -> BoxFuture<Result<Delta, Error>> {
        self.answer(prefix, move |keyspace, prefix| Ok(keyspace.written_since(prefix, since)))
    }

    fn list_at(&self, prefix: &Prefix, revision: u64) -> BoxFuture<Result<Listing, Error>> {
        let (store, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            store.answers().await?;
            store.lock().keyspace.list_at(&prefix, revision)
        })
    }

    fn commit(&self, writes: GuardedWrites) -> BoxFuture<Result<Committed, Error>> {
        let store = self.clone();
        Box::pin(async move {
            let at_once = OPERATIONS_AT_ONCE - writes.prefix.directories().len();
            if writes.writes.len() > at_once {
                let message = format!("memory: {} writes, and {at_once} at once", writes.writes.len());
                return Err(Error::new(Kind::InvalidRequest, message));
            }
            store.answers().await?;
            store.may_be_written()?;
            let lost =
                || Err(Error::new(Kind::Unavailable, "memory: the connection was lost").with_maybe_applied());
            let commit = || store.change(|state| state.keyspace.commit_guarded(writes, at_once));
            let fault = store.lock().faults.next_commits.pop_front();
            match fault {
                None => Ok(commit()),
                Some(CommitFault::Conflict) => Ok(Committed::Conflict),
                Some(CommitFault::LostRequest) => lost(),
                Some(CommitFault::LostAnswer) => {
                    commit();
                    lost()
                }
            }
        })
    }

    fn writes_at_once(&self) -> usize {
        OPERATIONS_AT_ONCE - 1
    }

    fn may_write(&self, _keys: Vec<Bytes>) -> BoxFuture<Result<(), Error>> {
        let store = self.clone();
        Box::pin(async move {
            store.answers().await?;
            store.may_be_written()
        })
    }

    fn grant_lease(&self, ttl: Duration) -> BoxFuture<Result<Lease, Error>> {
        self.with_leases(true, move |keyspace| Ok(keyspace.grant_lease(ttl)))
    }

    fn keep_lease_alive(&self, lease: LeaseId) -> BoxFuture<Result<Duration, Error>> {
        self.with_leases(false, move |keyspace| keyspace.keep_lease_alive(lease))
    }

    fn revoke_lease(&self, lease: LeaseId) -> BoxFuture<Result<(), Error>> {
        self.with_leases(false, move |keyspace| keyspace.revoke_lease(lease))
    }

    fn put_with_lease(&self, put: LeasedPut) -> BoxFuture<Result<Leased, Error>> {
        self.with_leases(true, move |keyspace| keyspace.put_with_lease(put))
    }

    fn names(&self, directory: &Prefix, limit: usize) -> BoxFuture<Result<Vec<String>, Error>> {
        let (store, directory) = (self.clone(), directory.clone());
        Box::pin(async move {
            store.answers().await?;
            Ok(store.lock().keyspace.names(&directory, limit))
        })
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.shared) as usize
    }
}

impl MemoryStore {
    /// What the state is after half of the delay, given after all of it.
    fn answer<A: Send + 'static>(
        &self,
        prefix: &Prefix,
        read: impl FnOnce(&Keyspace, &Prefix) -> Result<A, Error> + Send + 'static,
    ) -> BoxFuture<Result<A, Error>> {
        let (store, prefix) = (self.clone(), prefix.clone());
        Box::pin(async move {
            store.answers().await?;
            let (answer, delay) = {
                let state = store.lock();
                (read(&state.keyspace, &prefix), state.faults.delay)
            };
            if !delay.is_zero() {
                tokio::time::sleep(delay / 2).await;
            }
            answer
        })
    }

    /// Changes what is under leases.
    fn with_leases<A: Send + 'static>(
        &self,
        is_write: bool,
        change: impl FnOnce(&mut Keyspace) -> Result<A, Error> + Send + 'static,
    ) -> BoxFuture<Result<A, Error>> {
        let store = self.clone();
        Box::pin(async move {
            store.answers().await?;
            if is_write {
                store.may_be_written()?;
            }
            store.change(|state| change(&mut state.keyspace))
        })
    }

    fn may_be_written(&self) -> Result<(), Error> {
        self.lock().faults.write_refusal.clone().map_or(Ok(()), Err)
    }

    /// Waits for half the delay, and until the store is not silent; fails if calls are refused.
    async fn answers(&self) -> Result<(), Error> {
        let delay = self.lock().faults.delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay / 2).await;
        }
        let open = tokio::time::timeout(CALL_LIMIT, stream::until_not_silent(self));
        open.await
            .map_err(|_| Error::new(Kind::Timeout, format!("memory: no answer within {CALL_LIMIT:?}")))??;
        Ok(())
    }
}
