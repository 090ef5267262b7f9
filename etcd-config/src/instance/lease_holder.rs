//! The key of an instance in the store, and the lease that it lives by.

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::{Error, Kind, LeaseId, Leased, LeasedPut, Prefix, Store};

use super::name::candidates;

/// No lease needs more, and a time that a store has granted must be one that can be added.
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// Holds a name, or none. Dropping a future of it leaves a lease behind that ends by itself, if anything.
pub(super) struct LeaseHolder {
    store: Arc<dyn Store>,
    place: Prefix,
    wanted: String,
    ttl: Duration,
    lease: Option<LeaseId>,
    /// The name that is held under the lease.
    held: Option<String>,
    /// One beside it, while one takes the place of the other.
    second: Option<LeaseId>,
}

impl LeaseHolder {
    pub(super) fn new(store: Arc<dyn Store>, place: Prefix, wanted: String, ttl: Duration) -> Self {
        Self { store, place, wanted, ttl, lease: None, held: None, second: None }
    }

    /// The name that is held.
    pub(super) fn held(&self) -> Option<&str> {
        self.held.as_deref()
    }

    /// Whether the name that is held is another than the one that was wanted.
    pub(super) fn has_other_name(&self) -> bool {
        self.held.as_ref().is_some_and(|held| *held != self.wanted)
    }

    /// How long the lease lasts, as the store has granted it; a year, if it says that it is longer.
    pub(super) fn ttl(&self) -> Duration {
        self.ttl.min(YEAR)
    }

    /// The key of a name.
    pub(super) fn key(&self, name: &str) -> String {
        self.place.join(name)
    }

    /// Takes the first name that is free.
    pub(super) async fn enter(&mut self, text: &str) -> Result<(), Error> {
        let is_of_before = self.lease.is_some();
        match self.try_to_enter(text).await {
            // The outage was longer than the lease, which nobody has kept alive.
            Err(error) if is_of_before && error.kind() == Kind::NotFound => self.try_to_enter(text).await,
            outcome => outcome,
        }
    }

    async fn try_to_enter(&mut self, text: &str) -> Result<(), Error> {
        // One of an attempt whose answer was lost goes on: what it may have written is its own.
        let lease = if let Some(lease) = self.lease {
            lease
        } else {
            let lease = self.store.grant_lease(self.ttl).await?;
            (self.lease, self.ttl) = (Some(lease.id), lease.ttl);
            lease.id
        };
        let wanted = self.wanted.clone();
        for name in candidates(&wanted) {
            match self.put(&name, text, lease).await {
                Ok(Leased::At { .. }) => {
                    self.held = Some(name);
                    return Ok(());
                }
                Ok(Leased::Taken) => {}
                Err(error) => {
                    if error.kind() == Kind::NotFound {
                        self.lease = None;
                    } else if !error.is_transient() {
                        self.leave().await;
                    }
                    return Err(error);
                }
            }
        }
        self.leave().await;
        Err(Error::new(Kind::Conflict, "all names that were tried are taken"))
    }

    /// Writes the key; false if it is no longer held.
    pub(super) async fn write(&mut self, text: &str) -> Result<bool, Error> {
        let (Some(lease), Some(name)) = (self.lease, self.held.clone()) else { return Ok(false) };
        match self.put(&name, text, lease).await {
            Ok(Leased::At { .. }) => Ok(true),
            // Somebody else has written it, past the lease.
            Ok(Leased::Taken) => {
                self.leave().await;
                Ok(false)
            }
            Err(error) if error.kind() == Kind::NotFound => Ok(self.lost()),
            Err(error) => Err(error),
        }
    }

    /// Has the lease begin anew; false if it has ended, and the key is gone.
    pub(super) async fn keep_alive(&mut self) -> Result<bool, Error> {
        let Some(lease) = self.lease else { return Ok(false) };
        match self.store.keep_lease_alive(lease).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == Kind::NotFound => Ok(self.lost()),
            Err(error) => Err(error),
        }
    }

    /// Takes the name that was wanted, if it is free by now, and gives the other one up; whether it was.
    pub(super) async fn reclaim(&mut self, text: &str) -> Result<bool, Error> {
        let lease = self.store.grant_lease(self.ttl).await?.id;
        // This may be dropped at any point, and then both are to be given up.
        self.second = Some(lease);
        let wanted = self.wanted.clone();
        let outcome = self.put(&wanted, text, lease).await;
        let is_held = matches!(outcome, Ok(Leased::At { .. }));
        if is_held {
            self.held = Some(wanted);
            std::mem::swap(&mut self.lease, &mut self.second);
        }
        self.revoke(self.second).await;
        self.second = None;
        outcome.map(|_| is_held)
    }

    /// Gives up what is held. Where that cannot be said to the store, it ends by itself.
    pub(super) async fn leave(&mut self) {
        self.held = None;
        let leases = [self.lease.take(), self.second.take()];
        for lease in leases {
            self.revoke(lease).await;
        }
    }

    async fn revoke(&self, lease: Option<LeaseId>) {
        if let Some(lease) = lease
            && let Err(error) = self.store.revoke_lease(lease).await
        {
            tracing::debug!(%lease, %error, "a lease is left to its end");
        }
    }

    fn lost(&mut self) -> bool {
        (self.lease, self.held) = (None, None);
        false
    }

    async fn put(&self, name: &str, text: &str, lease: LeaseId) -> Result<Leased, Error> {
        let put = LeasedPut { key: self.key(name).into(), value: text.to_owned().into(), lease };
        self.store.put_with_lease(put).await
    }
}
